//! An HTTP/2 client on hyper, over any transport.

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::header::HeaderMap;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::task::JoinSet;

use super::raw::{PATIENCE, Transport};

/// What requests carry.
pub type Content = BoxBody<Bytes, hyper::Error>;

/// A connection that any number of requests are made over at once. Dropping it closes the connection.
#[derive(Debug)]
pub struct Http2 {
    sender: SendRequest<Content>,
    driver: JoinSet<hyper::Result<()>>,
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub fields: HeaderMap,
    pub body: Bytes,
    pub trailers: HeaderMap,
}

impl Answer {
    /// Reads an answer to its end. The error is what broke it off.
    pub async fn of(response: Response<Incoming>) -> hyper::Result<Self> {
        let (parts, body) = response.into_parts();
        let collected = tokio::time::timeout(PATIENCE, body.collect()).await.expect("the answer ends")?;
        let trailers = collected.trailers().cloned().unwrap_or_default();
        Ok(Self { status: parts.status.as_u16(), fields: parts.headers, body: collected.to_bytes(), trailers })
    }

    /// The value of a field that stands once, if it is there. Panics if it stands more than once.
    #[must_use]
    pub fn one(&self, name: &str) -> Option<&str> {
        let all: Vec<_> = self.fields.get_all(name).iter().collect();
        assert!(all.len() < 2, "{name} stands more than once: {all:?}");
        all.first().and_then(|value| value.to_str().ok())
    }
}

impl Http2 {
    /// Begins HTTP/2 with prior knowledge, or after ALPN has chosen it.
    pub async fn over(transport: Transport) -> Self {
        let begun = handshake(TokioExecutor::new(), TokioIo::new(transport));
        let (sender, connection) = begun.await.expect("the server speaks HTTP/2");
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        Self { sender, driver }
    }

    /// Makes a request and reads the whole answer.
    pub async fn ask(&mut self, request: Request<Content>) -> hyper::Result<Answer> {
        Answer::of(self.begin(request).await?).await
    }

    /// Makes a request and gives the answer as it begins.
    pub async fn begin(&mut self, request: Request<Content>) -> hyper::Result<Response<Incoming>> {
        self.sender.ready().await?;
        let answer = self.sender.send_request(request);
        tokio::time::timeout(PATIENCE, answer).await.expect("the answer begins")
    }

    /// A second handle for requests at the same time. The connection lives as long as the first.
    #[must_use]
    pub fn sender(&self) -> SendRequest<Content> {
        self.sender.clone()
    }

    /// Waits for the server to close the connection.
    pub async fn closed(mut self) -> hyper::Result<()> {
        let ended = tokio::time::timeout(PATIENCE, self.driver.join_next()).await.expect("the connection ends");
        ended.expect("the connection has a task").expect("the task does not panic")
    }
}

/// A request without content.
#[must_use]
pub fn get(uri: &str) -> Request<Content> {
    Request::get(uri).body(Empty::new().map_err(|never| match never {}).boxed()).expect("the URI is legal")
}

/// A request with content of a known length.
#[must_use]
pub fn post(uri: &str, content: impl Into<Bytes>) -> Request<Content> {
    Request::post(uri)
        .body(Full::new(content.into()).map_err(|never| match never {}).boxed())
        .expect("the URI is legal")
}
