//! Tests of the planner: a service in words, and the plan in words.
//!
//! A fixture has one line for the service, then lines for configurations and members, then the time:
//!
//! ```text
//! service web scale=2                  mode=stopped hosts=1,2 batch=2 interval=500 order=start-first
//! config web version=2                 the primary, if it is not of version 0
//! config logs uses=web network=web     a sidekick; also `start-once`
//! member web-1 running                 ids are counted from 1; `web-logs-1` is a sidekick's
//! member web-2 stopped failures=3 died=1000 exit=137
//! now 2000
//! ```

mod dependents;
mod failures;
mod fixture;
mod global;
mod health;
mod hosts;
mod model;
mod rollout;
mod scale;
mod simulation;
mod upgrade;

use expect_test::Expect;

use super::{Action, Plan, Reason, UnitIds, Verdict, Wait, names, plan};
use fixture::Fixture;

/// Plans for a fixture and compares actions and verdict.
fn check(fixture: &str, expect: &Expect) {
    let fixture = Fixture::parse(fixture);
    let plan = plan(&fixture.desired(), &fixture.members, fixture.now);
    expect.assert_eq(&render(&fixture, &plan));
}

/// Compares the lines of the service log.
fn check_log(fixture: &str, expect: &Expect) {
    let fixture = Fixture::parse(fixture);
    let plan = plan(&fixture.desired(), &fixture.members, fixture.now);
    let lines: Vec<String> =
        plan.log.iter().map(|line| format!("{:?}: {}", line.kind, line.description)).collect();
    expect.assert_eq(&lines.join("\n"));
}

fn render(fixture: &Fixture, plan: &Plan) -> String {
    let mut lines: Vec<String> =
        plan.actions.iter().map(|action| render_action(fixture, action)).collect();
    lines.push(match &plan.verdict {
        Verdict::Settled => "settled".to_owned(),
        Verdict::Working { message } => format!("working: {message}"),
        Verdict::Waiting { until, message, why: Wait::BackOff } => {
            format!("back-off until {until}: {message}")
        }
        Verdict::Waiting { until, message, why: Wait::Interval } => {
            format!("interval until {until}: {message}")
        }
        Verdict::Failing { message } => format!("failing: {message}"),
        Verdict::Unfit { message } => format!("unfit: {message}"),
    });
    lines.join("\n")
}

fn render_action(fixture: &Fixture, action: &Action) -> String {
    let member =
        |verb: &str, id: i64, reason: &Reason| format!("{verb} {}: {reason}", fixture.name_of(id));
    match action {
        Action::CreateUnit { index, unit, host, members, reason } => {
            let names: Vec<String> =
                members.iter().map(|config| fixture.name_for(*config, *index)).collect();
            let place = render_place(*index, unit, *host);
            format!("create {}{place}: {reason}", names.join(" "))
        }
        Action::AddMember { index, unit, config, host, reason } => {
            let place = render_place(*index, unit, *host);
            format!("add {}{place}: {reason}", fixture.name_for(*config, *index))
        }
        Action::Start { id, reason } => member("start", *id, reason),
        Action::Stop { id, reason } => member("stop", *id, reason),
        Action::Retire { id, reason } => member("retire", *id, reason),
        Action::Remove { id, reason } => member("remove", *id, reason),
    }
}

/// The host, and the unit's uuid where it is not the computed one.
fn render_place(index: u32, unit: &str, host: Option<i64>) -> String {
    let ids = UnitIds::new(fixture::SERVICE);
    let computed = host.map_or_else(|| ids.by_index(index), |host| ids.by_host(host));
    let host = host.map(|host| format!(" on host {host}")).unwrap_or_default();
    let unit = if unit == computed { String::new() } else { format!(" in unit {unit}") };
    format!("{host}{unit}")
}
