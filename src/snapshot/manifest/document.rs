//! The documents of one file: bytes to untyped values, each document on its own.
//!
//! A document with broken syntax costs only itself here; what that means for the file is for [`super::folder`] to
//! decide. Bounds: nesting, and the copies that anchors and aliases may make ([`NESTING`], [`REPLAYED_EVENTS`]). What
//! a document without aliases can take up is bounded by its size.

use serde_json::Value;
use serde_saphyr::Options;

use super::syntax::{self, SyntaxError, Unique};

/// How deep a document may nest, in mappings and sequences. Kubernetes objects stay below 20.
pub(super) const NESTING: usize = 64;
/// How many YAML events the aliases of one document may add to it.
const REPLAYED_EVENTS: usize = 100_000;
/// How many YAML events one document may have by itself; one event is at least one byte of the file.
const EVENTS: usize = super::FILE_BYTES;

/// How a file spells its documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Yaml,
    Json,
}

/// One document of a file.
#[derive(Debug)]
pub struct Document {
    /// Its place among the documents of the file that are not empty, from 1.
    pub index: usize,
    /// The line that it starts on, from 1.
    pub line: usize,
    pub value: Result<Value, SyntaxError>,
}

/// Reads the documents of a file. Empty documents are left out.
#[must_use]
pub fn documents(format: Format, bytes: &[u8]) -> Vec<Document> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(error) => {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = 1 + memchr::memchr_iter(b'\n', before).count();
            let value = Err(SyntaxError { line, reason: "the file is not UTF-8".to_owned() });
            return vec![Document { index: 1, line: 1, value }];
        }
    };
    match format {
        Format::Yaml => yaml(text),
        Format::Json => json(text),
    }
}

fn yaml(text: &str) -> Vec<Document> {
    let mut documents = Vec::new();
    for Piece { line, text } in pieces(text) {
        let value = match serde_saphyr::from_str_with_options::<Value>(text, options()) {
            Ok(Value::Null) => continue,
            Ok(value) => Ok(value),
            Err(error) => {
                let at = error.location().and_then(|at| usize::try_from(at.line()).ok()).unwrap_or(1).max(1);
                Err(SyntaxError { line: line + at - 1, reason: syntax::of_yaml(&error) })
            }
        };
        documents.push(Document { index: documents.len() + 1, line, value });
    }
    documents
}

fn options() -> Options {
    serde_saphyr::options! {
        with_snippet: false,
        emit_comments: false,
        budget: serde_saphyr::budget! {
            max_events: EVENTS + REPLAYED_EVENTS,
            max_nodes: EVENTS + REPLAYED_EVENTS,
            max_total_scalar_bytes: 2 * super::FILE_BYTES,
            max_depth: NESTING,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: REPLAYED_EVENTS,
        },
    }
}

/// A part of a file that holds at most one document.
#[derive(Debug, PartialEq, Eq)]
struct Piece<'a> {
    line: usize,
    text: &'a str,
}

/// Cuts a stream at its document markers. A line that starts with `---` or `...` is a marker wherever it stands, even
/// within a quoted scalar (YAML 1.2, 9.1.2 and 9.1.4), so that no parser is needed to find the documents.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut start, mut start_line, mut content) = (0, 1, Content::None);
    let mut offset = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let end = offset + line.len();
        match line_of(line) {
            Line::Start if content == Content::Some => {
                push(&mut pieces, text, start..offset, start_line);
                (start, start_line) = (offset, index + 1);
            }
            Line::End => {
                if content == Content::Some {
                    push(&mut pieces, text, start..end, start_line);
                }
                (start, start_line, content) = (end, index + 2, Content::None);
            }
            Line::Content | Line::Start => content = Content::Some,
            Line::Blank => {}
        }
        offset = end;
    }
    if content == Content::Some {
        push(&mut pieces, text, start..offset, start_line);
    }
    pieces
}

fn push<'a>(pieces: &mut Vec<Piece<'a>>, text: &'a str, range: std::ops::Range<usize>, line: usize) {
    if let Some(text) = text.get(range) {
        pieces.push(Piece { line, text });
    }
}

/// Whether a piece holds more than blank lines, comments and directives so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    None,
    Some,
}

enum Line {
    /// `---`, alone or before content.
    Start,
    /// `...`, alone.
    End,
    /// Empty, a comment or a directive: no document by itself.
    Blank,
    Content,
}

fn line_of(line: &str) -> Line {
    let marker = |marker| {
        let rest: Option<&str> = line.strip_prefix(marker);
        rest.filter(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
    };
    let passive = |text: &str| text.trim().is_empty() || text.trim_start().starts_with('#');
    if marker("---").is_some() {
        Line::Start
    } else if marker("...").is_some_and(passive) {
        Line::End
    } else if passive(line) || line.starts_with('%') {
        Line::Blank
    } else {
        Line::Content
    }
}

fn json(text: &str) -> Vec<Document> {
    let mut documents = Vec::new();
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Unique>();
    let (mut line, mut from) = (1, 0);
    loop {
        let rest = text.get(from..).unwrap_or_default();
        let blank = rest.len() - rest.trim_start().len();
        line += newlines(rest.get(..blank).unwrap_or_default());
        let Some(result) = stream.next() else { break };
        let end = stream.byte_offset();
        let failed = result.is_err();
        let value = result
            .map(|Unique(value)| value)
            .map_err(|error| SyntaxError { line: error.line(), reason: syntax::of_json(&error) });
        if !matches!(value, Ok(Value::Null)) {
            documents.push(Document { index: documents.len() + 1, line, value });
        }
        if failed {
            break;
        }
        line += newlines(text.get(from + blank..end).unwrap_or_default());
        from = end;
    }
    documents
}

fn newlines(text: &str) -> usize {
    memchr::memchr_iter(b'\n', text.as_bytes()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<(usize, usize, bool)> {
        documents(Format::Yaml, text.as_bytes()).iter().map(|d| (d.index, d.line, d.value.is_ok())).collect()
    }

    #[test]
    fn a_broken_document_leaves_its_neighbours_alone() {
        assert_eq!(lines("a: 1\n---\nb: [\n---\nc: 3\n"), [(1, 1, true), (2, 2, false), (3, 4, true)]);
    }

    #[test]
    fn the_line_of_an_error_counts_from_the_top_of_the_file() {
        let documents = documents(Format::Yaml, b"a: 1\n---\nb: 1\nb: 2\n");
        let Err(error) = &documents[1].value else { panic!("a repeated key is an error") };
        assert_eq!(error.line, 4, "{error:?}");
        assert!(!error.reason.contains(" at line "), "{error:?}");
    }

    #[test]
    fn empty_documents_and_comments_are_no_documents() {
        assert_eq!(lines(""), []);
        assert_eq!(lines("# nothing\n---\n---\n# more\n...\n"), []);
        assert_eq!(lines("---\n# first\n---\na: 1\n...\n---\nb: 2\n"), [(1, 3, true), (2, 6, true)]);
    }

    #[test]
    fn directives_belong_to_the_document_that_follows() {
        assert_eq!(lines("%YAML 1.2\n---\na: 1\n...\n%YAML 1.2\n---\nb: 1\n"), [(1, 1, true), (2, 5, true)]);
    }

    #[test]
    fn windows_line_ends_and_a_byte_order_mark_are_accepted() {
        assert_eq!(lines("\u{feff}a: 1\r\n---\r\nb: 2\r\n"), [(1, 1, true), (2, 2, true)]);
    }

    #[test]
    fn an_alias_bomb_is_refused() {
        let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..9 {
            let below = format!("*a{}", level - 1);
            text = format!("{text}a{level}: &a{level} [{}]\n", [below.as_str(); 10].join(","));
        }
        assert_eq!(lines(&text), [(1, 1, false)]);
    }

    #[test]
    fn nesting_is_bounded() {
        assert_eq!(lines(&"[".repeat(10_000)), [(1, 1, false)]);
        assert!(documents(Format::Json, "[".repeat(10_000).as_bytes())[0].value.is_err());
    }

    #[test]
    fn json_documents_follow_one_another() {
        let documents = documents(Format::Json, b"{\"a\": 1}\n\n{\"b\": 2}\n{\"c\": ");
        let seen: Vec<_> = documents.iter().map(|d| (d.index, d.line, d.value.is_ok())).collect();
        assert_eq!(seen, [(1, 1, true), (2, 3, true), (3, 4, false)]);
    }

    #[test]
    fn a_repeated_key_is_an_error_in_both_formats() {
        for (format, text) in [(Format::Yaml, "a: {b: 1, b: 2}"), (Format::Json, "{\"a\": {\"b\": 1, \"b\": 2}}")] {
            let documents = documents(format, text.as_bytes());
            let error = documents[0].value.as_ref().unwrap_err();
            assert_eq!(error.reason, "the key \"b\" stands twice in one mapping", "{format:?}");
        }
    }

    #[test]
    fn json_of_every_shape_is_read_as_it_stands() {
        let text = r#"{"a": [1, -2, 1.5, true, null, "x\ty", [], {}], "b": 18446744073709551615}"#;
        let documents = documents(Format::Json, text.as_bytes());
        assert_eq!(documents[0].value.as_ref().unwrap(), &serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn reasons_are_in_words_of_the_file_and_not_of_its_reader() {
        for (text, reason) in [
            ("a: ".to_owned() + &"[".repeat(100) + &"]".repeat(100), "it nests deeper than 64 levels"),
            ("a: &a [*a]".to_owned(), "an alias stands within what it refers to"),
            ("a: *b".to_owned(), "an alias refers to an anchor that does not stand before it"),
            ("? [a]\n: b".to_owned(), "a string is expected here"),
            ("a: .inf".to_owned(), "a number is not finite"),
        ] {
            let documents = documents(Format::Yaml, text.as_bytes());
            assert_eq!(documents[0].value.as_ref().unwrap_err().reason, reason, "{text}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_an_error_with_a_line() {
        let documents = documents(Format::Yaml, b"a: 1\nb: \xff\n");
        assert_eq!(documents[0].value.as_ref().unwrap_err().line, 2);
    }
}
