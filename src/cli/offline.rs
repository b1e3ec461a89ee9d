//! Manifests compiled as the controller compiles them, without anything running.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::compile::{Compiled, Compiler};
use crate::diagnostic::Diagnostic;
use crate::settings::{Flags, Settings};
use crate::snapshot::{Counts, Snapshot, manifest};
