//! A connection's input as our codec reads it.

use landfall::proxy::h1::chunked::{Decoded, Decoder};
use landfall::proxy::h1::framing::{BodyLength, Persistence};
use landfall::proxy::h1::parse::{Limits, Parsed, request_head};
use landfall::proxy::h1::target::TargetForm;
use landfall::request::RequestHead;

use crate::{End, Message, Reading};

/// Reads messages until the input or the connection ends.
pub(crate) fn read(input: &[u8]) -> Reading {
    let mut messages = Vec::new();
    let mut rest = input;
    let end = loop {
        match next(&mut rest, &mut messages) {
            Ok(()) => {}
            Err(end) => break end,
        }
    };
    Reading { messages, end }
}

fn next(rest: &mut &[u8], messages: &mut Vec<Message>) -> Result<(), End> {
    let mut head = RequestHead::default();
    let parsed = request_head(rest, &Limits::default(), &mut head).map_err(|error| End::Refused(error.code.into()))?;
    let Parsed::Complete { consumed, value: framing } = parsed else {
        return Err(if rest.iter().all(|octet| b"\r\n".contains(octet)) { End::Exhausted } else { End::Truncated });
    };
    *rest = &rest[consumed..];
    let content = if framing.form == TargetForm::Authority { Vec::new() } else { content(rest, framing.body)? };
    messages.push(message(head, content));
    match framing.connection {
        Persistence::KeepAlive => Ok(()),
        Persistence::Close => Err(End::Closed),
    }
}

fn message(head: RequestHead, content: Vec<u8>) -> Message {
    let name = |name: &[u8]| String::from_utf8(name.to_ascii_lowercase()).unwrap();
    let mut fields: Vec<_> = head.fields.iter().map(|field| (name(field.name), field.value.to_vec())).collect();
    fields.sort();
    let mut target = String::from_utf8(head.target).unwrap();
    if target == "*" && head.authority.is_some() {
        // RFC 9112 §3.2.4: an absolute form without a path asks for `*`, which hyper's caller cannot tell from `/`.
        "/".clone_into(&mut target);
    }
    Message { method: head.method, target, authority: head.authority, fields, content }
}

fn content(rest: &mut &[u8], body: BodyLength) -> Result<Vec<u8>, End> {
    match body {
        BodyLength::None => Ok(Vec::new()),
        BodyLength::Length(length) => {
            let length = usize::try_from(length).unwrap();
            let content = rest.get(..length).ok_or(End::Truncated)?.to_vec();
            *rest = &rest[length..];
            Ok(content)
        }
        BodyLength::Chunked => chunked(rest),
    }
}

fn chunked(rest: &mut &[u8]) -> Result<Vec<u8>, End> {
    let (mut decoder, mut content) = (Decoder::default(), Vec::new());
    loop {
        match decoder.decode(rest).map_err(|error| End::Refused(error.code().into()))? {
            Decoded::Incomplete { .. } => return Err(End::Truncated),
            Decoded::Data { data } => {
                content.extend_from_slice(&rest[data.clone()]);
                *rest = &rest[data.end..];
            }
            Decoded::End { consumed } => {
                *rest = &rest[consumed..];
                return Ok(content);
            }
        }
    }
}
