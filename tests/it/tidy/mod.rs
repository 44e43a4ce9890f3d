//! What the repository promises about its own shape: which layer may know which, what is absent
//! from each, how long files and functions are, and that the map in ARCHITECTURE.md is right.
//! Every finding is `file:line: what is wrong`.

mod arrows;
mod compatibility;
mod docs;
mod sizes;
mod source;

use source::Source;

/// Fails with every finding on a line of its own.
#[track_caller]
fn assert_none(found: Vec<String>) {
    assert!(found.is_empty(), "\n\n{}\n", found.join("\n"));
}

/// Every Rust file of the package, sorted by path.
fn sources() -> Vec<Source> {
    let mut found: Vec<Source> =
        ["src", "tests", "benches"].iter().flat_map(|folder| Source::below(folder)).collect();
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.iter().any(|s| s.path == "src/lib.rs"), "run from the top of the repository");
    found
}
