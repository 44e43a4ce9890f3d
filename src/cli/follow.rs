//! Following services until they are as wanted, or until waiting longer makes no sense.

use std::collections::HashMap;

use super::Result;
use super::args::Patience;
use super::board::{Board, Line, Stage};
use super::client::Client;
use super::failure::Failure;
use super::output::Output;
use super::view::{Container, Moving, Service};
use crate::clock::Clock;

/// The first questions come this close together, in milliseconds; a small stack runs within a few.
const SHORTEST_MS: i64 = 20;
/// Later ones come at most this far apart.
const LONGEST_MS: i64 = 200;
/// The pause is this part of the time waited so far, so that asking delays the end by 2 % at most.
const PART: i64 = 50;
/// A failure that lasts this long, while nothing else moves, is not waited for.
const HOPELESS_MS: i64 = 5_000;
/// From then on, and so often, containers are asked what keeps their service, in milliseconds.
const EXPLAIN_MS: i64 = 1_000;
/// Where more containers are wanted, their service's own message has to do.
const EXPLAIN_MOST: u64 = 500;
/// How a container that found no host begins its message.
const NO_HOST: &str = "Allocation failed";

/// What a service is to become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// All containers run, or ran once if that is all they do.
    Running,
    /// They run and their health checks pass.
    Healthy,
    /// Their new containers run and are healthy, or the upgrade has taken itself back.
    Upgraded,
    /// Deactivated.
    Stopped,
    /// Removed.
    Gone,
}

/// A service by its id and name, and what it is to become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Name, in the stack or with it; only for people.
    pub shown: String,
    /// Name of its stack.
    pub stack: String,
    /// Picks the service out of the answers.
    pub name: String,
    /// What it is to become.
    pub aim: Aim,
}

/// How following ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The services as they were last seen.
    pub services: Vec<Service>,
    /// Those that are not as wanted, with the reason.
    pub missing: Vec<(String, String)>,
    /// Whether there was anything to wait for.
    pub waited: bool,
}

/// Asks for the services of one stack until all are as wanted. The caller ends the program on
/// Ctrl-C; the server goes on by itself.
///
/// # Errors
/// When the server cannot be reached or refuses.
pub async fn follow(
    client: &Client,
    out: &Output,
    stack_id: &str,
    wanted: &[Wanted],
    patience: &Patience,
) -> Result<Ending> {
    let clock = Clock::System;
    let path = client.scoped("services");
    let mut board = Board::new(out, wanted.iter().map(|one| one.shown.as_str()));
    let began = clock.now_ms();
    let mut watch = Watch::new(began);
    let mut containers: Vec<Container> = Vec::new();
    let mut explained_at = began;
    let mut waited = false;
    loop {
        let found = client.list(&path, &[("stackId", stack_id)]).await?;
        let mut services: Vec<Service> = found.iter().map(Service::read).collect();
        let now = clock.now_ms();
        let few = services.iter().filter_map(|one| one.scale).sum::<u64>() <= EXPLAIN_MOST;
        if few && now - explained_at >= EXPLAIN_MS {
            explained_at = now;
            let found = client.list(&client.scoped("containers"), &[("stackId", stack_id)]).await?;
            containers = found.iter().map(Container::read).collect();
        }
        explain(&mut services, &containers);
        let verdict = watch.look(now, wanted, &services);
        waited |= verdict != Verdict::Done;
        if waited {
            lines(wanted, &services, verdict).iter().for_each(|line| board.show(line));
        }
        let late = patience.timeout.is_some_and(|limit| now - began >= i64::from(limit) * 1000);
        if verdict == Verdict::Done || verdict == Verdict::Hopeless || late {
            board.end();
            let missing = missing(wanted, &services);
            return Ok(Ending { services, missing, waited });
        }
        let pause = ((now - began) / PART).clamp(SHORTEST_MS, LONGEST_MS);
        clock.sleep_ms(pause.unsigned_abs()).await;
    }
}

/// Puts what a container says in the place of a service's own message: the container knows why.
fn explain(services: &mut [Service], containers: &[Container]) {
    for service in services.iter_mut().filter(|service| service.moving == Moving::Yes) {
        let own = |one: &&Container| {
            one.service_ids.contains(&service.id) || service.containers.contains(&one.id)
        };
        let speaks = |one: &&Container| !one.message.is_empty() && one.state != "running";
        let fails =
            |one: &&Container| one.moving == Moving::Failing || one.message.starts_with(NO_HOST);
        let mut speakers = containers.iter().filter(own).filter(speaks);
        let failing = containers.iter().filter(own).filter(speaks).find(fails);
        if failing.is_some() {
            service.moving = Moving::Failing;
        }
        if let Some(one) = failing.or_else(|| speakers.next()) {
            service.message = format!("{}: {}", one.name, one.message);
        }
    }
}

impl Ending {
    /// The failure for services that are not as wanted; none if all are.
    pub fn failure(&self, what: &str) -> Option<Failure> {
        let reasons: Vec<String> =
            self.missing.iter().map(|(name, why)| format!("  {name}: {why}")).collect();
        (!reasons.is_empty()).then(|| {
            Failure::new(format!("{what}:\n{}", reasons.join("\n")))
                .hint("the server keeps trying; `ranchette ps` and `ranchette logs` show more")
        })
    }
}

fn find<'a>(wanted: &Wanted, services: &'a [Service]) -> Option<&'a Service> {
    services.iter().find(|service| service.name == wanted.name)
}

/// How far one service is.
pub fn stage(aim: Aim, service: Option<&Service>) -> Stage {
    let Some(service) = service else {
        return if aim == Aim::Gone { Stage::Done } else { Stage::Going };
    };
    let state = service.state.as_str();
    let healthy = matches!(service.health.as_str(), "" | "healthy" | "started-once");
    match (aim, service.moving) {
        (_, Moving::Failing) => Stage::Failing,
        (Aim::Gone, _) if matches!(state, "removed" | "purging" | "purged") => Stage::Done,
        (Aim::Running, Moving::No) if state == "active" => Stage::Done,
        (Aim::Healthy, Moving::No) if state == "active" && healthy => Stage::Done,
        (Aim::Upgraded, Moving::No) if matches!(state, "upgraded" | "active") => Stage::Done,
        (Aim::Stopped, Moving::No) if state == "inactive" => Stage::Done,
        (
            Aim::Running | Aim::Healthy | Aim::Upgraded | Aim::Stopped | Aim::Gone,
            Moving::Yes | Moving::No,
        ) => Stage::Going,
    }
}

/// What goes on with a service, in a few words: `activating 2/3: pulling nginx`.
pub fn text(aim: Aim, service: Option<&Service>) -> String {
    let Some(service) = service else {
        return if aim == Aim::Gone { "removed".to_owned() } else { "not there yet".to_owned() };
    };
    let mut text = service.state.clone();
    match aim {
        Aim::Running | Aim::Healthy | Aim::Upgraded => {
            text = format!("{text} {}", service.scale_text())
        }
        Aim::Gone | Aim::Stopped if service.current > 0 => {
            text = format!("{text}, {} left", service.current);
        }
        Aim::Gone | Aim::Stopped => {}
    }
    if aim == Aim::Healthy && !service.health.is_empty() && service.health != "healthy" {
        text = format!("{text}, {}", service.health);
    }
    match service.message.trim() {
        "" => text,
        message => format!("{text}: {message}"),
    }
}

fn lines(wanted: &[Wanted], services: &[Service], verdict: Verdict) -> Vec<Line> {
    let line = |wanted: &Wanted| {
        let service = find(wanted, services);
        let stage = match stage(wanted.aim, service) {
            Stage::Failing if verdict == Verdict::Hopeless => Stage::Failed,
            stage @ (Stage::Going | Stage::Failing | Stage::Done | Stage::Failed) => stage,
        };
        let mut record = match service {
            Some(service) => service.json(&wanted.stack),
            None => serde_json::json!({
                "type": "service", "stack": wanted.stack, "service": wanted.name, "state": "removed",
            }),
        };
        record["done"] = (stage == Stage::Done).into();
        Line { name: wanted.shown.clone(), stage, text: text(wanted.aim, service), record }
    };
    wanted.iter().map(line).collect()
}

fn missing(wanted: &[Wanted], services: &[Service]) -> Vec<(String, String)> {
    let left = wanted.iter().map(|one| (one, find(one, services)));
    left.filter(|(one, service)| stage(one.aim, *service) != Stage::Done)
        .map(|(one, service)| (one.shown.clone(), text(one.aim, service)))
        .collect()
}

/// Whether following goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Something is still to come.
    Going,
    /// All are as wanted.
    Done,
    /// What is missing fails, and has done so for a while.
    Hopeless,
}

/// What is remembered from one look to the next.
struct Watch {
    failing_since: HashMap<String, i64>,
    seen: HashMap<String, (String, u64, String)>,
    moved_at: i64,
}

impl Watch {
    fn new(now_ms: i64) -> Self {
        Watch { failing_since: HashMap::new(), seen: HashMap::new(), moved_at: now_ms }
    }

    fn look(&mut self, now_ms: i64, wanted: &[Wanted], services: &[Service]) -> Verdict {
        let mut going = false;
        for one in wanted {
            let service = find(one, services);
            match stage(one.aim, service) {
                Stage::Failing => {
                    going = true;
                    self.failing_since.entry(one.name.clone()).or_insert(now_ms);
                    continue;
                }
                Stage::Done | Stage::Failed => {}
                Stage::Going => going = true,
            }
            self.failing_since.remove(&one.name);
            let state = service.map_or_else(Default::default, |service| {
                (service.state.clone(), service.current, service.message.clone())
            });
            if self.seen.get(&one.name) != Some(&state) {
                self.seen.insert(one.name.clone(), state);
                self.moved_at = now_ms;
            }
        }
        let long_ago = |at: i64| now_ms - at >= HOPELESS_MS;
        let hopeless = self.failing_since.values().any(|since| long_ago(*since));
        match going {
            false => Verdict::Done,
            true if hopeless && long_ago(self.moved_at) => Verdict::Hopeless,
            true => Verdict::Going,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn service(name: &str, state: &str, moving: &str, message: &str) -> Value {
        json!({
            "id": "1s1", "name": name, "stackId": "1st1", "state": state, "scale": 3,
            "currentScale": 2, "transitioning": moving, "transitioningMessage": message,
            "launchConfig": {"imageUuid": "docker:nginx:1"},
        })
    }

    fn wanted(name: &str, aim: Aim) -> Wanted {
        Wanted { shown: name.to_owned(), stack: "s".to_owned(), name: name.to_owned(), aim }
    }

    #[test]
    fn progress_is_told_in_a_few_words() {
        let check = |aim, value: Option<Value>, expect: (&str, Stage)| {
            let service = value.map(|value| Service::read(&value));
            assert_eq!((&*text(aim, service.as_ref()), stage(aim, service.as_ref())), expect);
        };
        let with = |state, moving, message| Some(service("web", state, moving, message));
        check(
            Aim::Running,
            with("activating", "yes", "pulling nginx, 3 of 5 layers"),
            ("activating 2/3: pulling nginx, 3 of 5 layers", Stage::Going),
        );
        check(Aim::Running, with("active", "no", ""), ("active 2/3", Stage::Done));
        check(Aim::Running, with("active", "yes", ""), ("active 2/3", Stage::Going));
        check(
            Aim::Running,
            with("activating", "error", "no such image"),
            ("activating 2/3: no such image", Stage::Failing),
        );
        check(Aim::Running, None, ("not there yet", Stage::Going));
        check(
            Aim::Stopped,
            with("deactivating", "yes", ""),
            ("deactivating, 2 left", Stage::Going),
        );
        check(Aim::Gone, with("removing", "yes", ""), ("removing, 2 left", Stage::Going));
        check(Aim::Gone, None, ("removed", Stage::Done));
        let mut sick = service("web", "active", "no", "");
        sick["healthState"] = json!("initializing");
        check(Aim::Healthy, Some(sick.clone()), ("active 2/3, initializing", Stage::Going));
        sick["healthState"] = json!("started-once");
        check(Aim::Healthy, Some(sick), ("active 2/3, started-once", Stage::Done));
        let mut global = service("web", "active", "no", "");
        global["launchConfig"]["labels"] = json!({"io.rancher.scheduler.global": "true"});
        check(Aim::Running, Some(global), ("active 2 (every host)", Stage::Done));
    }

    #[test]
    fn containers_explain_what_keeps_their_service() {
        let check = |state: &str, moving: &str, message: &str, expect: (&str, Moving)| {
            let mut services =
                [Service::read(&service("web", "activating", "yes", "creating web-1"))];
            let container = json!({
                "id": "1i1", "name": "s-web-1", "serviceId": "1s1", "state": state,
                "transitioning": moving, "transitioningMessage": message,
            });
            explain(&mut services, &[Container::read(&container)]);
            assert_eq!((services[0].message.as_str(), services[0].moving), expect);
        };
        check("creating", "yes", "pulling nginx", ("s-web-1: pulling nginx", Moving::Yes));
        check("creating", "error", "no such image", ("s-web-1: no such image", Moving::Failing));
        let refused = "Allocation failed: no host fits";
        check("creating", "yes", refused, (&format!("s-web-1: {refused}"), Moving::Failing));
        check("running", "no", "", ("creating web-1", Moving::Yes));
    }

    #[test]
    fn waiting_ends_when_a_failure_stays_and_nothing_else_moves() {
        let wanted = [wanted("web", Aim::Running), wanted("db", Aim::Running)];
        let mut watch = Watch::new(0);
        let mut look = |now, web: (&str, &str), db: (&str, &str)| {
            let services = [service("web", web.0, web.1, ""), service("db", db.0, db.1, "")];
            watch.look(now, &wanted, &services.map(|one| Service::read(&one)))
        };
        let (failing, busy) = (("activating", "error"), ("activating", "yes"));
        assert_eq!(look(0, failing, busy), Verdict::Going);
        assert_eq!(look(4_999, failing, busy), Verdict::Going);
        // The other one has moved just now.
        assert_eq!(look(5_000, failing, ("active", "no")), Verdict::Going);
        assert_eq!(look(9_999, failing, ("active", "no")), Verdict::Going);
        assert_eq!(look(10_000, failing, ("active", "no")), Verdict::Hopeless);
        // It has recovered: patience begins anew.
        assert_eq!(look(11_000, busy, ("active", "no")), Verdict::Going);
        assert_eq!(look(60_000, failing, ("active", "no")), Verdict::Going);
        assert_eq!(look(60_001, ("active", "no"), ("active", "no")), Verdict::Done);
    }
}
