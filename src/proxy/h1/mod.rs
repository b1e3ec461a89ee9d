//! The HTTP/1.1 engine.
//!
//! `parse`, `target`, `framing`, `chunked`, `trailers` and `encode` are the codec: octets in, values out, no I/O.

mod error;
mod octets;
mod signals;

pub mod chunked;
pub mod encode;
pub mod framing;
pub mod parse;
pub mod target;
pub mod trailers;

pub use error::HeadError;
