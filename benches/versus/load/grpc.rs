//! Clients of gRPC: unary calls side by side on one connection.

use std::rc::Rc;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderValue, Method, Request};
use tokio::task::JoinSet;

use super::{Exchange, Target, http2};
use crate::body::{Body, Check};
use crate::grpc;
use crate::order::{ANSWER, Action, Order, Place, Scheme};
use crate::site;

/// What is called: a message of the size of other cases' answers, sent back.
const CALL: Exchange = Exchange { action: Action::Put, size: ANSWER };

/// Runs one connection until told to stop.
pub(crate) async fn connection(target: &Rc<Target>, streams: usize) -> Result<()> {
    let (mut driver, sender) = http2::connect(target, site::GRPC).await?;
    let mut running = JoinSet::new();
    for _ in 0..streams {
        running.spawn_local(repeat(Rc::clone(target), sender.clone()));
    }
    http2::all(target, &mut driver, &mut running).await
}

async fn repeat(target: Rc<Target>, mut sender: SendRequest<Bytes>) -> Result<()> {
    while !target.meter.is_stopped() {
        sender = sender.ready().await.context("no more streams")?;
        call(&mut sender, &target.order(CALL, Scheme::Https, Place::A)).await?;
        target.meter.complete();
    }
    Ok(())
}

async fn call(sender: &mut SendRequest<Bytes>, order: &Order) -> Result<()> {
    let mut request = Request::new(());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = http2::uri(site::GRPC, order)?;
    request.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    request.headers_mut().insert("te", HeaderValue::from_static("trailers"));
    let (response, mut stream) = sender.send_request(request, false)?;
    let mut message = Vec::with_capacity(grpc::PREFIX + order.size);
    grpc::append_prefix(order.size, &mut message);
    Body::new(order.nonce, order.size).append(0, order.size, &mut message);
    stream.send_data(message.into(), true)?;
    let response = response.await?;
    if let Some(fault) = response.headers().get("grpc-message") {
        bail!("the origin says {fault:?}");
    }
    ensure!(response.status() == 200, "the status of an answer is {}", response.status());
    let mut body = response.into_body();
    let mut received = Vec::with_capacity(grpc::PREFIX + order.size);
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        received.extend_from_slice(&data);
    }
    let trailers = body.trailers().await?.context("there are no trailers")?;
    ensure!(trailers.get("grpc-status").is_some_and(|status| status == "0"), "the trailers are {trailers:?}");
    let mut check = Check::new(order.nonce, order.size);
    check.take(grpc::message(&received).context("a message is framed otherwise than gRPC has it")?)?;
    check.finish()
}
