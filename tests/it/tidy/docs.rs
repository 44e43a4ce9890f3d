//! ARCHITECTURE.md and the other documents are true: they name every layer and only files that
//! exist, and show the table of arrows that the code is held to.

use std::path::Path;

use super::arrows::{EDGES, EVERYTHING};
use super::assert_none;

const DOCUMENTS: [&str; 8] = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "docs/adding-a-type.md",
    "docs/adding-a-process.md",
    "docs/storage.md",
    "docs/upgrades.md",
    "docs/adr",
];

/// Paths that start so are checked; other words in backticks are not paths of the repository.
const FOLDERS: [&str; 10] = [
    "src/",
    "tests/",
    "scripts/",
    "docs/",
    "examples/",
    "packaging/",
    "static/",
    "migrations/",
    "benches/",
    ".ci/",
];

#[test]
fn documents_name_only_files_that_exist() {
    let mut found = Vec::new();
    for (path, text) in documents() {
        for (number, line) in text.lines().enumerate() {
            for word in quoted(line).filter(|w| FOLDERS.iter().any(|f| w.starts_with(f))) {
                if !word.contains(['*', '<', '{', ' ']) && !Path::new(word).exists() {
                    found.push(format!("{path}:{}: `{word}` does not exist", number + 1));
                }
            }
        }
    }
    assert_none(found);
}

#[test]
fn architecture_names_every_layer() {
    let text = std::fs::read_to_string("ARCHITECTURE.md").unwrap();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("src").unwrap() {
        let path = entry.unwrap().path();
        let slash = if path.is_dir() { "/" } else { "" };
        let name = format!("`{}{slash}`", path.display());
        if !text.contains(&name) {
            found.push(format!("ARCHITECTURE.md:1: {name} is missing from the map"));
        }
    }
    assert_none(found);
}

/// `UPDATE_EXPECT=1` rewrites the table in the document.
#[test]
fn architecture_shows_the_arrows() {
    const START: &str = "<!-- arrows: written by `make golden` from tests/it/tidy/arrows.rs -->\n";
    const END: &str = "<!-- /arrows -->";
    let text = std::fs::read_to_string("ARCHITECTURE.md").unwrap();
    let (before, rest) = text.split_once(START).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let right = format!("{before}{START}{}{END}{after}", arrows());
    expect_test::expect_file!["../../../ARCHITECTURE.md"].assert_eq(&right);
}

fn arrows() -> String {
    let rows = EDGES.iter().filter(|(layer, _)| *layer != "lib").map(|(layer, uses)| {
        let uses = match *uses {
            EVERYTHING => "everything".to_owned(),
            [] => "nothing".to_owned(),
            some => some.iter().map(|u| format!("`{u}`")).collect::<Vec<_>>().join(", "),
        };
        format!("| `{layer}` | {uses} |\n")
    });
    format!("\n| layer | may use |\n|---|---|\n{}\n", rows.collect::<String>())
}

/// Each document with its text; folders stand for the files in them.
fn documents() -> Vec<(String, String)> {
    let mut paths = Vec::new();
    for document in DOCUMENTS {
        match std::fs::read_dir(document) {
            Ok(folder) => paths.extend(folder.map(|e| e.unwrap().path().display().to_string())),
            Err(_) => paths.push(document.to_owned()),
        }
    }
    let read = |path: String| {
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
        (path, text)
    };
    paths.into_iter().map(read).collect()
}

/// What stands between backticks on a line.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}
