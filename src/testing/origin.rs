//! An origin on hyper: it says what it was asked, echoes, streams, and sends trailers.
//!
//! It speaks HTTP/1.1 and, with prior knowledge or by ALPN, HTTP/2. The last segment of the path tells what to do:
//! `echo` gives the content back as it comes, trailers and all; `stream-N` sends N octets; `grpc` answers as a gRPC
//! server does; `status-N` answers with a status; anything else is answered with [`Asked`] as JSON.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::certificates::KeyPairPem;

/// Any free port of the loopback address.
const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// The most that one frame of a streamed body holds.
const FRAME: usize = 16 * 1024;

/// What an origin saw of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    pub origin: String,
    pub method: String,
    /// The target in origin form.
    pub target: String,
    pub version: String,
    /// Names in lower case.
    pub fields: Vec<(String, String)>,
    pub body_octets: usize,
}

impl Asked {
    /// Reads the answer of an origin. Panics if it is none.
    #[must_use]
    pub fn of(answer: &[u8]) -> Self {
        serde_json::from_slice(answer).unwrap_or_else(|error| panic!("{error}: {}", answer.escape_ascii()))
    }

    /// The value of a field that stands once, if it is there. Panics if it stands more than once.
    #[must_use]
    pub fn one(&self, name: &str) -> Option<&str> {
        let mut all = self.fields.iter().filter(|(known, _)| known == name);
        let one = all.next();
        assert!(all.next().is_none(), "{name} stands more than once: {:?}", self.fields);
        one.map(|(_, value)| value.as_str())
    }
}

/// A running origin. Dropping it closes its connections.
#[derive(Debug)]
pub struct Origin {
    address: SocketAddr,
    served: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Origin {
    /// Starts an origin in the clear that calls itself `name`.
    pub async fn start(name: &str) -> Self {
        Self::start_at(name, LOOPBACK).await
    }

    /// Starts an origin in the clear on an address of this machine. Panics if it is taken.
    pub async fn start_at(name: &str, address: SocketAddr) -> Self {
        Self::listen(name, address, None).await
    }

    /// Starts an origin over TLS that offers both versions by ALPN.
    pub async fn start_tls(name: &str, pair: &KeyPairPem) -> Self {
        Self::listen(name, LOOPBACK, Some(acceptor(pair))).await
    }

    async fn listen(name: &str, address: SocketAddr, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(address).await.expect("the address is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        let served = Arc::new(AtomicUsize::new(0));
        let place = Place { name: name.into(), served: Arc::clone(&served) };
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, tls, place));
        Self { address, served, _tasks: tasks }
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many requests have come so far.
    #[must_use]
    pub fn served(&self) -> usize {
        self.served.load(Ordering::Relaxed)
    }
}

/// What the tasks of one origin share.
#[derive(Debug, Clone)]
struct Place {
    name: Arc<str>,
    served: Arc<AtomicUsize>,
}

fn acceptor(pair: &KeyPairPem) -> TlsAcceptor {
    let chain = CertificateDer::pem_slice_iter(pair.certificate_pem.as_bytes());
    let chain = chain.collect::<Result<_, _>>().expect("the certificate is PEM");
    let key = PrivateKeyDer::from_pem_slice(pair.key_pem.as_bytes()).expect("the key is PEM");
    let mut config = rustls::ServerConfig::builder_with_provider(crate::tls::provider())
        .with_safe_default_protocol_versions()
        .expect("the provider has cipher suites")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("the key is the certificate's");
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, place: Place) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(connection(stream, tls.clone(), place.clone()));
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(stream: TcpStream, tls: Option<TlsAcceptor>, place: Place) {
    match tls {
        None => serve(stream, place).await,
        Some(acceptor) => {
            if let Ok(stream) = acceptor.accept(stream).await {
                serve(stream, place).await;
            }
        }
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + 'static, place: Place) {
    let service = service_fn(move |request| answer(request, place.clone()));
    let builder = auto::Builder::new(TokioExecutor::new());
    // A connection that breaks is the test's business, not the origin's.
    let _ended = builder.serve_connection(TokioIo::new(stream), service).await;
}

type Body = BoxBody<Bytes, hyper::Error>;

async fn answer(request: Request<Incoming>, place: Place) -> Result<Response<Body>, Infallible> {
    place.served.fetch_add(1, Ordering::Relaxed);
    let path = request.uri().path().to_owned();
    let order = path.rsplit('/').next().unwrap_or_default();
    let (word, number) = order.rsplit_once('-').unwrap_or((order, ""));
    Ok(match (word, number.parse::<usize>()) {
        ("echo", _) => Response::new(request.into_body().boxed()),
        ("grpc", _) => grpc(request).await,
        ("stream", Ok(octets)) => streamed(octets),
        ("status", Ok(status)) => with_status(status),
        _ => asked(request, &place.name).await,
    })
}

async fn asked(request: Request<Incoming>, origin: &str) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body_octets = body.collect().await.map(|body| body.to_bytes().len()).unwrap_or_default();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let mut fields: Vec<_> =
        parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    if let Some(authority) = parts.uri.authority() {
        fields.push((":authority".to_owned(), authority.to_string()));
    }
    let target = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let asked = Asked {
        origin: origin.to_owned(),
        method: parts.method.to_string(),
        target,
        version: format!("{:?}", parts.version),
        fields,
        body_octets,
    };
    let mut response = Response::new(full(serde_json::to_vec(&asked).expect("text is JSON")));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn with_status(status: usize) -> Response<Body> {
    let mut response = Response::new(full("as asked"));
    let status = u16::try_from(status).ok().and_then(|status| StatusCode::from_u16(status).ok());
    *response.status_mut() = status.unwrap_or(StatusCode::BAD_REQUEST);
    response
}

/// The content back as one message, and the status in the trailers.
async fn grpc(request: Request<Incoming>) -> Response<Body> {
    let content = request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let frames = [Ok(Frame::data(content)), Ok(Frame::trailers(trailers))];
    let mut response = Response::new(StreamBody::new(stream::iter(frames)).boxed());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

fn streamed(octets: usize) -> Response<Body> {
    let frames = stream::unfold(octets, |left| async move {
        let next = left.min(FRAME);
        (next > 0).then(|| (Ok(Frame::data(Bytes::from(vec![b'x'; next]))), left - next))
    });
    let mut response = Response::new(StreamBody::new(Box::pin(frames)).boxed());
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(octets));
    response
}

fn full(content: impl Into<Bytes>) -> Body {
    Full::new(content.into()).map_err(|never| match never {}).boxed()
}
