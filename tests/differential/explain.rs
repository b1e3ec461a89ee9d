//! Every way in which our reading differs from hyper's, with the reason. Sizes are not compared: each has limits of
//! its own.

use crate::Message;

/// Something that hyper accepts and we refuse.
pub(crate) struct Stricter {
    /// Our code for the refusal.
    pub(crate) code: &'static str,
    /// A connection that shows it.
    pub(crate) example: &'static [u8],
}

/// All of them. The reason for each stands above it.
pub(crate) const STRICTER: &[Stricter] = &[
    // A hop that takes a bare LF for a line end and one that does not see different messages.
    Stricter { code: "bare-line-feed", example: b"GET / HTTP/1.1\nHost: a\r\n\r\n" },
    // RFC 9112 §2.2 asks to pass over at least one empty line; endless ones are work for nothing.
    Stricter { code: "too-many-empty-lines", example: b"\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n" },
    // RFC 9112 §6.3 lets one of the two win; the next hop may choose the other.
    Stricter {
        code: "content-length-with-transfer-encoding",
        example: b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    },
    // RFC 9110 §8.6 lets identical ones count as one; no client sends them by accident alone.
    Stricter {
        code: "duplicate-content-length",
        example: b"POST / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
    },
    // `010` is eight to a reader who knows octal.
    Stricter { code: "invalid-content-length", example: b"POST / HTTP/1.1\r\nContent-Length: 02\r\n\r\nhi" },
    // Two lines that say `chunked` are the coding applied twice.
    Stricter {
        code: "duplicate-transfer-encoding",
        example: b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    },
    // Lists with empty members, parameters or `chunked` twice, of which hyper reads the end alone.
    Stricter {
        code: "invalid-transfer-encoding",
        example: b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    },
    // A coding that we could not undo would be passed on as content.
    Stricter {
        code: "unknown-transfer-coding",
        example: b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    },
    // RFC 9110 §10.1.1: an expectation that cannot be met is answered 417.
    Stricter { code: "unknown-expectation", example: b"GET / HTTP/1.1\r\nExpect: a-pony\r\n\r\n" },
    Stricter { code: "duplicate-expect", example: b"GET / HTTP/1.1\r\nExpect: 100-continue\r\nExpect: b\r\n\r\n" },
    // RFC 9110 §7.8 does not say whether the content comes before or after the switch.
    Stricter {
        code: "upgrade-with-content",
        example: b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: a\r\nContent-Length: 2\r\n\r\nhi",
    },
    Stricter {
        code: "duplicate-upgrade",
        example: b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: a\r\nUpgrade: b\r\n\r\n",
    },
    // RFC 9112 §3.2: a fragment is no part of a target; hyper drops it silently.
    Stricter { code: "fragment-in-target", example: b"GET /a#b HTTP/1.1\r\n\r\n" },
    // RFC 3986 §2: a target is ASCII.
    Stricter { code: "invalid-octet-in-target", example: b"GET /\xc3\xa9 HTTP/1.1\r\n\r\n" },
    // `*` without OPTIONS, an authority without CONNECT, a scheme that we do not speak.
    Stricter { code: "invalid-target", example: b"GET * HTTP/1.1\r\n\r\n" },
    Stricter { code: "invalid-connect-target", example: b"CONNECT / HTTP/1.1\r\n\r\n" },
    // Nothing implements a method of more than 64 octets.
    Stricter {
        code: "method-too-long",
        example: b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA / HTTP/1.1\r\n\r\n",
    },
    // White space around sizes, which hyper reads over.
    Stricter {
        code: "invalid-chunk-size",
        example: b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2 \r\nhi\r\n0\r\n\r\n",
    },
    // hyper takes a bare LF for the end of a trailer line.
    Stricter {
        code: "invalid-trailers",
        example: b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nT: u\n\r\n\r\n",
    },
    // hyper takes any octets for an extension.
    Stricter {
        code: "invalid-chunk-extension",
        example: b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2; \r\nhi\r\n0\r\n\r\n",
    },
];

/// Whether this refusal is one of the list.
pub(crate) fn is_stricter(code: &str) -> bool {
    STRICTER.iter().any(|stricter| stricter.code == code)
}

/// What the codec accepts and hyper refuses: what `request::plan` decides (the authority and the path in canonical
/// form), and octets that RFC 3986 leaves out of targets but clients send in queries and origins expect untouched.
pub(crate) fn laxer(message: &Message) -> bool {
    message.authority.is_some() || message.target.contains(['<', '>', '`', '"'])
}

/// Whether we close after this message and hyper may not: `close` wins over `keep-alive` wherever they stand, and
/// nothing follows a CONNECT.
pub(crate) fn closes_sooner(message: &Message) -> bool {
    let says_close = |value: &[u8]| value.to_ascii_lowercase().windows(5).any(|word| word == b"close");
    message.method == "CONNECT" || message.fields.iter().any(|(name, value)| name == "connection" && says_close(value))
}
