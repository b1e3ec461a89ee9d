//! Regular expressions that run in linear time.

use std::fmt;
use std::sync::Arc;

use regex_automata::{meta, util::syntax};

/// A compiled regular expression over octets that compares by its source. Matching needs a cache of the caller's (one
/// per worker), so that nothing shared is written on the request path.
#[derive(Clone)]
pub struct Pattern {
    source: Arc<str>,
    regex: Arc<meta::Regex>,
}

impl Pattern {
    /// Compiles `source` (Rust regex syntax, flags inline). As in nginx, whose PCRE runs without UTF mode, a haystack is
    /// octets: classes such as `\w` are ASCII's, case folds in ASCII only, and text outside ASCII stands for its UTF-8
    /// octets. Unlike PCRE's, `.` is a line feed too, so that an encoded one (`%0A`) in a path evades no pattern. The
    /// error says what is wrong.
    ///
    /// # Errors
    /// When the syntax is invalid (a class with characters outside ASCII is), or the compiled size is beyond 1 MiB.
    pub fn new(source: &str) -> Result<Self, PatternError> {
        let config = meta::Config::new().utf8_empty(false).nfa_size_limit(Some(1 << 20)).hybrid_cache_capacity(1 << 20);
        let regex = meta::Builder::new()
            .configure(config)
            .syntax(syntax::Config::new().unicode(false).utf8(false).dot_matches_new_line(true))
            .build(source)
            .map_err(|error| PatternError(describe(&error)))?;
        Ok(Self { source: source.into(), regex: Arc::new(regex) })
    }

    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    #[must_use]
    pub fn regex(&self) -> &meta::Regex {
        &self.regex
    }

    /// Tells this compiled expression from every other that is alive: the key for a worker's cache.
    #[must_use]
    pub fn identity(&self) -> usize {
        Arc::as_ptr(&self.regex).addr()
    }
}

fn describe(error: &meta::BuildError) -> String {
    match error.syntax_error() {
        Some(syntax) => syntax.to_string(),
        None => error.to_string(),
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Pattern {}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.source)
    }
}

/// Why a regular expression was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PatternError(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_is_any_octet() {
        assert!(Pattern::new("^/a(.*)$").unwrap().regex().is_match(&b"/a\xff\n\xfe"[..]));
    }

    #[test]
    fn text_outside_ascii_stands_for_its_octets() {
        assert!(Pattern::new("(?i)^/é").unwrap().regex().is_match("/é".as_bytes()));
    }

    #[test]
    fn backtracking_syntax_is_refused_with_a_reason() {
        let error = Pattern::new("^/(?!api)").unwrap_err();
        assert!(error.0.contains("look-around"), "{error}");
    }
}
