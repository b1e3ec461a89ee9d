//! Values as Go's `flag` and `time` packages read them, since scripts and manifests were written for those.

use std::time::Duration;

/// A boolean as `strconv.ParseBool` reads it.
pub(super) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// A number of octets as Kubernetes writes quantities of memory, whole ones: `536870912`, `512Mi`, `1G`.
pub(super) fn parse_quantity(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let factor: u64 = match unit {
        "" => 1,
        "k" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// A duration as `time.ParseDuration` reads it (`300ms`, `1.5h`, `1m30s`, `0`), but for the sign: durations here are
/// lengths of time. Fractions below a nanosecond are cut off.
pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest.is_empty() {
        return None;
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let number = take(&mut rest, |c| c.is_ascii_digit() || c == '.');
        let unit = take(&mut rest, |c| !c.is_ascii_digit() && c != '.');
        total = total.checked_add(term(number, nanoseconds(unit)?)?)?;
    }
    Some(total)
}

/// Splits the longest prefix of characters that `wanted` takes off `rest`.
fn take<'t>(rest: &mut &'t str, wanted: impl Fn(char) -> bool) -> &'t str {
    let end = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
    let (taken, left) = rest.split_at(end);
    *rest = left;
    taken
}

/// The length of a unit in nanoseconds.
fn nanoseconds(unit: &str) -> Option<u64> {
    match unit {
        "ns" => Some(1),
        "us" | "µs" | "μs" => Some(1_000),
        "ms" => Some(1_000_000),
        "s" => Some(1_000_000_000),
        "m" => Some(60_000_000_000),
        "h" => Some(3_600_000_000_000),
        _ => None,
    }
}

/// A decimal number of units, exactly.
fn term(number: &str, unit: u64) -> Option<Duration> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut nanoseconds = whole.checked_mul(unit)?;
    let mut place = unit;
    for digit in fraction.chars() {
        place /= 10;
        nanoseconds = nanoseconds.checked_add(u64::from(digit.to_digit(10)?) * place)?;
    }
    Some(Duration::from_nanos(nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        for (text, millis) in [
            ("0", 0),
            ("30s", 30_000),
            ("1m30s", 90_000),
            ("1.5h", 5_400_000),
            (".5s", 500),
            ("5.s", 5_000),
            ("300ms", 300),
            ("1h0m1s", 3_601_000),
            ("+2s", 2_000),
            ("1500us", 1),
        ] {
            let read = parse_duration(text).map(|duration| duration.as_millis());
            assert_eq!(read, Some(millis), "{text}");
        }
    }

    #[test]
    fn what_go_does_not_take_for_a_duration_is_none() {
        for text in ["", "+", "30", "s", ".s", "1x", "-1s", "1s2", "1.2.3s", "1 s", "99999999999999999999s", "9999999h"]
        {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn quantities_are_read_as_kubernetes_writes_them() {
        for (text, octets) in
            [("0", 0), ("17", 17), ("2k", 2000), ("512Mi", 512 << 20), ("1G", 1_000_000_000), ("2Gi", 2 << 30)]
        {
            assert_eq!(parse_quantity(text), Some(octets), "{text}");
        }
        for text in ["", "Mi", "1.5Gi", "-1", "1 Mi", "1m", "99999999999Gi"] {
            assert_eq!(parse_quantity(text), None, "{text}");
        }
    }

    #[test]
    fn booleans_are_read_as_go_reads_them() {
        for (text, wanted) in [("true", Some(true)), ("F", Some(false)), ("1", Some(true)), ("yes", None), ("", None)] {
            assert_eq!(parse_bool(text), wanted, "{text}");
        }
    }
}
