//! Rewriting a target as nginx's `rewrite … break` does, on the canonical path.
//!
//! What a rewrite makes is brought into canonical form and checked again: captures of a canonical path can be joined to
//! dot segments (`/api(.*)` to `/v1/$1` with `/api../x`), so a rewritten path with a `..` segment is refused, and
//! everything is percent-encoded again before it is sent.

use super::encode;
use super::path::{self, DotSegments, PathError};
use super::plan::Rejected;
use crate::ir::filter::{Rewrite, RewriteTarget, Template, TemplatePart};
use crate::table::{Captures, RegexScratch};

/// What a rewrite makes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rewritten {
    /// The pattern does not match; the target stays as it is.
    Unmatched,
    /// The target to send.
    Target(Vec<u8>),
    /// The client is redirected there with 302; a legal field value.
    Redirect(Vec<u8>),
}

/// The match of a rewrite's pattern in a canonical path: what captures stand for.
#[derive(Debug, Clone, Copy)]
pub struct Matched<'p> {
    path: &'p [u8],
    captures: Option<Captures>,
}

impl<'p> Matched<'p> {
    /// Matches the pattern of `rewrite` anywhere in the canonical `path`.
    pub fn find(rewrite: &Rewrite, path: &'p [u8], regex: &mut RegexScratch) -> Self {
        Self { path, captures: regex.captures(&rewrite.pattern, path) }
    }

    /// The text of a group; empty if it took no part in the match, or nothing matched.
    fn group(&self, number: u8) -> &'p [u8] {
        let range = self.captures.and_then(|captures| captures.range(number));
        range.and_then(|range| self.path.get(range)).unwrap_or_default()
    }
}

/// Applies `rewrite` where its pattern was `matched`. The query is appended, joined with `&` if the template has one
/// of its own, and dropped if the template ends with `?`.
///
/// # Errors
/// 400 when the rewritten path has a `..` segment or an encoded NUL.
pub fn apply(rewrite: &Rewrite, matched: &Matched<'_>, query: Option<&[u8]>) -> Result<Rewritten, Rejected> {
    if matched.captures.is_none() {
        return Ok(Rewritten::Unmatched);
    }
    match &rewrite.target {
        RewriteTarget::Path(template) => target(template, matched, query).map(Rewritten::Target),
        RewriteTarget::Redirect(template) => Ok(Rewritten::Redirect(location(template, matched, query))),
    }
}

/// Expands the template of a field value such as `X-Forwarded-Prefix`, captures percent-encoded.
#[must_use]
pub fn expand_field(template: &Template, matched: &Matched<'_>) -> Vec<u8> {
    let mut value = Vec::new();
    for part in &template.parts {
        match part {
            TemplatePart::Literal(text) => encode::uri_text(text.as_bytes(), &mut value),
            TemplatePart::Capture(number) => encode::path(matched.group(*number), &mut value),
        }
    }
    value
}

/// The new target. Escapes in the template's path are decoded, and captures are decoded text: both become octets of
/// the new canonical path, which starts with `/` even where the template leaves it out or nothing is left.
fn target(template: &Template, matched: &Matched<'_>, query: Option<&[u8]>) -> Result<Vec<u8>, Rejected> {
    let mut rewritten = Vec::new();
    let mut own_query: Option<Vec<u8>> = None;
    for part in &template.parts {
        match (part, &mut own_query) {
            (TemplatePart::Literal(text), Some(own)) => encode::query_text(text.as_bytes(), own),
            (TemplatePart::Capture(number), Some(own)) => encode::component(matched.group(*number), own),
            (TemplatePart::Capture(number), None) => rewritten.extend_from_slice(matched.group(*number)),
            (TemplatePart::Literal(text), None) => {
                let (before, behind) = split_query(text);
                encode::decode_lenient(before, &mut rewritten);
                own_query = behind.map(encoded_query);
            }
        }
    }
    if rewritten.first() != Some(&b'/') {
        rewritten.insert(0, b'/');
    }
    match path::normalize(&mut rewritten)? {
        DotSegments::None | DotSegments::Current => {}
        DotSegments::Parent => return Err(PathError::AboveRoot.into()),
    }
    let joined = join_queries(template, own_query.as_deref(), query);
    Ok(path::to_target(&rewritten, joined.as_deref()))
}

fn split_query(text: &str) -> (&[u8], Option<&[u8]>) {
    match text.split_once('?') {
        Some((before, behind)) => (before.as_bytes(), Some(behind.as_bytes())),
        None => (text.as_bytes(), None),
    }
}

fn encoded_query(text: &[u8]) -> Vec<u8> {
    let mut query = Vec::new();
    encode::query_text(text, &mut query);
    query
}

/// The template's own query before the request's. Without either there is none, not an empty one.
fn join_queries(template: &Template, own: Option<&[u8]>, received: Option<&[u8]>) -> Option<Vec<u8>> {
    let drops = drops_query(template);
    let own = own.map(|own| if drops { own.strip_suffix(b"?").unwrap_or(own) } else { own });
    let received = received.filter(|_| !drops);
    let parts: Vec<_> = [own, received].into_iter().flatten().filter(|part| !part.is_empty()).collect();
    (!parts.is_empty()).then(|| parts.join(&b'&'))
}

fn drops_query(template: &Template) -> bool {
    match template.parts.last() {
        Some(TemplatePart::Literal(text)) => text.ends_with('?'),
        Some(TemplatePart::Capture(_)) | None => false,
    }
}

/// The URL of a redirect. A capture cannot change what its place in the URL means: in the authority only unreserved
/// characters stand for themselves, unless the capture begins the path.
fn location(template: &Template, matched: &Matched<'_>, query: Option<&[u8]>) -> Vec<u8> {
    let mut url = Vec::new();
    for part in &template.parts {
        match part {
            TemplatePart::Literal(text) => encode::uri_text(text.as_bytes(), &mut url),
            TemplatePart::Capture(number) => {
                let text = matched.group(*number);
                match place(&url) {
                    Place::Authority if text.first() != Some(&b'/') => encode::component(text, &mut url),
                    Place::Authority | Place::Path => encode::path(text, &mut url),
                    Place::Query => encode::component(text, &mut url),
                }
            }
        }
    }
    if drops_query(template) {
        url.pop();
    } else if let Some(query) = query.filter(|query| !query.is_empty()) {
        url.push(if url.contains(&b'?') { b'&' } else { b'?' });
        url.extend_from_slice(query);
    }
    url
}

/// Where in a URL the next text goes.
#[derive(Debug, Clone, Copy)]
enum Place {
    Authority,
    Path,
    Query,
}

fn place(url: &[u8]) -> Place {
    let behind_scheme = memchr::memmem::find(url, b"://").and_then(|at| url.get(at + 3..));
    if url.contains(&b'?') {
        Place::Query
    } else if behind_scheme.is_some_and(|rest| rest.contains(&b'/')) {
        Place::Path
    } else {
        Place::Authority
    }
}

#[cfg(test)]
mod tests;
