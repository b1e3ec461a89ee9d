//! Puts a certificate chain in the order that TLS asks for: the leaf first, then each certificate's issuer.
//!
//! The leaf is the certificate of the private key, wherever it stands. Links are found by issuer and subject names;
//! signatures are left to the clients, which check them anyway.

use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::pem::CertificateError;

/// How a chain was written, and what was done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainOrder {
    /// Leaf first, then each issuer: served as written.
    AsWritten,
    /// All certificates belong to the chain but in another order: served in order.
    Reordered,
    /// So many certificates belong to no place in the chain: served after it, as they may link it for some clients.
    Unlinked(usize),
}

/// Orders `certificates` from the one whose public key (SubjectPublicKeyInfo in DER) is `public_key`.
pub(super) fn order(
    mut certificates: Vec<CertificateDer<'static>>,
    public_key: &[u8],
) -> Result<(Vec<CertificateDer<'static>>, ChainOrder), CertificateError> {
    let (places, linked) = places(&certificates, public_key)?;
    let order = if linked < certificates.len() {
        ChainOrder::Unlinked(certificates.len() - linked)
    } else if places.is_sorted() {
        ChainOrder::AsWritten
    } else {
        ChainOrder::Reordered
    };
    let mut taken: Vec<Option<CertificateDer<'static>>> = certificates.drain(..).map(Some).collect();
    let ordered = places.into_iter().filter_map(|place| taken.get_mut(place).and_then(Option::take)).collect();
    Ok((ordered, order))
}

/// The indexes of all certificates in the order to serve them, and how many at the front are linked.
fn places(
    certificates: &[CertificateDer<'static>],
    public_key: &[u8],
) -> Result<(Vec<usize>, usize), CertificateError> {
    let mut rest = Vec::with_capacity(certificates.len());
    for (place, der) in certificates.iter().enumerate() {
        let (_, parsed) =
            X509Certificate::from_der(der).map_err(|_| CertificateError::BrokenCertificate { position: place + 1 })?;
        rest.push((place, parsed));
    }
    let leaf = rest.iter().position(|(_, certificate)| certificate.public_key().raw == public_key);
    let mut last = rest.remove(leaf.ok_or(CertificateError::KeyMismatch)?);
    let mut places = vec![last.0];
    // A root names itself as its issuer and ends the chain.
    while last.1.issuer().as_raw() != last.1.subject().as_raw() {
        let issuer = last.1.issuer().as_raw();
        let Some(next) = rest.iter().position(|(_, other)| other.subject().as_raw() == issuer) else { break };
        last = rest.remove(next);
        places.push(last.0);
    }
    let linked = places.len();
    places.extend(rest.iter().map(|(place, _)| *place));
    Ok((places, linked))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::certificates::{KeyPairPem, TestCa, Wanted};
    use crate::tls::{Certificate, parse_key_pair};

    /// A leaf with its intermediate and root, each in PEM, and the leaf's key.
    struct Parts {
        leaf: String,
        intermediate: String,
        root: String,
        key: String,
    }

    impl Parts {
        fn new() -> Self {
            let ca = TestCa::new();
            let KeyPairPem { certificate_pem, key_pem } =
                ca.issue(&Wanted::for_names(["a.example"]).with_intermediate());
            Self {
                leaf: certificate_pem.replace(ca.intermediate_pem(), ""),
                intermediate: ca.intermediate_pem().to_owned(),
                root: ca.root_pem().to_owned(),
                key: key_pem,
            }
        }

        fn read(&self, order: &[&str]) -> Certificate {
            parse_key_pair(order.concat().as_bytes(), self.key.as_bytes()).unwrap()
        }
    }

    #[test]
    fn a_chain_in_order_is_kept() {
        let parts = Parts::new();
        for order in
            [&[&*parts.leaf][..], &[&parts.leaf, &parts.intermediate], &[&parts.leaf, &parts.intermediate, &parts.root]]
        {
            assert_eq!(parts.read(order).chain_order(), ChainOrder::AsWritten);
        }
    }

    #[test]
    fn any_other_order_gives_the_same_chain() {
        let parts = Parts::new();
        let Parts { leaf, intermediate, root, .. } = &parts;
        let sound = parts.read(&[leaf, intermediate, root]);
        for order in [[root, intermediate, leaf], [leaf, root, intermediate], [intermediate, leaf, root]] {
            let read = parts.read(&order.map(String::as_str));
            assert_eq!(read.chain_order(), ChainOrder::Reordered);
            assert_eq!(read.certified_key().cert, sound.certified_key().cert);
        }
    }

    #[test]
    fn certificates_that_link_to_nothing_come_last_and_are_counted() {
        let (parts, other) = (Parts::new(), TestCa::new().issue_for(["b.example"]).certificate_pem);
        let read = parts.read(&[&other, &parts.leaf, &parts.intermediate]);
        assert_eq!(read.chain_order(), ChainOrder::Unlinked(1));
        let sound = parts.read(&[&parts.leaf, &parts.intermediate]);
        assert_eq!(read.certified_key().cert[..2], sound.certified_key().cert[..]);
        // The intermediate is missing, so the root has no place.
        assert_eq!(parts.read(&[&parts.leaf, &parts.root]).chain_order(), ChainOrder::Unlinked(1));
    }

    #[test]
    fn names_are_those_of_the_leaf_wherever_it_stands() {
        let parts = Parts::new();
        let read = parts.read(&[&parts.intermediate, &parts.leaf]);
        assert_eq!(read.names().iter().map(ToString::to_string).collect::<Vec<_>>(), ["a.example"]);
    }
}
