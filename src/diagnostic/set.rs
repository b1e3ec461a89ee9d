//! Everything that there is to report at one moment.

use std::fmt;
use std::sync::Arc;

use super::Diagnostic;
use crate::persistent::{Change, Map};

/// Diagnostics, sorted, each once, however many sources report it. A clone shares what neither of the two changes.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Diagnostics(Map<Arc<Diagnostic>, usize>);

impl Diagnostics {
    /// One more source reports this.
    pub fn add(&mut self, diagnostic: &Diagnostic) {
        match self.0.get_mut(diagnostic) {
            Some(sources) => *sources += 1,
            None => _ = self.0.insert(Arc::new(diagnostic.clone()), 1),
        }
    }

    /// One source less reports this.
    pub fn remove(&mut self, diagnostic: &Diagnostic) {
        match self.0.get_mut(diagnostic) {
            Some(sources) if *sources > 1 => *sources -= 1,
            Some(_) | None => _ = self.0.remove(diagnostic),
        }
    }

    /// A source that has reported `before` reports `now` instead.
    pub fn replace(&mut self, before: &[Diagnostic], now: &[Diagnostic]) {
        if before != now {
            for diagnostic in before {
                self.remove(diagnostic);
            }
            for diagnostic in now {
                self.add(diagnostic);
            }
        }
    }

    #[must_use]
    pub fn contains(&self, diagnostic: &Diagnostic) -> bool {
        self.0.contains_key(diagnostic)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Diagnostic>> + Clone {
        self.0.keys()
    }

    /// What is newly reported in a later version, and what no longer is. Costs what the two do not share.
    pub fn changes<'d>(&'d self, now: &'d Self) -> impl Iterator<Item = Change<'d, Arc<Diagnostic>, usize>> {
        self.0.changes(&now.0, |_, _| true)
    }

    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(diagnostics: I) -> Self {
        let mut all = Self::default();
        diagnostics.into_iter().for_each(|diagnostic| all.add(&diagnostic));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{ObjectKind, ObjectRef};

    #[test]
    fn a_diagnostic_of_two_sources_is_there_once_and_until_neither_reports_it() {
        let one = Diagnostic::info("some-code", ObjectRef::new(ObjectKind::Secret, "shop", "web").field(""), "x");
        let mut all: Diagnostics = [one.clone(), one.clone()].into_iter().collect();
        assert_eq!(all.len(), 1);
        all.remove(&one);
        assert!(all.contains(&one));
        all.replace(std::slice::from_ref(&one), &[]);
        assert!(all.is_empty());
    }
}
