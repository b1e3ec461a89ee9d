//! Request heads: any octets are read in one way or refused, and nothing that could end a line gets through.

#![no_main]

use landfall::proxy::h1::framing::BodyLength;
use landfall::proxy::h1::parse::{Limits, Parsed, request_head};
use landfall::request::{FieldName, RequestHead};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let limits = Limits::default();
    let mut head = RequestHead::default();
    let Ok(Parsed::Complete { consumed, value: framing }) = request_head(input, &limits, &mut head) else { return };

    assert!(consumed <= input.len(), "more was consumed than was given");
    for field in head.fields.iter() {
        assert!(!field.name.is_empty(), "a field without a name");
        assert!(!field.value.iter().any(|octet| matches!(octet, b'\r' | b'\n' | 0)), "a value that ends its line");
    }
    assert!(!head.target.iter().any(|octet| octet.is_ascii_whitespace()), "a target with a space");
    let coded = head.fields.first(FieldName::TransferEncoding).is_some();
    let sized = head.fields.first(FieldName::ContentLength).is_some();
    assert!(!(coded && sized), "a message with two lengths");
    match framing.body {
        BodyLength::None => assert!(!coded && !sized, "a stated length is passed over"),
        BodyLength::Length(_) => assert!(sized, "a length from nowhere"),
        BodyLength::Chunked => assert!(coded, "a coding from nowhere"),
    }

    // The extent of a head depends on nothing behind it, and no part of a head is one.
    let (whole, _) = input.split_at(consumed);
    let again = request_head(whole, &limits, &mut RequestHead::default());
    assert_eq!(again, Ok(Parsed::Complete { consumed, value: framing }), "what follows a head changes it");
    for length in (0..consumed).rev().take(8) {
        let (part, _) = input.split_at(length);
        let parsed = request_head(part, &limits, &mut RequestHead::default());
        assert_eq!(parsed, Ok(Parsed::Incomplete), "part of a head is taken for a head");
    }
});
