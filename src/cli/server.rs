//! The whole server in one process: control plane, data plane and admin server, wired and ended in order.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;

use super::signals::{Ending, Signals};
use crate::controller::{self, ControllerHandle};
use crate::live;
use crate::settings::Settings;

/// A running server. Dropping it stops it without draining.
#[derive(Debug)]
pub struct Server {
    controller: ControllerHandle,
}
