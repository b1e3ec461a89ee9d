//! Random requests over HTTP/2 whose fields are written in every way that compression knows: what the watch below the
//! engine reads of them must be what the engine reads, whatever is in the table. Paths with a fragment tell: they are
//! refused, and no other is.

use crate::client1::{Client, Pace};
use crate::frames::{self, ACK, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PREFACE, RST_STREAM, SETTINGS, frame};
use crate::generator::variable;
use crate::grammar::Dice;
use crate::hpack::{self, Decoder, FIXED, Strings};
use crate::reader::Field;
use crate::recorder::Protocol;
use crate::scene;

/// Requests on one connection.
const REQUESTS: u32 = 12;

#[tokio::test]
async fn fields_are_read_alike_above_and_below_the_engine() {
    let messages = variable("LANDFALL_HOSTILE_MESSAGES", 10_000) / 10;
    let first = variable("LANDFALL_HOSTILE_SEED", 1);
    let (server, origin) = scene(Protocol::Http1).await;
    for seed in first..first + messages.div_ceil(REQUESTS.into()) {
        let (octets, wanted, refused) = connection(&mut Dice::new(seed));
        let begun = origin.log().seen.len();
        let mut client = Client::connect(server.http()).await;
        client.send(&octets, Pace::AtOnce).await;
        let over = |octets: &[u8]| count(octets).iter().sum::<usize>() >= REQUESTS as usize;
        assert!(client.until(over).await, "seed {seed}: an end comes: {:?}", count(&client.octets().0));
        let [answers, resets, _] = count(&client.octets().0);
        assert_eq!((answers, resets), (wanted.len(), refused), "seed {seed}: {wanted:?}");
        let mut seen: Vec<_> = origin.log().seen.split_off(begun).into_iter().map(|seen| seen.request.target).collect();
        seen.sort();
        assert_eq!(seen, wanted, "seed {seed}");
    }
    assert!(origin.log().faults.is_empty(), "{:?}", origin.log().faults);
}

/// Streams that were answered, streams that were reset, and a connection that was ended.
fn count(octets: &[u8]) -> [usize; 3] {
    let mut octets = octets.to_vec();
    let mut counts = [0; 3];
    while let Some(frame) = frames::take(&mut octets) {
        match frame.kind {
            HEADERS => counts[0] += 1,
            RST_STREAM => counts[1] += 1,
            GOAWAY => counts[2] += REQUESTS as usize,
            _ => {}
        }
    }
    counts
}

/// The octets of a connection, the targets that must reach the origin, and how many requests are to be refused.
fn connection(dice: &mut Dice) -> (Vec<u8>, Vec<Vec<u8>>, usize) {
    let mut out = [PREFACE, &frame(SETTINGS, 0, 0, &[]), &frame(SETTINGS, ACK, 0, &[])].concat();
    let mut table = Decoder::default();
    let (mut wanted, mut refused) = (Vec::new(), 0);
    for number in 0..REQUESTS {
        let block = section(dice, &table);
        let fields = table.decode(&block).expect("what is written can be read");
        let path = fields.iter().find(|(name, _)| name == b":path").map(|(_, value)| value.clone()).unwrap_or_default();
        if path.contains(&b'#') {
            refused += 1;
        } else {
            wanted.push(path);
        }
        out.extend_from_slice(&frame(HEADERS, END_HEADERS | END_STREAM, number * 2 + 1, &block));
    }
    wanted.sort();
    (out, wanted, refused)
}

fn section(dice: &mut Dice, table: &Decoder) -> Vec<u8> {
    let mut out = Vec::new();
    if dice.once_in(6) {
        hpack::put_integer(&mut out, 0x20, 5, dice.roll(4097));
    }
    // Sizes change at the front; what an index stands for is known behind it.
    let mut known = Decoder::clone(table);
    known.decode(&out).expect("a size is legal");
    let path = if dice.once_in(3) { format!("/{}#x", dice.roll(50)) } else { format!("/{}", dice.roll(50)) };
    let pseudo = [(":method", "GET"), (":scheme", "http"), (":path", &path[..]), (":authority", "a.test")];
    for (name, value) in pseudo {
        field(dice, &mut known, &mut out, name, value);
    }
    for _ in 0..dice.roll(5) {
        let name = dice.of(&["x-a", "x-b", "x-c", "accept", "x-long-name-to-fill-the-table"]);
        let value = dice.of(&["", "v", "#", "a,b;c", "~`{}"]).repeat(1 + dice.roll(120));
        field(dice, &mut known, &mut out, name, &value);
    }
    out
}

/// Writes a field in one of the ways that there are, and keeps `known` up with it.
fn field(dice: &mut Dice, known: &mut Decoder, out: &mut Vec<u8>, name: &str, value: &str) {
    let mut own = Vec::new();
    let indices: Vec<_> =
        (1..=FIXED + 130).map_while(|index| known.at(index).ok().map(|field| (index, field))).collect();
    let whole = |(_, field): &&(usize, Field)| field.0 == name.as_bytes() && field.1 == value.as_bytes();
    let named = |(_, field): &&(usize, Field)| field.0 == name.as_bytes();
    let whole: Vec<_> = indices.iter().filter(whole).collect();
    let named: Vec<_> = indices.iter().filter(named).collect();
    let strings = if dice.once_in(2) { Strings::Huffman } else { Strings::Plain };
    if !whole.is_empty() && dice.once_in(2) {
        hpack::put_integer(&mut own, 0x80, 7, whole[dice.roll(whole.len())].0);
    } else {
        let (pattern, prefix) = *dice.of(&[&(0x40, 6), &(0x40, 6), &(0x00, 4), &(0x10, 4)]);
        if !named.is_empty() && dice.once_in(2) {
            hpack::put_integer(&mut own, pattern, prefix, named[dice.roll(named.len())].0);
        } else {
            hpack::put_integer(&mut own, pattern, prefix, 0);
            hpack::put_string(&mut own, name.as_bytes(), strings);
        }
        hpack::put_string(&mut own, value.as_bytes(), strings);
    }
    known.decode(&own).expect("what is written can be read");
    out.extend_from_slice(&own);
}
