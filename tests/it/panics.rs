//! A panic in one request ends that request alone, and is counted.
//!
//! Nothing in the product is there to be made to panic. But it tells a subscriber of ours what it does, and that one
//! panics on behalf of the request that it is told of.

use std::sync::Once;

use landfall::testing::http2::{self, Http2};
use landfall::testing::objects::service;
use landfall::testing::{Ingress, Raw, RawOrigin, TestServer};
use tokio::task::JoinSet;
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span};

use crate::fixtures::{OK, get};

/// The Service whose requests panic when they fail.
const DOOMED: &str = "doomed";

struct Panicking;

impl Subscriber for Panicking {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("landfall::proxy::service")
    }

    fn event(&self, event: &Event<'_>) {
        let mut names = NamesDoomed(false);
        event.record(&mut names);
        assert!(!names.0, "on behalf of a request");
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

struct NamesDoomed(bool);

impl Visit for NamesDoomed {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0 |= field.name() == "service" && format!("{value:?}").contains(DOOMED);
    }
}

/// A server for `a.test`, whose origin the test answers for, and `doomed.test`, whose requests panic.
async fn scene(workers: usize) -> (TestServer, RawOrigin) {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| tracing::subscriber::set_global_default(Panicking).expect("there is no other"));
    let origin = RawOrigin::start().await;
    let mut objects = service("web", &[origin.address()]);
    objects.extend(service(DOOMED, &[]));
    objects.push(Ingress::named("web").route("a.test", "/", "web").route("doomed.test", "/", DOOMED).build());
    (TestServer::start(workers, objects), origin)
}

on_workers! {
    async fn a_panic_over_http1_ends_one_connection(workers) {
        let (server, origin) = scene(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send(get("a.test", "/")).await;
        let mut upstream = origin.accept().await;
        upstream.request().await;
        for number in 1..=4 {
            let mut doomed = Raw::connect(server.http()).await;
            doomed.send(get("doomed.test", &format!("/{number}"))).await;
            doomed.closed().await;
            server.counted("landfall_panics_total", number).await;
        }
        upstream.send(OK).await;
        assert_eq!(client.response().await.text(), "ok");
        client.send(get("nobody.test", "/")).await;
        assert_eq!(client.response().await.status(), 404);
        let log = server.access_log_of(6).await;
        let panicked = log.iter().filter(|line| line.contains("GET /") && line.contains("\" 500 "));
        assert_eq!(panicked.count(), 4, "{log:?}");
    }

    async fn a_panic_over_http2_ends_one_stream(workers) {
        let (server, origin) = scene(workers).await;
        let mut client = Http2::over(Raw::connect(server.http()).await.into_transport()).await;
        let mut sender = client.sender();
        let mut asking = JoinSet::new();
        asking.spawn(async move { sender.send_request(http2::get("http://a.test/")).await });
        let mut upstream = origin.accept().await;
        upstream.request().await;
        for number in 1..=4 {
            let answer = client.ask(http2::get("http://doomed.test/")).await;
            assert!(answer.is_err(), "{answer:?}");
            server.counted("landfall_panics_total", number).await;
        }
        upstream.send(OK).await;
        let answer = http2::Answer::of(asking.join_next().await.unwrap().unwrap().unwrap()).await.unwrap();
        assert_eq!(&answer.body[..], b"ok");
        assert_eq!(client.ask(http2::get("http://nobody.test/")).await.unwrap().status, 404);
    }
}
