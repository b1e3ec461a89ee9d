//! The signals that the process acts on.
//!
//! The first SIGTERM or SIGINT asks for a graceful end; the second is for leaving at once. SIGUSR1 opens the access
//! log's file again, as nginx does after a rotation. SIGHUP is taken and passed over: whatever can change is live
//! without it.

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

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    End(Ending),
    /// Open the access log's file again.
    Reopen,
}

/// The process's signals, taken over from the moment this exists.
#[derive(Debug)]
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    user: Signal,
}

impl Signals {
    /// Takes the signals over; to be called within a runtime.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            user: signal(SignalKind::user_defined1())?,
        })
    }

    /// The next signal that asks for something. May be dropped and called again without losing one.
    pub(super) async fn next(&mut self) -> Event {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return Event::End(Ending::Interrupt),
                _ = self.terminate.recv() => return Event::End(Ending::Terminate),
                _ = self.user.recv() => return Event::Reopen,
                _ = self.hangup.recv() => tracing::info!("SIGHUP: nothing to do, changes are live without it"),
            }
        }
    }
}
