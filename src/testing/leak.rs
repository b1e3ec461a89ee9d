//! Whether an output gives a private key away, in whatever way octets come to be printed.

use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;

use super::certificates::KeyPairPem;

/// So many octets of a key in a row are no accident.
const OCTETS: usize = 9;
/// So many characters of its text.
const CHARACTERS: usize = 16;

/// What of a pair's key stands in `output`, if anything does: its PEM, that PEM in base64 again as Secrets hold it, its DER
/// as it is, in hexadecimal of either case, or as a list of numbers. What the certificate says as well is no secret.
///
/// # Panics
/// When the pair is not PEM.
#[must_use]
pub fn of_key(pair: &KeyPairPem, output: &[u8]) -> Option<String> {
    let (body, der) = read(&pair.key_pem);
    let (public_body, public) = read(&pair.certificate_pem);
    let mut needles = pieces(body.as_bytes(), CHARACTERS);
    needles.retain(|text| memmem::find(public_body.as_bytes(), text).is_none());
    for skipped in 0..3 {
        let again = STANDARD.encode(pair.key_pem.get(skipped..).unwrap_or_default());
        needles.extend(pieces(again.as_bytes(), CHARACTERS));
    }
    for octets in pieces(&der, OCTETS).into_iter().filter(|octets| memmem::find(&public, octets).is_none()) {
        let numbers: Vec<_> = octets.iter().map(u8::to_string).collect();
        let lower = hexadecimal(&octets);
        let upper = lower.to_uppercase();
        needles.extend([octets, lower.into_bytes(), upper.into_bytes(), numbers.join(", ").into_bytes()]);
    }
    let found = needles.iter().find(|needle| memmem::find(output, needle).is_some());
    found.map(|needle| needle.escape_ascii().to_string())
}

/// The base64 of the first section, and what it encodes.
fn read(pem: &str) -> (String, Vec<u8>) {
    let body: String = pem.lines().skip(1).take_while(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(&body).expect("a pair is PEM");
    (body, der)
}

fn hexadecimal(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{octet:02x}");
        text
    })
}

/// Whole pieces, so that twice as much in a row holds at least one. The first piece is that of every key of its kind.
fn pieces(text: &[u8], length: usize) -> Vec<Vec<u8>> {
    text.chunks_exact(length).skip(1).map(<[u8]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::certificates::TestCa;

    #[test]
    fn a_key_is_found_however_it_is_printed_and_a_certificate_is_none() {
        let pair = TestCa::new().issue_for(["a.test"]);
        let (_, der) = read(&pair.key_pem);
        let hex = hexadecimal(&der);
        let printed = [
            pair.key_pem.clone().into_bytes(),
            STANDARD.encode(&pair.key_pem).into_bytes(),
            format!("{:?}", pair.key_pem).into_bytes(),
            der.clone(),
            format!("{der:?}").into_bytes(),
            hex.to_uppercase().into_bytes(),
            hex.into_bytes(),
        ];
        for output in printed {
            assert!(of_key(&pair, &output).is_some(), "{}", output.escape_ascii());
        }
        let (_, public) = read(&pair.certificate_pem);
        assert_eq!(of_key(&pair, format!("{}{public:?}", pair.certificate_pem).as_bytes()), None);
    }
}
