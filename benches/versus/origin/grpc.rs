//! The origin over HTTP/2 without TLS: unary gRPC calls, answered with the message that they carry.

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{HeaderMap, HeaderValue, Request, Response};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::Demand;
use super::demand::{Forwarded, LastId};
use crate::body::Check;
use crate::grpc;
use crate::order::{Order, Place};

/// Serves one connection to its end.
pub(crate) async fn serve(stream: TcpStream) -> Result<()> {
    let mut connection = h2::server::Builder::new()
        .initial_window_size(1 << 20)
        .initial_connection_window_size(1 << 24)
        .max_concurrent_streams(1024)
        .handshake::<_, Bytes>(stream)
        .await?;
    let mut calls = JoinSet::new();
    while let Some(call) = connection.accept().await {
        let (request, respond) = call?;
        calls.spawn_local(answer(request, respond));
        while calls.try_join_next().is_some() {}
    }
    Ok(())
}

/// What is wrong with a call is its status message.
async fn answer(request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
    // A client that is gone has shown its own fault.
    let _sent = match receive(request).await {
        Ok(message) => succeed(&mut respond, message),
        Err(fault) => fail(&mut respond, &format!("{fault:#}")),
    };
}

async fn receive(request: Request<RecvStream>) -> Result<Bytes> {
    let (head, mut body) = request.into_parts();
    let order = Order::parse(head.uri.path())?;
    let mut forwarded = Forwarded::default();
    for (name, value) in &head.headers {
        forwarded.field(name.as_str(), value.as_bytes())?;
    }
    if let Some(authority) = head.uri.authority() {
        forwarded.authority(authority.as_str().as_bytes());
    }
    // Calls share a connection, so that ids cannot be told to follow one another.
    forwarded.verify(Demand::Forwarded(Place::A), &order, &mut LastId::new())?;
    ensure!(head.headers.get("te").is_some_and(|te| te == "trailers"), "TE: trailers is missing");
    let mut received = Vec::with_capacity(grpc::PREFIX + order.size);
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        received.extend_from_slice(&data);
    }
    let Some(message) = grpc::message(&received) else { bail!("a message is framed otherwise than gRPC has it") };
    let mut check = Check::new(order.nonce, order.size);
    check.take(message)?;
    check.finish()?;
    Ok(received.into())
}

fn head() -> Response<()> {
    let mut response = Response::new(());
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    response
}

fn succeed(respond: &mut SendResponse<Bytes>, message: Bytes) -> Result<()> {
    let mut stream = respond.send_response(head(), false)?;
    stream.send_data(message, false)?;
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    stream.send_trailers(trailers)?;
    Ok(())
}

fn fail(respond: &mut SendResponse<Bytes>, fault: &str) -> Result<()> {
    let mut response = head();
    response.headers_mut().insert("grpc-status", HeaderValue::from_static("13"));
    let fault = HeaderValue::from_str(fault).context("a fault is text")?;
    response.headers_mut().insert("grpc-message", fault);
    respond.send_response(response, true)?;
    Ok(())
}
