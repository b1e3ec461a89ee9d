//! Annotation text to typed policy: every name of ingress-nginx, in families documented together.

/// The table of all annotations and how far each is supported, as Markdown.
#[must_use]
pub fn support_table() -> String {
    String::new()
}
