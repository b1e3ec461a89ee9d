//! What an ingress must tell its backends about a request, held against what the origin receives.

use anyhow::{Result, bail, ensure};

use super::Demand;
use crate::order::{Order, Scheme};

/// The address of every client.
const CLIENT: &[u8] = b"127.0.0.1";

/// What the names of all hosts end in.
const DOMAIN: &[u8] = b"bench.test";

/// The fields that say where a request came from.
#[derive(Debug, Default)]
pub(crate) struct Forwarded<'a> {
    host: Option<&'a [u8]>,
    request_id: Option<&'a [u8]>,
    real_ip: Option<&'a [u8]>,
    chain: Option<&'a [u8]>,
    own_host: Option<&'a [u8]>,
    port: Option<&'a [u8]>,
    proto: Option<&'a [u8]>,
    proto_again: Option<&'a [u8]>,
    scheme: Option<&'a [u8]>,
}

/// Request ids seen last on a connection: they must differ.
pub(crate) type LastId = Vec<u8>;

impl<'a> Forwarded<'a> {
    /// Takes a field, if it is one of those. None may come twice.
    pub(crate) fn field(&mut self, name: &str, value: &'a [u8]) -> Result<()> {
        let Some(first) = name.as_bytes().first() else { return Ok(()) };
        if !matches!(first | 0x20, b'h' | b'x') {
            return Ok(());
        }
        let place = match name.len() {
            4 if name.eq_ignore_ascii_case("host") => &mut self.host,
            8 if name.eq_ignore_ascii_case("x-scheme") => &mut self.scheme,
            9 if name.eq_ignore_ascii_case("x-real-ip") => &mut self.real_ip,
            12 if name.eq_ignore_ascii_case("x-request-id") => &mut self.request_id,
            15 if name.eq_ignore_ascii_case("x-forwarded-for") => &mut self.chain,
            16 if name.eq_ignore_ascii_case("x-forwarded-host") => &mut self.own_host,
            16 if name.eq_ignore_ascii_case("x-forwarded-port") => &mut self.port,
            17 if name.eq_ignore_ascii_case("x-forwarded-proto") => &mut self.proto,
            18 if name.eq_ignore_ascii_case("x-forwarded-scheme") => &mut self.proto_again,
            _ => return Ok(()),
        };
        ensure!(place.replace(value).is_none(), "the field {name} comes twice");
        Ok(())
    }

    /// HTTP/2 has the host in a pseudo-field.
    pub(crate) fn authority(&mut self, authority: &'a [u8]) {
        self.host = Some(authority);
    }

    /// Fails with what is missing or wrong.
    pub(crate) fn verify(&self, demand: Demand, order: &Order, last: &mut LastId) -> Result<()> {
        let Demand::Forwarded(place) = demand else { return Ok(()) };
        ensure!(place == order.place, "a request to {:?} came to {place:?}", order.place);
        let host = self.host.unwrap_or_default();
        ensure!(host.ends_with(DOMAIN), "the host is {}", host.escape_ascii());
        let scheme = order.scheme.as_str().as_bytes();
        for (name, found, wanted) in [
            ("X-Real-IP", self.real_ip, CLIENT),
            ("X-Forwarded-For", self.chain, CLIENT),
            ("X-Forwarded-Host", self.own_host, host),
            ("X-Forwarded-Proto", self.proto, scheme),
            ("X-Forwarded-Scheme", self.proto_again, scheme),
            ("X-Scheme", self.scheme, scheme),
        ] {
            if found != Some(wanted) {
                let found = found.unwrap_or(b"missing").escape_ascii();
                bail!("{name} is {found} instead of {}", wanted.escape_ascii());
            }
        }
        self.verify_port(order.scheme)?;
        self.verify_id(last)
    }

    /// The port is the proxy's own choice, but one above those that need privileges.
    fn verify_port(&self, scheme: Scheme) -> Result<()> {
        let port = self.port.and_then(|port| std::str::from_utf8(port).ok()?.parse::<u16>().ok());
        ensure!(port.is_some_and(|port| port >= 1024), "X-Forwarded-Port is no port of {}", scheme.as_str());
        Ok(())
    }

    /// An id is at least as random as a UUID looks, and made anew for each request.
    fn verify_id(&self, last: &mut LastId) -> Result<()> {
        let id = self.request_id.unwrap_or_default();
        let digits = id.iter().filter(|octet| octet.is_ascii_hexdigit()).count();
        ensure!(digits == 32, "X-Request-ID is {}, which has not 32 hexadecimal digits", id.escape_ascii());
        ensure!(id != last.as_slice(), "X-Request-ID is that of the request before");
        last.clear();
        last.extend_from_slice(id);
        Ok(())
    }
}
