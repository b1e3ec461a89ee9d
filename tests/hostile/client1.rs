//! Runs one case over HTTP/1.1: sends its octets with a marker behind them, reads every answer, and holds what reached
//! the backend against what was to reach it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use landfall::testing::raw::PATIENCE;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::outcome::{Answer, Checked, answers, check_answers, check_seen};
use crate::recorder::Recorder;
use crate::script::{Case, Clause, Outcome, Step};

/// How octets are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    AtOnce,
    /// One write for each octet, where there are not too many.
    ByOctet,
}

/// A case with more octets is not sent octet by octet.
const SLICED: usize = 700;

static NUMBER: AtomicUsize = AtomicUsize::new(0);

/// A number that no other case has.
pub(crate) fn number() -> usize {
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

/// A connection whose octets are read as they come.
#[derive(Debug)]
pub(crate) struct Client {
    writing: OwnedWriteHalf,
    read: Arc<Read>,
    _reader: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Read {
    octets: Mutex<(Vec<u8>, bool)>,
    changed: Notify,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the server listens");
        stream.set_nodelay(true).expect("the socket is open");
        let (mut reading, writing) = stream.into_split();
        let read = Arc::new(Read::default());
        let mut reader = JoinSet::new();
        let shared = Arc::clone(&read);
        reader.spawn(async move {
            loop {
                let mut piece = Vec::with_capacity(16 * 1024);
                let ended = !matches!(reading.read_buf(&mut piece).await, Ok(read) if read > 0);
                let mut octets = shared.octets.lock().unwrap_or_else(PoisonError::into_inner);
                octets.0.extend_from_slice(&piece);
                octets.1 = ended;
                drop(octets);
                shared.changed.notify_one();
                if ended {
                    return;
                }
            }
        });
        Self { writing, read, _reader: reader }
    }

    /// Sends as far as the other end takes it.
    pub(crate) async fn send(&mut self, octets: &[u8], pace: Pace) {
        let sending = async {
            if pace == Pace::AtOnce || octets.len() > SLICED {
                let _best_effort = self.writing.write_all(octets).await;
                return;
            }
            for octet in octets {
                if self.writing.write_all(&[*octet]).await.is_err() {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        let _too_slow = tokio::time::timeout(PATIENCE, sending).await;
    }

    pub(crate) async fn finish(&mut self) {
        let _best_effort = self.writing.shutdown().await;
    }

    /// What came so far, and whether the other end has closed.
    pub(crate) fn octets(&self) -> (Vec<u8>, bool) {
        self.read.octets.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until what came is as wanted, or the other end has closed. `false` if nothing comes any more.
    pub(crate) async fn until(&self, wanted: impl Fn(&[u8]) -> bool) -> bool {
        let waiting = async {
            loop {
                let (octets, ended) = self.octets();
                if ended || wanted(&octets) {
                    return;
                }
                self.read.changed.notified().await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.is_ok()
    }
}

/// Runs a case. The error says everything that is not as it was to be.
pub(crate) async fn run(server: SocketAddr, origin: &Recorder, case: &Case, pace: Pace) -> Result<(), String> {
    let number = number();
    let mut checked = Checked::begin(origin, case, number);
    let mut client = Client::connect(server).await;
    send(&mut client, case, &checked.marker(), pace).await;
    let received = receive(&mut client, case).await;
    let probed = checked.probe(server).await;
    checked
        .finish(|checked| {
            let answers = received?;
            probed?;
            check_answers(case, &answers)?;
            check_seen(checked, case, false)
        })
        .await
}

async fn send(client: &mut Client, case: &Case, marker: &str, pace: Pace) {
    let markers = !case.steps.contains(&Step::Alone);
    let last = case.steps.iter().rposition(|step| matches!(step, Step::Send(_)));
    for (place, step) in case.steps.iter().enumerate() {
        match step {
            Step::Send(octets) => {
                let mut octets = octets.clone();
                if markers && Some(place) == last {
                    octets.extend_from_slice(marker.as_bytes());
                }
                client.send(&octets, pace).await;
            }
            Step::Wait => {
                client.until(|octets| octets.ends_with(b"\r\n\r\n")).await;
            }
            Step::Eof => client.finish().await,
            Step::Alone => {}
        }
    }
}

/// Reads the answers that a case is to have, and that nothing comes behind them.
async fn receive(client: &mut Client, case: &Case) -> Result<Vec<Answer>, String> {
    let methods = methods(case);
    let ends_by_itself = match case.outcome {
        Outcome::Serve | Outcome::Answer(_) => false,
        Outcome::Refuse(_) | Outcome::Close | Outcome::Break | Outcome::Silent | Outcome::Cut(_) => true,
        Outcome::Reset(_) | Outcome::GoAway(_) | Outcome::Gone => return Err("an outcome of HTTP/2".to_owned()),
    };
    if !ends_by_itself {
        let wanted = methods.len();
        let complete = |octets: &[u8]| {
            answers(octets, &methods)
                .is_ok_and(|(answers, _)| answers.iter().filter(|a| a.status >= 200).count() >= wanted)
        };
        let came = client.until(complete).await;
        client.finish().await;
        if !came {
            return Err(format!("{wanted} answers do not come: {}", client.octets().0.escape_ascii()));
        }
    }
    if !client.until(|_| false).await {
        return Err(format!("the connection is not closed: {}", client.octets().0.escape_ascii()));
    }
    let (octets, _) = client.octets();
    let (answers, rest) = answers(&octets, &methods)?;
    if rest.is_empty() { Ok(answers) } else { Err(format!("behind the answers comes {}", rest.escape_ascii())) }
}

/// The methods that final answers are for, in order, the marker's included.
fn methods(case: &Case) -> Vec<&str> {
    let named = case.clauses.iter().find_map(|clause| match clause {
        Clause::Method(method) => Some(method.as_str()),
        _ => None,
    });
    let targets = case.clauses.iter().find_map(|clause| match clause {
        Clause::Targets(targets) => Some(targets.len()),
        _ => None,
    });
    let mut methods = vec!["GET"; targets.unwrap_or(1)];
    methods[0] = named.unwrap_or("GET");
    if !case.steps.contains(&Step::Alone) && matches!(case.outcome, Outcome::Serve | Outcome::Answer(_)) {
        methods.push("GET");
    }
    methods
}
