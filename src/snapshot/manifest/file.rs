//! One file as it stands: the objects it holds, or held while it was last good.

#![expect(clippy::disallowed_methods, reason = "files of manifests are read here")]

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use super::FILE_BYTES;
use super::document::Format;
use super::parse::{Contents, Fault, Outcome, Placed, parse};
use super::read::ForeignKind;
use super::walk::{Stamp, format_of};
use crate::diagnostic::Diagnostic;
use crate::ir::{ObjectKind, ObjectRef};

/// A file that has been read.
#[derive(Debug)]
pub(super) struct ManifestFile {
    /// Of the version that was read.
    pub(super) stamp: Stamp,
    pub(super) held: Held,
}

/// What a file contributes.
#[derive(Debug, Clone, Default)]
pub(super) struct Held {
    pub(super) objects: Vec<Placed>,
    pub(super) foreign: BTreeMap<ForeignKind, usize>,
    pub(super) diagnostics: Vec<Diagnostic>,
    form: Form,
}

/// Whether the objects of a file are those of a version that was well-formed as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Form {
    /// Some documents could not be read and there was nothing to fall back on.
    #[default]
    Partial,
    Whole,
}

/// A version of a file that cannot be taken as it is.
#[derive(Debug)]
pub(super) enum Unread {
    /// It changed or went while it was read; it is worth another look soon.
    Moving,
    /// It cannot be read; `previous` stays.
    Failed(Held),
}

/// Reads the version of a file that `stamp` was taken of. `previous` is what the file held before.
pub(super) fn load(path: &Path, stamp: Stamp, previous: Option<&Held>) -> Result<Held, Unread> {
    let name = path.display().to_string();
    match read(path, stamp) {
        Ok(Some(bytes)) => {
            let contents = parse(format_of(path).unwrap_or(Format::Yaml), &bytes);
            Ok(held(&name, contents, previous))
        }
        Ok(None) => Err(Unread::Moving),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Unread::Moving),
        Err(error) => {
            let instead = match previous {
                Some(_) => "its last good objects stay in use",
                None => "its objects are not served",
            };
            let at = ObjectRef::new(ObjectKind::File, "", name).field("");
            let report = Diagnostic::error("manifest-unreadable", at, format!("cannot be read: {error}; {instead}"));
            let kept = previous.cloned().unwrap_or_default();
            Err(Unread::Failed(Held { diagnostics: vec![report], ..kept }))
        }
    }
}

/// The bytes of a file; `None` if it is no longer, or does not stay, the version of `stamp`.
fn read(path: &Path, stamp: Stamp) -> io::Result<Option<Vec<u8>>> {
    let limit = u64::try_from(FILE_BYTES).unwrap_or(u64::MAX);
    if stamp.size > limit {
        let reason = format!("it has {} bytes, more than the {FILE_BYTES} that are read", stamp.size);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
    }
    let mut file = File::open(path)?;
    if Stamp::of(&file.metadata()?) != stamp {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(stamp.size).unwrap_or(0));
    file.by_ref().take(limit).read_to_end(&mut bytes)?;
    Ok((Stamp::of(&file.metadata()?) == stamp).then_some(bytes))
}

/// Puts what a file says and what it said before together.
fn held(name: &str, contents: Contents, previous: Option<&Held>) -> Held {
    let fallback = previous.filter(|previous| previous.form == Form::Whole);
    match fallback {
        Some(previous) if !contents.malformed.is_empty() => kept_whole(name, &contents, previous),
        Some(_) | None => merged(name, contents, previous),
    }
}

/// A file with a document that is not well-formed keeps all that it held: what the document was to say is unknown.
fn kept_whole(name: &str, contents: &Contents, previous: &Held) -> Held {
    let report = |fault: &Fault| fault.diagnostic("manifest-syntax", name, Outcome::FileKept);
    Held { diagnostics: contents.malformed.iter().map(report).collect(), ..previous.clone() }
}

/// Every object that can be read is taken; one that cannot keeps the version that the file held before.
fn merged(name: &str, contents: Contents, previous: Option<&Held>) -> Held {
    let Contents { mut objects, refused, malformed, converted, foreign } = contents;
    let form = if malformed.is_empty() { Form::Whole } else { Form::Partial };
    let mut diagnostics: Vec<_> =
        malformed.iter().map(|fault| fault.diagnostic("manifest-syntax", name, Outcome::NotServed)).collect();
    let good: HashSet<ObjectRef> = if refused.is_empty() {
        HashSet::new()
    } else {
        objects.iter().map(|placed| placed.object.reference()).collect()
    };
    for fault in &refused {
        let last_good = last_good(fault, previous).filter(|placed| !good.contains(&placed.object.reference()));
        let outcome = if last_good.is_some() { Outcome::ObjectKept } else { Outcome::NotServed };
        objects.extend(last_good.cloned());
        diagnostics.push(fault.diagnostic("manifest-invalid-object", name, outcome));
    }
    diagnostics.extend(converted.into_iter().map(|(object, from)| deprecation(name, &object, &from)));
    Held { objects, foreign, diagnostics, form }
}

/// The object that cannot be read as the file held it before.
fn last_good<'p>(fault: &Fault, previous: Option<&'p Held>) -> Option<&'p Placed> {
    let object = fault.refused.object.as_ref()?;
    previous?.objects.iter().find(|placed| placed.object.reference() == *object)
}

fn deprecation(file: &str, object: &ObjectRef, from: &str) -> Diagnostic {
    let message = format!("{from} is a form that Kubernetes no longer serves; read as v1 ({file})");
    Diagnostic::info("manifest-deprecated-version", object.field("apiVersion"), message)
}
