//! Scalars as Go reads them, since ingress-nginx is written in Go and its users' values are what Go accepts.

use std::time::Duration;

/// `strconv.ParseBool`.
#[must_use]
pub fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// `strconv.Atoi`: decimal with an optional sign.
#[must_use]
pub fn parse_int(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// A size as nginx writes it: digits and at most one of `k`, `m`, `g` (powers of 1024) or `b`, in either case.
#[must_use]
pub fn parse_size(text: &str) -> Option<u64> {
    let (digits, factor) = match text.as_bytes().last()?.to_ascii_lowercase() {
        b'k' => (text.get(..text.len() - 1)?, 1 << 10),
        b'm' => (text.get(..text.len() - 1)?, 1 << 20),
        b'g' => (text.get(..text.len() - 1)?, 1 << 30),
        b'b' => (text.get(..text.len() - 1)?, 1),
        _ => (text, 1),
    };
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse::<u64>().ok()?.checked_mul(factor)).flatten()
}

/// A duration as nginx writes it: numbers with the units `ms`, `s`, `m`, `h`, `d`, or a bare number of seconds.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at_checked(digits)?;
        let number: u64 = number.parse().ok()?;
        let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, after) = after.split_at_checked(letters)?;
        total = total.checked_add(unit_of(unit, number)?)?;
        rest = after.trim_start();
    }
    Some(total)
}

fn unit_of(unit: &str, number: u64) -> Option<Duration> {
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "" | "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        "h" => number.checked_mul(3_600).map(Duration::from_secs),
        "d" => number.checked_mul(86_400).map(Duration::from_secs),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans_are_what_go_reads_and_nothing_else() {
        assert_eq!(["1", "t", "True", "TRUE"].map(parse_bool), [Some(true); 4]);
        assert_eq!(["0", "f", "False", "FALSE"].map(parse_bool), [Some(false); 4]);
        assert_eq!(["yes", "on", "tRUE", "", " true"].map(parse_bool), [None; 5]);
    }

    #[test]
    fn sizes_are_powers_of_1024_and_overflow_is_refused() {
        assert_eq!(parse_size("8m"), Some(8 << 20));
        assert_eq!(parse_size("1G"), Some(1 << 30));
        assert_eq!(parse_size("0"), Some(0));
        assert_eq!(["m", "", "-1m", "1.5m", "1mb", "99999999999999g"].map(parse_size), [None; 6]);
    }

    #[test]
    fn durations_add_up_their_units() {
        assert_eq!(parse_duration("1h 30m"), Some(Duration::from_secs(5_400)));
        assert_eq!(parse_duration("75"), Some(Duration::from_secs(75)));
        assert_eq!(["", "h", "1y", "-1s"].map(parse_duration), [None; 4]);
    }
}
