//! What a worker counts besides requests by route: events and levels, each a series of a declared metric.

use super::family::{self, Family};

/// Which listener a connection came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Listener {
    Http,
    Https,
}

/// How an attempt at an endpoint ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AttemptOutcome {
    /// A response head arrived, whatever its status.
    Answered,
    ConnectFailed,
    ConnectTimedOut,
    TlsFailed,
    /// The connection broke before a response head.
    Broken,
    /// No response head, or no room to send, in time.
    TimedOut,
    /// What arrived is not a response.
    Invalid,
    /// The client went away first.
    Cancelled,
}

/// How a TLS handshake with a client ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HandshakeOutcome {
    Full,
    Resumed,
    TimedOut,
    /// It gave way to newer ones.
    Displaced,
    Failed,
}

/// An event that is only counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Count {
    /// A connection was taken from the accept queue.
    Accepted(Listener),
    /// A connection ended after its first request, or orderly before one.
    Handled(Listener),
    /// A connection was given to another worker than the one that accepted it.
    HandedOver(Listener),
    /// A connection was closed at once because a limit was reached.
    Shed(Listener),
    /// `accept` failed.
    AcceptFailed(Listener),
    Attempt(AttemptOutcome),
    Handshake(HandshakeOutcome),
    /// An idle upstream connection was used.
    PoolReused,
    /// A new upstream connection was needed.
    PoolOpened,
    /// A request was tried again.
    Retried,
    /// A connection was upgraded and is a tunnel.
    Upgraded,
    /// Serving a request panicked.
    Panicked,
}

/// A number that goes up and down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Open client connections.
    Connections(Listener),
    /// Requests being served.
    Requests,
    /// Idle upstream connections.
    PoolIdle,
}

/// A metric and, if it has one, the label that varies within a worker.
pub(super) type SeriesName = (&'static Family, Option<&'static str>);

impl Listener {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl AttemptOutcome {
    /// The `outcome` label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::ConnectFailed => "connect-failed",
            Self::ConnectTimedOut => "connect-timed-out",
            Self::TlsFailed => "tls-failed",
            Self::Broken => "broken",
            Self::TimedOut => "timed-out",
            Self::Invalid => "invalid",
            Self::Cancelled => "cancelled",
        }
    }
}

impl HandshakeOutcome {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Resumed => "resumed",
            Self::TimedOut => "timed-out",
            Self::Displaced => "displaced",
            Self::Failed => "failed",
        }
    }
}

impl Count {
    /// Every count, in the order of [`index`](Self::index).
    pub(super) const ALL: [Self; 28] = [
        Self::Accepted(Listener::Http),
        Self::Accepted(Listener::Https),
        Self::Handled(Listener::Http),
        Self::Handled(Listener::Https),
        Self::HandedOver(Listener::Http),
        Self::HandedOver(Listener::Https),
        Self::Shed(Listener::Http),
        Self::Shed(Listener::Https),
        Self::AcceptFailed(Listener::Http),
        Self::AcceptFailed(Listener::Https),
        Self::Attempt(AttemptOutcome::Answered),
        Self::Attempt(AttemptOutcome::ConnectFailed),
        Self::Attempt(AttemptOutcome::ConnectTimedOut),
        Self::Attempt(AttemptOutcome::TlsFailed),
        Self::Attempt(AttemptOutcome::Broken),
        Self::Attempt(AttemptOutcome::TimedOut),
        Self::Attempt(AttemptOutcome::Invalid),
        Self::Attempt(AttemptOutcome::Cancelled),
        Self::Handshake(HandshakeOutcome::Full),
        Self::Handshake(HandshakeOutcome::Resumed),
        Self::Handshake(HandshakeOutcome::TimedOut),
        Self::Handshake(HandshakeOutcome::Displaced),
        Self::Handshake(HandshakeOutcome::Failed),
        Self::PoolReused,
        Self::PoolOpened,
        Self::Retried,
        Self::Upgraded,
        Self::Panicked,
    ];

    pub(super) const fn index(self) -> usize {
        match self {
            Self::Accepted(listener) => listener as usize,
            Self::Handled(listener) => 2 + listener as usize,
            Self::HandedOver(listener) => 4 + listener as usize,
            Self::Shed(listener) => 6 + listener as usize,
            Self::AcceptFailed(listener) => 8 + listener as usize,
            Self::Attempt(outcome) => 10 + outcome as usize,
            Self::Handshake(outcome) => 18 + outcome as usize,
            Self::PoolReused => 23,
            Self::PoolOpened => 24,
            Self::Retried => 25,
            Self::Upgraded => 26,
            Self::Panicked => 27,
        }
    }

    pub(super) const fn name(self) -> SeriesName {
        match self {
            Self::Accepted(listener) => (&family::CONNECTIONS_ACCEPTED, Some(listener.as_str())),
            Self::Handled(listener) => (&family::CONNECTIONS_HANDLED, Some(listener.as_str())),
            Self::HandedOver(listener) => (&family::CONNECTIONS_HANDED_OVER, Some(listener.as_str())),
            Self::Shed(listener) => (&family::CONNECTIONS_SHED, Some(listener.as_str())),
            Self::AcceptFailed(listener) => (&family::ACCEPT_ERRORS, Some(listener.as_str())),
            Self::Attempt(outcome) => (&family::UPSTREAM_ATTEMPTS, Some(outcome.as_str())),
            Self::Handshake(outcome) => (&family::TLS_HANDSHAKES, Some(outcome.as_str())),
            Self::PoolReused => (&family::UPSTREAM_CONNECTIONS, Some("reused")),
            Self::PoolOpened => (&family::UPSTREAM_CONNECTIONS, Some("opened")),
            Self::Retried => (&family::RETRIES, None),
            Self::Upgraded => (&family::UPGRADES, None),
            Self::Panicked => (&family::PANICS, None),
        }
    }
}

impl Level {
    /// Every level, in the order of [`index`](Self::index).
    pub(super) const ALL: [Self; 4] =
        [Self::Connections(Listener::Http), Self::Connections(Listener::Https), Self::Requests, Self::PoolIdle];

    pub(super) const fn index(self) -> usize {
        match self {
            Self::Connections(listener) => listener as usize,
            Self::Requests => 2,
            Self::PoolIdle => 3,
        }
    }

    pub(super) const fn name(self) -> SeriesName {
        match self {
            Self::Connections(listener) => (&family::CONNECTIONS_ACTIVE, Some(listener.as_str())),
            Self::Requests => (&family::REQUESTS_ACTIVE, None),
            Self::PoolIdle => (&family::UPSTREAM_IDLE, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_count_and_level_has_its_own_cell() {
        for (position, count) in Count::ALL.into_iter().enumerate() {
            assert_eq!(count.index(), position, "{count:?}");
        }
        for (position, level) in Level::ALL.into_iter().enumerate() {
            assert_eq!(level.index(), position, "{level:?}");
        }
    }
}
