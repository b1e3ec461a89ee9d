//! The signals that end the process, and the one that does nothing.
//!
//! The first SIGTERM or SIGINT asks for a graceful end; the second is for leaving at once. SIGHUP is taken and passed
//! over: everything that can be reloaded is live already.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What asked for the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Interrupt,
    Terminate,
}

impl Ending {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        }
    }

    /// The exit code of a process that this signal has cut short: 128 and the signal's number, as shells have it.
    pub(super) const fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 128 + 2,
            Self::Terminate => 128 + 15,
        }
    }
}

/// The process's signals, taken over from the moment this exists.
#[derive(Debug)]
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    /// Takes the signals over; to be called within a runtime.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Returns at the next signal that asks for the end. May be dropped and called again without losing one.
    pub(super) async fn next_ending(&mut self) -> Ending {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return Ending::Interrupt,
                _ = self.terminate.recv() => return Ending::Terminate,
                _ = self.hangup.recv() => tracing::info!("SIGHUP: nothing to do, changes are live without it"),
            }
        }
    }
}
