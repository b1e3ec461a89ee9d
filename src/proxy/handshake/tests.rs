//! Handshakes over real sockets, with real clients, certificates and live states.

use rustls::client::Resumption;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ProtocolVersion};
use tokio::io::{copy_bidirectional, duplex};
use tokio::net::TcpListener;
use tokio_rustls::TlsConnector;
use tokio_rustls::client;

use super::*;
use crate::ir::tls::{Http2Offer, TlsPolicy, TlsVersions};
use crate::ir::{Config, HostPattern, Limits, ListenerPolicy};
use crate::live::{Publication, Publisher};
use crate::testing::certificates::{Encoding, Key, KeyPairPem, TestCa, Wanted};
use crate::tls::client::{UpstreamAlpn, unverified};
use crate::tls::{Certificate, CertificateStore};

/// Both ends of a connection.
async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (here, there) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    (here.unwrap(), there.unwrap().0)
}

/// One acceptor with its live state.
struct Rig {
    publisher: Publisher,
    acceptor: TlsAcceptor,
}

impl Rig {
    fn new<const N: usize>(certificates: [(&str, &Certificate); N]) -> Self {
        let (publisher, reader) = live::channel();
        let mut rig = Self { publisher, acceptor: TlsAcceptor::new(reader) };
        rig.publish(certificates, TlsPolicy::default());
        rig
    }

    /// Publishes a state with these certificates by pattern.
    fn publish<const N: usize>(&mut self, certificates: [(&str, &Certificate); N], tls: TlsPolicy) {
        self.publish_as(certificates, ListenerPolicy { tls, ..ListenerPolicy::default() });
    }

    fn publish_as<const N: usize>(&mut self, certificates: [(&str, &Certificate); N], listener: ListenerPolicy) {
        let mut store = CertificateStore::default();
        for (pattern, certificate) in certificates {
            store.insert(HostPattern::parse(pattern).unwrap(), Arc::new(certificate.clone()));
        }
        let config = Config { listener, ..Config::default() };
        self.publisher.publish(Publication {
            config: Arc::new(config),
            table: Arc::default(),
            certificates: Arc::new(store),
            endpoints: Arc::default(),
        });
    }

    /// Both ends of a handshake, after one octet from the server, behind which its tickets have come.
    async fn connect(
        &self,
        config: &Arc<ClientConfig>,
        name: &str,
    ) -> (Result<Accepted, TlsFailure>, io::Result<client::TlsStream<TcpStream>>) {
        self.connect_over(pair().await, config, name).await
    }

    async fn connect_over(
        &self,
        (here, there): (TcpStream, TcpStream),
        config: &Arc<ClientConfig>,
        name: &str,
    ) -> (Result<Accepted, TlsFailure>, io::Result<client::TlsStream<TcpStream>>) {
        let server = async {
            let mut handshaken = self.acceptor.accept(there).await?;
            poll_fn(|cx| handshaken.stream.poll_write(cx, b"!", &[])).await?;
            poll_fn(|cx| handshaken.stream.poll_flush(cx)).await?;
            Ok(handshaken)
        };
        let client = async {
            let name = ServerName::try_from(name.to_owned()).unwrap();
            let mut stream = TlsConnector::from(Arc::clone(config)).connect(name, here).await?;
            stream.read_u8().await?;
            Ok(stream)
        };
        tokio::join!(server, client)
    }

    async fn handshake(&self, config: &Arc<ClientConfig>, name: &str) -> (Accepted, Seen) {
        let (server, client) = self.connect(config, name).await;
        let client = client.unwrap();
        let (_, session) = client.get_ref();
        let seen = Seen {
            leaf: session.peer_certificates().unwrap()[0].clone().into_owned(),
            version: session.protocol_version().unwrap(),
            kind: session.handshake_kind().unwrap(),
        };
        (server.unwrap(), seen)
    }

    /// The leaf served for a name, to a client that takes any.
    async fn leaf(&self, name: &str) -> CertificateDer<'static> {
        self.handshake(&curious(), name).await.1.leaf
    }
}

/// What a client saw.
struct Seen {
    leaf: CertificateDer<'static>,
    version: ProtocolVersion,
    kind: HandshakeKind,
}

/// A client that sends the server name and takes any certificate.
fn curious() -> Arc<ClientConfig> {
    let mut config = unverified(UpstreamAlpn::Http1);
    config.enable_sni = true;
    config.resumption = Resumption::disabled();
    Arc::new(config)
}

fn leaf_of(certificate: &Certificate) -> CertificateDer<'static> {
    certificate.certified_key().cert[0].clone()
}

fn for_names<const N: usize>(names: [&str; N]) -> Certificate {
    TestCa::new().issue_for(names).certificate()
}

#[tokio::test]
async fn the_certificate_is_that_of_the_exact_name_then_the_wildcard_then_the_default() {
    let [exact, wildcard, default] = [for_names(["a.example.com"]), for_names(["*.example.com"]), for_names(["d"])];
    let rig = Rig::new([("a.example.com", &exact), ("*.example.com", &wildcard), ("", &default)]);
    for (name, wanted) in [
        ("a.example.com", &exact),
        ("A.Example.COM", &exact),
        ("b.example.com", &wildcard),
        ("b.b.example.com", &default),
        ("example.com", &default),
        ("192.0.2.1", &default),
    ] {
        assert_eq!(rig.leaf(name).await, leaf_of(wanted), "{name}");
    }
}

#[tokio::test]
async fn without_a_certificate_the_client_is_refused() {
    let rig = Rig::new([]);
    let (server, client) = rig.connect(&curious(), "a.example").await;
    assert!(matches!(server, Err(TlsFailure::Refused(_))), "{server:?}");
    assert!(client.is_err());
}

#[tokio::test]
async fn a_verifying_client_takes_every_kind_of_key_in_every_encoding_with_its_chain() {
    let ca = TestCa::new();
    for (key, encoding) in [
        (Key::EcdsaP256, Encoding::Pkcs8),
        (Key::EcdsaP256, Encoding::Sec1),
        (Key::EcdsaP384, Encoding::Sec1),
        (Key::Ed25519, Encoding::Pkcs8),
        (Key::Rsa, Encoding::Pkcs8),
        (Key::Rsa, Encoding::Pkcs1),
    ] {
        let pair = ca.issue(&Wanted::for_names(["a.example"]).with_key(key, encoding).with_intermediate());
        let rig = Rig::new([("a.example", &pair.certificate())]);
        let (_, client) = rig.connect(&Arc::new(ca.client(&[])), "a.example").await;
        assert!(client.is_ok(), "{key:?} in {encoding:?}: {client:?}");
    }
}

#[tokio::test]
async fn a_chain_in_the_wrong_order_is_served_in_order() {
    let ca = TestCa::new();
    let KeyPairPem { certificate_pem, key_pem } = ca.issue(&Wanted::for_names(["a.example"]).with_intermediate());
    let leaf = certificate_pem.replace(ca.intermediate_pem(), "");
    let reversed = KeyPairPem { certificate_pem: ca.intermediate_pem().to_owned() + &leaf, key_pem };
    let rig = Rig::new([("a.example", &reversed.certificate())]);
    let (_, client) = rig.connect(&Arc::new(ca.client(&[])), "a.example").await;
    assert!(client.is_ok(), "{client:?}");
}

#[tokio::test]
async fn the_policy_decides_the_version() {
    let certificate = for_names(["a.example"]);
    let mut rig = Rig::new([("a.example", &certificate)]);
    for (versions, wanted) in [
        (TlsVersions::Tls12And13, ProtocolVersion::TLSv1_3),
        (TlsVersions::Tls12Only, ProtocolVersion::TLSv1_2),
        (TlsVersions::Tls13Only, ProtocolVersion::TLSv1_3),
    ] {
        rig.publish([("a.example", &certificate)], TlsPolicy { versions, http2: Http2Offer::Offered });
        assert_eq!(rig.handshake(&curious(), "a.example").await.1.version, wanted, "{versions:?}");
    }
}

#[tokio::test]
async fn the_protocol_is_what_both_sides_offer() {
    let ca = TestCa::new();
    let certificate = ca.issue_for(["a.example"]).certificate();
    let mut rig = Rig::new([("a.example", &certificate)]);
    for (http2, offered, wanted) in [
        (Http2Offer::Offered, &[&b"h2"[..], b"http/1.1"][..], Alpn::H2),
        (Http2Offer::Offered, &[b"http/1.1"], Alpn::H1),
        (Http2Offer::Offered, &[], Alpn::H1),
        (Http2Offer::Off, &[b"h2", b"http/1.1"], Alpn::H1),
    ] {
        rig.publish([("a.example", &certificate)], TlsPolicy { http2, ..TlsPolicy::default() });
        let (server, _) = rig.handshake(&Arc::new(ca.client(offered)), "a.example").await;
        assert_eq!(server.alpn, wanted, "{http2:?} {offered:?}");
    }
}

#[tokio::test]
async fn a_changed_certificate_is_served_on_the_next_handshake() {
    let [old, new] = [for_names(["a.example"]), for_names(["a.example"])];
    let mut rig = Rig::new([("a.example", &old)]);
    assert_eq!(rig.leaf("a.example").await, leaf_of(&old));
    rig.publish([("a.example", &new)], TlsPolicy::default());
    assert_eq!(rig.leaf("a.example").await, leaf_of(&new));
}

#[tokio::test]
async fn sessions_are_resumed_within_a_policy_by_any_clone_and_not_beyond() {
    let ca = TestCa::new();
    let certificate = ca.issue_for(["a.example"]).certificate();
    for versions in [TlsVersions::Tls12Only, TlsVersions::Tls13Only] {
        let policy = TlsPolicy { versions, http2: Http2Offer::Offered };
        let mut rig = Rig::new([]);
        rig.publish([("a.example", &certificate)], policy);
        let client = Arc::new(ca.client(&[]));
        assert_ne!(rig.handshake(&client, "a.example").await.1.kind, HandshakeKind::Resumed, "{versions:?}");
        rig.acceptor = rig.acceptor.clone();
        let (server, seen) = rig.handshake(&client, "a.example").await;
        assert_eq!((server.resumed, seen.kind), (true, HandshakeKind::Resumed), "{versions:?}");
        rig.publish([("a.example", &certificate)], TlsPolicy { http2: Http2Offer::Off, ..policy });
        assert_ne!(rig.handshake(&client, "a.example").await.1.kind, HandshakeKind::Resumed, "{versions:?}");
    }
}

#[tokio::test]
async fn plain_http_is_answered_400() {
    for request in ["GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "g"] {
        let rig = Rig::new([]);
        let (mut here, there) = pair().await;
        here.write_all(request.as_bytes()).await.unwrap();
        let client = async {
            let mut answer = String::new();
            here.read_to_string(&mut answer).await.unwrap();
            drop(here);
            answer
        };
        let (server, answer) = tokio::join!(rig.acceptor.accept(there), client);
        assert!(matches!(server, Err(TlsFailure::PlainHttp)), "{server:?}");
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\nThe plain HTTP request was sent to HTTPS port\n"), "{answer}");
    }
}

#[tokio::test]
async fn what_is_neither_tls_nor_http_gets_an_alert() {
    let rig = Rig::new([]);
    let (mut here, there) = pair().await;
    here.write_all(&[0; 64]).await.unwrap();
    let mut answer = Vec::new();
    let (server, read) = tokio::join!(rig.acceptor.accept(there), here.read_to_end(&mut answer));
    read.unwrap();
    assert!(matches!(server, Err(TlsFailure::Refused(_))), "{server:?}");
    assert_eq!(answer.first(), Some(&21), "an alert record: {answer:?}");
}

#[tokio::test]
async fn a_client_that_leaves_is_no_failure_of_tls() {
    let rig = Rig::new([]);
    for sent in [&b""[..], b"\x16\x03\x01\x02\x00"] {
        let (mut here, there) = pair().await;
        here.write_all(sent).await.unwrap();
        drop(here);
        let server = rig.acceptor.accept(there).await;
        assert!(matches!(server, Err(TlsFailure::Closed)), "{sent:?}: {server:?}");
    }
}

#[tokio::test]
async fn a_client_that_says_nothing_or_stops_halfway_is_left_at_the_deadline() {
    let mut rig = Rig::new([]);
    let limits = Limits { handshake_timeout: Duration::from_millis(1), ..Limits::default() };
    rig.publish_as([], ListenerPolicy { limits, ..ListenerPolicy::default() });
    for sent in [&b""[..], b"\x16\x03\x01\x02\x00\x01"] {
        let (mut here, there) = pair().await;
        here.write_all(sent).await.unwrap();
        let server = rig.acceptor.accept(there).await;
        assert!(matches!(server, Err(TlsFailure::Timeout)), "{sent:?}: {server:?}");
    }
}

#[tokio::test]
async fn a_hello_that_comes_in_many_pieces_is_read() {
    let certificate = for_names(["a.example"]);
    let rig = Rig::new([("", &certificate)]);
    // Sixteen octets at a time go from one to the other.
    let (here, mut between) = duplex(16);
    let (mut through, there) = pair().await;
    let name = ServerName::try_from("a.example").unwrap();
    let handshake =
        async { tokio::join!(rig.acceptor.accept(there), TlsConnector::from(curious()).connect(name, here)) };
    let (server, client) = tokio::select! {
        ends = handshake => ends,
        ended = copy_bidirectional(&mut between, &mut through) => panic!("{ended:?}"),
    };
    assert!(client.is_ok(), "{client:?}");
    assert!(server.is_ok(), "{server:?}");
}
