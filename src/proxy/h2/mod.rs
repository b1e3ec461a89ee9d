//! HTTP/2, both sides of an exchange, on the `h2` crate.
//!
//! `downstream` serves client connections, with `head` reading requests and `reply` sending responses. `upstream` is a
//! connection shared by requests to an endpoint, `stream` one request over it. `fields`, `receiving`, `sending` and
//! `failure` serve both sides.
//!
//! Frames, HPACK and flow control are the crate's; what it leaves open (field counts, white space in values, `Host`
//! beside `:authority`, work begun for nothing) is closed here. `watch` stands below the crate, for what it neither counts
//! nor tells: floods of control frames, the fragment of a `:path`, pseudo-fields in trailers.

mod budget;
pub(crate) mod downstream;
mod failure;
mod fields;
mod head;
mod prefixed;
mod receiving;
mod reply;
mod sending;
mod stream;
pub(crate) mod upstream;
mod watch;
