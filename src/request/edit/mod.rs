//! The edits of header fields on their way through the proxy, written straight into a sink.
//!
//! What describes the connection, the message's framing or its authority is the engine's business and is written by
//! none of these functions: `Host`, `Connection`, `Content-Length`, `Transfer-Encoding`, `TE`, `Trailer`, `Upgrade`,
//! `Expect`, `Keep-Alive`, `Proxy-*`, `HTTP2-Settings`. Values are those of a validated head or of a plan, hence legal.

mod downstream;
mod nominated;
mod own;
mod text;
mod upstream;

pub use downstream::{downstream_fields, own_response_fields};
pub use own::OwnName;
pub use upstream::{request_id, upstream_fields, upstream_host};

/// Where edited fields are written; a sink for HTTP/2 folds the case of names.
pub trait FieldSink {
    /// Takes a field of our own. One that would not be one field, for what its value holds, is left out.
    fn own(&mut self, name: OwnName, value: &[u8]);

    /// Takes a field of a received head, which was checked when it was read and need not be again.
    fn relay(&mut self, field: &Field<'_>);
}

use super::head::Field;

#[cfg(test)]
mod tests;
