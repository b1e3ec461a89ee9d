//! A real API server for tests: found, started in a network of its own, talked to, tormented and ended.

pub(crate) mod audit;
mod binaries;
mod cluster;
mod credentials;
mod landfall;
mod log;
pub(crate) mod objects;
mod plane;
mod pods;
mod process;
mod sandbox;

pub(crate) use cluster::{Cluster, User, eventually, on_own_cluster, on_shared_cluster};
pub(crate) use landfall::Landfall;
