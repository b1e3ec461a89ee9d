//! TLS handshakes written octet by octet, up to what the server says in the clear: TLS 1.2 with whatever extensions.

/// The types of extensions (RFC 8446 §4.2).
pub const SERVER_NAME: u16 = 0;
const SUPPORTED_GROUPS: u16 = 10;
const SIGNATURE_ALGORITHMS: u16 = 13;

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;

/// TLS 1.2, as a ClientHello names it.
pub const TLS12: u16 = 0x0303;
/// ECDHE-ECDSA with AES-128 and AES-256, and the same of TLS 1.3.
const SUITES: [u16; 4] = [0xc02b, 0xc02c, 0x1301, 0x1302];

/// A record with a ClientHello of TLS 1.2 that offers ECDSA with these extensions, and groups and signature algorithms of
/// its own where they hold none.
#[must_use]
pub fn client_hello(extensions: &[(u16, &[u8])]) -> Vec<u8> {
    client_hello_of(TLS12, &SUITES, extensions)
}

/// As [`client_hello`], of another version or with other cipher suites.
#[must_use]
pub fn client_hello_of(version: u16, suites: &[u16], extensions: &[(u16, &[u8])]) -> Vec<u8> {
    let mut written = Vec::new();
    // x25519 and secp256r1; ECDSA on P-256, and RSA-PSS.
    let own: [(u16, &[u8]); 2] =
        [(SUPPORTED_GROUPS, b"\x00\x04\x00\x1d\x00\x17"), (SIGNATURE_ALGORITHMS, b"\x00\x04\x04\x03\x08\x04")];
    let missing = own.iter().filter(|(kind, _)| !extensions.iter().any(|(known, _)| known == kind));
    for (kind, content) in extensions.iter().chain(missing) {
        written.extend_from_slice(&kind.to_be_bytes());
        written.extend_from_slice(&sized(content, 2));
    }
    let suites: Vec<u8> = suites.iter().flat_map(|suite| suite.to_be_bytes()).collect();
    let mut body = version.to_be_bytes().to_vec();
    body.extend_from_slice(&[7; 32]);
    // No session; compression by DEFLATE (RFC 3749), or none.
    body.extend_from_slice(&[&[0][..], &sized(&suites, 2), &[2, 1, 0]].concat());
    body.extend_from_slice(&sized(&written, 2));
    let message = [&[1][..], &sized(&body, 3)].concat();
    message.chunks(16 * 1024).flat_map(|part| [&[HANDSHAKE, 3, 1][..], &sized(part, 2)].concat()).collect()
}

/// The content of a `server_name` extension with one name, whatever it is.
#[must_use]
pub fn server_name(name: &[u8]) -> Vec<u8> {
    sized(&[&[0][..], &sized(name, 2)].concat(), 2)
}

/// The suite and the compression that a server has chosen; `None` if it has chosen nothing.
#[must_use]
pub fn chosen(flight: &[u8]) -> Option<(u16, u8)> {
    let messages = handshake(flight);
    let ([kind, _, _, _], hello) = messages.split_first_chunk::<4>()?;
    // Behind the version and the random: the session, the suite, the compression.
    let session = usize::from(*hello.get(34)?);
    let [high, low, compression] = *hello.get(35 + session..)?.first_chunk::<3>()?;
    (*kind == SERVER_HELLO).then(|| (u16::from_be_bytes([high, low]), compression))
}

/// The leaf, in DER, that a server has sent in the clear. `None` if it has sent none, as in TLS 1.3 or behind an alert.
///
/// # Panics
/// When there is a record of no kind.
#[must_use]
pub fn served_certificate(flight: &[u8]) -> Option<Vec<u8>> {
    let messages = handshake(flight);
    let mut messages = &*messages;
    while let Some(([kind, length @ ..], rest)) = messages.split_first_chunk::<4>() {
        let (message, rest) = rest.split_at(rest.len().min(number(length)));
        if *kind == CERTIFICATE {
            let ([_, _, _, length @ ..], chain) = message.split_first_chunk::<6>()?;
            return chain.get(..number(length)).map(<[u8]>::to_vec);
        }
        messages = rest;
    }
    None
}

/// The octets of all handshake records.
fn handshake(mut flight: &[u8]) -> Vec<u8> {
    let mut messages = Vec::new();
    while let Some(([kind, _, _, high, low], rest)) = flight.split_first_chunk::<5>() {
        let (record, rest) = rest.split_at(rest.len().min(number(&[*high, *low])));
        match *kind {
            HANDSHAKE => messages.extend_from_slice(record),
            CHANGE_CIPHER_SPEC | ALERT | APPLICATION_DATA => {}
            other => panic!("a record of no kind: {other}"),
        }
        flight = rest;
    }
    messages
}

/// The content behind its length in so many octets.
fn sized(content: &[u8], octets: usize) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let (_, length) = length.split_at(length.len() - octets);
    [length, content].concat()
}

fn number(octets: &[u8]) -> usize {
    octets.iter().fold(0, |number, octet| number << 8 | usize::from(*octet))
}
