//! The chunked coding: content, trailers and end are the same however the octets arrive.

#![no_main]

use landfall::proxy::h1::chunked::{ChunkError, Decoded, Decoder};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((step, input)) = input.split_first() else { return };
    let whole = decode(input, input.len().max(1));
    let pieces = decode(input, usize::from(*step).max(1));
    assert_eq!(whole, pieces, "the reading depends on how the octets arrive");
});

/// What a decoder made of some octets.
#[derive(Debug, PartialEq, Eq)]
struct Reading {
    content: Vec<u8>,
    /// The octets up to the end of the message; `None` if it did not end.
    outcome: Result<Option<usize>, ChunkError>,
    trailers: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Decodes `input`, handed over in pieces of `step`.
fn decode(input: &[u8], step: usize) -> Reading {
    let mut decoder = Decoder::default();
    let mut content = Vec::new();
    let mut at = 0;
    let mut outcome = Ok(None);
    'pieces: for piece in input.chunks(step) {
        let mut rest = piece;
        while !rest.is_empty() {
            let consumed = match decoder.decode(rest) {
                Ok(Decoded::Incomplete { consumed }) => {
                    assert_eq!(consumed, rest.len(), "framing was left unread");
                    consumed
                }
                Ok(Decoded::Data { data }) => {
                    assert!(!data.is_empty(), "content of no length");
                    content.extend_from_slice(&rest[data.clone()]);
                    data.end
                }
                Ok(Decoded::End { consumed }) => {
                    outcome = Ok(Some(at + consumed));
                    break 'pieces;
                }
                Err(error) => {
                    outcome = Err(error);
                    break 'pieces;
                }
            };
            at += consumed;
            rest = &rest[consumed..];
        }
    }
    if outcome == Ok(None) && decoder.is_done() {
        outcome = Ok(Some(at));
    }
    let trailers = decoder.trailers().iter().map(|field| (field.name.to_vec(), field.value.to_vec())).collect();
    Reading { content, outcome, trailers }
}
