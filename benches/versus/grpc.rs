//! gRPC's framing of messages.

/// Octets before a message: whether it is compressed, and its length.
pub(crate) const PREFIX: usize = 5;

/// Adds the prefix of an uncompressed message.
pub(crate) fn append_prefix(length: usize, out: &mut Vec<u8>) {
    out.push(0);
    out.extend_from_slice(&u32::try_from(length).expect("messages are short").to_be_bytes());
}

/// The one message of a unary call, if that is what the octets are.
pub(crate) fn message(octets: &[u8]) -> Option<&[u8]> {
    let (prefix, message) = octets.split_first_chunk::<PREFIX>()?;
    let [compressed, length @ ..] = *prefix;
    let whole = usize::try_from(u32::from_be_bytes(length)).is_ok_and(|length| length == message.len());
    (compressed == 0 && whole).then_some(message)
}
