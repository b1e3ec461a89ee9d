//! Our HTTP/1.1 parser against hyper's, on random legal and illegal input: every difference is explained.
//!
//! The same octets go to our codec and to a hyper server over an in-memory pipe. Whatever both accept they must read
//! alike: method, target, fields, content. What hyper accepts and we refuse must be refused for a reason in
//! `explain::STRICTER`, each of which is shown to be real by an example; what we accept and hyper refuses must be in
//! `explain::laxer`, which holds only what a later stage of ours decides.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod explain;
mod generate;
mod hyper_side;
mod our_side;

use proptest::prelude::*;

/// One request as a reader understood it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) authority: Option<String>,
    /// Lower-case names with values, sorted.
    pub(crate) fields: Vec<(String, Vec<u8>)>,
    pub(crate) content: Vec<u8>,
}

/// How a reader left a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// All input was read.
    Exhausted,
    /// The last message closes the connection; what follows is not read.
    Closed,
    /// The input ends within a message.
    Truncated,
    /// The input is refused, for this reason.
    Refused(String),
}

/// What a reader made of a connection's input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) messages: Vec<Message>,
    pub(crate) end: End,
}

/// The difference between two readings that nothing explains, if there is one.
fn unexplained(ours: &Reading, hypers: &Reading) -> Option<String> {
    let both = ours.messages.len().min(hypers.messages.len());
    if let Some(at) = (0..both).find(|at| ours.messages.get(*at) != hypers.messages.get(*at)) {
        return Some(format!("message {at} is read differently"));
    }
    if let Some(message) = ours.messages.get(both) {
        return (!explain::laxer(message)).then(|| "we accept what hyper refuses".to_owned());
    }
    if hypers.messages.len() == both {
        return None;
    }
    match &ours.end {
        End::Refused(code) if explain::is_stricter(code) => None,
        End::Refused(code) => Some(format!("we refuse what hyper accepts: {code}")),
        End::Closed if ours.messages.last().is_some_and(explain::closes_sooner) => None,
        End::Closed => Some("we close what hyper keeps".to_owned()),
        End::Exhausted | End::Truncated => Some("hyper finds a message where we find none".to_owned()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4_000) })]

    #[test]
    fn every_difference_from_hyper_is_explained(input in generate::connection()) {
        let ours = our_side::read(&input);
        let hypers = hyper_side::read(&input);
        if let Some(difference) = unexplained(&ours, &hypers) {
            prop_assert!(false, "{difference}\ninput: {}\nours: {ours:?}\nhyper: {hypers:?}", input.escape_ascii());
        }
    }
}

#[test]
fn every_listed_difference_is_real() {
    for stricter in explain::STRICTER {
        let ours = our_side::read(stricter.example);
        let example = stricter.example.escape_ascii();
        assert_eq!(ours.end, End::Refused(stricter.code.to_owned()), "{example}");
        let hypers = hyper_side::read(stricter.example);
        assert!(!hypers.messages.is_empty(), "hyper refuses it too: {example} {hypers:?}");
    }
}

#[test]
fn an_ordinary_pipeline_is_read_alike() {
    let input = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nPOST /p?q HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi\
        PUT http://b/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: u\r\n\r\n";
    let ours = our_side::read(input);
    assert_eq!(ours, hyper_side::read(input));
    assert_eq!((ours.messages.len(), ours.end), (3, End::Exhausted));
}
