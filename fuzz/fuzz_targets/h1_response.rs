//! Response heads of an upstream: any octets are read in one way or refused.

#![no_main]

use landfall::proxy::h1::framing::ResponseBody;
use landfall::proxy::h1::parse::{Limits, Parsed, response_head};
use landfall::request::ResponseHead;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((choice, input)) = input.split_first() else { return };
    let method = if choice % 2 == 0 { "GET" } else { "HEAD" };
    let limits = Limits::default();
    let mut head = ResponseHead::default();
    let Ok(Parsed::Complete { consumed, value: framing }) = response_head(input, &limits, method, &mut head) else {
        return;
    };

    assert!(consumed <= input.len(), "more was consumed than was given");
    assert!((100..=999).contains(&head.status), "a status that is none");
    for field in head.fields.iter() {
        assert!(!field.name.is_empty(), "a field without a name");
        assert!(!field.value.iter().any(|octet| matches!(octet, b'\r' | b'\n' | 0)), "a value that ends its line");
    }
    if method == "HEAD" || head.is_informational() || matches!(head.status, 204 | 304) {
        assert_eq!(framing.body, ResponseBody::None, "content where there is none");
    }
    let (whole, _) = input.split_at(consumed);
    let again = response_head(whole, &limits, method, &mut ResponseHead::default());
    assert_eq!(again, Ok(Parsed::Complete { consumed, value: framing }), "what follows a head changes it");
});
