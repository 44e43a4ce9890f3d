//! Files of at most 600 lines, functions of at most 70, and a module doc at the top of every file.

use std::collections::BTreeMap;

use super::{assert_none, sources};

const FILE_LINES: usize = 600;
const FUNCTION_LINES: usize = 70;

/// Functions that were longer when the ratchet was made: `path name lines` each. An entry may
/// shrink and disappear, never grow.
const KNOWN: &str = "tests/golden/long-functions.txt";

#[test]
fn every_file_begins_with_a_module_doc() {
    let missing = sources().into_iter().filter(|s| !s.text.starts_with("//! "));
    assert_none(missing.map(|s| format!("{}:1: does not begin with `//! `", s.path)).collect());
}

#[test]
fn files_are_short() {
    let sizes = sources().into_iter().map(|s| (s.text.lines().count(), s.path));
    let long = sizes.filter(|(lines, _)| *lines > FILE_LINES);
    assert_none(
        long.map(|(lines, path)| {
            format!("{path}:{lines}: {lines} lines; {FILE_LINES} is the most")
        })
        .collect(),
    );
}

#[test]
fn functions_are_short() {
    let mut known = known();
    let mut found = Vec::new();
    for source in sources() {
        for f in source.functions().into_iter().filter(|f| f.lines > FUNCTION_LINES) {
            let most =
                known.remove(&format!("{} {}", source.path, f.name)).unwrap_or(FUNCTION_LINES);
            if f.lines > most {
                let (path, line, name, lines) = (&source.path, f.line, &f.name, f.lines);
                found
                    .push(format!("{path}:{line}: `{name}` has {lines} lines; {most} is the most"));
            }
        }
    }
    found.extend(known.into_keys().map(|k| format!("{KNOWN}: `{k}` is short now; take it out")));
    assert_none(found);
}

fn known() -> BTreeMap<String, usize> {
    let text = std::fs::read_to_string(KNOWN).unwrap_or_default();
    let entries = text.lines().filter(|line| !line.is_empty()).map(|line| {
        let (name, lines) = line.rsplit_once(' ').unwrap();
        (name.to_owned(), lines.parse().unwrap())
    });
    entries.collect()
}
