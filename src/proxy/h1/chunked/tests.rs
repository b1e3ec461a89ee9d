//! The coding as it arrives: whole, in every split, malformed, too large.

use super::*;

/// Content, trailers, and what is left over.
type Message = (Vec<u8>, Vec<(String, String)>, Vec<u8>);

/// Decodes the pieces as a connection would.
fn decode(pieces: &[&[u8]]) -> Result<Message, ChunkError> {
    let mut decoder = Decoder::default();
    let (mut content, mut rest) = (Vec::new(), Vec::new());
    for piece in pieces {
        let mut at = 0;
        while !decoder.is_done() {
            match decoder.decode(&piece[at..])? {
                Decoded::Incomplete { consumed } => {
                    assert_eq!(at + consumed, piece.len(), "nothing is left behind");
                    at = piece.len();
                    break;
                }
                Decoded::Data { data } => {
                    assert!(!data.is_empty());
                    content.extend_from_slice(&piece[at + data.start..at + data.end]);
                    at += data.end;
                }
                Decoded::End { consumed } => at += consumed,
            }
        }
        rest.extend_from_slice(&piece[at..]);
    }
    decoder.finish()?;
    let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).unwrap();
    let trailers = decoder.trailers().iter().map(|field| (text(field.name), text(field.value))).collect();
    Ok((content, trailers, rest))
}

fn refusal(input: &[u8]) -> Option<ChunkError> {
    decode(&[input]).err()
}

const WHOLE: &[u8] = b"5;a;b=c;d=\"e \\\" ;\"\r\nhello\r\nA\r\n, world...\r\n000\r\nGrpc-Status: 0\r\nX: y\r\n\r\nnext";

#[test]
fn content_and_trailers_are_found_and_the_rest_left() {
    let (content, trailers, rest) = decode(&[WHOLE]).unwrap();
    assert_eq!(content, b"hello, world...");
    assert_eq!(trailers, [("Grpc-Status".into(), "0".into()), ("X".into(), "y".into())]);
    assert_eq!(rest, b"next");
}

#[test]
fn every_split_decodes_alike() {
    let whole = decode(&[WHOLE]).unwrap();
    for split in 0..=WHOLE.len() {
        assert_eq!(decode(&[&WHOLE[..split], &WHOLE[split..]]).unwrap(), whole, "{split}");
    }
    let octets: Vec<&[u8]> = WHOLE.chunks(1).collect();
    assert_eq!(decode(&octets).unwrap(), whole);
}

#[test]
fn every_prefix_is_truncated() {
    let length = WHOLE.len() - b"next".len();
    for end in 0..length {
        assert_eq!(decode(&[&WHOLE[..end]]), Err(ChunkError::Truncated), "{end}");
    }
}

#[test]
fn malformed_codings_are_refused() {
    for (input, error) in [
        (&b"+5\r\nhello\r\n0\r\n\r\n"[..], ChunkError::Size),
        (b"-1\r\n", ChunkError::Size),
        (b"0x5\r\nhello\r\n", ChunkError::Size),
        (b"1_0\r\n", ChunkError::Size),
        (b" 5\r\nhello\r\n", ChunkError::Size),
        (b"5 \r\nhello\r\n", ChunkError::Size),
        (b"5\t;a\r\nhello\r\n", ChunkError::Size),
        (b"\r\n", ChunkError::Size),
        (b";a\r\n", ChunkError::Size),
        (b"g\r\n", ChunkError::Size),
        (b"5\nhello\r\n", ChunkError::Size),
        (b"00000000000000005\r\nhello\r\n", ChunkError::Size),
        (b"10000000000000000\r\n", ChunkError::Size),
        (b"5\rhello\r\n", ChunkError::End),
        (b"5\r\nhello0\r\n\r\n", ChunkError::End),
        (b"5\r\nhello\n0\r\n\r\n", ChunkError::End),
        (b"5\r\nhello\r0\r\n\r\n", ChunkError::End),
        (b"5\r\nhello world\r\n0\r\n\r\n", ChunkError::End),
        (b"5;\r\nhello\r\n", ChunkError::Extension),
        (b"5;a;\r\nhello\r\n", ChunkError::Extension),
        (b"5; a\r\nhello\r\n", ChunkError::Extension),
        (b"5;a=\r\nhello\r\n", ChunkError::Extension),
        (b"5;a\nhello\r\n", ChunkError::Extension),
        (b"5;a\0\r\nhello\r\n", ChunkError::Extension),
        (b"5;[\r\nhello\r\n", ChunkError::Extension),
        (b"5;a=\"b\r\nhello\r\n", ChunkError::Extension),
        (b"5;a=\"b\n\"\r\nhello\r\n", ChunkError::Extension),
        (b"5;a=\"b\"c\r\nhello\r\n", ChunkError::Extension),
        (b"5;a\rb\r\nhello\r\n", ChunkError::End),
        (b"0\r\nX: y\n\r\n", ChunkError::Trailers),
        (b"0\r\n\n", ChunkError::Trailers),
        (b"0\r\nX : y\r\n\r\n", ChunkError::Trailers),
        (b"0\r\nX\r\n\r\n", ChunkError::Trailers),
        (b"0\r\nX: y\r\n z\r\n\r\n", ChunkError::Trailers),
        (b"0\r\nX: \0\r\n\r\n", ChunkError::Trailers),
    ] {
        assert_eq!(refusal(input), Some(error), "{}", input.escape_ascii());
    }
}

#[test]
fn the_largest_size_is_not_an_overflow() {
    let mut decoder = Decoder::default();
    assert_eq!(decoder.decode(b"FFFFffffFFFFffff\r\nabc"), Ok(Decoded::Data { data: 18..21 }));
    assert_eq!(decoder.finish(), Err(ChunkError::Truncated));
}

#[test]
fn extensions_of_one_message_are_bounded_together() {
    let chunk = format!("1;{}\r\nx\r\n", "a".repeat(255));
    let within = format!("{}0\r\n\r\n", chunk.repeat(4));
    assert_eq!(decode(&[within.as_bytes()]).unwrap().0, b"xxxx");
    let beyond = format!("{}1;a\r\nx\r\n0\r\n\r\n", chunk.repeat(4));
    assert_eq!(refusal(beyond.as_bytes()), Some(ChunkError::ExtensionsTooLong));
    let endless = format!("1;{}", "a".repeat(64 * 1024));
    assert_eq!(refusal(endless.as_bytes()), Some(ChunkError::ExtensionsTooLong));
}

#[test]
fn trailers_are_bounded() {
    let large = format!("0\r\nX: {}\r\n\r\n", "a".repeat(8 * 1024));
    assert_eq!(refusal(large.as_bytes()), Some(ChunkError::TrailersTooLarge));
    let many = format!("0\r\n{}\r\n", "a: b\r\n".repeat(101));
    assert_eq!(refusal(many.as_bytes()), Some(ChunkError::TooManyTrailers));
}

#[test]
fn forbidden_trailers_are_dropped() {
    let input = b"0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: b\r\nAuthorization: c\r\nCookie: d\r\n\
        X-Forwarded-For: e\r\nX_Real_IP: f\r\nchecksum: g\r\n\r\n";
    assert_eq!(decode(&[input]).unwrap().1, [("checksum".to_owned(), "g".to_owned())]);
}

#[test]
fn a_reset_decoder_has_forgotten_the_last_message() {
    let mut decoder = Decoder::default();
    assert_eq!(decoder.decode(b"0;a\r\nX: y\r\n\r\n"), Ok(Decoded::End { consumed: 13 }));
    decoder.reset();
    assert_eq!(decoder.decode(b"1\r\nz"), Ok(Decoded::Data { data: 3..4 }));
    assert!(decoder.trailers().is_empty());
}
