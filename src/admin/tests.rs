//! The admin server over real sockets, and explanations of requests.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use super::explain::{Answer, Colour, ExplainRequest, RewriteOutcome, explain, render_text};
use super::{AdminServer, AdminState, Health, start};
use crate::ir::{Endpoint, HostPattern, ObjectKind, ObjectRef, Route, VirtualHost};
use crate::live::{self, Endpoints, Publication, Publisher};
use crate::table::Table;
use crate::telemetry::{Metrics, ReportCell};
use crate::testing::certificates::TestCa;
use crate::testing::scan::{config, route_for, virtual_host};
use crate::tls::CertificateStore;

/// A server with a state that its test publishes.
struct Rig {
    server: AdminServer,
    publisher: Publisher,
    state: AdminState,
}

fn rig() -> Rig {
    let (publisher, reader) = live::channel();
    let metrics = Some(Metrics::new());
    let state = AdminState {
        reader,
        health_path: "/healthz".to_owned(),
        metrics,
        health: Arc::new(Health::default()),
        report: Arc::new(ReportCell::default()),
    };
    let server = start(&["127.0.0.1:0".parse().unwrap()], state.clone()).unwrap();
    Rig { server, publisher, state }
}

impl Rig {
    fn ask(&self, request: &str) -> Reply {
        ask(self.server.addresses()[0], request)
    }

    fn get(&self, target: &str) -> Reply {
        self.ask(&format!("GET {target} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n"))
    }
}

struct Reply {
    status: u16,
    head: String,
    body: String,
}

/// Sends one request and reads until the server closes.
fn ask(address: SocketAddr, request: &str) -> Reply {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Reply { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

fn labelled(path: &str, ingress: &str) -> Arc<Route> {
    let mut route = (*route_for(path)).clone();
    route.labels.namespace = "default".into();
    route.labels.ingress = ingress.into();
    route.labels.service = "web".into();
    route.labels.path = path.into();
    Arc::new(route)
}

/// `shop.example` with `/` and `/cart`, a wildcard beside it, and one endpoint.
fn publication() -> Publication {
    let shop = VirtualHost {
        routes: vec![labelled("/", "home"), labelled("/cart", "cart")],
        ..virtual_host("shop.example", &[])
    };
    let config = Arc::new(config([shop, virtual_host("*.example", &["/"])]));
    let mut certificates = CertificateStore::default();
    let leaf = TestCa::new().issue_for(["shop.example"]).certificate();
    let leaf = leaf.of_secret(ObjectRef::new(ObjectKind::Secret, "default", "shop-tls"));
    certificates.insert(HostPattern::parse("shop.example").unwrap(), Arc::new(leaf));
    certificates.set_default(Arc::new(TestCa::new().issue_for(["fallback.example"]).certificate()));
    let endpoint = Endpoint { address: "10.0.0.7:8080".parse().unwrap() };
    let id = crate::ir::BackendId { namespace: "default".into(), service: "web".into(), port: "80".into() };
    Publication {
        table: Arc::new(Table::new(Arc::clone(&config))),
        config,
        certificates: Arc::new(certificates),
        endpoints: Arc::new(Endpoints::from_iter([(id, Arc::from([endpoint]))])),
    }
}

#[test]
fn probes_follow_the_life_of_the_process() {
    let mut rig = rig();
    let probes = |rig: &Rig| ["/healthz", "/readyz", "/livez"].map(|path| rig.get(path).status);
    assert_eq!(probes(&rig), [500, 503, 200]);
    rig.publisher.publish(publication());
    assert_eq!(probes(&rig), [500, 503, 200], "nobody can connect yet");
    rig.state.health.listen();
    assert_eq!(probes(&rig), [200, 200, 200]);
    assert_eq!(rig.get("/healthz").body, "ok");
    rig.state.health.drain();
    assert_eq!(probes(&rig), [500, 503, 200]);
}

#[test]
fn head_has_no_body_and_other_methods_are_refused() {
    let rig = rig();
    let head = rig.ask("HEAD /livez HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    let post = rig.ask("POST /livez HTTP/1.1\r\nHost: admin\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    assert_eq!(post.status, 405);
    assert!(post.head.contains("allow: get, head"), "{}", post.head);
    assert_eq!(rig.get("/nowhere").status, 404);
}

#[test]
fn metrics_name_certificates_orphans_and_the_generation() {
    let mut rig = rig();
    let mut published = publication();
    published.endpoints = Arc::default();
    rig.publisher.publish(published);
    let reply = rig.get("/metrics");
    assert!(reply.head.contains("content-type: text/plain; version=0.0.4"), "{}", reply.head);
    for part in [
        "ssl_expire_time_seconds{namespace=\"\",class=\"\",host=\"_\",secret_name=\"default-fake-certificate\",identifier=\"-",
        "ssl_expire_time_seconds{namespace=\"default\",class=\"\",host=\"shop.example\",secret_name=\"shop-tls\",identifier=\"-",
        "issuer_organization=\"\",issuer_common_name=\"Landfall test CA\",serial_number=\"",
        "public_key_algorithm=\"ECDSA\"} 1\n",
        "namespace=\"default\",ingress=\"cart\",type=\"no-endpoint\"} 1",
        "namespace=\"default\",ingress=\"home\",type=\"no-endpoint\"} 1",
        "landfall_generation 1\n",
    ] {
        assert!(reply.body.contains(part), "{part} is not in {}", reply.body);
    }
}

#[test]
fn the_health_check_answers_where_it_is_told_to() {
    let rig = rig();
    let state = AdminState { health_path: "/alive".to_owned(), ..rig.state.clone() };
    let server = start(&["127.0.0.1:0".parse().unwrap()], state).unwrap();
    let status = |path: &str| {
        ask(server.addresses()[0], &format!("GET {path} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n")).status
    };
    assert_eq!((status("/alive"), status("/healthz")), (500, 404));
}

#[test]
fn metrics_can_be_turned_off() {
    let rig = rig();
    let state = AdminState { metrics: None, ..rig.state.clone() };
    let server = start(&["127.0.0.1:0".parse().unwrap()], state).unwrap();
    let request = "GET /metrics HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n";
    assert_eq!(ask(server.addresses()[0], request).status, 404);
}

#[test]
fn the_live_configuration_is_shown_without_keys() {
    let mut rig = rig();
    rig.publisher.publish(publication());
    let reply = rig.get("/config");
    let value: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!(value["generation"], 1);
    assert_eq!(value["config"]["hosts"][0]["host"], "shop.example");
    assert_eq!(value["config"]["hosts"][0]["routes"][1]["match"], "prefix /cart");
    assert_eq!(value["endpoints"][0]["addresses"][0], "10.0.0.7:8080");
    assert_eq!(value["certificates"][0]["names"][0], "shop.example");
    assert!(!reply.body.contains("PRIVATE"), "{}", reply.body);
}

#[test]
fn a_request_is_explained_as_json_or_as_text() {
    let mut rig = rig();
    rig.publisher.publish(publication());
    let json = rig.get("/explain?url=https%3A%2F%2Fshop.example%2Fcart%2F7&header=X-Test:+1");
    let value: serde_json::Value = serde_json::from_str(&json.body).unwrap();
    assert_eq!(value["outcome"]["kind"], "forwarded");
    assert_eq!(value["outcome"]["endpoints"][0], "10.0.0.7:8080");
    assert_eq!(value["route"]["ingress"], "cart");
    assert_eq!(value["certificate"]["served_for"], "shop.example");
    let text = rig.get("/explain?url=http://shop.example/cart&output=text");
    assert!(text.head.contains("content-type: text/plain"), "{}", text.head);
    assert!(text.body.contains("won   prefix /cart"), "{}", text.body);
    assert_eq!(rig.get("/explain").status, 400);
    assert_eq!(rig.get("/explain?url=shop.example&output=xml").status, 400);
}

#[test]
fn every_address_is_bound_or_nothing_is_served() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addresses = ["127.0.0.1:0".parse().unwrap(), taken.local_addr().unwrap()];
    assert!(start(&addresses, rig().state).is_err());
}

#[test]
fn a_stopped_server_answers_nobody() {
    let rig = rig();
    let address = rig.server.addresses()[0];
    assert_eq!(rig.get("/livez").status, 200);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(rig.server.shutdown());
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn an_explanation_says_who_won_who_lost_and_what_is_sent() {
    let (mut publisher, _) = live::channel();
    let state = publisher.publish(publication());
    let asked = ExplainRequest::parse("http://shop.example/cart?x=1", "GET", []).unwrap();
    let explanation = explain(&state, &asked);
    let Answer::Forwarded(forwarding) = &explanation.outcome else { panic!("{explanation:?}") };
    assert_eq!((forwarding.target.as_str(), forwarding.rewrite), ("/cart?x=1", RewriteOutcome::AsReceived));
    assert_eq!((forwarding.backend.as_str(), forwarding.host.as_str()), ("default/web:80", "shop.example"));
    let expected = "\
request      GET http://shop.example/cart?x=1
generation   1
client       127.0.0.1 by http on port 80, its forwarded headers are replaced
matched as   shop.example /cart
candidates
  host shop.example  chosen
    won   prefix /cart  Ingress default//cart spec  the longest prefix of the path, and no exact path or regular expression matches
    lost  prefix /      Ingress default// spec      prefix /cart of Ingress default//cart spec comes first
  host *.example  a more precise host claims the name
    lost  prefix /  Ingress default// spec  a more precise host claims the name
route        Ingress default//cart spec
backend      default/web:80 (Http1, RoundRobin)
sent         /cart?x=1 (as received), Host: shop.example
endpoints    10.0.0.7:8080
certificate  that of shop.example, for shop.example, until 4096-01-01T00:00:00Z
";
    assert_eq!(render_text(&explanation, Colour::Off), expected);
}

#[test]
fn a_request_that_is_refused_before_it_is_matched_is_explained_too() {
    let (mut publisher, _) = live::channel();
    let state = publisher.publish(publication());
    let asked = ExplainRequest::parse("http://shop.example/%00", "GET", []).unwrap();
    let explanation = explain(&state, &asked);
    assert!(matches!(explanation.outcome, Answer::Rejected { status: 400, .. }), "{explanation:?}");
    let asked = ExplainRequest::parse("http://other.test/", "GET", []).unwrap();
    assert_eq!(explain(&state, &asked).outcome, Answer::NotFound { status: 404 });
}

#[test]
fn controls_in_a_request_do_not_reach_the_terminal() {
    let (_, reader) = live::channel();
    let asked = ExplainRequest::parse("http://shop.example/\u{9b}31m", "GET", []).unwrap();
    let text = render_text(&explain(&reader.current(), &asked), Colour::Off);
    assert!(text.chars().all(|character| character == '\n' || !character.is_control()), "{text:?}");
}
