//! Landfall: a Kubernetes ingress controller and L7 load balancer.
//!
//! The modules form floors; each may import only from those below it (`tests/architecture.rs` holds the list):
//! `persistent`, `ir` and `diagnostic` at the bottom; `settings`, `annotations`, `snapshot`, `table`, `request`, `tls` above them;
//! then `compile` and `migrate`; `live` and `telemetry`; `proxy`, `admin` and `controller`; `cli` on top. Everything
//! up to `compile` and `request` is pure: no socket, clock, thread or environment.
//!
//! Two paths go through the house. A request: `proxy` reads a head, `request::plan` decides on the routing table of
//! the `live` state, `proxy` forwards. An object: `controller` gathers a `snapshot`, `compile` turns it into an
//! `ir::Config` with diagnostics, `table` indexes it, `live` publishes it.

pub mod persistent;

pub mod ir;

pub mod diagnostic;
pub mod settings;

pub mod annotations;
pub mod request;
pub mod snapshot;
pub mod table;
pub mod tls;

pub mod compile;

pub mod live;
pub mod telemetry;

pub mod admin;
pub mod controller;
pub mod proxy;

pub mod cli;

#[cfg(feature = "testing")]
pub mod testing;
