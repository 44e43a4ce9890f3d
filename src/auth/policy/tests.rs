//! The whole table as files, one per role: what a change to a type or a rule opens or closes is a diff.

use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::model::registry::registry;

const VERBS: &[(Verb, &str)] = &[
    (Verb::List, "list"),
    (Verb::Create, "create"),
    (Verb::Get, "get"),
    (Verb::Update, "update"),
    (Verb::Delete, "delete"),
];

/// `type: verbs; c field field; cru field; r field; a action`: letters say how a field may be used
/// (c given on create, r read, o read once in the answer to the create, u changed), a lists actions.
fn line(role: Role, entry: &Entry) -> String {
    let verbs: Vec<_> =
        VERBS.iter().filter(|(verb, _)| may(role, entry, *verb)).map(|(_, name)| *name).collect();
    let mut uses: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for field in entry.ty.all_fields() {
        let letters = [
            (may_create(role, entry, field), "c"),
            (may_read(role, entry, field), if shown_once(role, entry, field) { "o" } else { "r" }),
            (may_update(role, entry, field), "u"),
        ];
        let letters: String =
            letters.iter().filter(|(may, _)| *may).map(|(_, letter)| *letter).collect();
        if !letters.is_empty() {
            uses.entry(letters).or_default().push(field.name);
        }
    }
    let actions: Vec<_> = entry
        .ty
        .actions
        .iter()
        .filter(|action| may_act(role, entry, action))
        .map(|action| action.name)
        .collect();
    if !actions.is_empty() {
        uses.insert("~".to_owned(), actions);
    }
    let mut line = format!("{}: {}", entry.ty.name, verbs.join(" "));
    for (letters, mut names) in uses {
        names.sort_unstable();
        let letters = if letters == "~" { "actions" } else { &letters };
        line.push_str(&format!("; {letters} {}", names.join(" ")));
    }
    line
}

fn table(role: Role) -> String {
    let seen = registry().all().iter().filter(|entry| sees(role, entry));
    seen.map(|entry| line(role, entry) + "\n").collect()
}

#[test]
fn the_table_is_what_the_files_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for role in &Role::ALL {
        let path = folder.join(format!("policy.{}.txt", role.as_str()));
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(&path, table(*role)).unwrap();
        }
        let expect = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            table(*role) == expect,
            "{} differs from what the policy says; if that is meant, run with UPDATE_EXPECT=1",
            path.display()
        );
    }
}

#[test]
fn rows_are_sorted_and_name_what_exists() {
    for table in [DEPARTURES, CLOSED] {
        assert!(table.is_sorted_by_key(|row| row.ty));
        for row in table {
            let entry = registry().get(row.ty).unwrap_or_else(|| panic!("no type {}", row.ty));
            if let Rule::Fields(letters, names) = row.rule {
                assert!(letters.chars().all(|letter| "cru".contains(letter)), "{letters}");
                for name in names {
                    assert!(entry.field(name).is_some(), "{} has no field {name}", row.ty);
                }
            }
            if let Rule::Action(name) = row.rule {
                assert!(entry.ty.actions.iter().any(|own| own.name == name), "{name}");
            }
        }
    }
}

#[test]
fn readers_change_nothing_and_nobody_writes_what_they_never_see() {
    for role in &Role::ALL {
        for entry in registry().all() {
            let name = entry.ty.name;
            for field in entry.ty.all_fields() {
                let writes = may_create(*role, entry, field) || may_update(*role, entry, field);
                let reads = may_read(*role, entry, field) || field.input_only;
                assert!(!writes || reads, "{role:?} {name}.{}", field.name);
                assert!(!writes || !is_reader(*role), "{role:?} {name}.{}", field.name);
            }
            let changes = [Verb::Create, Verb::Update, Verb::Delete];
            let changes = changes.iter().any(|verb| may(*role, entry, *verb));
            assert!(!changes || !is_reader(*role), "{role:?} {name}");
            let all = VERBS.iter().any(|(verb, _)| may(*role, entry, *verb));
            assert!(!all || sees(*role, entry), "{role:?} {name}");
        }
    }
}

#[test]
fn infrastructure_is_for_the_roles_of_the_setting() {
    let default = "superadmin,admin,service,owner,member,project,environment,projectadmin,agent";
    for (role, may) in [
        (Role::Owner, true),
        (Role::Member, true),
        (Role::Admin, true),
        (Role::Restricted, false),
        (Role::ReadOnly, false),
        (Role::User, false),
        (Role::Token, false),
    ] {
        assert_eq!(may_modify_infrastructure(role, default), may, "{role:?}");
        assert!(!may_modify_infrastructure(role, ""), "{role:?}");
    }
    assert!(!may_modify_infrastructure(Role::ReadOnly, "readonly, owner"));
    assert!(may_modify_infrastructure(Role::Restricted, "owner, restricted"));
}
