//! Attacks on a server, as programs: what is sent, over how many connections, and how.
//!
//! A program is the same octets whoever is attacked, so that servers can be compared under it. Each is bounded in
//! connections, octets and time. What is attacked serves [`HOST`] by an [`Origin`](super::Origin), over HTTP/1.1, over
//! HTTP/2 with prior knowledge, and over TLS.

mod flood;
mod hold;
mod make;

use std::net::SocketAddr;
use std::ops::AddAssign;
use std::time::Duration;

pub use flood::{continuations, control_frames, empty_frames, provoked_resets, resets};
pub use hold::{idle_connections, idle_handshakes, slow_bodies, slow_heads, swelling_heads, unread_answers};

/// The host that is asked for.
pub const HOST: &str = "a.test";

/// The timeouts of a server that is to have had enough within seconds.
const SHORT: Duration = Duration::from_secs(3);

/// The timeouts of a server for which none is to run out.
const USUAL: Duration = Duration::from_secs(60);

/// One attack.
#[derive(Debug, Clone)]
pub struct Attack {
    /// In lower case, with hyphens.
    pub name: &'static str,
    /// In words.
    pub title: &'static str,
    pub port: Port,
    pub connections: usize,
    pub manner: Manner,
    /// What every connection sends.
    pub octets: Vec<u8>,
}

/// What a server speaks where it is attacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    Http1,
    /// With prior knowledge, in the clear.
    Http2,
    Tls,
}

/// How the connections are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Each connection sends all that it has at once, and reads what comes back.
    Flood,
    /// All connections at once: each sends all that it has, reads nothing until the server's timeouts have run out, and
    /// then waits for its end.
    Hold,
    /// As `Hold`, but an octet at a time, each connection in its turn.
    Trickle,
    /// All connections at once are there for some seconds.
    Idle,
}

/// When a flood's connections are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Each when the one before has ended.
    OneByOne,
    /// One in each such time, whatever has become of those before.
    Every(Duration),
}

/// Where a server is attacked.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    pub http1: SocketAddr,
    pub http2: SocketAddr,
    pub tls: SocketAddr,
}

/// What came of an attack.
#[derive(Debug, Clone, Copy, Default)]
pub struct Made {
    /// Connections that were made; one that the server refused is missing.
    pub connections: u64,
    /// Octets that the system took to be sent.
    pub octets: u64,
    /// Connections that the server ended.
    pub closed: u64,
    /// Those of a flood that it ended with GOAWAY, or with a reset that may have overtaken it.
    pub told: u64,
    /// The longest that the server took to end a connection of a flood after its last octet.
    pub slowest: Duration,
}

impl AddAssign for Made {
    fn add_assign(&mut self, other: Self) {
        let Self { connections, octets, closed, told, slowest } = other;
        self.connections += connections;
        self.octets += octets;
        self.closed += closed;
        self.told += told;
        self.slowest = self.slowest.max(slowest);
    }
}

impl Attack {
    /// What the server's timeouts on clients are to be: for a head, a body, an answer, a handshake, and between requests.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        match self.manner {
            Manner::Hold | Manner::Trickle => SHORT,
            Manner::Flood | Manner::Idle => USUAL,
        }
    }
}

/// Every attack, floods first.
#[must_use]
pub fn all() -> Vec<Attack> {
    let floods = [resets(), provoked_resets(), continuations(), control_frames(), empty_frames()];
    let held = [swelling_heads(), unread_answers(), slow_heads(), slow_bodies(), idle_handshakes(), idle_connections()];
    [floods.concat(), held.concat()].concat()
}
