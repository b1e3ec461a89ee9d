//! Field sections, made into heads and trailers, and heads made into sections.
//!
//! A section is read field by field as it is decoded, and checked on the way (RFC 9113 §8.2, §8.3): nothing of it is kept
//! but what the head holds. What is written leaves out everything that belongs to a connection (§8.2.2) or that the
//! engine states itself.

mod draft;
mod message;
mod request;
mod response;

pub(super) use draft::Draft;
pub(crate) use draft::SectionWriter;
pub(super) use message::{FieldsError, Trailers};
pub(super) use request::{RequestReader, demand};
pub(super) use response::ResponseReader;

/// The most fields of an answer, and of its trailers.
pub(super) const ANSWER_FIELDS: usize = 100;
/// The largest section of an answer, uncompressed.
pub(super) const ANSWER_OCTETS: u32 = 32 * 1024;

/// What a field counts beside its octets in the size of a list (RFC 9113 §6.5.2).
const FIELD_OVERHEAD: u64 = 32;

/// The size of one field in a list.
const fn entry_size(name: &[u8], value: &[u8]) -> u64 {
    name.len() as u64 + value.len() as u64 + FIELD_OVERHEAD
}
