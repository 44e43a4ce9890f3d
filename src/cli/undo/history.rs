//! What was done to a service, from its versions and from the audit log; and the way back. Pure.

use serde_json::Value;

/// Longest that a version is older than the entry of the call that made it, in milliseconds.
const LONGEST_MS: i64 = 60_000;

/// A service as it is, and what is known of its past.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// `STACK/SERVICE`
    pub name: String,
    /// Its name alone.
    pub bare: String,
    /// Its row.
    pub row: Value,
    /// Its versions, in any order.
    pub versions: Vec<Value>,
    /// Entries of the audit log about it, in any order.
    pub entries: Vec<Value>,
}

/// Something that was done to a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// When, in milliseconds.
    pub at: i64,
    /// What.
    pub what: What,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// It was made.
    Made,
    /// It got another configuration: the version before, and what had changed.
    Configured { before: Option<(String, i64)>, description: String },
    /// It got another scale.
    Scaled { before: Option<u64>, after: u64 },
    /// It was started.
    Started,
    /// It was stopped.
    Stopped,
}

/// A step back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The containers from before an upgrade start again.
    Rollback,
    /// To an earlier version.
    To { version: String },
    /// To an earlier scale.
    Scale(u64),
    /// It is started.
    Start,
    /// It is stopped.
    Stop,
    /// It is removed: the change had made it.
    Remove,
}

/// Everything that is known to have been done to a service, the newest last. `plans` are entries of the
/// audit log about compose files of its stack.
pub fn deeds(past: &Past, plans: &[Value]) -> Vec<Deed> {
    let mut found = configured(&past.versions);
    let mut scales: Vec<(i64, u64, bool)> = Vec::new();
    for entry in past.entries.iter().filter(|entry| succeeded(entry)) {
        let at = at(entry);
        let (asked, answered) = (body(entry, "requestObject"), body(entry, "responseObject"));
        let event = entry["eventType"].as_str().unwrap_or_default();
        let action = entry["description"].as_str().unwrap_or_default();
        match (event.rsplit('.').next().unwrap_or_default(), action) {
            ("create", _) => {
                found.push(Deed { at, what: What::Made });
                scales.extend(answered["scale"].as_u64().map(|scale| (at, scale, false)));
            }
            ("update", _) => {
                let scale = answered["scale"].as_u64().or_else(|| asked["scale"].as_u64());
                let said = asked.get("scale").is_some();
                scales.extend(scale.map(|scale| (at, scale, said)));
            }
            ("action", "activate") => found.push(Deed { at, what: What::Started }),
            ("action", "deactivate") => found.push(Deed { at, what: What::Stopped }),
            _ => {}
        }
    }
    for entry in plans {
        for change in changes_of(entry, &past.bare) {
            let (at, scale) = (at(entry), change["scale"].as_u64());
            match change["action"].as_str() {
                Some("create") => {
                    found.push(Deed { at, what: What::Made });
                    scales.extend(scale.map(|scale| (at, scale, false)));
                }
                Some("scale") => scales.extend(scale.map(|scale| (at, scale, true))),
                Some("change") => settle(&mut found, at),
                Some("start") => found.push(Deed { at, what: What::Started }),
                _ => {}
            }
        }
    }
    found.extend(scaled(scales));
    found.sort_by_key(|deed| deed.at);
    found
}

fn configured(versions: &[Value]) -> Vec<Deed> {
    let mut versions: Vec<&Value> = versions.iter().collect();
    versions.sort_by_key(|version| version["versionNumber"].as_i64());
    let id = |version: &Value| {
        Some((version["id"].as_str()?.to_owned(), version["versionNumber"].as_i64()?))
    };
    let mut found = Vec::new();
    for (index, version) in versions.iter().enumerate() {
        // Another image under the same name is nothing that anybody did here.
        if matches!(version["eventType"].as_str(), Some("upgrade" | "update" | "rollback")) {
            let before = index.checked_sub(1).and_then(|index| versions.get(index));
            let before = before.and_then(|before| id(before));
            let description = version["description"].as_str().unwrap_or_default().to_owned();
            found.push(Deed { at: at(version), what: What::Configured { before, description } });
        }
    }
    found
}

/// A version is written a moment before the call that made it: it was at the same time.
fn settle(found: &mut [Deed], time: i64) {
    let made_by_it = |deed: &&mut Deed| {
        matches!(deed.what, What::Configured { .. })
            && (time.saturating_sub(LONGEST_MS)..=time).contains(&deed.at)
    };
    if let Some(deed) = found.iter_mut().filter(made_by_it).max_by_key(|deed| deed.at) {
        deed.at = time;
    }
}

/// Scales that differ from the one before, and were asked for.
fn scaled(mut scales: Vec<(i64, u64, bool)>) -> Vec<Deed> {
    scales.sort_by_key(|scale| scale.0);
    let mut before = None;
    let mut found = Vec::new();
    for (at, after, said) in scales {
        if said && before != Some(after) {
            found.push(Deed { at, what: What::Scaled { before, after } });
        }
        before = Some(after);
    }
    found
}

fn at(row: &Value) -> i64 {
    row["createdTS"].as_i64().unwrap_or_default()
}

fn succeeded(entry: &Value) -> bool {
    entry["responseCode"].as_i64().is_some_and(|code| (200..300).contains(&code))
}

/// A body of an audited call.
fn body(entry: &Value, field: &str) -> Value {
    let text = entry[field].as_str().unwrap_or_default();
    serde_json::from_str(text).unwrap_or(Value::Null)
}

/// Whether an entry is about compose files that were applied to a stack.
pub fn is_plan_of(entry: &Value, stack: &str) -> bool {
    let asked = body(entry, "requestObject");
    succeeded(entry)
        && asked["dryRun"] != Value::Bool(true)
        && body(entry, "responseObject")["stackId"] == stack
}

/// What applying compose files did to a service of that name.
fn changes_of(entry: &Value, service: &str) -> Vec<Value> {
    let answered = body(entry, "responseObject");
    let all = answered["changes"].as_array().into_iter().flatten();
    all.filter(|change| change["service"] == service).cloned().collect()
}

/// Services that compose files removed at a time.
pub fn removed_at(plans: &[Value], time: i64) -> Vec<String> {
    let at_time = plans.iter().filter(|entry| at(entry) == time);
    at_time
        .flat_map(|entry| {
            let answered = body(entry, "responseObject");
            let all = answered["changes"].as_array().cloned().unwrap_or_default();
            all.into_iter().filter(|change| change["action"] == "remove")
        })
        .filter_map(|change| change["service"].as_str().map(str::to_owned))
        .collect()
}

/// The steps that take a service's deeds of one time back, each with a sentence; or why there are none.
pub fn steps(past: &Past, deeds: &[Deed], time: i64) -> Result<Vec<(Step, String)>, String> {
    let own: Vec<&Deed> = deeds.iter().filter(|deed| deed.at == time).collect();
    if own.iter().any(|deed| deed.what == What::Made) {
        return Ok(vec![(Step::Remove, "remove it, with its containers: it was new".to_owned())]);
    }
    let mut steps = Vec::new();
    for deed in own {
        match &deed.what {
            What::Made => {}
            What::Configured { before: Some((version, number)), description } => {
                let text = format!("back to version {number}, before: {description}");
                steps.push((Step::To { version: version.clone() }, text));
            }
            What::Configured { before: None, .. } => {
                return Err("the version before its last change is kept no more".to_owned());
            }
            What::Scaled { before: Some(before), after } => {
                let now = past.row["scale"].as_u64();
                if now != Some(*after) {
                    let now = now.map_or_else(|| "none".to_owned(), |now| now.to_string());
                    return Err(format!(
                        "its scale is {now}, and who changed it from {after} is not in the audit log"
                    ));
                }
                steps.push((Step::Scale(*before), format!("scale from {after} back to {before}")));
            }
            What::Scaled { before: None, after } => {
                return Err(format!(
                    "the scale that it had before it got {after} is not in the audit log"
                ));
            }
            What::Started => steps.push((Step::Stop, "stop it again".to_owned())),
            What::Stopped => steps.push((Step::Start, "start it again".to_owned())),
        }
    }
    Ok(steps)
}

/// Whether an upgrade of the service has not been finished, and can be rolled back as it is.
pub fn is_mid_upgrade(row: &Value) -> bool {
    matches!(row["state"].as_str(), Some("upgrading" | "canceled-upgrade" | "upgraded"))
        && row["actions"].get("rollback").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use serde_json::json;

    fn entry(at: i64, event: &str, description: &str, asked: Value, answered: Value) -> Value {
        json!({ "createdTS": at, "eventType": event, "description": description,
            "responseCode": 200, "requestObject": asked.to_string(),
            "responseObject": answered.to_string() })
    }

    fn version(at: i64, number: i64, event: &str) -> Value {
        json!({ "createdTS": at, "id": format!("1sv{number}"), "versionNumber": number,
            "eventType": event, "description": format!("image web:{number}") })
    }

    fn plan(at: i64, changes: Value) -> Value {
        let answered = json!({ "stackId": "1st1", "changes": changes });
        entry(at, "api.stackPlan.create", "", json!({}), answered)
    }

    fn scale(at: i64, to: u64) -> Value {
        entry(at, "api.service.update", "", json!({"scale": to}), json!({"scale": to}))
    }

    /// What is taken back of the last thing that was done.
    fn check(now: u64, versions: &[Value], entries: &[Value], plans: &[Value], expect: Expect) {
        let past = Past {
            bare: "web".to_owned(),
            row: json!({"scale": now, "state": "active"}),
            versions: versions.to_vec(),
            entries: entries.to_vec(),
            ..Past::default()
        };
        let deeds = deeds(&past, plans);
        let last = deeds.last().map_or(0, |deed| deed.at);
        let text = match steps(&past, &deeds, last) {
            Ok(steps) => steps.into_iter().map(|step| step.1).collect::<Vec<_>>().join("; "),
            Err(why) => format!("cannot: {why}"),
        };
        expect.assert_eq(&text);
    }

    #[test]
    fn the_last_thing_done_is_taken_back() {
        let made = plan(1, json!([{"action": "create", "service": "web", "scale": 2}]));
        let first = version(1, 1, "create");
        let made = std::slice::from_ref(&made);
        check(
            2,
            std::slice::from_ref(&first),
            &[],
            made,
            expect!["remove it, with its containers: it was new"],
        );
        check(
            5,
            std::slice::from_ref(&first),
            &[scale(2, 5)],
            made,
            expect!["scale from 5 back to 2"],
        );
        check(
            5,
            &[version(3, 2, "upgrade"), first.clone()],
            &[scale(2, 5)],
            made,
            expect!["back to version 1, before: image web:2"],
        );
        let stopped = entry(4, "api.service.action", "deactivate", json!({}), json!({}));
        check(5, &[version(3, 2, "upgrade")], &[stopped], made, expect!["start it again"]);
        // What the machine did is nobody's to take back.
        check(
            5,
            &[first.clone(), version(3, 2, "image")],
            &[scale(2, 5)],
            made,
            expect!["scale from 5 back to 2"],
        );
        // Both of one `up`.
        let both = plan(
            6,
            json!([{"action": "change", "service": "web"},
                {"action": "scale", "service": "web", "scale": 3},
                {"action": "remove", "service": "old"}]),
        );
        let plans = [made[0].clone(), both];
        check(
            3,
            &[first, version(5, 2, "update")],
            &[],
            &plans,
            expect!["back to version 1, before: image web:2; scale from 3 back to 2"],
        );
        assert_eq!(removed_at(&plans, 6), ["old"]);
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        check(5, &[], &[], &[], expect![""]);
        check(
            5,
            &[],
            &[scale(2, 5)],
            &[],
            expect!["cannot: the scale that it had before it got 5 is not in the audit log"],
        );
        check(
            9,
            &[],
            &[scale(2, 5), scale(3, 6)],
            &[],
            expect!["cannot: its scale is 9, and who changed it from 6 is not in the audit log"],
        );
        check(
            5,
            &[version(3, 7, "upgrade")],
            &[],
            &[],
            expect!["cannot: the version before its last change is kept no more"],
        );
        let mut refused = scale(4, 8);
        refused["responseCode"] = json!(422);
        check(6, &[], &[scale(2, 5), scale(3, 6), refused], &[], expect!["scale from 6 back to 5"]);
        let tried = entry(1, "", "", json!({"dryRun": true}), json!({"stackId": "1st1"}));
        assert!(!is_plan_of(&tried, "1st1"));
        assert!(
            is_plan_of(&plan(1, json!([])), "1st1") && !is_plan_of(&plan(1, json!([])), "1st2")
        );
    }
}
