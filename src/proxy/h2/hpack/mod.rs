//! HPACK (RFC 7541): field sections decoded and encoded, with the dynamic table that each direction of a connection has.
//!
//! A decoder takes whole sections (HEADERS with its CONTINUATIONs) and judges their form alone; what the fields mean,
//! their case and order too, is the caller's to judge. Neither direction uses more than the default of 4096 octets for
//! its table. Nothing here panics, whatever the peer sends.

mod decode;
mod encode;
mod hash;
mod huffman;
mod integer;
mod statics;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use self::{decode::Decoder, encode::Encoder};
