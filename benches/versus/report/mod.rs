//! What a sitting gave, for people and for programs.

pub(crate) mod markdown;
mod svg;

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;
use time::OffsetDateTime;

use super::machine::Machine;
use super::peer::{Found, Peer};
use super::sitting::Measured;

/// Where reports are stored in the project.
pub(crate) const RESULT: &str = "benches/versus/result";

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    #[serde(flatten)]
    pub facts: Facts,
    pub cases: Vec<Measured>,
}

/// When, where and on what was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Facts {
    /// The day, in UTC.
    pub date: String,
    pub command: String,
    pub machine: Machine,
    pub versions: Vec<Version>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Version {
    pub peer: Peer,
    pub version: String,
}

impl Facts {
    /// The machine is as it was before anything was measured.
    pub(crate) fn new(machine: Machine, found: &[Found]) -> Self {
        let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
        let command = match arguments.as_slice() {
            [] => "cargo bench --bench versus".to_owned(),
            arguments => format!("cargo bench --bench versus -- {}", arguments.join(" ")),
        };
        let versions = found.iter().map(|found| Version { peer: found.peer, version: found.version.clone() }).collect();
        Self { date: OffsetDateTime::now_utc().date().to_string(), command, machine, versions }
    }
}

impl Report {
    pub(crate) fn new(machine: Machine, found: &[Found], cases: Vec<Measured>) -> Self {
        Self { facts: Facts::new(machine, found), cases }
    }

    /// Writes all forms of the report into a folder.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        std::fs::write(folder.join("report.md"), markdown::document(self))?;
        std::fs::write(folder.join("report.svg"), svg::draw(self))?;
        std::fs::write(folder.join("report.json"), serde_json::to_string_pretty(self)? + "\n")?;
        Ok(())
    }

    /// Puts the report into the project: its forms into a folder, and the tables into README.md between the marks.
    pub(crate) fn store(&self) -> Result<()> {
        self.write(&project().join(RESULT))?;
        let tables = markdown::document(self).replace("\n### ", "\n#### ").replacen("### ", "#### ", 1);
        put("README.md", "versus", &tables)
    }
}

/// Puts what was measured into a document of the project, between the marks that name it.
pub(crate) fn put(document: &str, name: &str, text: &str) -> Result<()> {
    let (mark, end) = (format!("<!-- measured: {name} -->"), format!("<!-- end of measured: {name} -->"));
    let path = project().join(document);
    let old = std::fs::read_to_string(&path).with_context(|| format!("{document} cannot be read"))?;
    let (before, rest) = old.split_once(&mark).with_context(|| format!("{document} does not have {mark}"))?;
    let (_, after) = rest.split_once(&end).with_context(|| format!("{document} does not have {end}"))?;
    std::fs::write(&path, format!("{before}{mark}\n\n{}\n\n{end}{after}", text.trim()))?;
    Ok(())
}

/// The folder of the project.
pub(crate) fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
