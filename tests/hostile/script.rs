//! The files of cases: one case a line, in columns, read into values.
//!
//! `id | classes | probe | expectation | payload`. Lines that begin with `#` are comments; `let name = text` names a text
//! for the payloads below it.
//!
//! * The probe's column is `-`, or the level and verdict of a case that the HTTP/1.1 probe knows by this id: `must pass`,
//!   `should warn: reason`.
//! * The expectation is an outcome and clauses that go with it, separated by `;`.
//! * In a payload `~` is CRLF and `\n`, `\r`, `\t`, `\0`, `\s` (space), `\xHH`, `\~`, `\|`, `\{`, `\\` are octets.
//!   `{name}` is a named text, `{name:x}` the same with `x` for each `$` in it, `{9*x}` is nine times `x`; `{wait}`,
//!   `{eof}` and `{alone}` are steps (see [`Step`]).

use std::collections::BTreeMap;

use crate::script2;

/// What a client does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Send(Vec<u8>),
    /// Waits for an answer, interim or not.
    Wait,
    /// Ends the direction of sending.
    Eof,
    /// Sends no marker behind the case.
    Alone,
}

/// What must come of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// `400`: answered with this status, closed; nothing reaches a backend.
    Refuse(u16),
    /// `serve`: reaches the backend once and is answered by it, and the marker behind it too.
    Serve,
    /// `close`: as `serve`, but the connection ends with it.
    Close,
    /// `answer 404`: answered by us; the connection goes on.
    Answer(u16),
    /// `break`: the content cannot be read; nothing whole reaches the backend, and the connection ends.
    Break,
    /// `cut 200`: answered by the backend; the answer breaks off, and the connection ends.
    Cut(u16),
    /// `silent`: the connection ends without an answer.
    Silent,
    /// `reset`, `reset 7`: the stream is reset with this code (HTTP/2); the connection goes on.
    Reset(u32),
    /// `gone`: given up by the client; the connection goes on (HTTP/2).
    Gone,
    /// `goaway`, `goaway 11`: the connection ends with this code.
    GoAway(Option<u32>),
}

/// What must hold besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Clause {
    /// `only h1`, `only h2`: for this protocol towards the backend.
    Only(String),
    /// The method that the backend sees.
    Method(String),
    /// The targets that the backend sees, one for each request of the case.
    Targets(Vec<String>),
    /// The content that the backend sees.
    Body(Vec<u8>),
    /// `has name: value`: the backend sees the field once with this value.
    Has(String, Vec<u8>),
    /// The backend does not see the field.
    Lacks(String),
    /// `trailers name: value`, or `trailers` for none.
    Trailers(Option<(String, Vec<u8>)>),
    /// The status of the answer.
    Status(u16),
    /// `interim 103`, `interim 103 10`: so many interim answers come first.
    Interim(u16, usize),
    /// `tells name: value`: the client's answer has the field once, with this value or (`*`) with any.
    Tells(String, String),
    /// The client's answer does not have the field.
    Hides(String),
    /// `content text`: the content of the client's answer.
    Content(Vec<u8>),
    /// The connection to the backend is not used again.
    Drops,
    /// `not name: value`: the backend does not see the field with this value.
    Not(String, Vec<u8>),
    /// The backend answers with these octets.
    Says(Vec<u8>),
    /// As `Says`, before it has read the content.
    Early(Vec<u8>),
    /// `ends name: value`: the client's answer ends with the trailer; `ends` with none.
    Ends(Option<(String, String)>),
    /// `hangs up`: the backend closes the connection behind its answer.
    Hangs,
    /// The last answer does not say that it is the last.
    Unsaid,
}

/// What the probe thinks of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Probed {
    pub(crate) level: String,
    /// What a verdict that is only a warning is owed to.
    pub(crate) warning: Option<String>,
}

/// One case.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) classes: Vec<String>,
    pub(crate) probed: Option<Probed>,
    pub(crate) outcome: Outcome,
    pub(crate) clauses: Vec<Clause>,
    pub(crate) steps: Vec<Step>,
}

/// What the payloads of a file are, and the answers of backends in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    Octets,
    /// As [`script2`](crate::script2) has them.
    Frames,
}

/// The languages of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Languages {
    pub(crate) payloads: Language,
    pub(crate) answers: Language,
}

/// Reads a file of cases. Panics with the line of what is wrong in it.
pub(crate) fn read(text: &str, languages: Languages) -> Vec<Case> {
    let mut names = BTreeMap::new();
    let mut cases = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some((name, value)) = line.strip_prefix("let ").and_then(|rest| rest.split_once(" = ")) {
            names.insert(name.trim().to_owned(), value.to_owned());
            continue;
        }
        let columns: Vec<_> = line.splitn(5, " | ").map(str::trim).collect();
        let [id, classes, probed, expectation, payload] = columns[..] else {
            panic!("line {}: not five columns", number + 1)
        };
        let mut clauses = expectation.split(';').map(str::trim);
        cases.push(Case {
            id: id.to_owned(),
            classes: classes.split(' ').map(str::to_owned).collect(),
            probed: read_probed(probed),
            outcome: read_outcome(clauses.next().unwrap_or_default()),
            clauses: clauses.map(|clause| read_clause(clause, languages.answers)).collect(),
            steps: match languages.payloads {
                Language::Octets => read_payload(payload, &names),
                Language::Frames => read_frames(payload),
            },
        });
    }
    cases
}

fn read_probed(text: &str) -> Option<Probed> {
    let (level, verdict) = text.split_once(' ')?;
    let warning = match verdict.split_once(": ") {
        Some(("warn", reason)) => Some(reason.to_owned()),
        None if verdict == "pass" => None,
        _ => panic!("no verdict: {text}"),
    };
    Some(Probed { level: level.to_owned(), warning })
}

fn read_outcome(text: &str) -> Outcome {
    let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("no number: {text}"));
    match text.split_once(' ').unwrap_or((text, "")) {
        ("serve", "") => Outcome::Serve,
        ("close", "") => Outcome::Close,
        ("break", "") => Outcome::Break,
        ("silent", "") => Outcome::Silent,
        ("gone", "") => Outcome::Gone,
        ("cut", status) => Outcome::Cut(status.parse().expect("a status is a number")),
        ("answer", status) => Outcome::Answer(status.parse().expect("a status is a number")),
        ("reset", "") => Outcome::Reset(1),
        ("reset", code) => Outcome::Reset(number(code)),
        ("goaway", "") => Outcome::GoAway(None),
        ("goaway", code) => Outcome::GoAway(Some(number(code))),
        (status, "") => Outcome::Refuse(status.parse().unwrap_or_else(|_| panic!("no outcome: {text}"))),
        _ => panic!("no outcome: {text}"),
    }
}

fn read_clause(text: &str, answers: Language) -> Clause {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let field = || {
        let (name, value) = rest.split_once(':').unwrap_or_else(|| panic!("no field: {text}"));
        (name, value.trim_start())
    };
    match word {
        "only" => Clause::Only(rest.to_owned()),
        "method" => Clause::Method(text_of(rest)),
        "target" => Clause::Targets(rest.split(' ').map(text_of).collect()),
        "body" => Clause::Body(literal(rest)),
        "has" => Clause::Has(field().0.to_owned(), literal(field().1)),
        "lacks" => Clause::Lacks(rest.to_owned()),
        "trailers" if rest.is_empty() => Clause::Trailers(None),
        "trailers" => Clause::Trailers(Some((field().0.to_owned(), literal(field().1)))),
        "status" => Clause::Status(rest.parse().expect("a status is a number")),
        "interim" => {
            let (status, times) = rest.split_once(' ').unwrap_or((rest, "1"));
            Clause::Interim(status.parse().expect("a status is a number"), times.parse().expect("a number"))
        }
        "tells" => Clause::Tells(field().0.to_owned(), field().1.to_owned()),
        "hides" => Clause::Hides(rest.to_owned()),
        "content" => Clause::Content(literal(rest)),
        "drops" => Clause::Drops,
        "not" => Clause::Not(field().0.to_owned(), literal(field().1)),
        "says" => Clause::Says(answer(rest, answers)),
        "early" => Clause::Early(answer(rest, answers)),
        "ends" if rest.is_empty() => Clause::Ends(None),
        "ends" => Clause::Ends(Some((field().0.to_owned(), field().1.to_owned()))),
        "hangs" => Clause::Hangs,
        "unsaid" => Clause::Unsaid,
        _ => panic!("no clause: {text}"),
    }
}

fn text_of(text: &str) -> String {
    String::from_utf8(literal(text)).expect("it is text")
}

fn answer(text: &str, language: Language) -> Vec<u8> {
    match language {
        Language::Octets => literal(text),
        // The pieces of a clause are separated by the semicolons that frames would need.
        Language::Frames => script2::octets(&text.replace('&', ";")),
    }
}

fn read_frames(text: &str) -> Vec<Step> {
    let (alone, frames) = text.strip_prefix("{alone}").map_or((false, text), |frames| (true, frames));
    let mut steps = vec![Step::Send(script2::octets(frames))];
    if alone {
        steps.push(Step::Alone);
    }
    steps
}

/// A text without steps and names.
pub(crate) fn literal(text: &str) -> Vec<u8> {
    let steps = read_payload(text, &BTreeMap::new());
    steps
        .into_iter()
        .map(|step| if let Step::Send(octets) = step { octets } else { panic!("a step in {text}") })
        .next()
        .unwrap_or_default()
}

fn read_payload(text: &str, names: &BTreeMap<String, String>) -> Vec<Step> {
    let mut steps = vec![Step::Send(Vec::new())];
    expand(text, names, &mut steps);
    steps.retain(|step| *step != Step::Send(Vec::new()));
    steps
}

fn push(steps: &mut Vec<Step>, octets: &[u8]) {
    match steps.last_mut() {
        Some(Step::Send(last)) => last.extend_from_slice(octets),
        _ => steps.push(Step::Send(octets.to_vec())),
    }
}

fn expand(text: &str, names: &BTreeMap<String, String>, steps: &mut Vec<Step>) {
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        rest = &rest[first.len_utf8()..];
        match first {
            '~' => push(steps, b"\r\n"),
            '\\' => {
                let (octet, behind) = escape(rest);
                push(steps, &[octet]);
                rest = behind;
            }
            '{' => {
                let end = closing(rest);
                braces(&rest[..end], names, steps);
                rest = &rest[end + 1..];
            }
            plain => push(steps, plain.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

/// Where the brace that is open closes.
fn closing(text: &str) -> usize {
    let mut depth = 1;
    for (at, octet) in text.bytes().enumerate() {
        match octet {
            b'{' => depth += 1,
            b'}' if depth == 1 => return at,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    panic!("a brace that does not close: {text}")
}

fn braces(inside: &str, names: &BTreeMap<String, String>, steps: &mut Vec<Step>) {
    if let Some((count, what)) = inside.split_once('*')
        && let Ok(count) = count.parse::<usize>()
    {
        let mut once = vec![Step::Send(Vec::new())];
        expand(what, names, &mut once);
        let [Step::Send(octets)] = &once[..] else { panic!("steps cannot be repeated: {inside}") };
        return push(steps, &octets.repeat(count));
    }
    match inside {
        "wait" => steps.push(Step::Wait),
        "eof" => steps.push(Step::Eof),
        "alone" => steps.push(Step::Alone),
        name => {
            let (name, argument) = name.split_once(':').map_or((name, None), |(name, rest)| (name, Some(rest)));
            let named = names.get(name).unwrap_or_else(|| panic!("nothing is named {name}"));
            match argument {
                Some(argument) => expand(&named.replace('$', argument), names, steps),
                None => expand(named, names, steps),
            }
        }
    }
}

fn escape(text: &str) -> (u8, &str) {
    let mut characters = text.chars();
    let octet = match characters.next() {
        Some('n') => b'\n',
        Some('r') => b'\r',
        Some('t') => b'\t',
        Some('0') => 0,
        Some('s') => b' ',
        Some(other @ ('~' | '|' | '{' | '}' | '\\' | ';' | '$')) => u8::try_from(other).expect("it is ASCII"),
        Some('x') => {
            let octet = text.get(1..3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
            return (octet.unwrap_or_else(|| panic!("no octet: \\{text}")), &text[3..]);
        }
        _ => panic!("no escape: \\{text}"),
    };
    (octet, characters.as_str())
}
