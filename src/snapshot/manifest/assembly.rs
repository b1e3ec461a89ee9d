//! The objects of many files put together: one object per name, whatever equals what was before shared with it.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::file::Held;
use super::parse::Placed;
use super::read::ForeignKind;
use crate::diagnostic::Diagnostic;
use crate::ir::{ObjectKind, ObjectRef};
use crate::snapshot::Snapshot;

/// Whether an object that is hidden by another of its name is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conflicts {
    Reported,
    Silent,
}

/// A snapshot in the making.
pub(super) struct Assembly<'a> {
    /// Objects equal to one in here are shared with it.
    before: &'a Snapshot,
    snapshot: Snapshot,
    owners: HashMap<ObjectRef, (&'a Path, &'a Placed)>,
    /// How many objects of a foreign kind there are, and a file that has one.
    foreign: BTreeMap<&'a ForeignKind, (usize, &'a Path)>,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Assembly<'a> {
    pub(super) fn new(before: &'a Snapshot) -> Self {
        Self {
            before,
            snapshot: Snapshot::default(),
            owners: HashMap::new(),
            foreign: BTreeMap::new(),
            diagnostics: Vec::new(),
        }
    }

    /// Adds what a file holds; what was added before wins.
    pub(super) fn add(&mut self, path: &'a Path, held: &'a Held, conflicts: Conflicts) {
        self.diagnostics.extend(held.diagnostics.iter().cloned());
        for (kind, count) in &held.foreign {
            self.foreign.entry(kind).or_insert((0, path)).0 += count;
        }
        for placed in &held.objects {
            let reference = placed.object.reference();
            if let Some((winner, at)) = self.owners.get(&reference) {
                if conflicts == Conflicts::Reported {
                    let report = duplicate(&reference, (path, placed), (winner, at));
                    self.diagnostics.push(report);
                }
                continue;
            }
            let same = self.before.get(&reference).filter(|before| *before == placed.object);
            self.snapshot.insert(same.unwrap_or_else(|| placed.object.clone()));
            self.owners.insert(reference, (path, placed));
        }
    }

    /// The snapshot, and what is wrong with it, in no order.
    pub(super) fn finish(mut self) -> (Snapshot, Vec<Diagnostic>) {
        self.diagnostics.extend(self.foreign.iter().map(|(kind, (count, path))| passed_over(kind, *count, path)));
        (self.snapshot, self.diagnostics)
    }
}

fn duplicate(object: &ObjectRef, loser: (&Path, &Placed), winner: (&Path, &Placed)) -> Diagnostic {
    let show = |(path, placed): (&Path, &Placed)| format!("{}, {}", path.display(), placed.place);
    let message = format!("{} has another object of this name; the one in {} is used", show(loser), show(winner));
    Diagnostic::warning("manifest-duplicate-object", object.field("metadata.name"), message)
}

/// The one note on a kind.
fn passed_over(kind: &ForeignKind, count: usize, path: &Path) -> Diagnostic {
    let ForeignKind { api_version, kind } = kind;
    let at = ObjectRef::new(ObjectKind::File, "", path.display().to_string()).field("");
    let objects = if count == 1 { "1 object".to_owned() } else { format!("{count} objects") };
    let message = format!("{objects} of kind {kind} ({api_version}) passed over; configuration is not made of them");
    Diagnostic::info("manifest-kind-passed-over", at, message)
}
