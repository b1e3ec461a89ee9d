//! Paths as regular expressions: PCRE, which users write for nginx, onto an engine that runs in linear time.
//!
//! What that engine lacks, and what it reads differently, is refused by name rather than matched differently.

mod scan;

use crate::ir::{Pattern, pattern::PatternError};

use scan::check;

/// Why a path is no usable regular expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathPatternError {
    /// PCRE has it, a linear-time engine cannot.
    #[error("{construct} ({text:?}) needs backtracking, which is refused because its time is not bounded")]
    Backtracking { construct: &'static str, text: String },
    /// Both have the characters, with different meanings.
    #[error("{construct} ({text:?}) means something else in PCRE, for which it was written")]
    Ambiguous { construct: &'static str, text: String },
    #[error("it is not a regular expression: {0}")]
    Syntax(String),
}

impl From<PatternError> for PathPatternError {
    /// Keeps the last line, which names what is wrong; those before it only show the place.
    fn from(error: PatternError) -> Self {
        let reason = error.0.lines().last().unwrap_or_default();
        Self::Syntax(reason.strip_prefix("error: ").unwrap_or(reason).to_owned())
    }
}

impl PathPatternError {
    /// The diagnostic's code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Backtracking { .. } | Self::Ambiguous { .. } => "unsupported-pattern",
            Self::Syntax(_) => "invalid-pattern",
        }
    }
}

/// What nginx makes of a location on a host in regex mode, `~* "^<path>"`: anchored in front, case-insensitive.
pub fn location(path: &str) -> Result<Pattern, PathPatternError> {
    check(path)?;
    Ok(Pattern::new(&format!("(?i)^{path}"))?)
}

/// What nginx makes of a rewrite's pattern, `(?i)<path>`: anchored nowhere.
pub fn rewrite(path: &str) -> Result<Pattern, PathPatternError> {
    check(path)?;
    Ok(Pattern::new(&format!("(?i){path}"))?)
}

/// A pattern that matches at least what `path` would match if it could be compiled: what its alternatives begin with,
/// read literally. A route that is refused takes these requests, so that they reach no other backend.
#[must_use]
pub fn covering(path: &str) -> Pattern {
    let alternatives = top_level_alternatives(path);
    let prefixes: Vec<String> = alternatives.iter().map(|text| regex::escape(literal_prefix(text))).collect();
    // Only the first is anchored, as in `^a|b`.
    let source = format!("(?i)^{}", prefixes.join("|"));
    Pattern::new(&source).unwrap_or_else(|_| Pattern::new("").expect("the empty expression compiles"))
}

/// The alternatives of an expression: split at bars outside of groups, classes and escapes.
fn top_level_alternatives(path: &str) -> Vec<&str> {
    let mut alternatives = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    let (mut escaped, mut in_class) = (false, false);
    for (at, character) in path.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ']' => in_class = false,
            _ if in_class => {}
            '[' => in_class = true,
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            '|' if depth == 0 => {
                alternatives.extend(path.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    alternatives.extend(path.get(start..));
    alternatives
}

/// The text before the first character that is special in a regular expression, without one that a quantifier repeats.
fn literal_prefix(path: &str) -> &str {
    let special =
        path.find(['\\', '^', '$', '.', '[', ']', '(', ')', '{', '}', '*', '+', '?', '|']).unwrap_or(path.len());
    let (literal, rest) = path.split_at_checked(special).unwrap_or((path, ""));
    if rest.starts_with(['*', '?', '{']) {
        let mut shorter = literal.chars();
        shorter.next_back();
        return shorter.as_str();
    }
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_backtracking_is_refused_by_name() {
        let cases = [
            ("/a(?=b)", "lookahead"),
            ("/a(?!b)", "negative lookahead"),
            ("/(?<=a)b", "lookbehind"),
            ("/(?<!a)b", "negative lookbehind"),
            ("/(?>a)", "an atomic group"),
            ("/a*+", "a possessive quantifier"),
            ("/a{2}+", "a possessive quantifier"),
            ("/(a)\\1", "a backreference"),
            ("/(a)\\k<n>", "a backreference"),
            ("/(?P=n)", "a backreference"),
            ("/(?R)", "recursion"),
            ("/(a)(?-1)", "recursion"),
            ("/(?(1)a|b)", "a conditional group"),
            ("/(*SKIP)", "a backtracking verb"),
        ];
        for (path, expected) in cases {
            match location(path) {
                Err(PathPatternError::Backtracking { construct, .. }) => assert_eq!(construct, expected, "{path}"),
                other => panic!("{path}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_reads_differently_is_refused_rather_than_matched_differently() {
        for path in ["/[a&&b]", "/[[a]", "/\\Qa\\E", "/\\h", "/a{b", "/(?#note)", "/\\<a"] {
            assert!(matches!(location(path), Err(PathPatternError::Ambiguous { .. })), "{path}");
        }
    }

    #[test]
    fn what_both_engines_read_alike_is_taken() {
        let paths = [
            "/something(/|$)(.*)",
            "/foo/bar/[A-Z0-9]{3}",
            "/(?:a|b)/(?<rest>.*)",
            "/[[:alpha:]_-]+\\.html",
            "/a+?b*?c??",
            "/[^/]+/[]x]",
            "/\\[1\\]\\{x\\}",
            "/(?i)x",
            "/a{2,}b{1,3}",
            "/\\d+\\w*\\b",
        ];
        for path in paths {
            assert!(location(path).is_ok(), "{path}: {:?}", location(path));
        }
    }

    #[test]
    fn a_location_is_anchored_in_front_and_a_rewrite_nowhere() {
        let (location, rewrite) = (location("/b").unwrap(), rewrite("/b").unwrap());
        assert!(location.regex().is_match("/Bc") && !location.regex().is_match("/a/b"));
        assert!(rewrite.regex().is_match("/a/B"));
    }

    #[test]
    fn a_covering_pattern_takes_what_the_alternatives_begin_with() {
        assert_eq!(covering("/look(?!x)").source(), "(?i)^/look");
        assert_eq!(covering("/ab*(?=x)|/c(d|e)").source(), "(?i)^/a|/c");
        assert_eq!(covering("/x[|]\\|(").source(), "(?i)^/x");
    }
}
