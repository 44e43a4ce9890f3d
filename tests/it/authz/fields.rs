//! The letters of fields at run time: what a role may not give is dropped wherever it stands, what it may
//! change is changed. That nobody is shown what it may not read, the other tests see by the way.

use std::cell::Cell;
use std::collections::BTreeMap;

use ranchette::model::registry::{self, Entry};
use ranchette::model::schema::{Field, Kind, Scope, Source};
use serde_json::{Map, Value};

use super::bodies::{self, INTRUDER, INTRUDER_NUMBER};
use super::callers::{self, Caller};
use super::ground::{Ask, Ground, difference};
use super::plant::{self, Plot};
use super::table::{Dialect, Table};
use super::verbs::{prepare, report};

/// A caller, its rows, and an account that is not its own.
struct Writer<'a> {
    ground: &'a Ground,
    caller: &'a Caller,
    table: Table,
    plot: &'a Plot,
    stranger: i64,
    named: Cell<u32>,
}

impl Writer<'_> {
    fn has(&self, entry: &Entry, field: &Field, letter: char) -> bool {
        self.table.row(entry.ty.name).is_some_and(|row| row.has(field.name, letter))
    }

    /// Every field that may not be given, and in every object that may be given every field in it that
    /// may not.
    fn forbidden(&self, entry: &'static Entry, letter: char, depth: usize) -> Map<String, Value> {
        let mut body = Map::new();
        for field in entry.ty.all_fields() {
            if !self.has(entry, field, letter) {
                body.insert(field.name.to_owned(), bodies::intruder(field, self.stranger));
            } else if let Some(value) = self.inside(&field.kind, depth) {
                body.insert(field.name.to_owned(), value);
            }
        }
        body
    }

    /// The same inside a field that may be given, together with what an object there needs.
    fn inside(&self, kind: &Kind, depth: usize) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        match kind {
            Kind::Array(kind) => Some(vec![self.inside(kind, depth)?].into()),
            Kind::Map(kind) => {
                Some(Map::from_iter([("key".to_owned(), self.inside(kind, depth)?)]).into())
            }
            Kind::Object(to) => {
                let entry = registry::lookup(to)?;
                let mut object = self.forbidden(entry, 'c', depth);
                let needed = |field: &&Field| field.required || is_needed(entry, field);
                for needed in entry.ty.all_fields().filter(needed) {
                    if self.has(entry, needed, 'c') {
                        let value = match needed.name {
                            "name" => self.fresh().into(),
                            _ => bodies::good(needed, self.plot, self.caller.acting)?,
                        };
                        object.insert(needed.name.to_owned(), value);
                    }
                }
                Some(object.into())
            }
            Kind::String
            | Kind::Password
            | Kind::Blob
            | Kind::Int
            | Kind::Float
            | Kind::Boolean
            | Kind::Date
            | Kind::Enum
            | Kind::Json
            | Kind::Reference(_) => None,
        }
    }

    /// A name that nothing has.
    fn fresh(&self) -> String {
        let number = self.named.replace(self.named.get() + 1);
        let digit = |digit: char| char::from(b'a' + digit.to_digit(10).map_or(0, |d| d as u8));
        format!("own{}", number.to_string().chars().map(digit).collect::<String>())
    }

    /// A create with everything it needs and nothing it may not give.
    fn needed(&self, entry: &Entry) -> Map<String, Value> {
        let fields = entry.ty.all_fields();
        let fields = fields.filter(|field| field.required || is_needed(entry, field));
        let fields = fields.filter(|field| self.has(entry, field, 'c'));
        let value = |field: &Field| {
            Some((field.name.to_owned(), bodies::good(field, self.plot, self.caller.acting)?))
        };
        let mut needed: Map<String, Value> = fields.filter_map(value).collect();
        let name = format!("{}{}", self.fresh(), self.caller.name).to_ascii_lowercase();
        needed.insert("name".to_owned(), name.into());
        if let Some(Value::Object(launch)) = needed.get_mut("launchConfig") {
            launch.insert("imageUuid".to_owned(), "docker:nginx".into());
        }
        needed
    }

    async fn ask(
        &self,
        method: &'static str,
        path: &str,
        body: Map<String, Value>,
    ) -> (u16, String) {
        let answer = self.ground.ask(self.caller, &Ask::send(method, path, body.into())).await;
        (answer.status, answer.text)
    }
}

/// Whether a line of a dump holds what must not be there.
fn is_intruded(line: &str, writer: &Writer<'_>) -> bool {
    let mut words = line.split(' ');
    line.contains(INTRUDER)
        || line.contains(&INTRUDER_NUMBER.to_string())
        // The owner's column of a row.
        || (line.starts_with("resource") && words.nth(4) == Some(&writer.stranger.to_string()))
}

async fn check(writer: &Writer<'_>, made: &mut BTreeMap<&'static str, String>) -> Vec<String> {
    let name = writer.caller.name;
    let mut wrong = Vec::new();
    for entry in registry::registry().all() {
        let Some(row) = writer.table.row(entry.ty.name) else { continue };
        let unseen = entry.ty.scope == Scope::Global && !writer.caller.all;
        if entry.ty.source != Source::Resource || entry.base == "account" || unseen {
            continue;
        }
        let all = format!("/v2-beta/{}", entry.ty.plural.to_ascii_lowercase());
        let before = writer.ground.dump();
        if row.may("create") {
            let mut body = writer.forbidden(entry, 'c', 3);
            body.extend(writer.needed(entry));
            let (status, text) = writer.ask("POST", &all, body).await;
            if status == 201 {
                made.insert(entry.ty.name, String::new());
            } else {
                made.entry(entry.ty.name).or_insert(text);
            }
        }
        if row.may("update") {
            let own = bodies::id_of(writer.plot, writer.caller.acting, entry.ty.name);
            let path = format!("{all}/{}", own.expect("a row"));
            let (status, text) = writer.ask("PUT", &path, writer.forbidden(entry, 'u', 3)).await;
            if !matches!(status, 200 | 202 | 409 | 422) {
                wrong.push(format!("{name} {} update: {status} {text}", entry.ty.name));
            }
        }
        let changed = difference(&before, &writer.ground.dump());
        let intruded = changed.iter().filter(|line| line.starts_with('+'));
        for line in intruded.filter(|line| is_intruded(&line[2..], writer)) {
            wrong.push(format!("{name} {}: {line}", entry.ty.name));
        }
        wrong.extend(changes(writer, entry, &all).await);
    }
    wrong
}

/// Changes each field that may be changed, one by one.
async fn changes(writer: &Writer<'_>, entry: &'static Entry, all: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let Some(row) = writer.table.row(entry.ty.name).filter(|row| row.may("update")) else {
        return wrong;
    };
    let number = writer.plot[entry.ty.name];
    let own = bodies::id_of(writer.plot, writer.caller.acting, entry.ty.name).expect("a row");
    // The owner stays: everyone's rows are their own here.
    let open = |field: &&Field| field.name != "accountId" && row.has(field.name, 'u');
    for field in entry.ty.all_fields().filter(open) {
        let Some(value) = bodies::good(field, writer.plot, writer.caller.acting) else { continue };
        prepare(writer.ground, number, "update").await;
        let name = field.name;
        let cleared = move |tx: &mut ranchette::store::Tx<'_>| {
            tx.update(number, |row| {
                row.data.shift_remove(name);
                Ok(())
            })
        };
        writer.ground.write(cleared).await;
        let find =
            || writer.ground.store.read(|read| read.get(number)).expect("read").expect("a row");
        let before = find();
        let body = Map::from_iter([(field.name.to_owned(), value)]);
        let (status, text) = writer.ask("PUT", &format!("{all}/{own}"), body).await;
        let after = find();
        if matches!(status, 200 | 202) && before == after {
            let (name, ty) = (writer.caller.name, entry.ty.name);
            wrong.push(format!("{name} {ty}.{}: {status} and not changed: {text}", field.name));
        }
    }
    wrong
}

#[actix_web::test]
async fn fields_are_given_by_whom_the_letters_name() {
    let ground = Ground::new().await;
    let ours = callers::project(&ground, "ours").await;
    let theirs = callers::project(&ground, "theirs").await;
    let mut all = callers::members(&ground, ours).await;
    all.extend(callers::accounts(&ground).await);
    let mut wrong = Vec::new();
    let mut made = BTreeMap::new();
    for caller in &all {
        // Everyone begins with rows that nobody else has changed.
        let plot = plant::plant(&ground, caller.acting).await;
        let table = Table::of(Dialect::V2Beta, caller.name);
        let writer = Writer {
            ground: &ground,
            caller,
            table,
            plot: &plot,
            stranger: theirs,
            named: Cell::new(0),
        };
        wrong.extend(check(&writer, &mut made).await);
    }
    report(&wrong);
    let never = made.iter().filter(|(ty, why)| !why.is_empty() && !NEVER_MADE.contains(ty));
    report(&never.map(|(ty, why)| format!("{ty} is never made: {why}")).collect::<Vec<_>>());
}

/// What a create needs besides what its schema says is required: type, field.
const BESIDES: &[(&str, &str)] = &[
    ("catalogTemplate", "dockerCompose"),
    ("catalogTemplate", "name"),
    ("container", "imageUuid"),
    ("password", "publicValue"),
    ("password", "secretValue"),
    ("secret", "value"),
    ("service", "launchConfig"),
    ("service", "stackId"),
    ("volume", "driver"),
];

fn is_needed(entry: &Entry, field: &Field) -> bool {
    let names = [entry.ty.name, entry.base];
    BESIDES.iter().any(|row| names.contains(&row.0) && row.1 == field.name)
}

/// Types whose rows are not made by a create, although their schema says so: members are set by an
/// action of the environment. Or whose creates need more than a schema says; they have tests of their own:
/// reports of agents, handlers, and what a machine driver makes.
const NEVER_MADE: &[&str] = &[
    "containerEvent",
    "dynamicSchema",
    "externalDnsEvent",
    "externalHandler",
    "externalHostEvent",
    "externalServiceEvent",
    "externalStoragePoolEvent",
    "externalVolumeEvent",
    "host",
    "machine",
    "projectMember",
    "serviceEvent",
];
