//! The two directions together, and the examples of RFC 7541, Appendix C.

use proptest::prelude::*;

use super::decode::Malformed;
use super::{Decoder, Encoder};

type Pairs = &'static [(&'static str, &'static str)];

/// A section in hexadecimal, its fields, and the table after it.
struct Example {
    section: &'static str,
    fields: Pairs,
    table: Pairs,
}

fn octets(hexadecimal: &str) -> Vec<u8> {
    let digits: Vec<u32> = hexadecimal.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).unwrap()).collect()
}

fn pairs(pairs: Pairs) -> Vec<(Vec<u8>, Vec<u8>)> {
    pairs.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect()
}

fn decoded(decoder: &mut Decoder, section: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut fields = Vec::new();
    decoder.decode(section, |name, value| fields.push((name.to_vec(), value.to_vec()))).unwrap();
    fields
}

fn check(mut decoder: Decoder, examples: &[Example]) {
    for Example { section, fields, table } in examples {
        assert_eq!(decoded(&mut decoder, &octets(section)), pairs(fields), "{section}");
        let held: Vec<_> = decoder.table().entries().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
        assert_eq!(held, pairs(table), "{section}");
    }
}

#[test]
fn the_single_fields_of_the_rfc_are_decoded() {
    // C.2.1 to C.2.4.
    for (section, field, inserted) in [
        ("400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572", &[("custom-key", "custom-header")], true),
        ("040c 2f73 616d 706c 652f 7061 7468", &[(":path", "/sample/path")], false),
        ("1008 7061 7373 776f 7264 0673 6563 7265 74", &[("password", "secret")], false),
        ("82", &[(":method", "GET")], false),
    ] {
        check(Decoder::default(), &[Example { section, fields: field, table: if inserted { field } else { &[] } }]);
    }
}

const FIRST: Pairs = &[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")];
const SECOND: Pairs = &[
    (":method", "GET"),
    (":scheme", "http"),
    (":path", "/"),
    (":authority", "www.example.com"),
    ("cache-control", "no-cache"),
];
const THIRD: Pairs = &[
    (":method", "GET"),
    (":scheme", "https"),
    (":path", "/index.html"),
    (":authority", "www.example.com"),
    ("custom-key", "custom-value"),
];

fn requests(sections: [&'static str; 3]) -> [Example; 3] {
    let [first, second, third] = sections;
    [
        Example { section: first, fields: FIRST, table: &[(":authority", "www.example.com")] },
        Example {
            section: second,
            fields: SECOND,
            table: &[("cache-control", "no-cache"), (":authority", "www.example.com")],
        },
        Example {
            section: third,
            fields: THIRD,
            table: &[("custom-key", "custom-value"), ("cache-control", "no-cache"), (":authority", "www.example.com")],
        },
    ]
}

#[test]
fn the_requests_of_the_rfc_are_decoded() {
    // C.3.
    check(
        Decoder::default(),
        &requests([
            "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
            "8286 84be 5808 6e6f 2d63 6163 6865",
            "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
        ]),
    );
}

#[test]
fn the_huffman_coded_requests_of_the_rfc_are_decoded() {
    // C.4.
    check(
        Decoder::default(),
        &requests([
            "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
            "8286 84be 5886 a8eb 1064 9cbf",
            "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
        ]),
    );
}

const DATE: &str = "Mon, 21 Oct 2013 20:13:21 GMT";
const LATER: &str = "Mon, 21 Oct 2013 20:13:22 GMT";
const URL: &str = "https://www.example.com";
const COOKIE: &str = "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";

fn responses(sections: [&'static str; 3]) -> [Example; 3] {
    let [first, second, third] = sections;
    [
        Example {
            section: first,
            fields: &[(":status", "302"), ("cache-control", "private"), ("date", DATE), ("location", URL)],
            table: &[("location", URL), ("date", DATE), ("cache-control", "private"), (":status", "302")],
        },
        Example {
            section: second,
            fields: &[(":status", "307"), ("cache-control", "private"), ("date", DATE), ("location", URL)],
            table: &[(":status", "307"), ("location", URL), ("date", DATE), ("cache-control", "private")],
        },
        Example {
            section: third,
            fields: &[
                (":status", "200"),
                ("cache-control", "private"),
                ("date", LATER),
                ("location", URL),
                ("content-encoding", "gzip"),
                ("set-cookie", COOKIE),
            ],
            table: &[("set-cookie", COOKIE), ("content-encoding", "gzip"), ("date", LATER)],
        },
    ]
}

#[test]
fn the_responses_of_the_rfc_are_decoded() {
    // C.5.
    check(
        Decoder::limited(256),
        &responses([
            "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 \
             474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
            "4803 3330 37c1 c0bf",
            "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 \
             666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 \
             3630 303b 2076 6572 7369 6f6e 3d31",
        ]),
    );
}

#[test]
fn the_huffman_coded_responses_of_the_rfc_are_decoded() {
    // C.6.
    check(
        Decoder::limited(256),
        &responses([
            "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 \
             63c7 8f0b 97c8 e9ae 82ae 43d3",
            "4883 640e ffc1 c0bf",
            "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 \
             b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
        ]),
    );
}

#[test]
fn a_response_with_a_status_comes_back() {
    let (mut encoder, mut decoder) = (Encoder::default(), Decoder::default());
    for status in [200, 204, 206, 304, 400, 404, 500, 100, 302, 503, 999, 302] {
        let mut out = Vec::new();
        encoder.begin(&mut out);
        encoder.status(status, &mut out);
        assert_eq!(decoded(&mut decoder, &out), [(b":status".to_vec(), status.to_string().into_bytes())]);
    }
}

#[test]
fn a_decoder_without_the_entries_of_the_encoder_refuses_its_sections() {
    let mut encoder = Encoder::default();
    let mut out = Vec::new();
    encoder.field(b"server", b"nginx", &mut out);
    out.clear();
    encoder.field(b"server", b"nginx", &mut out);
    assert_eq!(Decoder::default().decode(&out, |_, _| {}), Err(Malformed));
}

/// A section, perhaps after the peer has changed its table's size.
type Step = (Vec<u32>, Vec<(Vec<u8>, Vec<u8>)>);

fn name() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => prop::sample::select(&[
            ":path", ":Method", ":status", ":authority", "cookie", "Set-Cookie", "ETag", "date", "Server", "accept",
            "accept-encoding", "x-request-id", "X-A", "X-B", "x-c", "authorization", "www-authenticate",
        ][..])
        .prop_map(|name| name.as_bytes().to_vec()),
        1 => "[a-zA-Z!-]{0,40}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..12),
    ]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => prop::sample::select(&["", "1", "2", "GET", "200", "/", "gzip, deflate"][..])
            .prop_map(|value| value.as_bytes().to_vec()),
        2 => "[ -~]{0,100}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..300),
        1 => (0..9000_usize, any::<u8>()).prop_map(|(length, octet)| vec![octet; length]),
    ]
}

fn size() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0), Just(4096), Just(u32::MAX), 0..300_u32, 0..5000_u32]
}

fn step() -> impl Strategy<Value = Step> {
    let sizes = prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(size(), 1..4)];
    (sizes, prop::collection::vec((name(), value()), 0..12))
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(steps in prop::collection::vec(step(), 1..20)) {
        let (mut encoder, mut decoder) = (Encoder::default(), Decoder::default());
        for (sizes, fields) in steps {
            for size in sizes {
                encoder.resize(size);
            }
            let mut out = Vec::new();
            encoder.begin(&mut out);
            for (name, value) in &fields {
                encoder.field(name, value, &mut out);
            }
            let expected: Vec<_> = fields.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
            prop_assert_eq!(decoded(&mut decoder, &out), expected);
            prop_assert!(encoder.table().entries().eq(decoder.table().entries()));
        }
    }
}
