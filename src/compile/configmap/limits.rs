//! Limits on clients as keys of the ConfigMap: reading them, and the table of them for the documentation.

use std::fmt::Write as _;

use super::draft::Why;
use crate::annotations::go;
use crate::ir::limits::Unit;
use crate::ir::{Limit, Limits};

/// Reads the value of a limit's key. The error is what is wrong with it and what holds instead, as the end of a sentence
/// that begins with the value.
pub(super) fn read(limit: &Limit, value: &str, limits: &mut Limits) -> Result<(), String> {
    let (number, form) = match limit.unit {
        Unit::Count => (value.parse().ok(), "a whole number"),
        Unit::Octets => (go::parse_size(value), "a size such as 8k"),
        Unit::Seconds => (value.parse().ok(), "a whole number of seconds"),
    };
    let Some(number) = number else { return Err(format!("is not {form}; the default is used instead")) };
    let number = u32::try_from(number).unwrap_or(u32::MAX);
    let (least, most) = (limit.least, limit.most);
    if limit.unit == Unit::Seconds && number < least {
        return Err(String::from("would fail every request; the default is used instead"));
    }
    limit.set(limits, number);
    if (least..=most).contains(&number) {
        return Ok(());
    }
    let [least, most] = [least, most].map(|bound| written(limit.unit, bound));
    Err(format!("is not from {least} to {most}; the nearer of these is used"))
}

/// `large-client-header-buffers`: nginx takes a head that fits into so many buffers, and a target that fits into one. A
/// target of the default length is taken in any case.
pub(super) fn header_buffers(value: &str, limits: &mut Limits) -> Result<(), Why> {
    let mut words = value.split_ascii_whitespace();
    let (Some(number), Some(size), None) = (words.next(), words.next(), words.next()) else {
        return Err(Why::Unread("is not a number and a size such as \"4 8k\""));
    };
    let product =
        number.parse::<u64>().ok().zip(go::parse_size(size)).map(|(number, size)| number.saturating_mul(size));
    let (Some(octets), Some(size)) = (product, go::parse_size(size)) else {
        return Err(Why::Unread("is not a number and a size such as \"4 8k\""));
    };
    let [octets, size] = [octets, size].map(|octets| u32::try_from(octets).unwrap_or(u32::MAX));
    Limit::HEAD_SIZE.set(limits, octets);
    Limit::TARGET_SIZE.set(limits, size.max(Limit::TARGET_SIZE.default));
    if u64::from(octets) == Limit::HEAD_SIZE.value(limits) {
        return Ok(());
    }
    Err(Why::Partly("is less than 1k or more than 1m in all; the nearer of these is used"))
}

/// A value as it is written in a ConfigMap.
fn written(unit: Unit, value: u32) -> String {
    match unit {
        Unit::Octets if value >= 1 << 20 && value.is_multiple_of(1 << 20) => format!("{}m", value >> 20),
        Unit::Octets if value >= 1 << 10 && value.is_multiple_of(1 << 10) => format!("{}k", value >> 10),
        Unit::Count | Unit::Octets | Unit::Seconds => value.to_string(),
    }
}

/// Every limit on clients, as Markdown.
#[must_use]
pub fn limit_table() -> String {
    let mut table = "| Key | Default | What is bounded | Beyond it |\n|---|---|---|---|\n".to_owned();
    for limit in Limit::ALL {
        let Limit { key, unit, default, what, beyond, .. } = limit;
        let unit_name = match unit {
            Unit::Count | Unit::Octets => "",
            Unit::Seconds => " s",
        };
        let default = written(*unit, *default);
        writeln!(table, "| `{key}` | {default}{unit_name} | {what} | {beyond} |").expect("a string takes any text");
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn streams(value: &str) -> (u32, Option<String>) {
        let mut limits = Limits::default();
        let wrong = read(&Limit::HTTP2_STREAMS, value, &mut limits).err();
        (limits.http2_streams, wrong)
    }

    #[test]
    fn a_value_out_of_bounds_becomes_the_nearer_of_them_and_is_reported() {
        assert_eq!(streams("1"), (1, None));
        assert_eq!(streams("10000"), (10_000, None));
        let wrong = || Some("is not from 1 to 10000; the nearer of these is used".to_owned());
        assert_eq!(streams("0"), (1, wrong()));
        assert_eq!(streams("99999999999"), (10_000, wrong()));
    }

    #[test]
    fn what_is_no_number_leaves_the_default() {
        let wrong = Some("is not a whole number; the default is used instead".to_owned());
        assert_eq!(streams("many"), (128, wrong));
    }

    #[test]
    fn buffers_for_heads_are_added_up() {
        for (value, head, target) in
            [("4 8k", 32 << 10, 16 << 10), ("8 32k", 256 << 10, 32 << 10), ("2 1k", 2 << 10, 16 << 10)]
        {
            let mut limits = Limits::default();
            assert!(header_buffers(value, &mut limits).is_ok(), "{value}");
            assert_eq!((limits.head_octets, limits.target_octets), (head, target), "{value}");
        }
        for value in ["", "4", "8k 4", "4 8k 1", "x 8k", "1 10", "1000 1m"] {
            assert!(header_buffers(value, &mut Limits::default()).is_err(), "{value}");
        }
    }

    #[test]
    fn sizes_are_shown_as_they_are_written() {
        for (octets, shown) in [(1024, "1k"), (1025, "1025"), (1 << 20, "1m"), (1536 << 10, "1536k")] {
            assert_eq!(written(Unit::Octets, octets), shown);
        }
    }
}
