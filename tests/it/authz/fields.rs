//! The letters of fields at run time: what a role may not give is dropped wherever it stands, what it may
//! change is changed. That nobody is shown what it may not read, the other tests see by the way.

use std::cell::Cell;
use std::collections::BTreeMap;

use ranchette::model::id;
use ranchette::model::registry::{self, Entry};
use ranchette::model::schema::{Field, Kind, Scope, Source};
use serde_json::{Map, Value};

use super::bodies::{self, INTRUDER, INTRUDER_NUMBER};
use super::callers::{self, Caller};
use super::ground::{Ask, Ground, difference};
use super::plant::{self, Plot};
use super::strangers::NEVER;
use super::table::{Dialect, Table};
use super::verbs::{prepare, report};
use super::wanted::{self, Brought, NEVER_MADE, Seen, is_needed, merge};

/// A caller, its rows, and an account that is not its own.
struct Writer<'a> {
    ground: &'a Ground,
    caller: &'a Caller,
    table: Table,
    plot: &'a Plot,
    seen: Seen,
    brought: &'a Brought,
    stranger: i64,
    /// A row of theirs by type.
    their_rows: &'a Plot,
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

    /// The same inside a field that may be given, together with what an object there needs; nothing for
    /// objects of which everything may be given.
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
                if object.is_empty() {
                    return None;
                }
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
        let may = |name: &String| entry.field(name).is_none_or(|field| self.has(entry, field, 'c'));
        let given = wanted::given(entry.ty.name, &self.seen).into_iter();
        needed.extend(given.filter(|(name, _)| may(name)));
        needed
    }

    /// A create with everything it needs, and every field that may not be given.
    fn intruded(&self, entry: &'static Entry) -> Map<String, Value> {
        let mut body = self.forbidden(entry, 'c', 3);
        for (name, _) in self.brought.fields(entry.ty.name, self.caller.name) {
            body.shift_remove(&name);
        }
        body.retain(|field, _| !wanted::is_refused(entry, field));
        merge(&mut body, self.needed(entry));
        body
    }

    /// Creates with everything they need and an id of theirs, one for each place where an id can stand. Who
    /// sees everything names what never was.
    fn referring(&self, entry: &'static Entry) -> Vec<(String, Map<String, Value>)> {
        let id = |to: &str| {
            let never = id::format(&registry::lookup(to).expect(to).prefix, NEVER);
            let theirs = bodies::id_of(self.their_rows, self.stranger, to);
            theirs.filter(|_| !self.caller.all).unwrap_or(never)
        };
        let places = bodies::places(&self.table, entry, 'c').into_iter();
        let places = places.filter_map(|place| {
            let Value::Object(body) = place.body(&id(place.to)) else { return None };
            Some((place.path, body))
        });
        let brought = self.brought.fields(entry.ty.name, self.caller.name).into_iter();
        let brought = brought.filter_map(|(name, to)| {
            Some((name.clone(), Map::from_iter([(name, id(&to?).into())])))
        });
        let whole = |(path, more): (String, Map<String, Value>)| {
            let mut body = self.needed(entry);
            merge(&mut body, more);
            (path, body)
        };
        places.chain(brought).map(whole).collect()
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
    let is_theirs = |word: &str| {
        word.parse::<i64>().is_ok_and(|number| writer.their_rows.values().any(|row| *row == number))
    };
    let refers = line.starts_with("reference") && words.clone().skip(1).any(is_theirs);
    refers
        || line.contains(INTRUDER)
        || line.contains(&INTRUDER_NUMBER.to_string())
        // The owner's column of a row.
        || (line.starts_with("resource") && words.nth(4) == Some(&writer.stranger.to_string()))
}

/// What came of creates: nothing when there was one that made something, else an answer.
type Made = BTreeMap<&'static str, Option<(u16, String)>>;

/// Sends creates of a type: one with all that may not be given, and one for each id that may not be named.
async fn creates(
    writer: &Writer<'_>,
    entry: &'static Entry,
    all: &str,
    made: &mut Made,
) -> Vec<String> {
    let (name, ty) = (writer.caller.name, entry.ty.name);
    let mut wrong = Vec::new();
    let (status, text) = writer.ask("POST", all, writer.intruded(entry)).await;
    if status == 201 {
        made.insert(ty, None);
    } else {
        made.entry(ty).or_insert(Some((status, text)));
    }
    // What nobody makes is refused whatever it says.
    let referring = if NEVER_MADE.contains(&ty) { Vec::new() } else { writer.referring(entry) };
    for (path, body) in referring {
        let (status, text) = writer.ask("POST", all, body).await;
        if status != 422 || !text.contains("InvalidReference") {
            wrong.push(format!("{name} {ty} {path}: {status} {text}"));
        }
    }
    wrong
}

async fn check(writer: &Writer<'_>, made: &mut Made) -> Vec<String> {
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
        if row.may("create") || writer.brought.makes(entry.ty.name, name) {
            wrong.extend(creates(writer, entry, &all, made).await);
        }
        if row.may("update") {
            let own = bodies::id_of(writer.plot, writer.caller.acting, entry.ty.name);
            let path = format!("{all}/{}", own.expect("a row"));
            let mut body = writer.forbidden(entry, 'u', 3);
            for (name, _) in writer.brought.fields(entry.ty.name, name) {
                body.shift_remove(&name);
            }
            let (status, text) = writer.ask("PUT", &path, body).await;
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
    let their_rows = plant::plant(&ground, theirs).await;
    let brought = Brought::new(&ground).await;
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
            seen: wanted::seen(&ground, caller, &plot).await,
            brought: &brought,
            stranger: theirs,
            their_rows: &their_rows,
            named: Cell::new(0),
        };
        wrong.extend(check(&writer, &mut made).await);
    }
    report(&wrong);
    let never = made.iter().filter_map(|(ty, answer)| Some((ty, answer.as_ref()?)));
    let never = never.filter(|(ty, (status, _))| !NEVER_MADE.contains(ty) || *status != 405);
    let never = never.map(|(ty, (status, text))| format!("{ty} is never made: {status} {text}"));
    report(&never.collect::<Vec<_>>());
    let some = NEVER_MADE.iter().filter(|ty| made.get(*ty).is_none_or(Option::is_none));
    report(&some.map(|ty| format!("{ty} is made")).collect::<Vec<_>>());
}
