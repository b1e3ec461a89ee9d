//! Runs one case over HTTP/2: sends its frames with a marker behind them, reads every frame that comes, and holds what
//! reached the backend against what was to reach it.

use std::net::SocketAddr;

use crate::client1::{Client, Pace, number};
use crate::frames::{
    self, ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, Frame, GOAWAY, HEADERS, PREFACE, RST_STREAM,
};
use crate::frames::{SETTINGS, frame};
use crate::hpack::Decoder;
use crate::outcome::{Answer, Checked, check_answers, check_seen};
use crate::recorder::{Recorder, head_frame};
use crate::script::{Case, Outcome, Step};

/// The stream of a case; its marker comes on a later one.
const CASE: u32 = 1;
/// Larger than any that a case uses.
const MARKER: u32 = 99_999;

/// What has come on a connection so far.
#[derive(Debug, Default)]
struct Received {
    case: Stream,
    marker: Stream,
    goaway: Option<u32>,
}

/// What has come on a stream.
#[derive(Debug, Default)]
struct Stream {
    answers: Vec<Answer>,
    reset: Option<u32>,
    ended: bool,
}

impl Received {
    /// Reads everything that came, from the beginning.
    fn read(octets: &[u8]) -> Result<Self, String> {
        let mut received = Self::default();
        let mut octets = octets.to_vec();
        let mut decoder = Decoder::default();
        let mut section: Option<(Frame, Vec<u8>)> = None;
        while let Some(taken) = frames::take(&mut octets) {
            let (stream, flags) = (taken.stream, taken.flags);
            match taken.kind {
                HEADERS => section = Some((taken.clone(), taken.content().to_vec())),
                CONTINUATION => section.as_mut().ok_or("a stray CONTINUATION")?.1.extend_from_slice(&taken.payload),
                DATA => {
                    let content = taken.content().to_vec();
                    received.on(stream, |on| {
                        if let Some(answer) = on.answers.last_mut() {
                            answer.body.extend_from_slice(&content);
                        }
                        on.ended |= flags & END_STREAM != 0;
                    });
                }
                RST_STREAM => received.on(stream, |on| on.reset = Some(taken.code())),
                GOAWAY => received.goaway = Some(taken.code()),
                _ => {}
            }
            if flags & END_HEADERS != 0
                && let Some((first, block)) = section.take_if(|_| matches!(taken.kind, HEADERS | CONTINUATION))
            {
                let fields = decoder.decode(&block)?;
                received.on(first.stream, |on| on.section(&fields, first.has(END_STREAM)));
            }
        }
        Ok(received)
    }

    fn on(&mut self, stream: u32, change: impl FnOnce(&mut Stream)) {
        match stream {
            CASE => change(&mut self.case),
            MARKER => change(&mut self.marker),
            _ => {}
        }
    }

    /// Whether nothing more is to be waited for.
    fn is_over(&self, outcome: &Outcome) -> bool {
        let over = |stream: &Stream| stream.ended || stream.reset.is_some();
        let case = *outcome == Outcome::Gone || over(&self.case);
        self.goaway.is_some_and(|code| code != 0) || (over(&self.marker) && case)
    }
}

impl Stream {
    /// The answers; the last is whole if the stream has ended well.
    fn whole(&self) -> Vec<Answer> {
        let mut answers = self.answers.clone();
        if let Some(last) = answers.last_mut() {
            last.whole = self.ended && self.reset.is_none_or(|code| code == 0);
        }
        answers
    }

    fn section(&mut self, fields: &[crate::reader::Field], last: bool) {
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        let mut fields: Vec<_> = fields.iter().map(|(name, value)| (text(name), text(value))).collect();
        self.ended |= last;
        if fields.first().is_some_and(|(name, _)| name == ":status") {
            let status = fields.remove(0).1.parse().unwrap_or(0);
            self.answers.push(Answer { status, fields, ..Answer::default() });
        } else if let Some(answer) = self.answers.last_mut() {
            answer.trailers = fields;
        }
    }
}

/// Runs a case. The error says everything that is not as it was to be.
pub(crate) async fn run(server: SocketAddr, origin: &Recorder, case: &Case) -> Result<(), String> {
    let number = number();
    let mut checked = Checked::begin(origin, case, number);
    let mut client = Client::connect(server).await;
    send(&mut client, case, &checked.marker_target()).await;
    let came =
        client.until(|octets| Received::read(octets).is_ok_and(|received| received.is_over(&case.outcome))).await;
    client.finish().await;
    let closed = client.until(|_| false).await;
    let probed = checked.probe(server).await;
    checked
        .finish(|checked| {
            let (octets, _) = client.octets();
            let received = Received::read(&octets)?;
            if !came || !closed {
                return Err(format!("no end comes: {received:?}"));
            }
            probed?;
            check(case, &received)?;
            check_seen(checked, case, true)
        })
        .await
}

async fn send(client: &mut Client, case: &Case, marker: &str) {
    let mut octets = [PREFACE, &frame(SETTINGS, 0, 0, &[]), &frame(SETTINGS, ACK, 0, &[])].concat();
    for step in &case.steps {
        if let Step::Send(frames) = step {
            octets.extend_from_slice(frames);
        }
    }
    if !case.steps.contains(&Step::Alone) {
        let fields = [(":method", "GET"), (":scheme", "http"), (":path", marker), (":authority", "a.test")];
        let mut request = head_frame(&fields, END_STREAM);
        request[5..9].copy_from_slice(&MARKER.to_be_bytes());
        octets.extend_from_slice(&request);
    }
    client.send(&octets, Pace::AtOnce).await;
}

fn check(case: &Case, received: &Received) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("{what}: {received:?}"));
    match case.outcome {
        Outcome::GoAway(code) => match received.goaway {
            None | Some(0) => wrong("the connection does not end with an error"),
            Some(sent) if code.is_some_and(|code| code != sent) => wrong("the connection ends otherwise"),
            Some(_) => Ok(()),
        },
        Outcome::Reset(code) => {
            let resets = received.case.reset == Some(code) && received.case.answers.is_empty();
            let marked = received.marker.answers.iter().map(|answer| answer.status).eq([200]);
            if received.goaway.unwrap_or(0) != 0 {
                wrong("the connection ends")
            } else if !resets {
                wrong("the stream is not reset")
            } else if !marked {
                wrong("the marker is not answered")
            } else {
                Ok(())
            }
        }
        _ => check_answers(case, &[received.case.whole(), received.marker.whole()].concat()),
    }
}
