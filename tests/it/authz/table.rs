//! What the golden policy files say each role may do.

use std::collections::{BTreeMap, BTreeSet};

/// The two dialects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    V1,
    V2Beta,
}

impl Dialect {
    pub const ALL: [Self; 2] = [Self::V1, Self::V2Beta];

    /// As in URLs and the names of files.
    pub fn path(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2Beta => "v2-beta",
        }
    }

    /// The name and plural of a type that has others than the model's; else the name given.
    pub fn name(self, ty: &str) -> (&str, Option<&'static str>) {
        match (self, ty) {
            (Self::V1, "stack") => ("environment", Some("environments")),
            (Self::V1, "stackUpgrade") => ("environmentUpgrade", Some("environmentUpgrades")),
            _ => (ty, None),
        }
    }
}

/// What a role may do with a type.
#[derive(Debug, Default)]
pub struct Row {
    verbs: BTreeSet<String>,
    actions: BTreeSet<String>,
    letters: BTreeMap<String, String>,
}

impl Row {
    /// Whether the role may use a method: `list`, `create`, `get`, `update`, `delete`.
    pub fn may(&self, verb: &str) -> bool {
        self.verbs.contains(verb)
    }

    /// Whether the role has an action.
    pub fn acts(&self, action: &str) -> bool {
        self.actions.contains(action)
    }

    /// Whether a field has a letter: `c` given on create, `r` shown, `o` shown once, `u` changed.
    pub fn has(&self, field: &str, letter: char) -> bool {
        self.letters.get(field).is_some_and(|letters| letters.contains(letter))
    }
}

/// What a role may do with every type it sees.
#[derive(Debug)]
pub struct Table(BTreeMap<String, Row>);

impl Table {
    /// Reads the files of a role: its policy, and the schemas it is served in a dialect.
    pub fn of(dialect: Dialect, role: &str) -> Self {
        let read = |path: String| {
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
        };
        let schemas = read(format!("tests/golden/schemas.{}.{role}.json", dialect.path()));
        let schemas: Vec<serde_json::Value> = serde_json::from_str(&schemas).expect("schemas");
        let served: BTreeSet<&str> =
            schemas.iter().filter_map(|schema| schema["id"].as_str()).collect();
        let policy = read(format!("tests/golden/policy.{role}.txt"));
        let rows = policy.lines().map(line);
        Self(rows.filter(|(ty, _)| served.contains(dialect.name(ty).0)).collect())
    }

    /// What it may do with a type; `None` when the type does not exist for it.
    pub fn row(&self, ty: &str) -> Option<&Row> {
        self.0.get(ty)
    }
}

/// `type: verbs; letters field field; actions action action`.
fn line(text: &str) -> (String, Row) {
    let (ty, rest) = text.split_once(':').unwrap_or_else(|| panic!("no type in {text}"));
    let mut row = Row::default();
    for (number, part) in rest.split(';').enumerate() {
        let mut words = part.split_whitespace();
        if number == 0 {
            row.verbs = words.map(str::to_owned).collect();
            continue;
        }
        let letters = words.next().unwrap_or_else(|| panic!("no letters in {text}"));
        for word in words {
            if letters == "actions" {
                row.actions.insert(word.to_owned());
            } else {
                row.letters.insert(word.to_owned(), letters.to_owned());
            }
        }
    }
    (ty.to_owned(), row)
}

#[test]
fn the_files_are_read() {
    let table = Table::of(Dialect::V2Beta, "readonly");
    let volume = table.row("volume").expect("readonly sees volumes");
    assert!(volume.may("list") && volume.may("get") && !volume.may("delete"));
    assert!(volume.has("driver", 'r') && !volume.has("driver", 'c') && !volume.has("nothing", 'r'));
    assert!(table.row("container").expect("readonly sees containers").acts("logs"));
    assert!(table.row("registrationToken").is_none());
}
