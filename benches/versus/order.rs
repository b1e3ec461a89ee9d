//! What a request asks of the origin, written in its target: `/PLACE/SCHEME/ACTION/SIZE/NONCE`.
//!
//! The target alone tells the origin what it must have received, so that it can hold a proxy to it.

use std::io::Write as _;

use anyhow::{Context as _, Result, bail};

use super::body::Nonce;

/// The origins behind a host, each with a path and a port of its own: a request at the wrong one was misrouted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    A,
    B,
}

/// How the client spoke to the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Scheme {
    Http,
    Https,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// A response with a body of the size, with its length stated.
    Get,
    /// A request with a body of the size, answered with one of [`ANSWER`] octets.
    Put,
    /// A chunked request with a body of the size, answered with the same, chunked.
    Chunked,
    /// A WebSocket whose messages are sent back.
    Echo,
}

/// The size of answers that have no other.
pub(crate) const ANSWER: usize = 128;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Order {
    pub place: Place,
    pub scheme: Scheme,
    pub action: Action,
    pub size: usize,
    pub nonce: Nonce,
}

impl Order {
    /// Adds the order, as a request target, to `out`.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let Self { place, scheme, action, size, nonce } = self;
        let parts = [place.as_str(), scheme.as_str(), action.as_str()];
        for part in parts {
            out.push(b'/');
            out.extend_from_slice(part.as_bytes());
        }
        // Writing into memory does not fail.
        let _ = write!(out, "/{size}/");
        out.extend_from_slice(nonce.as_bytes());
    }

    pub(crate) fn parse(target: &str) -> Result<Self> {
        let mut parts = target.strip_prefix('/').unwrap_or_default().split('/');
        let mut next = || parts.next().with_context(|| format!("the target {target} is none that was sent"));
        let place = match next()? {
            "a" => Place::A,
            "b" => Place::B,
            other => bail!("there is no place {other}"),
        };
        let scheme = match next()? {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            other => bail!("there is no scheme {other}"),
        };
        let action = match next()? {
            "get" => Action::Get,
            "put" => Action::Put,
            "chunked" => Action::Chunked,
            "echo" => Action::Echo,
            other => bail!("there is no action {other}"),
        };
        let size = next()?.parse().context("a size is a number")?;
        Ok(Self { place, scheme, action, size, nonce: Nonce::from_text(next()?.as_bytes())? })
    }
}

impl Place {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
        }
    }
}

impl Scheme {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl Action {
    fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Put => "put",
            Self::Chunked => "chunked",
            Self::Echo => "echo",
        }
    }
}
