//! The HTTP/1.1 engine.
//!
//! `parse`, `target`, `framing`, `chunked`, `trailers` and `encode` are the codec: octets in, values out, no I/O.
//! `incoming` and `outgoing` move bodies over a connection with it; `downstream` and `upstream` are the two sides of an
//! exchange, `reply` is what the first of them answers by.

mod error;
mod incoming;
pub(in crate::proxy) mod octets;
pub(crate) mod outgoing;
mod reply;
mod signals;

pub mod chunked;
pub(crate) mod downstream;
pub mod encode;
pub mod framing;
pub mod parse;
pub mod target;
pub mod trailers;
pub(crate) mod upstream;

pub use error::HeadError;
