//! Attacks on a running server, as repeatable programs: floods of frames, bombs in heads, and clients that take their time.
//!
//! Each is bounded in connections, octets and time, and runs beside honest clients. Of each it is held that the process
//! lives on, that every honest request is answered, that a client which crosses a limit on counts is disconnected within
//! a second, that the server grows by at most [`GROWTH`] a connection (more only
//! where one connection is a hundred requests), and that it gives back what it took. What was
//! measured is printed (`--nocapture` shows it).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "processes are measured by the clock and by files of the kernel")]

mod floods;
mod honest;
mod process;
mod scene;
mod slow;

/// How much the server may grow for each attacking connection, in octets.
const GROWTH: u64 = 512 * 1024;

/// Attacks are made one after another, so that each is measured alone.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
