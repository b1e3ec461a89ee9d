//! What came of a case, and whether it is what had to come of it: the answers that the client has read, and the requests
//! that the origin has seen between the beginning of the case and a probe behind it.

use std::fmt;
use std::net::SocketAddr;

use crate::client1::{Client, Pace};
use crate::reader::Request;
use crate::recorder::{Recorder, Script, Seen, Then, When};
use crate::script::{Case, Clause, Outcome, Step};

/// An answer as a client reads it.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Vec<(String, String)>,
    /// Whether it is there to its end.
    pub(crate) whole: bool,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = if self.whole { "" } else { " (cut)" };
        let body = self.body.get(..40).unwrap_or(&self.body).escape_ascii();
        write!(f, "{} {:?} \"{body}\" {:?}{end}", self.status, self.fields, self.trailers)
    }
}

impl Answer {
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Reads HTTP/1.1 answers one after another, and gives what is left. One that is cut off counts as begun.
pub(crate) fn answers<'o>(octets: &'o [u8], methods: &[&str]) -> Result<(Vec<Answer>, &'o [u8]), String> {
    let mut answers = Vec::new();
    let mut rest = octets;
    let mut finals = 0;
    while !rest.is_empty() {
        let Some(end) = rest.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok((answers, rest)) };
        let mut answer = read_head(&rest[..end])?;
        rest = &rest[end + 4..];
        if answer.status >= 200 {
            let method = methods.get(finals).copied().unwrap_or("GET");
            rest = read_body(&mut answer, rest, method)?;
            finals += 1;
        }
        let switched = answer.status == 101;
        answers.push(answer);
        if switched {
            break;
        }
    }
    Ok((answers, rest))
}

fn read_head(head: &[u8]) -> Result<Answer, String> {
    let wrong = || format!("no answer: {}", head.escape_ascii());
    let mut lines = head.split(|octet| *octet == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let start = lines.next().and_then(|line| line.strip_prefix(b"HTTP/1.1 ")).ok_or_else(wrong)?;
    let status = std::str::from_utf8(start.get(..3).unwrap_or_default()).ok().and_then(|text| text.parse().ok());
    let mut answer = Answer { status: status.ok_or_else(wrong)?, whole: true, ..Answer::default() };
    for line in lines {
        let line = String::from_utf8_lossy(line).into_owned();
        if line.contains('\r') {
            return Err(wrong());
        }
        let (name, value) = line.split_once(": ").ok_or_else(wrong)?;
        answer.fields.push((name.to_owned(), value.to_owned()));
    }
    Ok(answer)
}

fn read_body<'o>(answer: &mut Answer, rest: &'o [u8], method: &str) -> Result<&'o [u8], String> {
    let lengths: Vec<_> = answer.all("content-length").map(str::to_owned).collect();
    let codings: Vec<_> = answer.all("transfer-encoding").map(str::to_owned).collect();
    if method == "HEAD" || matches!(answer.status, 204 | 304) {
        return Ok(rest);
    }
    match (&lengths[..], &codings[..]) {
        ([length], []) => {
            let length: usize = length.parse().map_err(|_| format!("no length: {length}"))?;
            let (body, behind) = rest.split_at(length.min(rest.len()));
            answer.body = body.to_vec();
            answer.whole = body.len() == length;
            Ok(behind)
        }
        ([], [coding]) if coding == "chunked" => read_chunks(answer, rest),
        ([], []) => {
            answer.body = rest.to_vec();
            Ok(&[])
        }
        _ => Err(format!("an answer with two lengths: {answer:?}")),
    }
}

fn read_chunks<'o>(answer: &mut Answer, mut rest: &'o [u8]) -> Result<&'o [u8], String> {
    loop {
        let Some(end) = rest.windows(2).position(|two| two == b"\r\n") else {
            answer.whole = false;
            return Ok(&[]);
        };
        let size = std::str::from_utf8(&rest[..end]).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
        let size = size.ok_or_else(|| format!("no chunk size: {}", rest[..end].escape_ascii()))?;
        rest = &rest[end + 2..];
        if size == 0 {
            return read_trailers(answer, rest);
        }
        answer.body.extend_from_slice(rest.get(..size).unwrap_or(rest));
        let Some([b'\r', b'\n', behind @ ..]) = rest.get(size..) else {
            answer.whole = false;
            return Ok(&[]);
        };
        rest = behind;
    }
}

fn read_trailers<'o>(answer: &mut Answer, mut rest: &'o [u8]) -> Result<&'o [u8], String> {
    loop {
        let Some(end) = rest.windows(2).position(|two| two == b"\r\n") else {
            answer.whole = false;
            return Ok(&[]);
        };
        let line = String::from_utf8_lossy(&rest[..end]).into_owned();
        rest = &rest[end + 2..];
        if line.is_empty() {
            return Ok(rest);
        }
        let (name, value) = line.split_once(": ").ok_or_else(|| format!("no trailer: {line}"))?;
        answer.trailers.push((name.to_owned(), value.to_owned()));
    }
}

/// A case under way.
#[derive(Debug)]
pub(crate) struct Checked<'a> {
    origin: &'a Recorder,
    case: &'a Case,
    number: usize,
    seen: usize,
    faults: usize,
}

impl<'a> Checked<'a> {
    pub(crate) fn begin(origin: &'a Recorder, case: &'a Case, number: usize) -> Self {
        let hangs = case.clauses.contains(&Clause::Hangs);
        let then = if hangs { Then::Close } else { Then::Stay };
        origin.answer_with(case.clauses.iter().find_map(|clause| match clause {
            Clause::Says(answer) => Some(Script { answer: answer.clone(), when: When::Whole, then }),
            Clause::Early(answer) => Some(Script { answer: answer.clone(), when: When::Head, then }),
            _ => None,
        }));
        let log = origin.log();
        let (seen, faults) = (log.seen.len(), log.faults.len());
        drop(log);
        Self { origin, case, number, seen, faults }
    }

    /// The target of the request behind the case on its connection.
    pub(crate) fn marker_target(&self) -> String {
        format!("/marker-{}", self.number)
    }

    pub(crate) fn marker(&self) -> String {
        format!("GET {} HTTP/1.1\r\nHost: a.test\r\n\r\n", self.marker_target())
    }

    fn probe_target(&self) -> String {
        format!("/probe-{}", self.number)
    }

    /// A request on a connection of its own: when it is answered, what came of the case has come.
    pub(crate) async fn probe(&self, server: SocketAddr) -> Result<(), String> {
        let mut client = Client::connect(server).await;
        let probe = format!("GET {} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n", self.probe_target());
        client.send(probe.as_bytes(), Pace::AtOnce).await;
        client.until(|_| false).await;
        let (octets, _) = client.octets();
        if !octets.starts_with(b"HTTP/1.1 200 ") {
            return Err(format!("the probe is lost: {}", octets.escape_ascii()));
        }
        let ended = self.origin.until(|log| log.under_way.is_empty()).await;
        if ended { Ok(()) } else { Err("a broken request stays open at the origin".to_owned()) }
    }

    /// What the origin has seen of the case, without the probe.
    fn seen(&self) -> Result<Vec<Seen>, String> {
        let log = self.origin.log();
        let mut seen = log.seen[self.seen..].to_vec();
        match seen.pop() {
            Some(last) if last.request.target == self.probe_target().as_bytes() => Ok(seen),
            last => Err(format!("the last request is not the probe: {last:?}")),
        }
    }

    /// Adds what the origin found wrong, and says where it was.
    pub(crate) async fn finish(&mut self, check: impl FnOnce(&Self) -> Result<(), String>) -> Result<(), String> {
        let mut result = check(self);
        let dropped = self.case.clauses.contains(&Clause::Drops);
        if dropped && result.is_ok() {
            let connection = self.seen()?.first().map(|seen| seen.connection);
            let connection = connection.ok_or("nothing was seen")?;
            if !self.origin.until(|log| log.ended[connection]).await {
                result = Err("the connection to the origin stays".to_owned());
            }
        }
        let log = self.origin.log();
        for fault in &log.faults[self.faults..] {
            result = Err(format!("{}the origin: {fault}", result.err().map_or_else(String::new, |e| e + "; ")));
        }
        result.map_err(|error| format!("{}: {error}", self.case.id))
    }
}

/// The answers of a case, the marker's included.
pub(crate) fn check_answers(case: &Case, answers: &[Answer]) -> Result<(), String> {
    let finals: Vec<_> = answers.iter().filter(|answer| answer.status >= 200).collect();
    let statuses: Vec<_> = finals.iter().map(|answer| answer.status).collect();
    let markers = !case.steps.contains(&Step::Alone);
    let mut wanted = match case.outcome {
        Outcome::Refuse(status) | Outcome::Answer(status) | Outcome::Cut(status) => vec![status],
        Outcome::Serve | Outcome::Close => vec![200; targets(case).map_or(1, <[String]>::len)],
        Outcome::Break if statuses.is_empty() => vec![],
        Outcome::Break => vec![400],
        Outcome::Silent | Outcome::Reset(_) | Outcome::GoAway(_) | Outcome::Gone => vec![],
    };
    for clause in &case.clauses {
        if let Clause::Status(status) = clause {
            wanted[0] = *status;
        }
    }
    if markers && matches!(case.outcome, Outcome::Serve | Outcome::Answer(_) | Outcome::Gone) {
        wanted.push(200);
    }
    if statuses != wanted {
        return Err(format!("answered {statuses:?}, not {wanted:?}: {answers:?}"));
    }
    if matches!(case.outcome, Outcome::Cut(_)) == finals.iter().all(|answer| answer.whole) && !finals.is_empty() {
        return Err(format!("an answer is whole, or broken, and should not be: {answers:?}"));
    }
    let unsaid = case.clauses.contains(&Clause::Unsaid);
    let closing = matches!(case.outcome, Outcome::Refuse(_) | Outcome::Close | Outcome::Break) && !unsaid;
    if let Some(last) = finals.last().filter(|_| closing)
        && last.fields.iter().any(|(name, _)| name.starts_with(|first: char| first.is_ascii_uppercase()))
        && !last.all("connection").any(|value| value == "close")
    {
        return Err(format!("the last answer does not say that it is: {last:?}"));
    }
    let wanted = case.clauses.iter().flat_map(|clause| match clause {
        Clause::Interim(status, times) => vec![*status; *times],
        _ => Vec::new(),
    });
    let wanted: Vec<_> = wanted.collect();
    // Whoever sends the content without waiting is told to go on or not, as it has arrived by then (RFC 9110 §10.1.1).
    let either = asks_to_go_on(case) && !wanted.contains(&100);
    let interim = answers.iter().map(|answer| answer.status).filter(|status| *status < 200);
    let interim: Vec<_> = interim.filter(|status| !(either && *status == 100)).collect();
    if interim != wanted {
        return Err(format!("interim answers {interim:?}, not {wanted:?}"));
    }
    check_first(case, finals.first().copied())
}

fn asks_to_go_on(case: &Case) -> bool {
    let asks = |octets: &[u8]| octets.windows(12).any(|window| window.eq_ignore_ascii_case(b"100-continue"));
    case.steps.iter().any(|step| matches!(step, Step::Send(octets) if asks(octets)))
}

/// The clauses about the first answer.
fn check_first(case: &Case, first: Option<&Answer>) -> Result<(), String> {
    let none = Answer::default();
    let first = first.unwrap_or(&none);
    let holds = |clause: &Clause| match clause {
        Clause::Tells(name, value) if value == "*" => first.all(name).count() == 1,
        Clause::Tells(name, value) => first.all(name).eq([value.as_str()]),
        Clause::Ends(None) => first.trailers.is_empty(),
        Clause::Ends(Some((name, value))) => {
            first.trailers.iter().any(|(own, is)| own.eq_ignore_ascii_case(name) && is == value)
        }
        Clause::Hides(name) => first.all(name).next().is_none(),
        Clause::Content(body) => first.body == *body && first.whole,
        _ => true,
    };
    match case.clauses.iter().find(|clause| !holds(clause)) {
        Some(clause) => Err(format!("{clause:?} does not hold for {first:?}")),
        None => Ok(()),
    }
}

fn targets(case: &Case) -> Option<&[String]> {
    case.clauses.iter().find_map(|clause| if let Clause::Targets(targets) = clause { Some(&targets[..]) } else { None })
}

/// The requests that reached the origin.
pub(crate) fn check_seen(checked: &Checked<'_>, case: &Case, multiplexed: bool) -> Result<(), String> {
    let mut seen = checked.seen()?;
    if multiplexed {
        // Streams end in any order.
        seen.sort_by_key(|seen| seen.request.target.starts_with(b"/marker"));
    }
    let names: Vec<_> = seen.iter().map(|seen| String::from_utf8_lossy(&seen.request.target).into_owned()).collect();
    let served = matches!(case.outcome, Outcome::Serve | Outcome::Close | Outcome::Cut(_));
    let marked = matches!(case.outcome, Outcome::Serve | Outcome::Answer(_) | Outcome::Reset(_) | Outcome::Gone);
    let mut wanted: Vec<String> = match (served, targets(case)) {
        (false, _) => Vec::new(),
        (true, Some(targets)) => targets.to_vec(),
        (true, None) => vec!["/".to_owned()],
    };
    if marked && !case.steps.contains(&Step::Alone) {
        wanted.push(checked.marker_target());
    }
    if names != wanted {
        return Err(format!("the origin sees {names:?}, not {wanted:?}"));
    }
    match seen.first().filter(|_| served) {
        Some(first) => check_request(case, &first.request),
        None => Ok(()),
    }
}

fn check_request(case: &Case, request: &Request) -> Result<(), String> {
    let holds = |clause: &Clause| match clause {
        Clause::Method(method) => request.method == method.as_bytes(),
        Clause::Body(body) => request.body == *body,
        Clause::Has(name, value) => request.one(name) == Some(value),
        Clause::Not(name, value) => request.all(name).all(|own| own != value),
        Clause::Lacks(name) => request.all(name).next().is_none(),
        Clause::Trailers(None) => request.trailers.is_empty(),
        Clause::Trailers(Some((name, value))) => {
            request.trailers.iter().any(|(own, is)| own.eq_ignore_ascii_case(name.as_bytes()) && is == value)
        }
        _ => true,
    };
    match case.clauses.iter().find(|clause| !holds(clause)) {
        Some(clause) => Err(format!("{clause:?} does not hold for {request:?}")),
        None => Ok(()),
    }
}
