//! The four forms of a request target (RFC 9112 §3.2), taken apart into the head's `target` and `authority`.
//!
//! It promises that `target` is origin form (a path and maybe a query) or `*`, made of visible ASCII without `#`, and
//! that an authority holds no `/` or `?`. It does not validate the authority, nor bring the path into canonical form:
//! `request::plan` does both.

use super::error::HeadError;
use crate::request::RequestHead;

/// The form that a request's target was written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetForm {
    /// `/path?query`.
    Origin,
    /// `http://authority/path?query`; the authority takes precedence over `Host`.
    Absolute,
    /// `authority`: CONNECT and nothing else. The head's `target` is empty.
    Authority,
    /// `*`: OPTIONS and nothing else, also for an absolute form without a path.
    Asterisk,
}

/// Reads the target of a request of this method into the head.
pub(super) fn read(method: &str, text: &[u8], head: &mut RequestHead) -> Result<TargetForm, HeadError> {
    // Without a branch for each octet: what there is of them is nearly always legal.
    if text.iter().fold(false, |any, octet| any | !is_legal(*octet)) {
        return Err(illegal(text));
    }
    match (method, text) {
        ("CONNECT", text) => authority_form(visible(text), head),
        ("OPTIONS", b"*") => {
            head.target.push(b'*');
            Ok(TargetForm::Asterisk)
        }
        (_, [b'/', ..]) => {
            head.target.extend_from_slice(text);
            Ok(TargetForm::Origin)
        }
        (_, text) => absolute_form(method, visible(text), head),
    }
}

const fn is_legal(octet: u8) -> bool {
    octet.is_ascii_graphic() && octet != b'#'
}

/// What is wrong with a target, by the first octet that is.
fn illegal(text: &[u8]) -> HeadError {
    let is_fragment = text.iter().find(|octet| !is_legal(**octet)) == Some(&b'#');
    HeadError::bad_request(if is_fragment { "fragment-in-target" } else { "invalid-octet-in-target" })
}

/// Visible ASCII as text.
fn visible(text: &[u8]) -> &str {
    str::from_utf8(text).unwrap_or_default()
}

fn authority_form(text: &str, head: &mut RequestHead) -> Result<TargetForm, HeadError> {
    if text.contains(['/', '?', '*']) {
        return Err(HeadError::bad_request("invalid-connect-target"));
    }
    head.authority = Some(text.to_owned());
    Ok(TargetForm::Authority)
}

fn absolute_form(method: &str, text: &str, head: &mut RequestHead) -> Result<TargetForm, HeadError> {
    let invalid = HeadError::bad_request("invalid-target");
    let (scheme, rest) = text.split_once("://").ok_or(invalid)?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err(invalid);
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at(end);
    if authority.is_empty() {
        return Err(invalid);
    }
    head.authority = Some(authority.to_owned());
    if target.is_empty() && method == "OPTIONS" {
        // RFC 9112 §3.2.4.
        head.target.push(b'*');
        return Ok(TargetForm::Asterisk);
    }
    if !target.starts_with('/') {
        head.target.push(b'/');
    }
    head.target.extend_from_slice(target.as_bytes());
    Ok(TargetForm::Absolute)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_target(method: &str, text: &str) -> Result<(TargetForm, String, Option<String>), &'static str> {
        let mut head = RequestHead::default();
        let form = read(method, text.as_bytes(), &mut head).map_err(|error| error.code)?;
        Ok((form, String::from_utf8(head.target).unwrap(), head.authority))
    }

    #[test]
    fn every_form_is_taken_apart() {
        use TargetForm::{Absolute, Asterisk, Authority, Origin};
        for (method, text, form, target, authority) in [
            ("GET", "/", Origin, "/", None),
            ("GET", "/a?b=c", Origin, "/a?b=c", None),
            ("GET", "//a", Origin, "//a", None),
            ("OPTIONS", "*", Asterisk, "*", None),
            ("GET", "http://h", Absolute, "/", Some("h")),
            ("GET", "HTTPS://h:1/a?b", Absolute, "/a?b", Some("h:1")),
            ("GET", "http://h?q=/", Absolute, "/?q=/", Some("h")),
            ("OPTIONS", "http://h", Asterisk, "*", Some("h")),
            ("OPTIONS", "http://h/", Absolute, "/", Some("h")),
            ("CONNECT", "h:443", Authority, "", Some("h:443")),
        ] {
            let expected = (form, target.to_owned(), authority.map(str::to_owned));
            assert_eq!(read_target(method, text), Ok(expected), "{method} {text}");
        }
    }

    #[test]
    fn forms_that_do_not_fit_the_method_are_refused() {
        for (method, text, code) in [
            ("GET", "*", "invalid-target"),
            ("GET", "h:443", "invalid-target"),
            ("GET", "a/b", "invalid-target"),
            ("GET", "ftp://h/", "invalid-target"),
            ("GET", "http:///a", "invalid-target"),
            ("GET", "http://", "invalid-target"),
            ("GET", "http:/a", "invalid-target"),
            ("CONNECT", "/", "invalid-connect-target"),
            ("CONNECT", "http://h/", "invalid-connect-target"),
            ("CONNECT", "*", "invalid-connect-target"),
            ("GET", "/a#b", "fragment-in-target"),
            ("GET", "/caf\u{e9}", "invalid-octet-in-target"),
            ("GET", "/?q=\u{e9}", "invalid-octet-in-target"),
        ] {
            assert_eq!(read_target(method, text), Err(code), "{method} {text}");
        }
    }
}
