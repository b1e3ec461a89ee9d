//! What is served under which path.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Frame};
use hyper::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::{Method, Request, Response, StatusCode};

use super::explain::{Colour, ExplainRequest, explain, render_text};
use super::{AdminState, config, exposition, query};

pub(super) type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
/// Prometheus's text exposition format.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

const INDEX: &str = "\
Landfall's admin server

/healthz   200 once synced, 500 before and while shutting down
/livez     200 while the process works
/readyz    200 while a routing table is live, 503 before and while shutting down
/metrics   Prometheus metrics
/config    the live configuration, endpoints and certificate names, as JSON
/explain   what happens to a request: ?url=http://host/path [&method=] [&header=Name:+value]… [&output=json|text]
";

/// Answers one request. The body of the request, if there is one, is never read.
pub(super) fn respond<B>(state: &AdminState, request: &Request<B>) -> Answer {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are served here\n");
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return answer;
    }
    match request.uri().path() {
        "/" => text(StatusCode::OK, INDEX),
        path if path == state.health_path => healthz(state),
        "/livez" => text(StatusCode::OK, "ok"),
        "/readyz" => readyz(state),
        "/metrics" => metrics(state),
        "/config" => json(StatusCode::OK, &config::view(&state.reader.current())),
        "/explain" => explanation(state, request),
        _ => text(StatusCode::NOT_FOUND, "there is nothing here; / lists what there is\n"),
    }
}

fn healthz(state: &AdminState) -> Answer {
    match unreadiness(state) {
        None => text(StatusCode::OK, "ok"),
        Some(reason) => text(StatusCode::INTERNAL_SERVER_ERROR, reason),
    }
}

fn readyz(state: &AdminState) -> Answer {
    match unreadiness(state) {
        None => text(StatusCode::OK, "ok"),
        Some(reason) => text(StatusCode::SERVICE_UNAVAILABLE, reason),
    }
}

fn unreadiness(state: &AdminState) -> Option<&'static str> {
    if state.health.is_draining() {
        Some("shutting down\n")
    } else if state.reader.current().generation == 0 {
        Some("no routing table is live yet\n")
    } else if !state.health.is_listening() {
        Some("nothing listens yet\n")
    } else {
        None
    }
}

fn metrics(state: &AdminState) -> Answer {
    match &state.metrics {
        None => text(StatusCode::NOT_FOUND, "metrics are turned off (--enable-metrics)\n"),
        Some(metrics) => {
            let families = exposition::text(metrics, &state.report, &state.reader.current());
            answer(StatusCode::OK, METRICS, Chunks(families).boxed_unsync())
        }
    }
}

fn explanation<B>(state: &AdminState, request: &Request<B>) -> Answer {
    let pairs = query::pairs(request.uri().query().unwrap_or_default());
    let first = |name: &str| pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let headers = pairs.iter().filter(|(name, _)| name == "header").map(|(_, value)| value.as_str());
    let asked = ExplainRequest::parse(first("url").unwrap_or_default(), first("method").unwrap_or("GET"), headers);
    let asked = match asked {
        Ok(asked) => asked,
        Err(error) => return text(StatusCode::BAD_REQUEST, format!("{error}\n")),
    };
    let accepted = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let explanation = explain(&state.reader.current(), &asked);
    match (first("output"), accepted.contains("text/plain")) {
        (Some("text"), _) | (None, true) => text(StatusCode::OK, render_text(&explanation, Colour::Off)),
        (Some("json") | None, _) => json(StatusCode::OK, &explanation),
        (Some(other), _) => text(StatusCode::BAD_REQUEST, format!("output is json or text, not {other:?}\n")),
    }
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    answer(status, TEXT, Full::new(body.into()).boxed_unsync())
}

fn json(status: StatusCode, value: &impl serde::Serialize) -> Answer {
    match serde_json::to_vec_pretty(value) {
        Ok(body) => answer(status, JSON, Full::new(body.into()).boxed_unsync()),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

fn answer(status: StatusCode, content_type: &'static str, body: UnsyncBoxBody<Bytes, Infallible>) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    let fields = answer.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    fields.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// A body that is made while it is sent, one item a frame, so that no more than one is held.
struct Chunks<I>(I);

impl<I: Iterator<Item = String> + Unpin> Body for Chunks<I> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Poll::Ready(self.0.next().map(|chunk| Ok(Frame::data(chunk.into()))))
    }
}
