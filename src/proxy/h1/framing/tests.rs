//! Every way of saying how long a message is, and what becomes of it.

use super::*;
use crate::proxy::h1::parse::{Limits, Parsed, request_head, response_head};

fn request_framing(fields: &str) -> Result<RequestFraming, (u16, &'static str)> {
    framing_of(&format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"))
}

fn framing_of(text: &str) -> Result<RequestFraming, (u16, &'static str)> {
    let mut head = RequestHead::default();
    match request_head(text.as_bytes(), &Limits::default(), &mut head) {
        Ok(Parsed::Complete { consumed, value }) => {
            assert_eq!(consumed, text.len());
            Ok(value)
        }
        Ok(Parsed::Incomplete) => panic!("{text:?} is incomplete"),
        Err(error) => Err((error.status, error.code)),
    }
}

fn response_framing(method: &str, text: &str) -> Result<ResponseFraming, (u16, &'static str)> {
    let mut head = ResponseHead::default();
    match response_head(text.as_bytes(), &Limits::default(), method, &mut head) {
        Ok(Parsed::Complete { consumed, value }) => {
            assert_eq!(consumed, text.len());
            Ok(value)
        }
        Ok(Parsed::Incomplete) => panic!("{text:?} is incomplete"),
        Err(error) => Err((error.status, error.code)),
    }
}

#[test]
fn legal_lengths_are_read() {
    for (fields, body) in [
        ("", BodyLength::None),
        ("Content-Length: 0\r\n", BodyLength::Length(0)),
        ("content-LENGTH:\t42 \r\n", BodyLength::Length(42)),
        ("Content-Length: 18446744073709551615\r\n", BodyLength::Length(u64::MAX)),
        ("Transfer-Encoding: chunked\r\n", BodyLength::Chunked),
        ("transfer-encoding: \t CHUNKED \r\n", BodyLength::Chunked),
        ("Transfer_Encoding: chunked\r\n", BodyLength::None),
        ("Content_Length: 5\r\n", BodyLength::None),
    ] {
        assert_eq!(request_framing(fields).map(|framing| framing.body), Ok(body), "{fields:?}");
    }
}

#[test]
fn content_length_has_one_spelling() {
    for value in [
        "+5",
        "-5",
        "-0",
        "0x5",
        "0o5",
        "1_0",
        "1 0",
        "",
        "5,6",
        "5,5",
        "5, 5",
        "00",
        "05",
        "5.0",
        "\"5\"",
        "5;",
        "٥",
        "18446744073709551616",
        "99999999999999999999",
        "000000000000000000000005",
    ] {
        let result = request_framing(&format!("Content-Length: {value}\r\n"));
        assert_eq!(result, Err((400, "invalid-content-length")), "{value:?}");
    }
    for repeated in ["Content-Length: 5\r\nContent-Length: 5\r\n", "Content-Length: 5\r\nContent-Length: 6\r\n"] {
        assert_eq!(request_framing(repeated), Err((400, "duplicate-content-length")));
    }
}

#[test]
fn transfer_encoding_has_one_spelling() {
    for value in [
        "chunked, chunked",
        "chunked, identity",
        "chunked, gzip",
        ",chunked",
        "chunked,",
        ", chunked",
        "chunked;x=1",
        "\"chunked\"",
        "",
        ",",
        "chunked chunked",
        "chunked;",
        "gzip;q=1, chunked",
        "chunked\u{a0}",
    ] {
        let result = request_framing(&format!("Transfer-Encoding: {value}\r\n"));
        assert_eq!(result, Err((400, "invalid-transfer-encoding")), "{value:?}");
    }
    for value in ["\x0bchunked", "chunked\0", "chunked\x0c", "chun\rked"] {
        let result = request_framing(&format!("Transfer-Encoding: {value}\r\n"));
        assert_eq!(result, Err((400, "invalid-field-value")), "{value:?}");
    }
    let repeated = "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n";
    assert_eq!(request_framing(repeated), Err((400, "duplicate-transfer-encoding")));
}

#[test]
fn unknown_transfer_codings_are_not_implemented() {
    for value in ["xchunked", "identity", "gzip, chunked", "gzip", "cow"] {
        let result = request_framing(&format!("Transfer-Encoding: {value}\r\n"));
        assert_eq!(result, Err((501, "unknown-transfer-coding")), "{value:?}");
    }
}

#[test]
fn two_lengths_are_refused_in_either_order() {
    for fields in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 0\r\nTransfer-Encoding: gzip\r\n",
    ] {
        assert_eq!(request_framing(fields), Err((400, "content-length-with-transfer-encoding")), "{fields:?}");
    }
}

#[test]
fn http10_has_no_transfer_encoding() {
    let text = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(framing_of(text), Err((400, "transfer-encoding-in-http10")));
}

#[test]
fn persistence_follows_version_and_connection() {
    for (version, connection, persistence) in [
        ("1.1", "", Persistence::KeepAlive),
        ("1.1", "Connection: close\r\n", Persistence::Close),
        ("1.1", "Connection: x, CLOSE\r\n", Persistence::Close),
        ("1.1", "Connection: closed\r\n", Persistence::KeepAlive),
        ("1.1", "Connection: x\r\nConnection: close\r\n", Persistence::Close),
        ("1.0", "", Persistence::Close),
        ("1.0", "Connection: Keep-Alive\r\n", Persistence::KeepAlive),
        ("1.0", "Connection: keep-alive, close\r\n", Persistence::Close),
    ] {
        let framing = framing_of(&format!("GET / HTTP/{version}\r\n{connection}\r\n"));
        assert_eq!(framing.map(|framing| framing.connection), Ok(persistence), "{version} {connection:?}");
    }
}

#[test]
fn connect_is_told_by_its_form_and_closes() {
    let framing = framing_of("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nContent-Length: 4\r\n\r\n").unwrap();
    assert_eq!((framing.form, framing.connection), (TargetForm::Authority, Persistence::Close));
}

#[test]
fn only_100_continue_may_be_expected() {
    let body = "Content-Length: 5\r\n";
    for (fields, expect) in [
        (format!("Expect: 100-Continue\r\n{body}"), Ok(Expectation::Continue)),
        ("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n".to_owned(), Ok(Expectation::Continue)),
        ("Expect: 100-continue\r\n".to_owned(), Ok(Expectation::None)),
        ("Expect: 100-continue\r\nContent-Length: 0\r\n".to_owned(), Ok(Expectation::None)),
        (format!("Expect: 100-continue, x\r\n{body}"), Err((417, "unknown-expectation"))),
        (format!("Expect: 200-ok\r\n{body}"), Err((417, "unknown-expectation"))),
        (format!("Expect: 100-continue\r\nExpect: 100-continue\r\n{body}"), Err((417, "duplicate-expect"))),
    ] {
        assert_eq!(request_framing(&fields).map(|framing| framing.expect), expect, "{fields:?}");
    }
    let old = framing_of("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_eq!(old.map(|framing| framing.expect), Ok(Expectation::None));
}

#[test]
fn upgrades_need_connection_and_lose_forbidden_protocols() {
    for (method, fields, protocols) in [
        ("GET", "Connection: Upgrade\r\nUpgrade: websocket\r\n", Some("websocket")),
        ("GET", "Connection: keep-alive, upgrade\r\nUpgrade: a/1, h2c,b\r\n", Some("a/1, b")),
        ("GET", "Upgrade: websocket\r\n", None),
        ("GET", "Connection: upgrade\r\n", None),
        ("GET", "Connection: upgrade\r\nUpgrade: h2c\r\n", None),
        ("GET", "Connection: upgrade\r\nUpgrade: H2C, HTTP/2, HTTP/2.0, TLS/1.0, tls\r\n", None),
        ("GET", "Connection: upgrade\r\nUpgrade: \r\n", None),
        ("GET", "Connection: upgrade\r\nUpgrade: a b, c/d/e\r\n", None),
        ("POST", "Connection: upgrade\r\nUpgrade: websocket\r\n", None),
        ("POST", "Connection: upgrade\r\nUpgrade: websocket, other\r\n", Some("other")),
        ("POST", "Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n", None),
    ] {
        let framing = framing_of(&format!("{method} / HTTP/1.1\r\nHost: a\r\n{fields}\r\n")).unwrap();
        let read = framing.upgrade.map(|upgrade| String::from_utf8(upgrade.protocols).unwrap());
        assert_eq!(read.as_deref(), protocols, "{method} {fields:?}");
    }
    let old = framing_of("GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n").unwrap();
    assert_eq!(old.upgrade, None);
}

#[test]
fn an_upgrade_carries_no_content() {
    for length in ["Content-Length: 1\r\n", "Transfer-Encoding: chunked\r\n"] {
        let text = format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n{length}\r\n");
        assert_eq!(framing_of(&text), Err((400, "upgrade-with-content")), "{length:?}");
    }
    let twice = "GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: a\r\nUpgrade: b\r\n\r\n";
    assert_eq!(framing_of(twice), Err((400, "duplicate-upgrade")));
}

#[test]
fn trailers_are_welcome_when_te_says_so() {
    for (fields, trailers) in [
        ("", TrailerSupport::Unstated),
        ("TE: trailers\r\n", TrailerSupport::Accepted),
        ("TE: deflate;q=0.5, Trailers\r\n", TrailerSupport::Accepted),
        ("TE: deflate\r\n", TrailerSupport::Unstated),
    ] {
        assert_eq!(request_framing(fields).map(|framing| framing.trailers), Ok(trailers), "{fields:?}");
    }
}

#[test]
fn responses_are_delimited_as_the_rules_say() {
    use ResponseBody::{Chunked, Length, None as Nothing, UntilClose};
    for (method, text, body, content_length) in [
        ("GET", "200 OK\r\nContent-Length: 3\r\n", Length(3), Some(3)),
        ("GET", "200 OK\r\nContent-Length: 0\r\n", Length(0), Some(0)),
        ("GET", "200 OK\r\nTransfer-Encoding: chunked\r\n", Chunked, None),
        ("GET", "200 OK\r\n", UntilClose, None),
        ("GET", "206\r\n", UntilClose, None),
        ("HEAD", "200 OK\r\nContent-Length: 3\r\n", Nothing, Some(3)),
        ("HEAD", "200 OK\r\nTransfer-Encoding: chunked\r\n", Nothing, None),
        ("HEAD", "200 OK\r\n", Nothing, None),
        ("GET", "304 Not Modified\r\nContent-Length: 9\r\n", Nothing, Some(9)),
        ("GET", "204 No Content\r\n", Nothing, None),
        ("GET", "103 Early Hints\r\nLink: </a>\r\n", Nothing, None),
        ("GET", "101 Switching Protocols\r\nUpgrade: a\r\nConnection: upgrade\r\n", Nothing, None),
    ] {
        let framing = response_framing(method, &format!("HTTP/1.1 {text}\r\n")).unwrap();
        assert_eq!((framing.body, framing.content_length), (body, content_length), "{method} {text:?}");
    }
}

#[test]
fn an_upstream_connection_persists_only_if_the_next_response_can_be_found() {
    for (text, persistence) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", Persistence::KeepAlive),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n", Persistence::Close),
        ("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n", Persistence::Close),
        ("HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n", Persistence::KeepAlive),
        ("HTTP/1.1 200 OK\r\n", Persistence::Close),
        ("HTTP/1.1 204 No Content\r\n", Persistence::KeepAlive),
        ("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n", Persistence::KeepAlive),
        ("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n", Persistence::Close),
        ("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n", Persistence::Close),
    ] {
        let framing = response_framing("GET", &format!("{text}\r\n")).unwrap();
        assert_eq!(framing.connection, persistence, "{text:?}");
    }
}

#[test]
fn ambiguous_responses_are_bad_gateways() {
    for (text, code) in [
        ("1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked", "content-length-with-transfer-encoding"),
        ("1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3", "duplicate-content-length"),
        ("1.1 200 OK\r\nContent-Length: x", "invalid-content-length"),
        ("1.1 200 OK\r\nTransfer-Encoding: gzip, chunked", "unknown-transfer-coding"),
        ("1.1 200 OK\r\nTransfer-Encoding: chunked, gzip", "invalid-transfer-encoding"),
        ("1.0 200 OK\r\nTransfer-Encoding: chunked", "transfer-encoding-in-http10"),
    ] {
        assert_eq!(response_framing("GET", &format!("HTTP/{text}\r\n\r\n")), Err((502, code)), "{text:?}");
    }
}
