//! `rewrite-target`, `use-regex`, `app-root` and `x-forwarded-prefix`: what path a request goes upstream with.

use crate::ir::Refusal;
use crate::ir::filter::{RewriteTarget, Template};

use super::catalogue::{Annotation, Class, Scope, Support};
use super::policy::{IngressPolicy, PathSyntax, RewriteRule};
use super::{Family, Values};

pub(super) struct Rewriting;

impl Family for Rewriting {
    fn title(&self) -> &'static str {
        "Rewriting"
    }

    fn annotations(&self) -> &'static [Annotation] {
        ROWS
    }

    fn apply(&self, values: &mut Values<'_>, policy: &mut IngressPolicy) {
        if values.boolean("use-regex") == Some(true) {
            policy.paths = PathSyntax::Regex;
        }
        policy.rewrite = rewrite_target(values, policy);
        policy.app_root = app_root(values);
        policy.forwarded_prefix = forwarded_prefix(values);
    }
}

const ROWS: &[Annotation] = &[
    Annotation::new(
        "rewrite-target",
        Class::A,
        Scope::Route,
        "",
        Support::Supported,
        "The path sent upstream, with `$1` to `$9` from the path's groups; all paths of the host become regular expressions",
    ),
    Annotation::new(
        "use-regex",
        Class::A,
        Scope::Route,
        "false",
        Support::Supported,
        "Paths are case-insensitive regular expressions anchored at the start, on the whole host",
    ),
    Annotation::new(
        "app-root",
        Class::A,
        Scope::Host,
        "",
        Support::Supported,
        "Where a request for exactly `/` is redirected with 302; the oldest Ingress of the host decides",
    ),
    Annotation::new(
        "x-forwarded-prefix",
        Class::B,
        Scope::Route,
        "",
        Support::Supported,
        "The X-Forwarded-Prefix header sent upstream while a rewrite is active",
    ),
];

fn rewrite_target(values: &mut Values<'_>, policy: &mut IngressPolicy) -> Option<RewriteRule> {
    const NAME: &str = "rewrite-target";
    let text = values.text(NAME)?;
    if !text.bytes().all(is_target_byte) {
        values.invalid(NAME, "holds a character that no path may hold");
        return None;
    }
    if let Some(variable) = variable_in(text) {
        let message = format!(
            "{text:?} holds {variable}, and only $1 to $9 are filled in; this Ingress's routes answer 503 rather than \
             send a path that is not meant"
        );
        values.error(NAME, "unsupported-variable", message);
        let reason = format!("{} holds the variable {variable}", values.key(NAME));
        policy.refuse(Scope::Route, Refusal { status: 503, code: "unsupported-variable", reason });
        return None;
    }
    let target = if text.starts_with("http://") || text.starts_with("https://") {
        RewriteTarget::Redirect(Template::parse(text))
    } else if text.starts_with('/') || text.starts_with('$') {
        RewriteTarget::Path(Template::parse(text))
    } else {
        values.warn(NAME, "invalid-annotation", format!("{text:?} does not begin with /; /{text} is used instead"));
        RewriteTarget::Path(Template::parse(&format!("/{text}")))
    };
    Some(RewriteRule { text: text.to_owned(), target })
}

/// Visible ASCII but for what breaks a request line, a URL or nginx's own syntax.
fn is_target_byte(byte: u8) -> bool {
    byte.is_ascii_graphic()
        && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | b'#' | b';')
}

/// The first `$` that is not followed by a digit from 1 to 9, with the name after it: nginx would read a variable.
pub(super) fn variable_in(text: &str) -> Option<&str> {
    text.match_indices('$').find_map(|(at, _)| {
        let rest = text.get(at..)?;
        let name = rest.get(1..)?;
        if name.starts_with(|c: char| ('1'..='9').contains(&c)) {
            return None;
        }
        let length = name.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
        rest.get(..=length)
    })
}

fn app_root(values: &mut Values<'_>) -> Option<String> {
    const NAME: &str = "app-root";
    let text = values.text(NAME)?;
    if !text.starts_with('/') {
        values.invalid(NAME, "is not a path that begins with /");
        return None;
    }
    if !text.bytes().all(is_target_byte) || text.contains('$') {
        values.invalid(NAME, "holds a character that no path may hold");
        return None;
    }
    Some(text.to_owned())
}

fn forwarded_prefix(values: &mut Values<'_>) -> Option<Template> {
    const NAME: &str = "x-forwarded-prefix";
    let text = values.text(NAME)?;
    if values.text("rewrite-target").is_none() {
        let message = format!("{text:?} has no effect without rewrite-target; the header is not sent");
        values.info(NAME, "annotation-without-effect", message);
        return None;
    }
    if !text.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
        values.invalid(NAME, "holds a character that no header may hold");
        return None;
    }
    if let Some(variable) = variable_in(text) {
        values.invalid(NAME, &format!("holds {variable}, and only $1 to $9 are filled in"));
        return None;
    }
    Some(Template::parse(text))
}
