//! A connection's input as a hyper server reads it, over an in-memory pipe.

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{End, Message, Reading};

/// Serves the input and records every request whose content came whole.
pub(crate) fn read(input: &[u8]) -> Reading {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(serve(input))
}

async fn serve(input: &[u8]) -> Reading {
    let messages = Rc::new(RefCell::new(Vec::new()));
    let broken = Rc::new(RefCell::new(None));
    let (mut client, server) = tokio::io::duplex(1 << 20);
    client.write_all(input).await.unwrap();
    client.shutdown().await.unwrap();
    let service = service_fn(|request| record(request, Rc::clone(&messages), Rc::clone(&broken)));
    let connection =
        hyper::server::conn::http1::Builder::new().half_close(true).serve_connection(TokioIo::new(server), service);
    let drain = async {
        let mut answers = Vec::new();
        // The server drops its end when it is done; what it wrote until then is all there is.
        let _ = client.read_to_end(&mut answers).await;
    };
    let (outcome, ()) = tokio::join!(connection, drain);
    let broken = broken.take();
    let end = match outcome {
        Err(error) => End::Refused(error.to_string()),
        Ok(()) => broken.map_or(End::Exhausted, End::Refused),
    };
    Reading { messages: messages.take(), end }
}

async fn record(
    request: Request<Incoming>,
    messages: Rc<RefCell<Vec<Message>>>,
    broken: Rc<RefCell<Option<String>>>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    match body.collect().await {
        Ok(content) => {
            let mut message = message(&parts);
            if parts.method != Method::CONNECT {
                message.content = content.to_bytes().to_vec();
            }
            messages.borrow_mut().push(message);
        }
        Err(error) => *broken.borrow_mut() = Some(error.to_string()),
    }
    Ok(Response::new(Empty::new()))
}

fn message(parts: &hyper::http::request::Parts) -> Message {
    let fields = parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()));
    let mut fields: Vec<_> = fields.collect();
    fields.sort();
    let path = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    Message {
        method: parts.method.to_string(),
        target: path,
        authority: parts.uri.authority().map(ToString::to_string),
        fields,
        content: Vec::new(),
    }
}
