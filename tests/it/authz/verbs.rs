//! Every verb, action and link of every type, with every kind of caller: the status is what the policy's
//! files say, what is refused tells and changes nothing, and what is shown is the caller's to see.

use ranchette::model::id;
use ranchette::model::registry::{self, Entry};
use ranchette::model::schema::{Link, Scope, Source};
use serde_json::json;

use super::callers::{self, Caller};
use super::ground::{Answer, Ask, Ground, difference};
use super::plant::{self, Plot};
use super::table::{Dialect, Table};

/// What must come of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    /// Refused with this status.
    Refused(u16),
    /// Not refused: it does what it does, or says what the input lacks.
    Allowed,
}

use Expect::{Allowed, Refused};

/// A call, and what must come of it.
struct Case {
    ty: &'static str,
    /// The verb, action or link.
    what: String,
    ask: Ask,
    expect: Expect,
    /// The row, and the transition that must be able to begin on it.
    row: Option<(i64, &'static str)>,
}

/// Whether a call is about what a source works out, which may not be there yet.
fn is_unfinished(case: &Case) -> bool {
    let computed = |ty: &str| {
        let entry = registry::lookup(ty).expect(ty);
        matches!(entry.ty.source, Source::Computed(_))
    };
    let link = case.what.rsplit_once("link ").and_then(|(_, name)| {
        let entry = registry::lookup(case.ty)?;
        entry.ty.links.iter().find(|link| link.name() == name)
    });
    computed(case.ty)
        || link.is_some_and(|link| match link {
            Link::Ref { to, .. } | Link::Map { to, .. } | Link::Many { to, .. } => computed(to),
            Link::Child { of, .. } => computed(of),
            Link::Computed { .. } => true,
        })
}

/// Why roles without a say over the infrastructure may not change it.
const INFRASTRUCTURE: &str = "the setting modify.infrastructure.roles does not name the role";

/// What the policy lets callers do and a rule of the type itself still refuses: role (`*` for all), type,
/// what, status, why.
const RULES: &[(&str, &str, &str, u16, &str)] = &[
    ("restricted", "machine", "delete", 403, INFRASTRUCTURE),
    ("user", "machine", "bootstrap", 403, INFRASTRUCTURE),
    ("user", "machine", "error", 403, INFRASTRUCTURE),
    ("user", "machine", "remove", 403, INFRASTRUCTURE),
    ("user", "machine", "update", 403, INFRASTRUCTURE),
    ("*", "dynamicSchemaRole", "delete", 405, "it has no states, so it is never removed"),
    ("*", "projectMember", "create", 405, "members are set by an action of the environment"),
    ("*", "account", "create by link projectMembers", 405, "the same"),
    ("*", "project", "create by link projectMembers", 405, "the same"),
    ("*", "resourcePool", "delete", 405, "it has no states, so it is never removed"),
    ("*", "serviceLog", "delete", 405, "it has no states, so it is never removed"),
    ("*", "serviceVersion", "delete", 405, "it has no states, so it is never removed"),
    ("*", "webhookDelivery", "delete", 405, "it has no states, so it is never removed"),
];

/// Whether a link of an environment is a collection inside it, and so another type's.
fn is_inside(ty: &str, link: &Link) -> bool {
    ty == "project" && !["hostStats", "projectMembers"].contains(&link.name())
}

/// One caller among its rows.
struct Scene<'a> {
    caller: &'a Caller,
    dialect: Dialect,
    table: Table,
    plot: &'a Plot,
    project: i64,
    /// An account that nobody calls as.
    spare: i64,
}

impl Scene<'_> {
    /// The row of a type that calls are about, and whether the caller sees it.
    fn target(&self, entry: &Entry) -> (i64, bool) {
        let caller = self.caller;
        match entry.ty.name {
            // Who sees all accounts leaves the own one alone.
            "account" => (if caller.all { self.spare } else { caller.user }, true),
            // Any name is that of a setting.
            "setting" | "activeSetting" => (987_654_321, true),
            "project" => (self.project, caller.all || caller.acting == self.project),
            name => match self.plot.get(name) {
                Some(row) => (*row, caller.all || entry.ty.scope == Scope::Account),
                // Whether a source has such a row, it says itself.
                None => (987_654_321, matches!(entry.ty.source, Source::Computed(_))),
            },
        }
    }

    fn cases(&self) -> Vec<Case> {
        let types = registry::registry().all().iter();
        // Logins have a route of their own.
        types.filter(|entry| entry.ty.name != "token").flat_map(|entry| self.of(entry)).collect()
    }

    /// Every call on one type.
    fn of(&self, entry: &'static Entry) -> Vec<Case> {
        let name = entry.ty.name;
        let (row, seen) = self.target(entry);
        let plural = self.dialect.name(name).1.unwrap_or(entry.ty.plural);
        let all = format!("/{}/{}", self.dialect.path(), plural.to_ascii_lowercase());
        let one = format!("{all}/{}", id::format(&entry.prefix, row));
        let row = (seen && entry.ty.source == Source::Resource).then_some(row);
        let case = |what: &str, ask: Ask, expect, transition| Case {
            ty: name,
            what: what.to_owned(),
            ask,
            expect,
            row: row.map(|row| (row, transition)),
        };
        let mut cases = vec![
            case("list", Ask::get(&all), self.verb(entry, "list", true), ""),
            case(
                "create",
                Ask::send("POST", &all, json!({})),
                self.verb(entry, "create", true),
                "",
            ),
            case("get", Ask::get(&one), self.verb(entry, "get", seen), ""),
            case("update", Ask::send("PUT", &one, json!({})), self.verb(entry, "update", seen), ""),
            case(
                "delete",
                Ask { method: "DELETE", path: one.clone(), body: None },
                self.verb(entry, "delete", seen),
                "remove",
            ),
        ];
        for action in entry.ty.actions {
            let ask = Ask::send("POST", format!("{one}?action={}", action.name), json!({}));
            let expect = self.action(name, action.name, seen);
            cases.push(case(action.name, ask, expect, action.name));
        }
        // The account of an environment's key is the environment, and has that type's links.
        let inside = name == "account" && self.caller.user == self.project;
        let links = entry.ty.links.iter().filter(|link| !inside && !is_inside(name, link));
        for link in links {
            let path = format!("{one}/{}", link.name().to_ascii_lowercase());
            let what = format!("link {}", link.name());
            cases.push(case(&what, Ask::get(&path), self.link(entry, link, seen), ""));
            // The handler is one for both dialects, and the links of `/v2-beta` are all of them.
            if self.dialect == Dialect::V2Beta {
                let ask = Ask::send("POST", path, json!({}));
                let expect = self.child(entry, link, seen);
                cases.push(case(&format!("create by {what}"), ask, expect, ""));
            }
        }
        cases
    }

    fn verb(&self, entry: &Entry, verb: &str, seen: bool) -> Expect {
        let Some(row) = self.table.row(entry.ty.name) else { return Refused(404) };
        let inside = self.caller.acting == self.project;
        if verb == "create" && entry.ty.name == "project" && inside {
            return Refused(403);
        }
        let has_rows = entry.ty.source != Source::Value;
        match (row.may(verb), has_rows, seen) {
            (false, _, _) => Refused(405),
            (true, false, _) if matches!(verb, "list" | "create") => Refused(405),
            (true, _, false) => Refused(404),
            (true, _, true) => Allowed,
        }
    }

    fn action(&self, ty: &str, action: &str, seen: bool) -> Expect {
        match self.table.row(ty) {
            None => Refused(404),
            Some(row) if !row.acts(action) => Refused(422),
            Some(_) if !seen => Refused(404),
            Some(_) => Allowed,
        }
    }

    /// Whether the role has a link on a row that it sees.
    fn has_link(&self, entry: &Entry, link: &Link, seen: bool) -> bool {
        let Some(row) = self.table.row(entry.ty.name).filter(|row| row.may("get") && seen) else {
            return false;
        };
        let to = |ty: &str, verb| self.table.row(ty).is_some_and(|row| row.may(verb));
        match *link {
            Link::Ref { field, to: ty, .. } => row.has(field, 'r') && to(ty, "get"),
            Link::Child { of: ty, .. } | Link::Map { to: ty, .. } | Link::Many { to: ty, .. } => {
                to(ty, "list")
            }
            Link::Computed { .. } => true,
        }
    }

    fn link(&self, entry: &Entry, link: &Link, seen: bool) -> Expect {
        let leads = match *link {
            // Nobody owns what is everyone's, and accounts are planted without references.
            Link::Ref { field: "accountId", .. } if entry.ty.scope == Scope::Global => false,
            Link::Ref { .. } if entry.base == "account" => false,
            Link::Ref { to, .. } => self.target(registry::lookup(to).expect(to)).1,
            Link::Child { .. } | Link::Map { .. } | Link::Many { .. } | Link::Computed { .. } => {
                true
            }
        };
        if leads && self.has_link(entry, link, seen) { Allowed } else { Refused(404) }
    }

    /// A create through a link.
    fn child(&self, entry: &Entry, link: &Link, seen: bool) -> Expect {
        match link {
            _ if !self.has_link(entry, link, seen) => Refused(404),
            Link::Child { of, .. } => self.verb(registry::lookup(of).expect(of), "create", true),
            Link::Ref { .. } | Link::Map { .. } | Link::Many { .. } | Link::Computed { .. } => {
                Refused(405)
            }
        }
    }

    /// Whether the dialect may have no such link: `/v1` lacks fields, and calls some links otherwise.
    fn is_unknown(&self, case: &Case) -> bool {
        self.dialect == Dialect::V1 && case.what.starts_with("link ")
    }

    /// What is wrong with an answer.
    fn wrong(&self, case: &Case, answer: &Answer) -> Option<String> {
        let refusals = [401, 403, 404, 405];
        let unfinished = case.expect == Allowed
            && (is_unfinished(case)
                || self.is_unknown(case)
                || answer.text.contains("has no transition"));
        let as_expected = match case.expect {
            _ if unfinished && [404, 405].contains(&answer.status) => true,
            Refused(404 | 405) if is_unfinished(case) && [404, 405].contains(&answer.status) => {
                true
            }
            Refused(422) => answer.status == 422 && answer.code() == "InvalidAction",
            Refused(status) => answer.status == status,
            Allowed => {
                answer.status < 500
                    && !refusals.contains(&answer.status)
                    && answer.code() != "InvalidAction"
            }
        };
        if !as_expected {
            return Some(format!(
                "expected {:?}, got {} {}",
                case.expect, answer.status, answer.text
            ));
        }
        let leaked = plant::marks(&answer.text).into_iter().find(|(owner, ty, field)| {
            // A compose file says what its services are made of, whoever may have one.
            let files = ["exportconfig", "link composeConfig"];
            let told = files.contains(&case.what.as_str()) && self.may_own(*owner);
            case.expect != Allowed || !(told || self.may_see(*owner, ty, field))
        });
        leaked.map(|leaked| format!("{} leaks {leaked:?}", answer.status))
    }

    fn may_own(&self, owner: i64) -> bool {
        self.caller.all || owner == self.caller.acting
    }

    fn may_see(&self, owner: i64, ty: &str, field: &str) -> bool {
        // Rancher shows `healthcheckStates`, which is in no schema, with every container.
        let everyone = (ty, field) == ("instance", "healthState");
        let shown = |ty: &str| self.table.row(ty);
        let base = registry::lookup(ty).map_or("", |entry| entry.base);
        // A row whose type the role does not know is shown as its base type.
        let row = shown(ty).or_else(|| shown(base));
        self.may_own(owner) && (everyone || row.is_some_and(|row| row.has(field, 'r')))
    }
}

/// States in which an account can call.
const CALLS: &[&str] = &["active", "activating", "registering", "updating-active"];

/// Puts a row where a transition can begin, and ends what was begun before. Accounts stay able to call.
pub async fn prepare(ground: &Ground, row: i64, transition: &'static str) {
    ground
        .write(move |tx| {
            let Some(found) = tx.get(row)? else { return Ok(()) };
            let lifecycle = registry::lookup(found.ty).and_then(|entry| entry.ty.lifecycle);
            let arcs = lifecycle.and_then(|own| own.transition(transition));
            let states: Vec<_> =
                arcs.iter().flat_map(|arcs| arcs.list()).map(|arc| arc.0).collect();
            let usable = states.iter().find(|state| CALLS.contains(state));
            let first = states.first().filter(|_| found.ty != "account");
            let state = usable.or(first).copied();
            tx.process_supersede(row)?;
            tx.update(row, |row| {
                state.unwrap_or("active").clone_into(&mut row.state);
                row.removed = None;
                Ok(())
            })?;
            Ok(())
        })
        .await;
}

async fn check(ground: &Ground, scene: &Scene<'_>) -> Vec<String> {
    let name = format!("{} {}", scene.dialect.path(), scene.caller.name);
    let mut wrong = Vec::new();
    let cases = scene.cases();
    let (refused, allowed): (Vec<_>, Vec<_>) =
        cases.iter().partition(|case| case.expect != Allowed);
    let before = ground.dump();
    for case in refused {
        let answer = ground.ask(scene.caller, &case.ask).await;
        if let Some(what) = scene.wrong(case, &answer) {
            wrong.push(format!("{name} {} {}: {what}", case.ty, case.what));
        }
    }
    let changed = difference(&before, &ground.dump());
    wrong.extend(changed.iter().map(|row| format!("{name}: a refused call changed {row}")));
    for case in allowed {
        if let Some((row, transition)) = case.row.filter(|row| !row.1.is_empty()) {
            prepare(ground, row, transition).await;
        }
        let answer = ground.ask(scene.caller, &case.ask).await;
        if let Some((row, _)) = case.row.filter(|_| case.ask.method != "GET") {
            prepare(ground, row, "").await;
        }
        let mut rules = RULES.iter().filter(|rule| {
            [scene.caller.name, "*"].contains(&rule.0) && rule.1 == case.ty && rule.2 == case.what
        });
        let ruled = rules.next().is_some_and(|rule| rule.3 == answer.status);
        if let Some(what) = scene.wrong(case, &answer).filter(|_| !ruled) {
            wrong.push(format!("{name} {} {}: {what}", case.ty, case.what));
        }
    }
    wrong
}

pub fn report(wrong: &[String]) {
    let shown: Vec<String> = wrong.iter().map(|line| line.chars().take(400).collect()).collect();
    assert!(wrong.is_empty(), "{} wrong answers:\n{}", wrong.len(), shown.join("\n"));
}

async fn check_all(ground: &Ground, project: i64, callers: &[Caller]) {
    let mut wrong = Vec::new();
    let spare = callers::spare(ground).await;
    let mut plots = std::collections::BTreeMap::new();
    for caller in callers {
        let plot = match plots.entry(caller.acting) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(plant::plant(ground, caller.acting).await)
            }
        };
        let plot = &*plot;
        for dialect in Dialect::ALL {
            let table = Table::of(dialect, caller.name);
            let scene = Scene { caller, dialect, table, plot, project, spare };
            wrong.extend(check(ground, &scene).await);
        }
    }
    report(&wrong);
}

#[actix_web::test]
async fn members_do_what_their_role_says() {
    let ground = Ground::new().await;
    let project = callers::project(&ground, "ours").await;
    let members = callers::members(&ground, project).await;
    check_all(&ground, project, &members).await;
}

#[actix_web::test]
async fn accounts_do_what_their_role_says() {
    let ground = Ground::new().await;
    let project = callers::project(&ground, "ours").await;
    let accounts = callers::accounts(&ground).await;
    check_all(&ground, project, &accounts).await;
}

#[actix_web::test]
async fn whoever_proves_nothing_gets_nothing() {
    let ground = Ground::new().await;
    let project = callers::project(&ground, "ours").await;
    let plot = plant::plant(&ground, project).await;
    let refused = callers::refused(&ground).await;
    let mut wrong = Vec::new();
    let before = ground.dump();
    for caller in &refused {
        let dialect = Dialect::V2Beta;
        let table = Table::of(dialect, "superadmin");
        let scene = Scene { caller, dialect, table, plot: &plot, project, spare: 1 };
        for case in scene.cases() {
            let answer = ground.ask(caller, &case.ask).await;
            if answer.status != 401 || !plant::marks(&answer.text).is_empty() {
                let (name, ty, what) = (caller.name, case.ty, case.what);
                wrong.push(format!("{name} {ty} {what}: {} {}", answer.status, answer.text));
            }
        }
    }
    wrong.extend(difference(&before, &ground.dump()));
    report(&wrong);
}
