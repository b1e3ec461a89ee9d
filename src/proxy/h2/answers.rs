//! What arrives on a connection of an upstream's: answers, and their trailers.

use std::rc::Rc;

use super::fields::{ANSWER_FIELDS, ANSWER_OCTETS, FieldsError, ResponseReader, Trailers};
use super::frame::{Frame, Reason};
use super::inbound::{Section, Side};
use super::link::{Link, Wrong};
use crate::ir::Limit;

/// The largest section of an answer, compressed; Huffman's code can make octets longer.
const SECTION_OCTETS: usize = 64 * 1024;
/// As many CONTINUATIONs as a section has.
const CONTINUATIONS: u32 = 16;

/// Reads answers.
#[derive(Debug)]
pub(super) struct Answers;

impl Side for Answers {
    type Event = std::convert::Infallible;

    /// Upstreams are trusted not to flood; what they are answered is bounded by not being read from meanwhile.
    fn admit(&mut self, _link: &Link, _frame: &Frame<'_>) -> Result<(), Wrong> {
        Ok(())
    }

    fn section_limits(&self) -> (usize, u32) {
        (SECTION_OCTETS, CONTINUATIONS)
    }

    fn begin(&mut self, _link: &Rc<Link>, _section: Section<'_>) -> Result<Option<Self::Event>, Wrong> {
        Err(Wrong::connection(Reason::PROTOCOL_ERROR, "answer-on-an-idle-stream"))
    }

    fn go_on(&mut self, link: &Link, mut section: Section<'_>) -> Result<(), Wrong> {
        let (id, ends) = (section.stream, section.ends_stream);
        let malformed = |what| Wrong::stream(id, Reason::PROTOCOL_ERROR, what);
        if !link.is_answered(id) {
            let mut head = Link::head();
            let mut reader = ResponseReader::new(&mut head);
            section.decode(|name, value| reader.field(name, value))?;
            let content_length = reader.finish().map_err(malformed)?;
            return link.take_head(id, head, content_length, ends);
        }
        let mut trailers = Trailers::new(ANSWER_FIELDS, ANSWER_OCTETS.into());
        section.decode(|name, value| trailers.field(name, value))?;
        if !ends {
            return Err(malformed("second-head"));
        }
        let trailers = trailers.finish().map_err(|error| match error {
            FieldsError::Malformed(what) | FieldsError::Refused { code: what, .. } => malformed(what),
        })?;
        link.take_trailers(id, Ok(trailers))
    }

    fn reset(&mut self, _limit: Option<&'static Limit>) -> Result<(), Wrong> {
        Ok(())
    }
}
