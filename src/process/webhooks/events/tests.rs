//! What is an event and what is none, told by rows before and after.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::*;
use crate::model::resource::NewResource;
use crate::process::object;

/// A row of a type in a state, with these fields.
fn row(ty: &'static str, state: &str, fields: Value) -> Resource {
    let new = NewResource::new(ty, String::new()).account(5).name("web").state(state);
    Resource { id: 7, data: object(fields).into(), ..new.into() }
}

/// What happens on the way through these states of a row, with the marks that it leaves.
fn check(ty: &'static str, way: &[(&str, Value)], expect: Expect) {
    let mut text = String::new();
    let mut marks = serde_json::Map::new();
    let mut before: Option<Resource> = None;
    for (state, fields) in way {
        let mut after = row(ty, state, fields.clone());
        if !marks.is_empty() {
            after.set(MARKS, marks.clone());
        }
        for happened in of(before.as_ref(), Some(&after)) {
            text.push_str(&format!("{}: web {}\n", happened.event.word(), happened.says));
            match happened.mark {
                Some((mark, true)) => drop(marks.insert(mark.to_owned(), true.into())),
                Some((mark, false)) => drop(marks.shift_remove(mark)),
                None => {}
            }
        }
        before = Some(after);
    }
    expect.assert_eq(&text);
}

fn health(word: &str) -> Value {
    json!({ "healthState": word })
}

#[test]
fn a_service_that_falls_sick_and_is_well_again() {
    check(
        "service",
        &[
            ("active", health("healthy")),
            ("active", health("degraded")),
            ("active", health("unhealthy")),
            ("active", health("initializing")),
            ("active", health("unhealthy")),
            ("active", health("initializing")),
            ("active", health("healthy")),
            ("active", health("unhealthy")),
        ],
        expect![[r#"
            service.unhealthy: web is degraded: some of its containers do not work
            service.healthy: web is healthy again
            service.unhealthy: web is unhealthy: none of its containers works
        "#]],
    );
}

#[test]
fn what_comes_of_a_change_or_was_so_before_is_no_event() {
    // Made, changed, restarted, stopped: containers come and go.
    check(
        "service",
        &[
            ("registering", health("unhealthy")),
            ("activating", health("unhealthy")),
            ("activating", health("initializing")),
            ("active", health("healthy")),
            ("updating-active", health("degraded")),
            ("active", health("healthy")),
            ("restarting", health("unhealthy")),
            ("active", health("healthy")),
            ("deactivating", health("unhealthy")),
            ("inactive", health("unhealthy")),
        ],
        expect![[""]],
    );
    // One that was sick when the server learnt to tell of it is not told to be well.
    check(
        "service",
        &[
            ("active", health("unhealthy")),
            ("active", json!({ "healthState": "unhealthy", "scale": 2 })),
            ("active", health("healthy")),
        ],
        expect![[""]],
    );
    // One that is left sick by a change is sick.
    check(
        "service",
        &[("updating-active", health("degraded")), ("active", health("degraded"))],
        expect![[r#"
            service.unhealthy: web is degraded: some of its containers do not work
        "#]],
    );
}

#[test]
fn upgrades() {
    let stuck = || json!({ "transitioning": "error", "transitioningMessage": "no such image" });
    check(
        "service",
        &[
            ("active", json!({})),
            ("upgrading", json!({})),
            ("upgrading", stuck()),
            ("upgrading", json!({})),
            ("upgrading", stuck()),
            ("upgraded", json!({})),
            ("finishing-upgrade", json!({})),
            ("active", json!({})),
            ("upgrading", json!({})),
            ("canceling-upgrade", json!({})),
            ("canceled-upgrade", json!({})),
            ("upgrading", stuck()),
            ("rolling-back", json!({})),
            ("active", json!({})),
        ],
        expect![[r#"
            upgrade.started: web is being upgraded
            upgrade.failed: web gets no further with its upgrade: no such image
            upgrade.finished: web is upgraded: all of its new containers run
            upgrade.started: web is being upgraded
            upgrade.failed: web gets no further with its upgrade: no such image
            upgrade.rolledback: web is rolled back to what it was before its upgrade
        "#]],
    );
    let why = || json!({ TAKEN_BACK: "the upgrade was rolled back: it is not healthy" });
    check(
        "service",
        &[
            ("active", json!({})),
            ("upgrading", json!({})),
            ("rolling-back", json!({})),
            ("rolling-back", why()),
            ("active", why()),
            ("active", health("healthy")),
            ("upgrading", json!({})),
            ("finishing-upgrade", json!({})),
        ],
        expect![[r#"
            upgrade.started: web is being upgraded
            upgrade.failed: web was not upgraded: the upgrade was rolled back: it is not healthy
            upgrade.rolledback: web is rolled back to what it was before its upgrade
            upgrade.started: web is being upgraded
            upgrade.finished: web is upgraded: all of its new containers run
        "#]],
    );
}

#[test]
fn containers_die_with_a_cause() {
    let died = |at: i64, code: Value| json!({ "diedAt": at, "exitCode": code });
    check(
        "instance",
        &[
            ("running", json!({})),
            ("stopping", json!({})),
            ("stopped", json!({})),
            ("running", json!({})),
            ("stopping", died(1, 137.into())),
            ("running", died(1, 137.into())),
            ("stopping", died(2, 1.into())),
            ("stopping", died(3, 131.into())),
            ("stopping", died(4, 127.into())),
            ("stopping", died(5, Value::Null)),
            ("stopping", died(6, 0.into())),
            ("stopping", json!({ "diedAt": 7, "exitCode": 137, "outOfMemory": true })),
        ],
        expect![[r#"
            container.died: web ended by itself with exit code 137: it was killed, often for want of memory
            container.died: web ended by itself with exit code 1: its program reports a failure
            container.died: web ended by itself with exit code 131: it was ended by signal 3
            container.died: web ended by itself with exit code 127: its command was not found
            container.died: web is gone: somebody stopped or removed it
            container.died: web ended by itself with exit code 0: it says that it was done
            container.died: web ended by itself with exit code 137: it ran out of memory
        "#]],
    );
    let once = |at: i64, code: i64| json!({ "diedAt": at, "exitCode": code, "labels": { label::START_ONCE: "true" } });
    check(
        "instance",
        &[("running", json!({})), ("stopping", once(1, 0)), ("stopping", once(2, 3))],
        expect![[r#"
            container.died: web ended by itself with exit code 3: its program reports a failure
        "#]],
    );
}

#[test]
fn hosts_are_lost_and_found() {
    let agent = |state: &str| json!({ "agentState": state });
    check(
        "host",
        &[
            ("active", agent("active")),
            ("active", agent("reconnecting")),
            ("active", agent("active")),
            ("active", agent("reconnecting")),
            ("active", agent("disconnecting")),
            ("active", agent("disconnected")),
            ("active", agent("reconnecting")),
            ("active", agent("disconnected")),
            ("active", agent("reconnecting")),
            ("active", agent("finishing-reconnect")),
            ("active", agent("active")),
        ],
        expect![[r#"
            host.disconnected: web is disconnected: nothing was heard of it for too long
            host.reconnected: web is connected again
        "#]],
    );
}

#[test]
fn what_is_made_fails_and_goes() {
    let why = || json!({ "transitioning": "error", "transitioningMessage": "no room" });
    check(
        "backup",
        &[("creating", json!({})), ("creating", why()), ("removing", why()), ("removed", why())],
        expect![[r#"
            backup.failed: web could not be made: no room
        "#]],
    );
    check(
        "backup",
        &[("creating", why()), ("removing", json!({})), ("removed", json!({}))],
        expect![[""]],
    );
    check(
        "backup",
        &[("creating", json!({})), ("created", json!({})), ("removing", json!({}))],
        expect![[r#"
            backup.done: web was made, and proved
        "#]],
    );
    check(
        "stack",
        &[
            ("activating", json!({})),
            ("active", json!({})),
            ("updating-active", json!({})),
            ("active", json!({})),
            ("removing", json!({})),
            ("removed", json!({})),
            ("removed", json!({ "x": 1 })),
        ],
        expect![[r#"
            stack.active: web is active
            stack.removed: web is removed
        "#]],
    );
    check(
        "stack",
        &[("activating", json!({})), ("erroring", json!({})), ("error", why())],
        expect![[r#"
            stack.failed: web could not be made: no room
        "#]],
    );
    let told = |days: Value| json!({ EXPIRY_TOLD: days, "expiresAt": "Friday" });
    check(
        "certificate",
        &[
            ("active", told(Value::Null)),
            ("active", told(30.into())),
            ("active", json!({ EXPIRY_TOLD: 30, "expiresAt": "Friday", "description": "x" })),
            ("active", told((-1).into())),
            ("updating-active", told(Value::Null)),
        ],
        expect![[r#"
            certificate.expiring: web expires soon: it is valid until Friday
            certificate.expiring: web has expired: it was valid until Friday
        "#]],
    );
    check("volume", &[("active", json!({})), ("removed", json!({}))], expect![[""]]);
}

#[test]
fn types_and_messages_know_the_same_words() {
    let words: Vec<&str> = Event::ALL.iter().map(|known| known.0).collect();
    assert_eq!(words, crate::model::types::webhook::EVENTS);
}
