//! What is changed in a request on its way upstream.

/// A path rewrite: where `pattern` matches anywhere in the canonical path, the whole path becomes `target` with
/// `$1`…`$9` replaced by captures. The query is kept and appended unless the target ends with `?`
/// (nginx `rewrite … break`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewrite {
    /// Case-insensitive and unanchored, as ingress-nginx emits it.
    pub pattern: super::pattern::Pattern,
    pub target: RewriteTarget,
}

/// What a rewrite makes of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RewriteTarget {
    /// A new path (and query, if the template holds one).
    Path(Template),
    /// An absolute `http://` or `https://` URL: the client is redirected there with 302.
    Redirect(Template),
}

/// The value of `X-Forwarded-Prefix`, captures of the rewrite allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardedPrefix(pub Template);

/// Text with numbered captures in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Template {
    pub parts: Vec<TemplatePart>,
}

/// A piece of a [`Template`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplatePart {
    Literal(String),
    /// `$1` to `$9`; an unmatched group is empty.
    Capture(u8),
}

impl Template {
    /// Reads `$1`…`$9` and `${1}`…`${9}` as captures and all else as text; a `$` before anything else stands for itself.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(dollar) = rest.find('$') {
            let (before, after) = rest.split_at(dollar);
            literal.push_str(before);
            if let Some((capture, remaining)) = split_capture(after) {
                if !literal.is_empty() {
                    parts.push(TemplatePart::Literal(std::mem::take(&mut literal)));
                }
                parts.push(TemplatePart::Capture(capture));
                rest = remaining;
            } else {
                literal.push('$');
                rest = after.strip_prefix('$').unwrap_or_default();
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(TemplatePart::Literal(literal));
        }
        Self { parts }
    }
}

/// Splits `$N` or `${N}` off the front of `text`, which starts with `$`.
fn split_capture(text: &str) -> Option<(u8, &str)> {
    let inner = text.strip_prefix('$')?;
    let (braced, inner) = match inner.strip_prefix('{') {
        Some(inner) => (true, inner),
        None => (false, inner),
    };
    let digit = *inner.as_bytes().first().filter(|b| (b'1'..=b'9').contains(b))?;
    let rest = inner.get(1..)?;
    let rest = if braced { rest.strip_prefix('}')? } else { rest };
    Some((digit - b'0', rest))
}
