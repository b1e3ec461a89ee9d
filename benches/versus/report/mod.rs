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

/// Where the tables stand in README.md.
const MARK: &str = "<!-- measured: versus -->";
const END: &str = "<!-- end of measured: versus -->";

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// The day, in UTC.
    pub date: String,
    pub command: String,
    pub machine: Machine,
    pub versions: Vec<Version>,
    pub cases: Vec<Measured>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Version {
    pub peer: Peer,
    pub version: String,
}

impl Report {
    pub(crate) fn new(machine: Machine, found: &[Found], cases: Vec<Measured>) -> Self {
        let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
        let command = match arguments.as_slice() {
            [] => "cargo bench --bench versus".to_owned(),
            arguments => format!("cargo bench --bench versus -- {}", arguments.join(" ")),
        };
        let versions = found.iter().map(|found| Version { peer: found.peer, version: found.version.clone() }).collect();
        Self { date: OffsetDateTime::now_utc().date().to_string(), command, machine, versions, cases }
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
        let project = Path::new(env!("CARGO_MANIFEST_DIR"));
        self.write(&project.join("benches/versus/result"))?;
        let path = project.join("README.md");
        let readme = std::fs::read_to_string(&path).context("README.md cannot be read")?;
        let (before, rest) = readme.split_once(MARK).context("README.md has no mark where the tables begin")?;
        let (_, after) = rest.split_once(END).context("README.md has no mark where the tables end")?;
        let tables = markdown::document(self).replace("\n### ", "\n#### ").replacen("### ", "#### ", 1);
        std::fs::write(&path, format!("{before}{MARK}\n\n{}\n\n{END}{after}", tables.trim()))?;
        Ok(())
    }
}
