//! The edits of header fields on their way through the proxy, written straight into a sink.
//!
//! What describes the connection, the message's framing or its authority is the engine's business and is written by
//! none of these functions: `Host`, `Connection`, `Content-Length`, `Transfer-Encoding`, `TE`, `Trailer`, `Upgrade`,
//! `Expect`, `Keep-Alive`, `Proxy-*`, `HTTP2-Settings`. Values are those of a validated head or of a plan, hence legal.

mod downstream;
mod nominated;
mod text;
mod upstream;

pub use downstream::{downstream_fields, own_response_fields};
pub use upstream::{request_id, upstream_fields, upstream_host};

/// Where edited fields are written.
pub trait FieldSink {
    /// Takes one field; the name is as received (a sink for HTTP/2 folds its case).
    fn field(&mut self, name: &[u8], value: &[u8]);

    /// Takes one field of a received head, which was checked when it was read and need not be again.
    fn relay(&mut self, field: &Field<'_>) {
        self.field(field.name, field.value);
    }
}

use super::head::Field;

#[cfg(test)]
mod tests;
