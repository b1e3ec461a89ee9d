//! HTTP/1.1 messages as tests look at them: read plainly, independent of the codec under test, and strictly, so that
//! what the proxy writes is checked by being read.

use super::raw::Ended;

/// How much of a message is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    Request,
    Response,
    /// Up to the empty line.
    HeadOnly,
}

/// A request or a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The request line or the status line.
    pub start: String,
    /// Names and values as they came.
    pub fields: Vec<(String, String)>,
    /// The content, decoded if it was chunked.
    pub body: Vec<u8>,
    /// The sizes of the chunks, where the content was chunked.
    pub chunks: Vec<usize>,
    pub trailers: Vec<(String, String)>,
}

impl Message {
    /// The status of a response. Panics for a request.
    #[must_use]
    pub fn status(&self) -> u16 {
        let status = self.start.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
        status.and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no status line: {:?}", self.start))
    }

    /// All values of a field, whatever the case of its name.
    #[must_use]
    pub fn all(&self, name: &str) -> Vec<&str> {
        let named = self.fields.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// The value of a field that stands once, if it is there. Panics if it stands more than once.
    #[must_use]
    pub fn one(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() < 2, "{name} stands more than once: {all:?}");
        all.first().copied()
    }

    /// The content as text.
    #[must_use]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the content is text")
    }

    /// The content as JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {}", self.text()))
    }
}

/// Reads one message from the start of `octets`, with the number of octets it took. `None` if it is not whole yet.
pub(super) fn read_message(octets: &[u8], reading: Reading, ended: Ended) -> Option<(Message, usize)> {
    let head = memchr::memmem::find(octets, b"\r\n\r\n")? + 4;
    let mut lines = lines_of(octets.get(..head - 4)?);
    let start = lines.remove(0);
    let fields = lines.iter().map(|line| field_of(line)).collect();
    let mut message = Message { start, fields, body: Vec::new(), chunks: Vec::new(), trailers: Vec::new() };
    let rest = octets.get(head..)?;
    let length = match length_of(&message, reading) {
        Length::None => 0,
        Length::Octets(length) => {
            message.body = rest.get(..length)?.to_vec();
            length
        }
        Length::Chunked => read_chunks(rest, &mut message)?,
        Length::UntilClose if ended == Ended::Yes => {
            message.body = rest.to_vec();
            rest.len()
        }
        Length::UntilClose => return None,
    };
    Some((message, head + length))
}

enum Length {
    None,
    Octets(usize),
    Chunked,
    UntilClose,
}

/// RFC 9112 §6.3.
fn length_of(message: &Message, reading: Reading) -> Length {
    let length = message.one("content-length").map(|value| value.parse().expect("a length is a number"));
    let coding = message.one("transfer-encoding");
    assert!(length.is_none() || coding.is_none(), "two lengths: {message:?}");
    let bodiless = match reading {
        Reading::HeadOnly => true,
        Reading::Request => false,
        Reading::Response => matches!(message.status(), 100..=199 | 204 | 304),
    };
    match (bodiless, coding, length) {
        (true, _, _) => Length::None,
        (false, Some(coding), _) => {
            assert_eq!(coding, "chunked");
            Length::Chunked
        }
        (false, None, Some(length)) => Length::Octets(length),
        (false, None, None) if reading == Reading::Request => Length::None,
        (false, None, None) => Length::UntilClose,
    }
}

fn read_chunks(octets: &[u8], message: &mut Message) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = octets.get(at..)?;
        let line_end = memchr::memmem::find(rest, b"\r\n")?;
        let line = std::str::from_utf8(rest.get(..line_end)?).expect("a chunk size is text");
        let size = usize::from_str_radix(line, 16).unwrap_or_else(|_| panic!("no chunk size: {line:?}"));
        at += line_end + 2;
        if size == 0 {
            break;
        }
        let data = octets.get(at..at + size)?;
        let end = octets.get(at + size..at + size + 2)?;
        assert_eq!(end, b"\r\n", "a chunk ends with CRLF");
        message.body.extend_from_slice(data);
        message.chunks.push(size);
        at += size + 2;
    }
    let rest = octets.get(at..)?;
    if rest.starts_with(b"\r\n") {
        return Some(at + 2);
    }
    let end = memchr::memmem::find(rest, b"\r\n\r\n")?;
    message.trailers = lines_of(rest.get(..end)?).iter().map(|line| field_of(line)).collect();
    Some(at + end + 4)
}

fn lines_of(head: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(head);
    text.split("\r\n")
        .map(|line| {
            assert!(!line.contains(['\r', '\n']), "a line end inside a line: {line:?}");
            line.to_owned()
        })
        .collect()
}

fn field_of(line: &str) -> (String, String) {
    let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("no field: {line:?}"));
    (name.to_owned(), value.trim_matches([' ', '\t']).to_owned())
}
