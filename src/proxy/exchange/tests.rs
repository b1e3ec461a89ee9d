//! What exchanges leave behind, in the log and in metrics.

use std::io::{self, Write};
use std::sync::mpsc;
use std::time::Duration;

use super::*;
use crate::request::RequestHead;
use crate::telemetry::{AccessLog, Metrics, Point, ReportCell};

struct Lines(mpsc::Sender<Vec<u8>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.send(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Serves one request, and gives the log's lines and the metrics that it left.
fn recorded(serve: impl FnOnce(&Recorder, &RequestHead)) -> (String, String) {
    let metrics = Metrics::new();
    let (sender, lines) = mpsc::channel();
    let log = AccessLog::to_writer(Lines(sender), &metrics).unwrap();
    let recorder = Recorder::new(metrics.worker(), WorkerLog::new(log.clone()));
    let head = RequestHead { method: "GET".into(), target: b"/".to_vec(), ..RequestHead::default() };
    serve(&recorder, &head);
    recorder.flush();
    assert!(log.flush(Duration::from_secs(30)));
    let text = lines.try_iter().flatten().collect();
    let exposition = metrics.exposition(&ReportCell::default(), Vec::<Point>::new()).collect();
    (String::from_utf8(text).unwrap(), exposition)
}

fn begin<'a>(recorder: &'a Recorder, head: &'a RequestHead) -> Exchange<'a> {
    let beginning = Beginning {
        received: Received::Head(head),
        peer: "[::ffff:192.0.2.7]:4000".parse().unwrap(),
        listener: Listener::Http,
        form: LogForm::Combined,
        at: now(),
    };
    Exchange::begin(recorder, beginning)
}

#[test]
fn a_completed_exchange_leaves_one_line_and_one_count() {
    let (lines, metrics) = recorded(|recorder, head| {
        let mut exchange = begin(recorder, head);
        let now = exchange.record().started;
        exchange.identify("192.0.2.7".parse().unwrap(), b"");
        exchange.attempt("192.0.2.1:80".parse().unwrap(), now);
        exchange.connected(now);
        exchange.header(200, now);
        exchange.attempt_ended(AttemptOutcome::Answered, now + Duration::from_millis(3));
        exchange.status(200);
        exchange.sent_body(5);
        exchange.complete(now + Duration::from_millis(4));
    });
    assert_eq!(lines.lines().count(), 1, "{lines}");
    assert!(lines.starts_with("192.0.2.7 - - ["), "{lines}");
    assert!(lines.contains("\" 200 5 \"-\" \"-\" 0 0.004 [upstream-default-backend] [] 192.0.2.1:80 0 0.003 200 -"));
    assert!(metrics.contains("landfall_upstream_attempts_total{outcome=\"answered\"} 1"), "{metrics}");
    assert!(metrics.contains("landfall_requests_active 0"), "{metrics}");
}

#[test]
fn a_dropped_exchange_is_a_client_that_closed() {
    let (lines, metrics) = recorded(|recorder, head| {
        let mut exchange = begin(recorder, head);
        exchange.identify("192.0.2.7".parse().unwrap(), b"");
        exchange.attempt("192.0.2.1:80".parse().unwrap(), now());
        drop(exchange);
    });
    assert!(lines.contains("HTTP/1.1\" 499 0 "), "{lines}");
    assert!(metrics.contains("landfall_requests_rejected_total{code=\"client-closed\"} 1"), "{metrics}");
    assert!(metrics.contains("landfall_upstream_attempts_total{outcome=\"cancelled\"} 1"), "{metrics}");
    assert!(metrics.contains("landfall_requests_active 0"), "{metrics}");
}

#[test]
fn an_exchange_that_unwinds_is_a_panic() {
    let (lines, _) = recorded(|recorder, head| {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _exchange = begin(recorder, head);
            std::panic::resume_unwind(Box::new("a bug"));
        }));
        assert!(outcome.is_err());
    });
    assert!(lines.contains("HTTP/1.1\" 500 0 "), "{lines}");
}

#[test]
fn a_response_under_way_keeps_its_status_when_the_client_leaves() {
    let (lines, _) = recorded(|recorder, head| {
        let mut exchange = begin(recorder, head);
        exchange.status(200);
        exchange.sent_body(17);
        drop(exchange);
    });
    assert!(lines.contains("HTTP/1.1\" 200 17 "), "{lines}");
}

#[test]
fn an_unlogged_exchange_is_counted_all_the_same() {
    let (lines, metrics) = recorded(|recorder, head| {
        let mut exchange = begin(recorder, head);
        exchange.unlogged();
        exchange.status(204);
        exchange.complete(now());
    });
    assert_eq!(lines, "");
    assert!(metrics.contains("status=\"204\""), "{metrics}");
}
