//! The request that an explanation is wanted of, from a URL and header lines as curl takes them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::request::{FieldName, Peer, RequestHead, Scheme};

/// A request to explain. It reaches the data plane's code as a client's would: nothing in it is normalised.
#[derive(Debug, Clone)]
pub struct ExplainRequest {
    head: RequestHead,
    scheme: Scheme,
    port: u16,
    server_name: String,
    from: IpAddr,
}

/// Why there is nothing to explain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    #[error("url {0:?} is not an absolute URL such as http://shop.example/cart")]
    Url(String),
    #[error("method {0:?} is not a token")]
    Method(String),
    #[error("header {0:?} is not a field such as \"Accept: text/html\"")]
    Header(String),
}

impl ExplainRequest {
    /// Reads a URL (`http://` if it has no scheme; a fragment, which no client sends, is dropped), a method, and header
    /// lines. A `Host` line replaces the URL's authority, while the URL's host stays the TLS server name, as with curl.
    pub fn parse<'h>(url: &str, method: &str, headers: impl IntoIterator<Item = &'h str>) -> Result<Self, AskError> {
        if method.is_empty() || !method.bytes().all(is_token) {
            return Err(AskError::Method(method.to_owned()));
        }
        let Parts { scheme, authority, target } = split(url).ok_or_else(|| AskError::Url(url.to_owned()))?;
        let mut head = RequestHead { method: method.to_owned(), target, ..RequestHead::default() };
        for line in headers {
            let (name, value) = field(line).ok_or_else(|| AskError::Header(line.to_owned()))?;
            head.fields.push(name.as_bytes(), value.as_bytes());
        }
        if head.fields.first(FieldName::Host).is_none() {
            head.fields.push(b"Host", authority.as_bytes());
        }
        let default_port = match scheme {
            Scheme::Http => 80,
            Scheme::Https => 443,
        };
        let (host, port) = split_port(authority);
        let port = port.and_then(|port| port.parse().ok()).unwrap_or(default_port);
        let from = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Ok(Self { head, scheme, port, server_name: host.to_ascii_lowercase(), from })
    }

    /// The same request from another address, for what depends on trust in a peer.
    #[must_use]
    pub fn from(self, from: IpAddr) -> Self {
        Self { from, ..self }
    }

    pub(super) fn head(&self) -> &RequestHead {
        &self.head
    }

    pub(super) fn server_name(&self) -> &str {
        &self.server_name
    }

    pub(super) fn peer(&self) -> Peer {
        let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Peer { address: SocketAddr::new(self.from, 0), local: SocketAddr::new(local, self.port), scheme: self.scheme }
    }
}

impl fmt::Display for ExplainRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = String::from_utf8_lossy(self.head.fields.first(FieldName::Host).unwrap_or_default());
        let target = String::from_utf8_lossy(&self.head.target);
        write!(f, "{} {}://{host}{target}", self.head.method, self.scheme.as_str())
    }
}

struct Parts<'a> {
    scheme: Scheme,
    authority: &'a str,
    target: Vec<u8>,
}

/// Takes a URL apart. The target stays as it is; a query without a path gets the path `/` (RFC 9112 §3.2.1).
fn split(url: &str) -> Option<Parts<'_>> {
    let (scheme, rest) = match url.split_once("://") {
        Some(("http", rest)) => (Scheme::Http, rest),
        Some(("https", rest)) => (Scheme::Https, rest),
        Some((scheme, _)) if scheme.bytes().all(|octet| octet.is_ascii_alphanumeric()) => return None,
        Some(_) | None => (Scheme::Http, url),
    };
    let rest = rest.split('#').next().unwrap_or_default();
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at_checked(end)?;
    if authority.is_empty() || target.bytes().any(|octet| octet <= b' ' || octet == 0x7f) {
        return None;
    }
    let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
    Some(Parts { scheme, authority, target: target.into_bytes() })
}

fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        Some(_) | None => (authority, None),
    }
}

fn field(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let legal = !name.is_empty()
        && name.bytes().all(is_token)
        && value.bytes().all(|octet| octet == b'\t' || (octet >= b' ' && octet != 0x7f));
    legal.then(|| (name, value.trim()))
}

/// RFC 9110 §5.6.2.
fn is_token(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> String {
        ExplainRequest::parse(url, "GET", []).unwrap().to_string()
    }

    #[test]
    fn a_url_is_taken_apart_and_otherwise_left_alone() {
        assert_eq!(parsed("shop.example"), "GET http://shop.example/");
        assert_eq!(parsed("https://shop.example:8443?x=1#top"), "GET https://shop.example:8443/?x=1");
        assert_eq!(parsed("http://[::1]:80/a/%2e%2E//b"), "GET http://[::1]:80/a/%2e%2E//b");
        assert_eq!(parsed("shop.example/go?to=http://else"), "GET http://shop.example/go?to=http://else");
    }

    #[test]
    fn what_is_no_request_is_refused_with_its_text() {
        for url in ["", "/path", "ftp://host/", "http:///path", "http://host/a b"] {
            assert_eq!(ExplainRequest::parse(url, "GET", []).unwrap_err(), AskError::Url(url.to_owned()));
        }
        assert!(matches!(ExplainRequest::parse("host", "G T", []), Err(AskError::Method(_))));
        assert!(matches!(ExplainRequest::parse("host", "GET", ["no colon"]), Err(AskError::Header(_))));
        assert!(matches!(ExplainRequest::parse("host", "GET", ["A: b\r\nC: d"]), Err(AskError::Header(_))));
    }

    #[test]
    fn a_host_line_replaces_the_authority_but_not_the_server_name() {
        let asked = ExplainRequest::parse("https://edge.example:444/", "GET", ["host: shop.example"]).unwrap();
        assert_eq!(asked.to_string(), "GET https://shop.example/");
        assert_eq!(asked.server_name(), "edge.example");
        assert_eq!(asked.peer().local.port(), 444);
    }
}
