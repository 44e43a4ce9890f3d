//! The page on compatibility: one row for every type of the registry, and every test it names is there.

use std::collections::BTreeSet;

use ranchette::model::registry;

use super::source::Source;
use super::{assert_none, sources};

const PAGE: &str = "docs/compatibility.md";
const TYPES: &str = "## Types";
const RELIED_ON: &str = "## What clients rely on";
/// Types that are called differently in `/v1`, where they have rows of their own.
const OLDER_NAMES: &[&str] = &["environment", "environmentUpgrade"];

/// A line of a table.
struct Row {
    line: usize,
    cells: Vec<String>,
}

impl Row {
    /// The names in backquotes in the last cell.
    fn tests(&self) -> Vec<&str> {
        let last = self.cells.last().map_or("", String::as_str);
        last.split('`').skip(1).step_by(2).collect()
    }
}

/// The rows of a section's tables, without their heads.
fn rows(section: &str) -> Vec<Row> {
    let text = std::fs::read_to_string(PAGE).unwrap();
    let mut inside = false;
    let mut found = Vec::new();
    let mut head = true;
    for (index, line) in text.lines().enumerate() {
        if line.starts_with("## ") {
            inside = line == section;
        }
        let Some(row) = line.strip_prefix("| ").filter(|_| inside) else {
            // A head is followed by a line of dashes, which begins with `|---`.
            head = !line.starts_with("|---");
            continue;
        };
        if !head {
            let cells = row.trim_end_matches('|').split(" | ");
            let cells = cells.map(|cell| cell.trim().to_owned()).collect();
            found.push(Row { line: index + 1, cells });
        }
    }
    found
}

/// The names of the functions of a file that are tests.
fn tests_of(source: &Source) -> Vec<&str> {
    let mut marked = false;
    let mut found = Vec::new();
    for line in source.code.lines().map(str::trim) {
        if line.starts_with("#[") {
            let word = line.trim_start_matches("#[");
            let word = word.split([']', '(']).next().unwrap_or_default();
            marked |= word == "test" || word.ends_with("::test");
        } else if let Some((_, name)) = line.split_once("fn ").filter(|_| marked) {
            found.extend(name.split(['(', '<']).next());
            marked = false;
        }
    }
    found
}

#[test]
fn every_type_has_a_row() {
    let mut missing: BTreeSet<&str> =
        registry::registry().all().iter().map(|entry| entry.ty.name).collect();
    missing.extend(OLDER_NAMES);
    let mut found = Vec::new();
    for row in rows(TYPES) {
        let name = row.cells.first().map_or("", |cell| cell.trim_matches('`')).to_owned();
        if !missing.remove(name.as_str()) {
            let line = row.line;
            found.push(format!("{PAGE}:{line}: `{name}` is no type, or has a row already"));
        }
    }
    found.extend(missing.iter().map(|name| format!("{PAGE}: type `{name}` has no row")));
    assert_none(found);
}

#[test]
fn every_row_names_tests_that_exist() {
    let sources = sources();
    let tests: BTreeSet<&str> = sources.iter().flat_map(tests_of).collect();
    let mut found = Vec::new();
    for (section, cells) in [(TYPES, 4), (RELIED_ON, 3)] {
        let rows = rows(section);
        assert!(!rows.is_empty(), "{PAGE} has no table under `{section}`");
        for row in rows {
            let line = row.line;
            if row.cells.len() != cells || row.cells.iter().any(String::is_empty) {
                found.push(format!("{PAGE}:{line}: {cells} cells are wanted, each with something"));
            }
            if row.tests().is_empty() {
                found.push(format!("{PAGE}:{line}: names no test"));
            }
            for test in row.tests().iter().filter(|test| !tests.contains(*test)) {
                found.push(format!("{PAGE}:{line}: there is no test `{test}`"));
            }
        }
    }
    assert_none(found);
}

#[test]
fn tests_are_told_from_other_functions() {
    let text = "#[test]\nfn one() {}\nfn two() {}\n#[tokio::test(flavor = \"x\")]\n#[ignore]\n\
                async fn three() {}\n#[cfg(test)]\nfn four() {}\n";
    assert_eq!(tests_of(&Source::new("src/a.rs", text)), ["one", "three"]);
}
