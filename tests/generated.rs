//! What is generated from tables in the code and committed is up to date. `LANDFALL_REWRITE_GOLDENS=1` rewrites it.

#![expect(clippy::disallowed_methods, reason = "the documents are files, rewritten when a variable says so")]

use std::fs;
use std::path::PathBuf;

/// The text between the marks of `name` in `document`, with what is before and behind it.
fn section<'a>(document: &'a str, name: &str) -> (&'a str, &'a str, &'a str) {
    let (open, close) = (format!("<!-- generated: {name} -->\n"), format!("<!-- end of generated: {name} -->"));
    let (before, rest) = document.split_once(&open).expect("the section begins");
    let (inside, after) = rest.split_once(&close).expect("the section ends");
    (before, inside, after)
}

fn is_up_to_date(name: &str, generated: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let document = fs::read_to_string(&path).expect("README.md can be read");
    let (before, inside, after) = section(&document, name);
    let wanted = format!("\n{}\n\n", generated.trim());
    if std::env::var_os("LANDFALL_REWRITE_GOLDENS").is_some() && inside != wanted {
        let text = format!("{before}<!-- generated: {name} -->\n{wanted}<!-- end of generated: {name} -->{after}");
        fs::write(&path, text).expect("README.md can be written");
        return;
    }
    let differs = similar::TextDiff::from_lines(inside, &wanted).unified_diff().to_string();
    assert!(inside == wanted, "README.md is behind the table of {name}:\n{differs}");
}

/// One test for all sections, for they are in one file.
#[test]
fn the_tables_of_the_readme_are_those_of_the_code() {
    is_up_to_date("flags", &landfall::cli::generate::flag_table());
    is_up_to_date("configmap", &landfall::compile::configmap_table());
    is_up_to_date("limits", &landfall::compile::limit_table());
    is_up_to_date(
        "annotations",
        &landfall::annotations::support_table().replace("\n### ", "\n#### ").replacen("### ", "#### ", 1),
    );
}
