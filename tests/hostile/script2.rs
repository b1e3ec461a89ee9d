//! Frames as cases write them: `headers(es; :method=GET; x=y) data(es; hello)`.
//!
//! A frame is its kind, the stream behind `@` (1 where none is named) and, in parentheses, what it holds, in pieces
//! separated by `;`. Flags are the first piece: `es` (END_STREAM), `more` (no END_HEADERS), `ack`, `-` for none. Pieces are
//! texts as in [`script`](crate::script).
//!
//! * `headers`, `sound`, `more`: HEADERS, the same behind the pseudo-fields of a sound request, CONTINUATION. Fields are
//!   `name=value`; `+` before one puts it into the table, `^` writes its strings in Huffman's code, `#62` is an index,
//!   `%2` a change of the table's size, `!` and octets are those octets.
//! * `data`, `rst`, `window`, `ping`, `settings` (`id=value`), `goaway`, `priority`; `frame(kind; flags; octets)` is any.

use crate::frames::{ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS};
use crate::frames::{WINDOW_UPDATE, frame};
use crate::hpack::{self, Strings};
use crate::script::literal;

/// The pseudo-fields of a sound request.
pub(crate) const SOUND: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a.test")];

/// The octets of all frames of a text.
pub(crate) fn octets(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let open = rest.find('(').unwrap_or_else(|| panic!("no frame: {rest}"));
        let close = rest.find(')').unwrap_or_else(|| panic!("a frame that does not end: {rest}"));
        let (name, stream) = rest[..open].split_once('@').unwrap_or((&rest[..open], "1"));
        let (times, name) = name.split_once('*').map_or((1, name), |(times, name)| (number(times) as usize, name));
        let pieces: Vec<_> = rest[open + 1..close].split(';').map(str::trim).collect();
        out.extend_from_slice(&one(name, number(stream), &pieces).repeat(times));
        rest = rest[close + 1..].trim_start();
    }
    out
}

fn number(text: &str) -> u32 {
    text.parse().unwrap_or_else(|_| panic!("no number: {text}"))
}

fn one(name: &str, stream: u32, pieces: &[&str]) -> Vec<u8> {
    let first = pieces.first().copied().unwrap_or_default();
    let rest = pieces.get(1..).unwrap_or_default();
    match name {
        "headers" => headers(flags(first), stream, &block(rest)),
        "more" => frame(CONTINUATION, flags(first) ^ END_HEADERS, stream, &block(rest)),
        "sound" => {
            let mut fields: Vec<_> = SOUND.iter().map(|(name, value)| format!("{name}={value}")).collect();
            // A piece that names a pseudo-field stands instead of it.
            for piece in rest {
                let own = piece.split_once('=').map_or(*piece, |(name, _)| name);
                let key = own.trim_start_matches(['+', '^']);
                match fields.iter_mut().find(|field| key.starts_with(':') && field.starts_with(&format!("{key}="))) {
                    Some(field) => (*piece).clone_into(field),
                    None => fields.push((*piece).to_owned()),
                }
            }
            let fields: Vec<_> = fields.iter().map(String::as_str).collect();
            headers(flags(first), stream, &block(&fields))
        }
        "data" => frame(DATA, flags(first), stream, &literal(rest.first().copied().unwrap_or_default())),
        "rst" => frame(RST_STREAM, 0, stream, &number(first).to_be_bytes()),
        "window" => frame(WINDOW_UPDATE, 0, stream, &number(first).to_be_bytes()),
        "ping" => frame(PING, flags(first), 0, &[0; 8]),
        "goaway" => frame(GOAWAY, 0, 0, &[0, number(first)].map(u32::to_be_bytes).concat()),
        "priority" => frame(2, 0, stream, &[&number(first).to_be_bytes()[..], &[16]].concat()),
        "settings" => {
            let settings = rest.iter().filter_map(|piece| piece.split_once('=')).flat_map(|(id, value)| {
                let id = u16::try_from(number(id)).unwrap().to_be_bytes();
                [&id[..], &number(value).to_be_bytes()].concat()
            });
            frame(SETTINGS, flags(first), 0, &settings.collect::<Vec<_>>())
        }
        "frame" => {
            let flags = u8::try_from(number(rest[0])).unwrap();
            frame(u8::try_from(number(first)).unwrap(), flags, stream, &literal(rest[1]))
        }
        _ => panic!("no frame: {name}"),
    }
}

/// HEADERS, and CONTINUATION for what one frame has no room for.
fn headers(flags: u8, stream: u32, block: &[u8]) -> Vec<u8> {
    let mut pieces: Vec<_> = block.chunks(16 * 1024).collect();
    if pieces.is_empty() {
        pieces.push(&[]);
    }
    let last = pieces.len() - 1;
    let frames = pieces.iter().enumerate().map(|(place, piece)| {
        let end = if place == last { flags & END_HEADERS ^ END_HEADERS } else { 0 };
        let (kind, rest) = if place == 0 { (HEADERS, flags & !END_HEADERS) } else { (CONTINUATION, 0) };
        frame(kind, rest | end, stream, piece)
    });
    frames.collect::<Vec<_>>().concat()
}

fn flags(text: &str) -> u8 {
    text.split(',').fold(0, |flags, word| {
        flags
            | match word {
                "es" => END_STREAM,
                "ack" => ACK,
                // Turned round above.
                "more" => END_HEADERS,
                "-" | "" => 0,
                _ => panic!("no flag: {word}"),
            }
    })
}

fn block(fields: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    for field in fields.iter().filter(|field| !field.is_empty()) {
        if let Some(index) = field.strip_prefix('#') {
            hpack::put_integer(&mut out, 0x80, 7, number(index) as usize);
        } else if let Some(size) = field.strip_prefix('%') {
            hpack::put_integer(&mut out, 0x20, 5, number(size) as usize);
        } else if let Some(octets) = field.strip_prefix('!') {
            out.extend_from_slice(&literal(octets));
        } else if let Some((times, field)) = field.strip_prefix('*').and_then(|rest| rest.split_once(' ')) {
            out.extend_from_slice(&block(&[field]).repeat(number(times) as usize));
        } else {
            let (indexing, field) = field.strip_prefix('+').map_or((0, *field), |field| (0x40, field));
            let (strings, field) = field.strip_prefix('^').map_or((Strings::Plain, field), |f| (Strings::Huffman, f));
            // The first octet of a name may be `=` nowhere.
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            out.push(indexing);
            hpack::put_string(&mut out, &literal(name), strings);
            hpack::put_string(&mut out, &literal(value), strings);
        }
    }
    out
}
