//! Forwarded fields: whatever a client sends, the fields that say where a request came from are ours, stand once, and
//! hold what a walk of the chain by hand finds; under no spelling does a client speak for the proxy.
//!
//! The first octet is the policy, the rest are the lines of the fields.

#![no_main]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, LazyLock};

use ipnet::IpNet;
use landfall::ir::listener::{ClientAddress, ForwardedChain, ListenerPolicy, TrustedForwarding, UnderscoreNames};
use landfall::ir::{Config, PathMatcher};
use landfall::proxy::h1::parse::{Limits, Parsed, request_head};
use landfall::request::edit::{FieldSink, OwnName, request_id, upstream_fields};
use landfall::request::{Field, Outcome, Peer, RequestHead, Scheme, Scratch, plan};
use landfall::table::Table;
use landfall::testing::scan;
use libfuzzer_sys::fuzz_target;

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 9));
const LOCAL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 80);
/// The fields of ours that every request carries once.
const OURS: [&str; 7] = [
    "x-request-id",
    "x-real-ip",
    "x-forwarded-for",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-forwarded-scheme",
    "x-scheme",
];
/// What only a proxy that is trusted may say.
const FROM_TRUSTED: [&str; 5] =
    ["forwarded", "x-forwarded-prefix", "x-original-url", "x-original-uri", "x-rewrite-url"];

fuzz_target!(|input: &[u8]| {
    let Some((choice, lines)) = input.split_first() else { return };
    let policy = Policy::of(*choice);
    let mut octets = b"GET / HTTP/1.1\r\nHost: shop.example\r\n".to_vec();
    octets.extend_from_slice(lines);
    octets.extend_from_slice(b"\r\n\r\n");
    let mut head = RequestHead::default();
    let Ok(Parsed::Complete { .. }) = request_head(&octets, &Limits::default(), &mut head) else { return };

    let table = policy.table();
    let peer = Peer { address: SocketAddr::new(PEER, 4711), local: LOCAL, scheme: Scheme::Http };
    let Ok(planned) = plan(&table, &head, &peer, &mut Scratch::default()) else { return };
    let Outcome::Forward(forward) = &planned.outcome else { panic!("the only route forwards") };
    let mut sent = Sent::default();
    let id = request_id(&head, b"0123456789abcdef");
    let listener = &table.config().listener;
    upstream_fields(&head, forward, &planned.client, listener, &peer, b"shop.example", id, &mut sent);

    sent.check_names(policy);
    assert_eq!(planned.client.trusted, policy.trusts(PEER), "trust where none is configured, or none where it is");
    assert_eq!(sent.one("x-real-ip"), planned.client.address.to_string(), "the backend is told another client");
    assert_eq!(planned.client.address, policy.client(&head), "the client is not the one of the chain");
    if !planned.client.trusted {
        sent.check_untrusted();
    }
    for name in ["authorization", "cookie", "content-type"] {
        assert_eq!(sent.count(name), received(&head, name), "a client has nominated {name} away");
    }
});

/// Who is trusted, and with what.
#[derive(Clone, Copy)]
struct Policy {
    forwarded: bool,
    append: bool,
    underscores: bool,
    other_header: bool,
    trust_all: bool,
}

impl Policy {
    fn of(choice: u8) -> Self {
        let bit = |place: u8| choice & (1 << place) != 0;
        Self { forwarded: bit(0), append: bit(1), underscores: bit(2), other_header: bit(3), trust_all: bit(4) }
    }

    fn header(self) -> &'static str {
        if self.other_header { "cf-connecting-ip" } else { "x-forwarded-for" }
    }

    fn networks(self) -> Vec<IpNet> {
        let text = if self.trust_all { ["0.0.0.0/0", "::/0"] } else { ["10.0.0.0/9", "fd00::/8"] };
        text.map(|net| net.parse().expect("a network")).to_vec()
    }

    fn trusts(self, address: IpAddr) -> bool {
        self.forwarded && self.networks().iter().any(|net| net.contains(&address))
    }

    fn table(self) -> Table {
        static HOST: LazyLock<Arc<landfall::ir::VirtualHost>> = LazyLock::new(|| {
            let mut host = scan::virtual_host("", &[]);
            host.routes.push(scan::route(PathMatcher::Prefix("/".to_owned()), "all"));
            Arc::new(host)
        });
        let chain = if self.append { ForwardedChain::Append } else { ForwardedChain::Replace };
        let trust = TrustedForwarding { header: self.header().to_owned(), trusted: self.networks(), chain };
        let listener = ListenerPolicy {
            client_address: if self.forwarded { ClientAddress::Forwarded(trust) } else { ClientAddress::Peer },
            underscores: if self.underscores { UnderscoreNames::Keep } else { UnderscoreNames::Drop },
            ..ListenerPolicy::default()
        };
        Table::new(Arc::new(Config { hosts: [Arc::clone(&HOST)].into_iter().collect(), listener, ..Config::default() }))
    }

    /// The client, by hand: the chain in one list, from the peer outwards, up to the first that is not trusted, or that
    /// says nothing we understand.
    fn client(self, head: &RequestHead) -> IpAddr {
        if !self.trusts(PEER) {
            return PEER;
        }
        let named = head.fields.iter().filter(|field| field.name.eq_ignore_ascii_case(self.header().as_bytes()));
        let values: Vec<_> = named.map(|field| String::from_utf8_lossy(field.value).into_owned()).collect();
        let joined = values.join(",");
        let mut hops = vec![Some(PEER)];
        hops.extend(joined.rsplit(',').map(ascii_trim).filter(|text| !text.is_empty()).map(address));
        let understood: Vec<_> = hops.into_iter().map_while(|hop| hop).collect();
        let stranger = understood.iter().find(|hop| !self.trusts(**hop));
        *stranger.or(understood.last()).expect("the peer is in the list")
    }
}

fn ascii_trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_ascii_whitespace())
}

/// `1.2.3.4`, `1.2.3.4:5`, `::1`, `[::1]` or `[::1]:5`.
fn address(text: &str) -> Option<IpAddr> {
    let socket = text.parse::<SocketAddr>().map(|socket| socket.ip());
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let address = socket.or_else(|_| text.parse()).ok().or_else(bracketed)?;
    Some(address.to_canonical())
}

fn received(head: &RequestHead, name: &str) -> usize {
    head.fields.iter().filter(|field| field.name.eq_ignore_ascii_case(name.as_bytes())).count()
}

/// The fields that are sent upstream, names as a backend reads them that takes `_` for `-`.
#[derive(Default)]
struct Sent(Vec<(String, Vec<u8>)>);

impl FieldSink for Sent {
    fn own(&mut self, name: OwnName, value: &[u8]) {
        self.take(name.as_bytes(), value);
    }

    fn relay(&mut self, field: &Field<'_>) {
        self.take(field.name, field.value);
    }
}

impl Sent {
    fn take(&mut self, name: &[u8], value: &[u8]) {
        assert!(name.iter().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_')), "a wild name");
        assert!(!value.iter().any(|octet| matches!(octet, b'\r' | b'\n' | 0)), "a value that ends its line");
        self.0.push((String::from_utf8_lossy(name).to_ascii_lowercase(), value.to_vec()));
    }

    fn values<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s [u8]> {
        let same = move |known: &str| known.replace('_', "-") == name;
        self.0.iter().filter(move |(known, _)| same(known)).map(|(_, value)| value.as_slice())
    }

    fn count(&self, name: &str) -> usize {
        self.values(name).count()
    }

    fn one(&self, name: &str) -> String {
        assert_eq!(self.count(name), 1, "{name}");
        String::from_utf8_lossy(self.values(name).next().unwrap_or_default()).into_owned()
    }

    fn check_names(&self, policy: Policy) {
        for name in OURS {
            assert_eq!(self.count(name), 1, "{name} does not stand once");
        }
        for name in ["connection", "transfer-encoding", "content-length", "host", "te", "upgrade", "proxy"] {
            assert_eq!(self.count(name), 0, "{name} is not the client's to say");
        }
        assert!(
            !self.0.iter().any(|(name, _)| name.replace('_', "-").starts_with("ssl-client-")),
            "a forged certificate"
        );
        assert!(policy.underscores || !self.0.iter().any(|(name, _)| name.contains('_')), "an underscore got through");
    }

    fn check_untrusted(&self) {
        assert_eq!(self.one("x-forwarded-for"), PEER.to_string());
        assert_eq!(self.one("x-forwarded-host"), "shop.example");
        assert_eq!(self.one("x-forwarded-port"), "80");
        for name in ["x-forwarded-proto", "x-forwarded-scheme", "x-scheme"] {
            assert_eq!(self.one(name), "http", "{name}");
        }
        for name in FROM_TRUSTED {
            assert_eq!(self.count(name), 0, "{name} is believed from anybody");
        }
    }
}
