//! Who sent a request: the peer of the connection, or the client that a trusted peer speaks for.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use super::head::{FieldName, RequestHead};
use super::host;
use crate::ir::listener::{ClientAddress, ListenerPolicy, TrustedForwarding};

/// A connection's two ends as the listener sees them (behind the PROXY protocol: as it says). IPv4 addresses mapped to
/// IPv6 (`::ffff:`) are unmapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    pub address: SocketAddr,
    pub local: SocketAddr,
    /// Whether the connection is TLS's.
    pub scheme: Scheme,
}

/// The scheme of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    Http,
    Https,
}

impl Scheme {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// The client as the request's treatment and the upstream see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    /// The client's address: the peer's, or the one that a trusted peer forwards for.
    pub address: IpAddr,
    /// The scheme that the client used, as far as a trusted peer says so; else the connection's.
    pub scheme: Scheme,
    /// The port that the client reached, as far as a trusted peer says so; else ours.
    pub port: u16,
    /// Whether the peer's forwarded fields are believed.
    pub trusted: bool,
    /// The scheme of the connection itself.
    pub connection_scheme: Scheme,
}

impl Client {
    /// Reads who the client is. Forwarded fields count only from peers that `policy` trusts; what in them is malformed
    /// is passed over.
    #[must_use]
    pub fn of(head: &RequestHead, peer: &Peer, policy: &ListenerPolicy) -> Self {
        let direct = Self {
            address: peer.address.ip(),
            scheme: peer.scheme,
            port: peer.local.port(),
            trusted: false,
            connection_scheme: peer.scheme,
        };
        match &policy.client_address {
            ClientAddress::Forwarded(trust) if is_trusted(&trust.trusted, direct.address) => {
                direct.forwarded(head, trust)
            }
            ClientAddress::Forwarded(_) | ClientAddress::Peer => direct,
        }
    }

    /// Takes the word of a trusted peer. `X-Forwarded-Proto` and `-Port` may be lists, of which the first counts: the
    /// client's own connection, the peer being trusted to have checked it.
    fn forwarded(self, head: &RequestHead, trust: &TrustedForwarding) -> Self {
        let first = |field| head.fields.first(field).map(first_element);
        let scheme = first(FieldName::XForwardedProto).and_then(parse_scheme);
        let port = first(FieldName::XForwardedPort).and_then(host::parse_port);
        Self {
            address: forwarded_address(head, trust, self.address),
            scheme: scheme.unwrap_or(self.scheme),
            port: port.unwrap_or(self.port),
            trusted: true,
            ..self
        }
    }
}

/// Walks the chain of addresses from its end while they are trusted: the first that is not is the client, else the
/// last one walked to (nginx `real_ip_recursive on`). What is no address ends the walk.
fn forwarded_address(head: &RequestHead, trust: &TrustedForwarding, peer: IpAddr) -> IpAddr {
    let mut client = peer;
    let fields = head.fields.iter().rev().filter(|field| field.name.eq_ignore_ascii_case(trust.header.as_bytes()));
    for element in fields.flat_map(|field| field.value.rsplit(|b| *b == b',')) {
        let element = element.trim_ascii();
        if element.is_empty() {
            continue;
        }
        let Some(address) = parse_address(element) else { break };
        client = address;
        if !is_trusted(&trust.trusted, client) {
            break;
        }
    }
    client
}

fn is_trusted(trusted: &[IpNet], address: IpAddr) -> bool {
    trusted.iter().any(|net| net.contains(&address))
}

/// An address, with or without a port, IPv6 with or without brackets where it has no port.
fn parse_address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse::<IpAddr>().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))?;
    Some(address.to_canonical())
}

/// The authority that a trusted peer says the client asked for: the first of `X-Forwarded-Host`, if it is one.
pub(super) fn forwarded_authority<'h>(head: &'h RequestHead, client: &Client) -> Option<&'h [u8]> {
    let text = head.fields.first(FieldName::XForwardedHost).filter(|_| client.trusted).map(first_element)?;
    host::parse(text).map(|_| text)
}

/// The first element of a comma-separated list.
fn first_element(list: &[u8]) -> &[u8] {
    list.split(|b| *b == b',').next().unwrap_or_default().trim_ascii()
}

fn parse_scheme(text: &[u8]) -> Option<Scheme> {
    [Scheme::Http, Scheme::Https].into_iter().find(|scheme| text.eq_ignore_ascii_case(scheme.as_str().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::listener::ForwardedChain;

    const PEER: Peer = Peer {
        address: SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 9)), 4711),
        local: SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)), 80),
        scheme: Scheme::Http,
    };

    fn client(trusted: &[&str], header: &str, fields: &[(&str, &str)]) -> Client {
        let trusted = trusted.iter().map(|net| net.parse().unwrap()).collect();
        let trust = TrustedForwarding { header: header.to_owned(), trusted, chain: ForwardedChain::Replace };
        let policy = ListenerPolicy { client_address: ClientAddress::Forwarded(trust), ..ListenerPolicy::default() };
        Client::of(&head(fields), &PEER, &policy)
    }

    fn head(fields: &[(&str, &str)]) -> RequestHead {
        let mut head = RequestHead::default();
        for (name, value) in fields {
            head.fields.push(name.as_bytes(), value.as_bytes());
        }
        head
    }

    fn address(trusted: &[&str], chain: &[&str]) -> String {
        let fields: Vec<_> = chain.iter().map(|value| ("X-Forwarded-For", *value)).collect();
        client(trusted, "x-forwarded-for", &fields).address.to_string()
    }

    #[test]
    fn the_peer_is_the_client_unless_it_is_trusted() {
        let forwarded = [("X-Forwarded-For", "1.1.1.1"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Port", "443")];
        let direct = Client::of(&head(&forwarded), &PEER, &ListenerPolicy::default());
        assert_eq!(direct, client(&["192.168.0.0/16"], "x-forwarded-for", &forwarded));
        assert_eq!(direct.address, PEER.address.ip());
        assert_eq!((direct.scheme, direct.port, direct.trusted), (Scheme::Http, 80, false));
    }

    #[test]
    fn the_client_is_the_last_address_that_is_not_trusted() {
        assert_eq!(address(&["10.0.0.0/8"], &["8.8.8.8, 9.9.9.9, 10.1.1.1"]), "9.9.9.9");
        assert_eq!(address(&["10.0.0.0/8"], &["8.8.8.8", "9.9.9.9, 10.1.1.1", "10.2.2.2"]), "9.9.9.9");
        assert_eq!(address(&["0.0.0.0/0"], &["8.8.8.8, 9.9.9.9"]), "8.8.8.8");
        assert_eq!(address(&["0.0.0.0/0"], &[]), "10.0.0.9");
    }

    #[test]
    fn what_is_no_address_ends_the_walk() {
        assert_eq!(address(&["10.0.0.0/8"], &["9.9.9.9, unknown, 10.1.1.1"]), "10.1.1.1");
        assert_eq!(address(&["0.0.0.0/0"], &["'; drop"]), "10.0.0.9");
        assert_eq!(address(&["0.0.0.0/0"], &["9.9.9.9, , "]), "9.9.9.9");
    }

    #[test]
    fn addresses_may_have_ports_and_brackets() {
        assert_eq!(address(&["10.0.0.0/8"], &["9.9.9.9:1234"]), "9.9.9.9");
        assert_eq!(address(&["10.0.0.0/8"], &["[2001:db8::1]:1234"]), "2001:db8::1");
        assert_eq!(address(&["10.0.0.0/8"], &["[2001:db8::1]"]), "2001:db8::1");
        assert_eq!(address(&["10.0.0.0/8"], &["2001:db8::1"]), "2001:db8::1");
        assert_eq!(address(&["10.0.0.0/8"], &["9.9.9.9, ::ffff:10.3.3.3"]), "9.9.9.9");
    }

    #[test]
    fn the_chain_may_be_carried_by_another_field() {
        let fields = [("CF-Connecting-IP", "7.7.7.7"), ("X-Forwarded-For", "9.9.9.9")];
        assert_eq!(client(&["10.0.0.0/8"], "cf-connecting-ip", &fields).address.to_string(), "7.7.7.7");
    }

    #[test]
    fn a_trusted_peer_tells_scheme_and_port() {
        let forwarded = [("X-Forwarded-Proto", "HTTPS, http"), ("X-Forwarded-Port", "8443")];
        let believed = client(&["10.0.0.0/8"], "x-forwarded-for", &forwarded);
        assert_eq!((believed.scheme, believed.port), (Scheme::Https, 8443));
        assert_eq!(believed.connection_scheme, Scheme::Http);
        let malformed =
            client(&["10.0.0.0/8"], "x-forwarded-for", &[("X-Forwarded-Proto", "gopher"), ("X-Forwarded-Port", "x")]);
        assert_eq!((malformed.scheme, malformed.port), (Scheme::Http, 80));
    }

    #[test]
    fn a_forwarded_host_counts_from_trusted_peers_if_it_is_one() {
        let authority = |trusted: &[&str], value| {
            let fields = [("X-Forwarded-Host", value)];
            let client = client(trusted, "x-forwarded-for", &fields);
            forwarded_authority(&head(&fields), &client).map(|text| text.escape_ascii().to_string())
        };
        assert_eq!(authority(&["10.0.0.0/8"], "www.example:444, b").as_deref(), Some("www.example:444"));
        assert_eq!(authority(&["10.0.0.0/8"], "www.example/evil"), None);
        assert_eq!(authority(&["192.168.0.0/16"], "www.example"), None);
    }
}
