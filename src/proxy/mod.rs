//! The data plane.

pub mod access_log;
pub mod exchange;
pub mod h1;
