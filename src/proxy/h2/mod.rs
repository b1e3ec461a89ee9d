//! HTTP/2 (RFC 9113), both sides of an exchange, with framing of our own.
//!
//! From the octets up: `hpack` and `frame` are the codec; `link` is what the streams of a connection and the task that
//! drives it share; `inbound` takes frames in order and gives them to the link, and whole sections to `requests` or
//! `answers`, which have `fields` read them; `guard` counts what clients may cost; `carrier` reads and writes the transport.
//! Above them `downstream` serves client connections, with `reply` sending responses; `upstream` is a connection shared by
//! requests to an endpoint, `exchange` one request over it. `receiving`, `sending` and `failure` serve both sides.

mod answers;
mod carrier;
pub(crate) mod downstream;
mod exchange;
mod failure;
mod fields;
mod frame;
mod guard;
mod hpack;
mod inbound;
mod link;
mod receiving;
mod reply;
mod requests;
mod sending;
pub(crate) mod upstream;

pub(crate) use self::frame::PREFACE;
