//! Clients of HTTP/2 over TLS: streams side by side on one connection, each sending its next request after its answer.

use std::rc::Rc;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use h2::RecvStream;
use h2::client::SendRequest;
use http::{Request, Uri};
use tokio::task::JoinSet;

use super::stream::{self, Protocol};
use super::{Exchange, Target};
use crate::body::{Body, Check};
use crate::order::{ANSWER, Action, Order, Place, Scheme};
use crate::site;

/// Runs one connection until told to stop.
pub(crate) async fn connection(target: &Rc<Target>, streams: usize, exchange: Exchange) -> Result<()> {
    let (mut driver, sender) = connect(target, site::MAIN).await?;
    let mut running = JoinSet::new();
    for _ in 0..streams {
        running.spawn_local(repeat(Rc::clone(target), sender.clone(), exchange));
    }
    all(target, &mut driver, &mut running).await
}

/// Waits for all streams of a connection; the first that fails, or the connection's end, fails it.
pub(crate) async fn all(
    target: &Target,
    driver: &mut JoinSet<Result<()>>,
    streams: &mut JoinSet<Result<()>>,
) -> Result<()> {
    target.meter.client_ready();
    loop {
        tokio::select! {
            ended = streams.join_next() => match ended {
                Some(ended) => ended??,
                None => return Ok(()),
            },
            Some(ended) = driver.join_next() => ended?.context("the connection ends")?,
        }
    }
}

/// Connects, and starts the task that drives the connection.
pub(crate) async fn connect(target: &Target, host: &str) -> Result<(JoinSet<Result<()>>, SendRequest<Bytes>)> {
    let stream = stream::secure(target.https, host, target.dialer.config(Protocol::Http2)).await?;
    ensure!(stream.get_ref().1.alpn_protocol() == Some(b"h2"), "HTTP/2 is not offered");
    let (sender, connection) = h2::client::Builder::new()
        .initial_window_size(1 << 20)
        .initial_connection_window_size(1 << 24)
        .handshake(stream)
        .await?;
    let mut driver = JoinSet::new();
    driver.spawn_local(async move { Ok(connection.await?) });
    Ok((driver, sender))
}

async fn repeat(target: Rc<Target>, mut sender: SendRequest<Bytes>, exchange: Exchange) -> Result<()> {
    while !target.meter.is_stopped() {
        sender = sender.ready().await.context("no more streams")?;
        one(&mut sender, &target.order(exchange, Scheme::Https, Place::A)).await?;
        target.meter.complete();
        target.rest().await;
    }
    Ok(())
}

/// The address of an order, at a host.
pub(crate) fn uri(host: &str, order: &Order) -> Result<Uri> {
    let mut path = Vec::with_capacity(64);
    order.write(&mut path);
    Ok(Uri::builder().scheme("https").authority(host).path_and_query(path).build()?)
}

async fn one(sender: &mut SendRequest<Bytes>, order: &Order) -> Result<()> {
    let upload = matches!(order.action, Action::Put);
    let mut request = Request::new(());
    *request.method_mut() = if upload { http::Method::POST } else { http::Method::GET };
    *request.uri_mut() = uri(site::MAIN, order)?;
    let (response, mut stream) = sender.send_request(request, !upload)?;
    let mut size = order.size;
    if upload {
        let mut body = Vec::with_capacity(order.size);
        Body::new(order.nonce, order.size).append(0, order.size, &mut body);
        // Queued by the crate, and sent as the windows allow.
        stream.send_data(body.into(), true)?;
        size = ANSWER;
    }
    let response = response.await?;
    let status = response.status();
    let mut check = Check::new(order.nonce, size);
    let mut body = response.into_body();
    if status != 200 {
        let text = text(&mut body).await?;
        anyhow::bail!("the status of an answer is {status}: {text}");
    }
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        check.take(&data)?;
    }
    check.finish()
}

/// The beginning of a body that says what is wrong.
async fn text(body: &mut RecvStream) -> Result<String> {
    let first = body.data().await.transpose()?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&first).into_owned())
}
