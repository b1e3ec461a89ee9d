//! The catalogue of annotations: what each is called, reaches and defaults to, and how far it is supported.

use std::fmt::Write as _;

use super::{FAMILIES, go};

/// One annotation, named without its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Annotation {
    pub name: &'static str,
    /// Older names, which count when the annotation itself is absent or empty.
    pub aliases: &'static [&'static str],
    pub class: Class,
    pub scope: Scope,
    /// The value that its absence means, as text.
    pub default: &'static str,
    pub support: Support,
    /// What it does, or for one that is not supported what is missing, as a sentence without its full stop.
    pub note: &'static str,
}

impl Annotation {
    /// A row of the catalogue.
    #[must_use]
    pub const fn new(
        name: &'static str,
        class: Class,
        scope: Scope,
        default: &'static str,
        support: Support,
        note: &'static str,
    ) -> Self {
        Self { name, aliases: &[], class, scope, default, support, note }
    }

    /// The same row with older names.
    #[must_use]
    pub const fn with_aliases(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }
}

/// How widely an annotation is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Essential.
    A,
    /// Used.
    B,
    /// Rare.
    C,
    /// Raw nginx configuration.
    X,
}

impl Class {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
            Self::X => "X",
        }
    }
}

/// What an annotation reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Every path of its own Ingress.
    Route,
    /// Every path of its Ingress's hosts, whatever Ingress they are from.
    Host,
}

impl Scope {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::Host => "host",
        }
    }
}

/// How far an annotation is supported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// Read by its family.
    Supported,
    /// Accepted; there is nothing that it could change.
    NoEffect,
    /// Tunes the named annotation and does nothing alone; what becomes of that one decides.
    Modifies(&'static str),
    /// Left out with a warning, unless the value asks for nothing.
    Missing(Idle),
    /// The routes in its scope answer 503, unless the value asks for nothing.
    FailsClosed(Idle),
}

impl Support {
    /// The word of the support table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Supported => "supported",
            Self::NoEffect => "accepted, no effect",
            Self::Modifies(_) => "with the annotation that it modifies",
            Self::Missing(_) => "not yet: warning",
            Self::FailsClosed(_) => "not yet: answers 503",
        }
    }
}

/// The values by which an annotation asks for nothing. An empty value always does: ingress-nginx reads it as absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idle {
    /// Only the empty value.
    Empty,
    /// What Go's `strconv.ParseBool` reads as false.
    False,
    /// What Go's `strconv.ParseBool` reads as true.
    True,
    /// Zero and negative numbers.
    Zero,
    /// This word.
    Word(&'static str),
}

impl Idle {
    /// Whether `value` asks for nothing. A value that cannot be read does not.
    #[must_use]
    pub fn asks_nothing(self, value: &str) -> bool {
        let value = value.trim();
        value.is_empty()
            || match self {
                Self::Empty => false,
                Self::False => go::parse_bool(value) == Some(false),
                Self::True => go::parse_bool(value) == Some(true),
                Self::Zero => go::parse_int(value).is_some_and(|number| number <= 0),
                Self::Word(word) => value == word,
            }
    }
}

/// All annotations, family by family.
pub fn catalogue() -> impl Iterator<Item = &'static Annotation> {
    FAMILIES.iter().flat_map(|family| family.annotations())
}

/// The annotation that `name` or one of its aliases means, without prefix.
#[must_use]
pub fn find(name: &str) -> Option<&'static Annotation> {
    catalogue().find(|annotation| annotation.name == name || annotation.aliases.contains(&name))
}

/// The table of all annotations and how far each is supported, as Markdown, a section per family.
#[must_use]
pub fn support_table() -> String {
    let mut table = String::new();
    for family in FAMILIES {
        let _ = write!(table, "### {}\n\n", family.title());
        table.push_str("| Annotation | Support | Scope | Default | What it does |\n|---|---|---|---|---|\n");
        for row in family.annotations() {
            let _ = writeln!(table, "{}", table_row(row));
        }
        table.push('\n');
    }
    table
}

fn table_row(row: &Annotation) -> String {
    let mut names = format!("`{}`", row.name);
    for alias in row.aliases {
        let _ = write!(names, ", `{alias}`");
    }
    let default = if row.default.is_empty() { String::from("–") } else { format!("`{}`", row.default) };
    let support = match row.support {
        Support::Modifies(of) => format!("as `{of}`"),
        Support::Supported | Support::NoEffect | Support::Missing(_) | Support::FailsClosed(_) => {
            row.support.as_str().to_owned()
        }
    };
    format!("| {names} | {support} | {} | {default} | {} |", row.scope.as_str(), row.note.replace('|', "\\|"))
}
