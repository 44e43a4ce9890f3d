//! Bodies and what becomes of them.

use serde_json::{Map, Value, json};

use super::{Checker, Purpose};
use crate::api::dialect::Version;
use crate::auth::Role;
use crate::model::registry::{Entry, lookup};

fn outcome(version: Version, ty: &str, purpose: Purpose, body: Value) -> String {
    let sees = |_: &Entry, id: i64| Ok(id < 100);
    let checker = Checker {
        dialect: version.dialect(),
        role: Role::Owner,
        plain_ids: false,
        sees: &sees,
        now: 1_000,
        besides: &[],
    };
    let Value::Object(body) = body else { return "not an object".to_owned() };
    let entry = lookup(ty).expect(ty);
    let result = match purpose {
        Purpose::Create => checker.create(entry, body),
        Purpose::Update => checker.update(entry, body),
    };
    match result {
        Ok(fields) => Value::Object(fields).to_string(),
        Err(error) => format!(
            "{} {} {}: {}",
            error.status,
            error.code,
            error.field.clone().unwrap_or_default(),
            error
        ),
    }
}

fn check(ty: &str, body: Value, expect: &str) {
    assert_eq!(outcome(Version::V2Beta, ty, Purpose::Create, body), expect);
}

fn check_update(ty: &str, body: Value, expect: &str) {
    assert_eq!(outcome(Version::V2Beta, ty, Purpose::Update, body), expect);
}

#[test]
fn a_stack_gets_its_defaults() {
    check(
        "stack",
        json!({"name": "web", "unknown": 1, "state": "active", "healthState": "x"}),
        r#"{"name":"web","allowSystemRole":false,"system":false}"#,
    );
}

#[test]
fn faults_of_a_stack() {
    check("stack", json!({}), "422 MissingRequired name: field `name` of a stack is required");
    check(
        "stack",
        json!({"name": null}),
        "422 MissingRequired name: field `name` of a stack is required",
    );
    check(
        "stack",
        json!({"name": ""}),
        "422 MinLengthExceeded name: field `name` of a stack is 0 characters long, less than 1",
    );
    check(
        "stack",
        json!({"name": "a b"}),
        "422 InvalidCharacters name: field `name` of a stack is `a b`, but ` ` is not among \
         a-zA-Z0-9-",
    );
    check(
        "stack",
        json!({"name": "a", "environment": null}),
        "422 NotNullable environment: field `environment` of a stack must not be null",
    );
    check(
        "stack",
        json!({"name": "a", "environment": "x"}),
        "422 InvalidFormat environment: field `environment` of a stack must be a JSON object",
    );
    check(
        "stack",
        json!({"name": ["a"]}),
        "422 InvalidFormat name: field `name` of a stack must be text",
    );
}

#[test]
fn values_are_converted() {
    check(
        "instanceStop",
        json!({"remove": "Yes", "timeout": "7"}),
        r#"{"remove":true,"timeout":7}"#,
    );
    check("instanceStop", json!({"remove": 0, "timeout": 3.0}), r#"{"remove":false,"timeout":3}"#);
    check(
        "instanceStop",
        json!({"timeout": "soon"}),
        "422 InvalidFormat timeout: field `timeout` of an instanceStop must be a whole number, not \
         \"soon\"",
    );
    check(
        "instanceStop",
        json!({"remove": "perhaps"}),
        "422 InvalidFormat remove: field `remove` of an instanceStop must be true or false, not \
         \"perhaps\"",
    );
    check(
        "containerExec",
        json!({"command": "ls"}),
        r#"{"command":["ls"],"attachStdin":true,"attachStdout":true,"tty":true}"#,
    );
    check(
        "containerExec",
        json!({"command": []}),
        "422 MissingRequired command: field `command` of a containerExec is required",
    );
    check(
        "containerExec",
        json!({"command": [null]}),
        "422 NotNullable command: field `command` of a containerExec must not hold null",
    );
}

#[test]
fn references_must_be_seen() {
    for (given, what) in [
        (json!("1st100"), "refers to the stack \"1st100\", which does not exist"),
        (json!("7"), "holds \"7\", which is not an id"),
        (json!(7), "holds 7, which is not an id"),
        (json!("web"), "holds \"web\", which is not an id"),
    ] {
        check(
            "service",
            json!({"name": "web", "stackId": given}),
            &format!("422 InvalidReference stackId: field `stackId` of a service {what}"),
        );
    }
    check("composeConfigInput", json!({"serviceIds": ["1s1", "1x2"]}), r#"{"serviceIds":[1,2]}"#);
}

#[test]
fn objects_may_come_as_text() {
    check_update(
        "network",
        json!({"policy": [r#"{"action": "allow", "within": "stack", "x": 1}"#]}),
        r#"{"policy":[{"action":"allow","within":"stack"}]}"#,
    );
    for text in ["allow", "[1]", "{"] {
        check_update(
            "network",
            json!({"policy": [text]}),
            "422 InvalidFormat policy: field `policy` of a network must be a JSON object",
        );
    }
}

#[test]
fn objects_inside_are_checked_too() {
    let launch = |health: Value| json!({"name": "web", "stackId": "1st1", "launchConfig": {"healthCheck": health}});
    check(
        "service",
        launch(json!({"port": 70000})),
        "422 MaxLimitExceeded port: field `launchConfig.healthCheck.port` of a service is 70000, \
         more than 65535",
    );
    check(
        "service",
        launch(json!({})),
        "422 MissingRequired port: field `launchConfig.healthCheck.port` of a service is required",
    );
    check(
        "service",
        launch(json!({"port": 80, "strategy": "panic"})),
        "422 InvalidOption strategy: field `launchConfig.healthCheck.strategy` of a service is \
         `panic`, but must be one of none, recreate, recreateOnQuorum",
    );
}

#[test]
fn a_change_names_only_what_changes() {
    check_update("service", json!({"id": "1s9", "scale": "3"}), r#"{"scale":3}"#);
    check_update("service", json!({"launchConfig": {}}), "{}");
    check_update(
        "service",
        json!({"scale": -1}),
        "422 MinLimitExceeded scale: field `scale` of a service is -1, less than 0",
    );
    check_update("service", json!({"scale": null}), "{}");
}

#[test]
fn the_first_version_has_its_own_words() {
    let body = json!({"name": "web", "environmentId": "1e4"});
    let found = outcome(Version::V1, "service", Purpose::Create, body);
    let found: Map<String, Value> = serde_json::from_str(&found).expect("an object");
    assert_eq!(found.get("stackId"), Some(&json!(4)));
}
