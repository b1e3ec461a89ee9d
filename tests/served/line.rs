//! One line of a case: a request, and what must become of it.

use std::fmt;
use std::path::Path;

/// A request and its wanted outcome.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) method: String,
    pub(crate) scheme: Scheme,
    pub(crate) host: String,
    pub(crate) target: String,
    pub(crate) wanted: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

/// What becomes of a request. In a wanted one, what is `None` may be anything.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// `None` where the client refuses the certificate.
    pub(crate) status: Option<u16>,
    /// The origin that answered.
    pub(crate) by: Option<String>,
    /// The target that it saw.
    pub(crate) target: Option<String>,
    pub(crate) location: Option<String>,
}

impl PartialEq for Outcome {
    /// Compares an outcome with a wanted one.
    fn eq(&self, wanted: &Self) -> bool {
        let as_wanted = |seen: &Option<String>, wanted: &Option<String>| wanted.is_none() || seen == wanted;
        self.status == wanted.status
            && as_wanted(&self.by, &wanted.by)
            && as_wanted(&self.target, &wanted.target)
            && as_wanted(&self.location, &wanted.location)
    }
}

impl Eq for Outcome {}

impl Line {
    /// The lines of a file.
    pub(crate) fn read(path: &Path) -> Vec<Self> {
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(|line| Self::parse(line).unwrap_or_else(|| panic!("{}: {line:?}", path.display()))).collect()
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let method = words.next()?.to_owned();
        let (scheme, rest) = words.next()?.split_once("://")?;
        let scheme = match scheme {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return None,
        };
        let (host, target) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let target = if target.is_empty() { "/" } else { target };
        let status = words.next()?;
        let mut wanted = Outcome { status: status.parse().ok(), ..Outcome::default() };
        match wanted.status {
            None if status != "untrusted" => return None,
            Some(300..400) => wanted.location = words.next().map(str::to_owned),
            Some(_) | None => {
                wanted.by = words.next().map(str::to_owned);
                wanted.target = words.next().map(str::to_owned);
            }
        }
        let whole = words.next().is_none();
        whole.then(|| Self { method, scheme, host: host.to_owned(), target: target.to_owned(), wanted })
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{} {scheme}://{}{}", self.method, self.host, self.target)
    }
}
