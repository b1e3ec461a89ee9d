//! The path of a rule as it is written: checked, and typed as Exact or Prefix.

use std::fmt;

/// How a path is compared unless the host is one of regular expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum PathKind {
    Exact,
    Prefix,
}

/// A path of a rule: begins with `/` and holds no control character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PathText {
    raw: String,
    kind: PathKind,
}

impl PathText {
    /// The path `/` and all below it.
    pub(crate) fn root() -> Self {
        Self { raw: String::from("/"), kind: PathKind::Prefix }
    }

    /// Reads a path. None means `/`; `ImplementationSpecific` and no type mean Prefix, as in ingress-nginx.
    pub(crate) fn read(raw: &str, path_type: &str) -> Result<Self, PathError> {
        let kind = match path_type {
            "Exact" => PathKind::Exact,
            "Prefix" | "ImplementationSpecific" | "" => PathKind::Prefix,
            other => return Err(PathError::Type(other.to_owned())),
        };
        let raw = if raw.is_empty() { "/" } else { raw };
        if !raw.starts_with('/') {
            return Err(PathError::NoSlash(raw.to_owned()));
        }
        if raw.chars().any(char::is_control) {
            return Err(PathError::Control(raw.to_owned()));
        }
        Ok(Self { raw: raw.to_owned(), kind })
    }

    /// As the Ingress writes it.
    pub(crate) fn raw(&self) -> &str {
        &self.raw
    }

    pub(crate) fn kind(&self) -> PathKind {
        self.kind
    }

    /// As it is compared when it is not a regular expression: a prefix loses its trailing slashes.
    pub(crate) fn literal(&self) -> &str {
        match self.kind {
            PathKind::Exact => &self.raw,
            PathKind::Prefix => match self.raw.trim_end_matches('/') {
                "" => "/",
                trimmed => trimmed,
            },
        }
    }

    /// Why no canonical path equals or begins with this text, if that is so.
    pub(crate) fn unreachable(&self) -> Option<&'static str> {
        let literal = self.literal();
        let dots = |segment: &str| segment == "." || segment == "..";
        if literal.contains("//") {
            Some("holds //, which requests lose before they are matched")
        } else if literal.split('/').any(dots) {
            Some("holds a dot segment, which requests lose before they are matched")
        } else {
            None
        }
    }

    /// Whether it holds a percent-encoded octet, which is compared as it is with decoded paths.
    pub(crate) fn is_encoded(&self) -> bool {
        let hex = |b: Option<&u8>| b.is_some_and(u8::is_ascii_hexdigit);
        self.raw.as_bytes().windows(3).any(|w| w.first() == Some(&b'%') && hex(w.get(1)) && hex(w.get(2)))
    }

    /// Whether it reads like a regular expression: it holds what no literal path in use does.
    pub(crate) fn looks_like_regex(&self) -> bool {
        self.raw.contains(['(', '[', '*', '^', '$', '|', '\\', '{'])
    }
}

/// Why a path cannot be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PathError {
    Type(String),
    NoSlash(String),
    Control(String),
}

impl PathError {
    /// The field of the path that is wrong.
    pub(crate) fn field(&self) -> &'static str {
        match self {
            Self::Type(_) => "pathType",
            Self::NoSlash(_) | Self::Control(_) => "path",
        }
    }
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type(text) => write!(f, "{text:?} is none of Exact, Prefix and ImplementationSpecific"),
            Self::NoSlash(text) => write!(f, "{text:?} does not begin with /"),
            Self::Control(text) => write!(f, "{text:?} holds a control character"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_compared_without_its_trailing_slashes_and_an_exact_path_with_them() {
        let literal = |raw: &str, kind: &str| PathText::read(raw, kind).unwrap().literal().to_owned();
        assert_eq!(literal("/foo/", "Prefix"), "/foo");
        assert_eq!(literal("/foo/", "Exact"), "/foo/");
        assert_eq!(literal("/", "Prefix"), "/");
        assert_eq!(literal("", "ImplementationSpecific"), "/");
    }

    #[test]
    fn paths_that_cannot_be_served_say_why() {
        assert_eq!(PathText::read("foo", "Prefix"), Err(PathError::NoSlash("foo".into())));
        assert_eq!(PathText::read("/a\nb", "Prefix"), Err(PathError::Control("/a\nb".into())));
        assert_eq!(PathText::read("/", "prefix"), Err(PathError::Type("prefix".into())));
    }
}
