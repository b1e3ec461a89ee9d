//! What is sent over HTTP/2, skimmed for what the crate refuses by itself and does not tell.
//!
//! Only what frames begin with is read: an ordinary one costs a look at its head, and the rest of it is passed over as
//! many octets at once as are written.

use h2::Reason;

use super::frames::{HEAD, Head, kind};

/// The most octets that are read of a frame. The crate's words in GOAWAY are shorter.
const MOST: usize = 64;

/// What was sent that may be a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent<'a> {
    /// HEADERS.
    Fields { stream: u32 },
    /// RST_STREAM (RFC 9113 §6.4).
    Reset { stream: u32, reason: Reason },
    /// GOAWAY (§6.8), with the beginning of what it says beside the error code.
    GoAway { reason: Reason, words: &'a [u8] },
}

/// Where in what is sent the next octet is. The first one begins a frame: servers send no preface.
#[derive(Debug)]
pub(super) struct Skimmer {
    /// Octets to be passed over.
    skip: usize,
    /// The beginning of a frame, of which so many octets are there.
    beginning: [u8; MOST],
    there: usize,
    /// How many are to be there.
    wanted: usize,
}

impl Default for Skimmer {
    fn default() -> Self {
        Self { skip: 0, beginning: [0; MOST], there: 0, wanted: HEAD }
    }
}

impl Skimmer {
    /// Takes the next octets that were sent, in pieces of any size.
    pub(super) fn take(&mut self, mut octets: &[u8], mut sent: impl FnMut(Sent<'_>)) {
        while let Some(rest) = octets.get(self.skip..).filter(|rest| !rest.is_empty()) {
            self.skip = 0;
            octets = self.take_ordinary(rest, &mut sent).unwrap_or_else(|| self.take_beginning(rest, &mut sent));
        }
        self.skip -= octets.len();
    }

    /// Takes the head of a frame that came whole, and of which nothing more is read.
    fn take_ordinary<'o>(&mut self, octets: &'o [u8], sent: &mut impl FnMut(Sent<'_>)) -> Option<&'o [u8]> {
        let (head, rest) = octets.split_first_chunk().filter(|_| self.there == 0)?;
        let Head { length, kind, stream, .. } = Head::read(*head);
        match kind {
            kind::RST_STREAM | kind::GOAWAY => return None,
            kind::HEADERS => sent(Sent::Fields { stream }),
            _ => {}
        }
        self.skip = length;
        Some(rest)
    }

    fn take_beginning<'o>(&mut self, octets: &'o [u8], sent: &mut impl FnMut(Sent<'_>)) -> &'o [u8] {
        let (taken, rest) = octets.split_at_checked(self.wanted - self.there).unwrap_or((octets, &[]));
        if let Some(room) = self.beginning.get_mut(self.there..self.there + taken.len()) {
            room.copy_from_slice(taken);
        }
        self.there += taken.len();
        if self.there == self.wanted {
            self.begun(sent);
        }
        rest
    }

    /// As much of a frame's beginning is there as was wanted.
    fn begun(&mut self, sent: &mut impl FnMut(Sent<'_>)) {
        let Some((head, payload)) = self.beginning.get(..self.there).and_then(<[u8]>::split_first_chunk) else {
            return;
        };
        let Head { length, kind, stream, .. } = Head::read(*head);
        let looked_into = matches!(kind, kind::RST_STREAM | kind::GOAWAY) && length > 0;
        if looked_into && payload.is_empty() {
            self.wanted = (HEAD + length).min(MOST);
            return;
        }
        match (kind, payload) {
            (kind::HEADERS, _) => sent(Sent::Fields { stream }),
            (kind::RST_STREAM, [a, b, c, d, ..]) => sent(Sent::Reset { stream, reason: reason([*a, *b, *c, *d]) }),
            (kind::GOAWAY, [_, _, _, _, a, b, c, d, words @ ..]) => {
                sent(Sent::GoAway { reason: reason([*a, *b, *c, *d]), words });
            }
            _ => {}
        }
        self.skip = length - payload.len();
        (self.there, self.wanted) = (0, HEAD);
    }
}

fn reason(octets: [u8; 4]) -> Reason {
    u32::from_be_bytes(octets).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
        [&[0, 0, u8::try_from(payload.len()).unwrap(), kind, 0, 0, 0, 0, stream][..], payload].concat()
    }

    #[test]
    fn heads_and_resets_are_found_however_the_octets_go() {
        let octets = [
            frame(4, 0, &[]),
            frame(1, 1, b"fields"),
            frame(3, 3, &7_u32.to_be_bytes()),
            frame(0, 1, b"a body, which may look like \0\0\x04\x03\0\0\0\0\x05 and is none"),
            frame(3, 1, &3_u32.to_be_bytes()),
            frame(6, 0, &[0; 8]),
            frame(1, 9, b""),
            frame(7, 0, &[&[0, 0, 0, 9, 0, 0, 0, 11][..], &[b'w'; 100]].concat()),
            frame(7, 0, &[0; 8]),
        ]
        .concat();
        let expected = [
            Sent::Fields { stream: 1 },
            Sent::Reset { stream: 3, reason: Reason::REFUSED_STREAM },
            Sent::Reset { stream: 1, reason: Reason::FLOW_CONTROL_ERROR },
            Sent::Fields { stream: 9 },
            Sent::GoAway { reason: Reason::ENHANCE_YOUR_CALM, words: &[b'w'; MOST - HEAD - 8] },
            Sent::GoAway { reason: Reason::NO_ERROR, words: &[] },
        ]
        .map(|sent| format!("{sent:?}"));
        for size in 1..=octets.len() {
            let (mut skimmer, mut found) = (Skimmer::default(), Vec::new());
            for piece in octets.chunks(size) {
                skimmer.take(piece, |sent| found.push(format!("{sent:?}")));
            }
            assert_eq!(found, expected, "in pieces of {size}");
        }
    }
}
