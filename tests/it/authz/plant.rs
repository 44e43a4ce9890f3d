//! A row of every stored type for an account, with every field filled in so that it can be recognised.

use std::collections::BTreeMap;

use ranchette::model::registry::{self, Entry};
use ranchette::model::resource::NewResource;
use ranchette::model::schema::{Field, Kind, Scope, Source};
use serde_json::{Map, Value, json};

use super::ground::Ground;

/// Begins every text that was planted: `canary~owner~type~field~`.
const MARK: &str = "canary";
/// How deep objects in objects are filled in.
const DEPTH: usize = 4;

/// The planted text of a field.
pub fn mark(owner: i64, ty: &str, field: &str) -> String {
    format!("{MARK}~{owner}~{ty}~{field}~")
}

/// Every planted text in an answer: owner, type and field.
pub fn marks(text: &str) -> Vec<(i64, String, String)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices(MARK) {
        let mut parts = text[at..].split('~').skip(1).map(str::to_owned);
        if let (Some(owner), Some(ty), Some(field)) = (parts.next(), parts.next(), parts.next())
            && let Ok(owner) = owner.parse()
        {
            found.push((owner, ty, field));
        }
    }
    found
}

/// The rows of an account: number of the row by type.
pub type Plot = BTreeMap<&'static str, i64>;

/// What stays as it is: columns, and what would change who may see or use the row.
const LEFT_OUT: &[&str] = &[
    "accountId",
    "created",
    "id",
    "isPublic",
    "kind",
    "name",
    "removed",
    "state",
    "system",
    "transitioning",
    "transitioningMessage",
    "transitioningProgress",
    "type",
    "uuid",
];

/// Whether rows of a type are planted: stored ones that are no accounts.
pub fn is_planted(entry: &Entry) -> bool {
    entry.ty.source == Source::Resource && entry.base != "account"
}

/// Plants a row of every stored type for an account.
pub async fn plant(ground: &Ground, owner: i64) -> Plot {
    let mut plot = Plot::new();
    for entry in registry::registry().all().iter().filter(|entry| is_planted(entry)) {
        let row = ground
            .write(move |tx| {
                let mut new = NewResource::new(entry.base, tx.entropy.uuid())
                    .kind(entry.ty.name)
                    .name(mark(owner, entry.ty.name, "name"))
                    .state("active");
                new.account_id = (entry.ty.scope == Scope::Account).then_some(owner);
                tx.insert(new)
            })
            .await;
        plot.insert(entry.ty.name, row.id);
    }
    for (ty, id) in plot.clone() {
        let data = data(owner, ty, &plot);
        ground
            .write(move |tx| {
                tx.update(id, |row| {
                    row.data.extend(data);
                    Ok(())
                })
            })
            .await;
    }
    plot
}

/// The fields of a planted row.
fn data(owner: i64, ty: &str, plot: &Plot) -> Map<String, Value> {
    let entry = registry::lookup(ty).expect(ty);
    let mut data = object(owner, entry, plot, DEPTH);
    for field in LEFT_OUT {
        data.shift_remove(*field);
    }
    // A certificate that a balancer serves cannot be removed.
    if let Some(Value::Object(balancer)) = data.get_mut("lbConfig") {
        balancer.shift_remove("certificateIds");
        balancer.shift_remove("defaultCertificateId");
    }
    data
}

fn object(owner: i64, entry: &Entry, plot: &Plot, depth: usize) -> Map<String, Value> {
    let fields = entry.ty.all_fields().filter(|field| field.name != "type");
    let value = |field: &Field| {
        let value = value(owner, entry.ty.name, field, &field.kind, plot, depth);
        Some((field.name.to_owned(), value?))
    };
    fields.filter_map(value).collect()
}

/// A value of a kind that says whose it is.
fn value(
    owner: i64,
    ty: &str,
    field: &Field,
    kind: &Kind,
    plot: &Plot,
    depth: usize,
) -> Option<Value> {
    let inner = |kind| value(owner, ty, field, kind, plot, depth);
    Some(match kind {
        Kind::String | Kind::Password | Kind::Blob | Kind::Enum => {
            mark(owner, ty, field.name).into()
        }
        Kind::Int | Kind::Date => 1_234_567.into(),
        Kind::Float => json!(0.5),
        Kind::Boolean => false.into(),
        Kind::Json => json!({"planted": mark(owner, ty, field.name)}),
        Kind::Reference("account" | "project") => owner.into(),
        Kind::Reference(to) => (*plot.get(to)?).into(),
        Kind::Array(kind) => json!([inner(kind)?]),
        Kind::Map(kind) => json!({"planted": inner(kind)?}),
        Kind::Object(to) if depth > 0 => {
            object(owner, registry::lookup(to)?, plot, depth - 1).into()
        }
        Kind::Object(_) => return None,
    })
}
