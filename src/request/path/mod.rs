//! The path of a request in canonical form: the one that is matched, authorised and rewritten.
//!
//! Canonical is: percent-decoded once (`%2F` is `/`), runs of slashes merged, then dot segments resolved (nginx's order).
//! It is kept as octets, without loss, because decoded octets need not be UTF-8; it starts with `/`, holds no NUL, no
//! empty segment but a last one, and no dot segment. A decoded backslash (`%5C`) is an octet like any other. Encoding
//! a canonical path and making it canonical again gives the same path.

use std::mem;

use super::encode;
use super::plan::Rejected;

/// What a target holds besides its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Canonical<'t> {
    /// What follows the first `?`, as received.
    pub query: Option<&'t [u8]>,
    pub dot_segments: DotSegments,
}

/// Whether a path held dot segments, literal or encoded, before they were resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DotSegments {
    None,
    /// `.` alone.
    Current,
    /// `..`, and maybe `.` too.
    Parent,
}

/// Why a target has no canonical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    #[error("the target does not start with a slash")]
    NotAbsolute,
    #[error("the target holds a space, a control character or an octet outside ASCII")]
    IllegalOctet,
    #[error("the target holds a fragment")]
    Fragment,
    #[error("the path holds a raw backslash")]
    Backslash,
    #[error("the path holds a percent sign that two hexadecimal digits do not follow")]
    BrokenEscape,
    #[error("the path holds an encoded NUL")]
    Nul,
    #[error("the path leads above its root")]
    AboveRoot,
}

impl PathError {
    /// The stable code for log and metric.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotAbsolute => "target-form",
            Self::IllegalOctet => "target-octet",
            Self::Fragment => "target-fragment",
            Self::Backslash => "path-backslash",
            Self::BrokenEscape => "path-escape",
            Self::Nul => "path-nul",
            Self::AboveRoot => "path-above-root",
        }
    }
}

impl From<PathError> for Rejected {
    fn from(error: PathError) -> Self {
        Self { status: 400, code: error.code() }
    }
}

/// Reads a target in origin form and leaves its canonical path in `path`, whose content is replaced. Takes time linear
/// in the target's length; allocates only to grow `path`, and where slashes are merged or dot segments resolved.
///
/// # Errors
/// When the target is not in origin form, or no canonical path exists; `path` is then unspecified.
pub fn canonicalize<'t>(target: &'t [u8], path: &mut Vec<u8>) -> Result<Canonical<'t>, PathError> {
    path.clear();
    let (raw, query) = match memchr::memchr(b'?', target).and_then(|mark| target.split_at_checked(mark)) {
        Some((raw, query)) => (raw, query.strip_prefix(b"?")),
        None => (target, None),
    };
    if raw.first() != Some(&b'/') {
        return Err(PathError::NotAbsolute);
    }
    decode(raw, path)?;
    query.map_or(Ok(()), check_query)?;
    let dot_segments = normalize(path)?;
    Ok(Canonical { query, dot_segments })
}

/// Brings a decoded path that starts with `/` into canonical form: merges slashes, resolves dot segments.
///
/// # Errors
/// When it holds a NUL or leads above the root; `path` is then unspecified.
pub fn normalize(path: &mut Vec<u8>) -> Result<DotSegments, PathError> {
    if path.contains(&0) {
        return Err(PathError::Nul);
    }
    let pairs = path.iter().zip(path.iter().skip(1));
    let suspect = pairs.fold(false, |any, (first, second)| any | (*first == b'/') & matches!(second, b'/' | b'.'));
    if !suspect {
        return Ok(DotSegments::None);
    }
    let decoded = mem::take(path);
    resolve(&decoded, path)
}

/// A canonical path and a query as a target to be sent.
#[must_use]
pub fn to_target(path: &[u8], query: Option<&[u8]>) -> Vec<u8> {
    let mut target = Vec::with_capacity(path.len() + query.map_or(0, |query| query.len() + 1));
    encode::path(path, &mut target);
    if let Some(query) = query {
        target.push(b'?');
        target.extend_from_slice(query);
    }
    target
}

fn decode(raw: &[u8], path: &mut Vec<u8>) -> Result<(), PathError> {
    // Nearly every path is plain, which one look without a branch for each octet tells.
    if raw.iter().fold(true, |all, octet| all & is_plain(*octet)) {
        path.extend_from_slice(raw);
        return Ok(());
    }
    let mut rest = raw;
    while let Some(special) = rest.iter().position(|octet| !is_plain(*octet)) {
        let (plain, from_special) = rest.split_at(special);
        path.extend_from_slice(plain);
        rest = match from_special {
            [b'%', high, low, behind @ ..] => {
                path.push(encode::octet(*high, *low).ok_or(PathError::BrokenEscape)?);
                behind
            }
            [b'%', ..] => return Err(PathError::BrokenEscape),
            [b'\\', ..] => return Err(PathError::Backslash),
            [b'#', ..] => return Err(PathError::Fragment),
            _ => return Err(PathError::IllegalOctet),
        };
    }
    path.extend_from_slice(rest);
    Ok(())
}

/// An octet that stands for itself in a raw path. More than RFC 3986 allows, as in nginx: `"`, `<`, `|` and such too.
const fn is_plain(octet: u8) -> bool {
    matches!(octet, 0x21..=0x7e) && !matches!(octet, b'%' | b'\\' | b'#')
}

/// A query is forwarded as it is and needs to be no more than printable ASCII without a fragment.
fn check_query(query: &[u8]) -> Result<(), PathError> {
    match query.iter().find(|octet| !matches!(octet, 0x21..=0x7e) || **octet == b'#') {
        Some(b'#') => Err(PathError::Fragment),
        Some(_) => Err(PathError::IllegalOctet),
        None => Ok(()),
    }
}

fn resolve(decoded: &[u8], path: &mut Vec<u8>) -> Result<DotSegments, PathError> {
    let mut dots = DotSegments::None;
    let mut directory = true;
    for segment in decoded.split(|octet| *octet == b'/') {
        directory = matches!(segment, b"" | b"." | b"..");
        match segment {
            b"" => {}
            b"." => dots = dots.max(DotSegments::Current),
            b".." => {
                dots = DotSegments::Parent;
                let parent = memchr::memrchr(b'/', path).ok_or(PathError::AboveRoot)?;
                path.truncate(parent);
            }
            _ => {
                path.push(b'/');
                path.extend_from_slice(segment);
            }
        }
    }
    if directory {
        path.push(b'/');
    }
    Ok(dots)
}

#[cfg(test)]
mod tests;
