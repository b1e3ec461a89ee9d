//! Label selectors, checked before the API server sees them.
//!
//! The grammar is that of `k8s.io/apimachinery/pkg/labels`: requirements separated by commas, each `key`, `!key`,
//! `key = value` (or `==`, `!=`), `key in (…)` or `key notin (…)`. Numeric comparisons, which that package reads too, are
//! refused: no API server selects namespaces by them.

/// Whether `text` is a label selector with at least one requirement.
pub(super) fn is_label_selector(text: &str) -> bool {
    requirements(text).into_iter().all(is_requirement)
}

/// Splits at the commas outside of parentheses.
fn requirements(text: &str) -> Vec<&str> {
    let mut inside = false;
    text.split(|c| {
        inside = (inside || c == '(') && c != ')';
        c == ',' && !inside
    })
    .map(str::trim)
    .collect()
}

fn is_requirement(text: &str) -> bool {
    if let Some(key) = text.strip_prefix('!') {
        return is_key(key.trim());
    }
    if let Some((left, value)) = text.split_once('=') {
        let key = left.strip_suffix('!').unwrap_or(left).trim();
        let value = if left.ends_with('!') { value } else { value.strip_prefix('=').unwrap_or(value) };
        return is_key(key) && is_value(value.trim());
    }
    let Some((left, set)) = text.split_once('(') else { return is_key(text) };
    let Some(set) = set.strip_suffix(')') else { return false };
    let mut words = left.split_whitespace();
    let (key, operator, rest) = (words.next(), words.next(), words.next());
    key.is_some_and(is_key)
        && matches!(operator, Some("in" | "notin"))
        && rest.is_none()
        && set.split(',').all(|value| is_value(value.trim()))
}

/// A qualified name: a DNS name before a slash, perhaps, and up to 63 letters, digits, `-`, `_` and `.`.
fn is_key(text: &str) -> bool {
    let (prefix, name) = text.split_once('/').map_or((None, text), |(prefix, name)| (Some(prefix), name));
    !name.is_empty() && is_value(name) && prefix.is_none_or(is_dns_name)
}

/// A label's value, which may be empty.
fn is_value(text: &str) -> bool {
    let outer = |c: char| c.is_ascii_alphanumeric();
    text.len() <= 63
        && text.chars().all(|c| outer(c) || matches!(c, '-' | '_' | '.'))
        && text.chars().next().is_none_or(outer)
        && text.chars().next_back().is_none_or(outer)
}

fn is_dns_name(text: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_requirement_is_read() {
        for text in [
            "team",
            "!team",
            "team=web",
            "team==web",
            "team != web",
            "team=",
            "stage in (test, live)",
            "stage notin (test)",
            "kubernetes.io/metadata.name=shop,team,stage in (a,b)",
        ] {
            assert!(is_label_selector(text), "{text}");
        }
    }

    #[test]
    fn what_the_api_server_would_refuse_is_refused() {
        for text in [
            "",
            ",",
            "team,",
            "=web",
            "team=a b",
            "-team",
            "stage in test",
            "stage in (test",
            "stage of (a)",
            "a in b (c)",
            "Upper.Case/x=1",
            "team>3",
            "!",
        ] {
            assert!(!is_label_selector(text), "{text}");
        }
    }
}
