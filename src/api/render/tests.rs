//! In which states each action is offered, and which changes start a process: promises to clients, kept as files.

use std::fmt::Write as _;

use expect_test::expect_file;

use super::{is_offered, views};
use crate::api::dialect::Version;
use crate::auth::caller::Role;
use crate::model::resource::{NewResource, Resource};

fn row(ty: &'static str, state: &str) -> Resource {
    NewResource::new(ty, String::new()).state(state).into()
}

#[test]
fn an_action_is_offered_in_the_states_the_file_says() {
    let mut text = String::new();
    for view in views(Version::V2Beta, Role::Superadmin).all() {
        let Some(lifecycle) = view.entry.ty.lifecycle else { continue };
        for own in &view.actions {
            let states = lifecycle.states();
            let offered = states
                .iter()
                .filter(|state| is_offered(view, &row(view.entry.ty.name, state), own.action));
            let offered: Vec<&str> = offered.copied().collect();
            let _ = writeln!(text, "{} {}: {}", view.name, own.action.name, offered.join(" "));
        }
    }
    expect_file!["../../../tests/golden/offers.txt"].assert_eq(&text);
}

#[test]
fn a_change_starts_a_process_for_the_fields_the_file_says() {
    let mut text = String::new();
    for view in views(Version::V2Beta, Role::Superadmin).all() {
        let fields = view.fields.iter().filter(|view| view.field.schedules);
        let names: Vec<&str> = fields.map(|view| view.name).collect();
        if !names.is_empty() {
            let _ = writeln!(text, "{}: {}", view.name, names.join(" "));
        }
    }
    expect_file!["../../../tests/golden/schedules.txt"].assert_eq(&text);
}
