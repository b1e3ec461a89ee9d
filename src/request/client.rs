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
