//! What creates need besides what their schemas say is required, so that every type is made by somebody.

use ranchette::auth::registration;
use ranchette::model::driver;
use ranchette::model::id;
use ranchette::model::registry::Entry;
use ranchette::model::resource::NewResource;
use ranchette::model::schema::Field;
use serde_json::{Map, Value, json};

use super::callers::{self, Caller};
use super::ground::Ground;
use super::plant::{self, Plot};

/// Fields that creates need, whatever good value they have: type, field.
const BESIDES: &[(&str, &str)] = &[
    ("catalogTemplate", "dockerCompose"),
    ("catalogTemplate", "name"),
    ("container", "imageUuid"),
    ("containerEvent", "externalId"),
    ("externalDnsEvent", "fqdn"),
    ("externalDnsEvent", "serviceName"),
    ("externalDnsEvent", "stackName"),
    ("externalServiceEvent", "externalId"),
    ("externalStoragePoolEvent", "externalId"),
    ("password", "publicValue"),
    ("password", "secretValue"),
    ("portRule", "serviceId"),
    ("portRule", "targetPort"),
    ("secret", "value"),
    ("secretReference", "secretId"),
    ("service", "launchConfig"),
    ("service", "stackId"),
    ("serviceEvent", "externalTimestamp"),
    ("serviceEvent", "reportedHealth"),
    ("volume", "driver"),
];

/// Whether a create needs a field of which its schema does not say so.
pub fn is_needed(entry: &Entry, field: &Field) -> bool {
    let names = [entry.ty.name, entry.base];
    BESIDES.iter().any(|row| names.contains(&row.0) && row.1 == field.name)
}

/// What a schema opens and the server refuses whoever gives it: type, field.
const REFUSED: &[(&str, &str)] = &[("backupTarget", "nfsConfig"), ("backupTarget", "s3Config")];

/// Whether a create with this field is refused.
pub fn is_refused(entry: &Entry, field: &str) -> bool {
    REFUSED.contains(&(entry.ty.name, field))
}

/// Types that no create makes, whoever sends it: each is refused with 405. Members are set by an action of
/// the environment.
pub const NEVER_MADE: &[&str] = &["projectMember"];

/// What a caller's reports are about: a host, and a container on it.
pub struct Seen {
    host: String,
    reported: String,
    check: String,
}

/// A value that a type wants.
type Given = fn(&Seen) -> Value;

/// Fields that creates need with values that not every field of their kind takes.
const GIVEN: &[(&str, Given)] = &[
    ("containerEvent", |seen| json!({"reportedHostUuid": seen.reported})),
    ("dynamicSchema", |_| json!({"definition": "{}"})),
    ("externalDnsEvent", |_| json!({"eventType": "dns.update"})),
    ("externalHandler", |_| json!({"processConfigs": [{"name": "stack.create", "onError": ""}]})),
    ("externalHostEvent", |seen| json!({"eventType": "host.evacuate", "hostId": seen.host})),
    (
        "externalServiceEvent",
        |_| json!({"eventType": "service.create", "service": {"name": "seen"}}),
    ),
    ("externalStoragePoolEvent", |_| json!({"eventType": "storagepool.create"})),
    ("externalVolumeEvent", |_| json!({"eventType": "volume.create", "volume": {"name": "seen"}})),
    ("host", |_| json!({"genericConfig": {"address": "192.0.2.1"}})),
    ("machine", |_| json!({"genericConfig": {"address": "192.0.2.1"}})),
    ("serviceEvent", |seen| json!({"healthcheckUuid": seen.check})),
    ("webhook", |_| json!({"url": "http://192.0.2.1/hook"})),
];

/// What a create of a type is given.
pub fn given(ty: &str, seen: &Seen) -> Map<String, Value> {
    let value = GIVEN.iter().find(|row| row.0 == ty).map(|row| row.1(seen));
    value.and_then(|value| value.as_object().cloned()).unwrap_or_default()
}

/// Who may make hosts although its policy does not say so, by the schemas that an active driver brings; and
/// which fields those let everyone give. Type, role, fields.
pub struct Brought(Vec<driver::Brought>);

impl Brought {
    /// Activates the one driver that there is.
    pub async fn new(ground: &Ground) -> Self {
        ground
            .write(|tx| {
                for brought in driver::schemas(&["generic"]) {
                    let new = NewResource::new("dynamicSchema", tx.entropy.uuid())
                        .name(brought.name.as_str())
                        .state("active")
                        .with("parent", brought.parent)
                        .with("definition", brought.definition.to_string())
                        .with("roles", json!(brought.roles));
                    tx.insert(new)?;
                }
                Ok(())
            })
            .await;
        Self(driver::schemas(&["generic"]))
    }

    fn of<'a>(&'a self, ty: &'a str, role: &'a str) -> impl Iterator<Item = &'a driver::Brought> {
        let all = self.0.iter().filter(move |brought| brought.name == ty);
        all.filter(move |brought| role == "superadmin" || brought.roles.contains(&role))
    }

    /// Whether a role may make rows of a type.
    pub fn makes(&self, ty: &str, role: &str) -> bool {
        let posts = |one: &driver::Brought| {
            let methods = one.definition["collectionMethods"].as_array();
            methods.is_some_and(|methods| methods.contains(&json!("POST")))
        };
        self.of(ty, role).any(posts)
    }

    /// The fields that a role may give, and what they refer to, if anything.
    pub fn fields(&self, ty: &str, role: &str) -> Vec<(String, Option<String>)> {
        let fields =
            self.of(ty, role).filter_map(|one| one.definition["resourceFields"].as_object());
        let given = fields.flatten().filter(|(_, about)| about["create"] == true);
        let named = given.map(|(name, about)| {
            let kind = about["type"].as_str().unwrap_or_default();
            let to = kind.strip_prefix("reference[").and_then(|kind| kind.strip_suffix(']'));
            (name.clone(), to.map(str::to_owned))
        });
        named.collect()
    }
}

/// What a caller reports about. Agents report about another environment, which holds their host.
pub async fn seen(ground: &Ground, caller: &Caller, plot: &Plot) -> Seen {
    let plot = match caller.name {
        "agent" => watched(ground, caller, plot).await,
        _ => plot.clone(),
    };
    let row = |ty| ground.store.read(|read| read.require(ty, plot[ty])).expect(ty);
    let container = ground.store.read(|read| read.require("instance", plot["container"]));
    let host = row("host");
    Seen {
        host: id::format("h", host.id),
        reported: host.str("reportedUuid").expect("planted").to_owned(),
        check: format!("{}_{}_0", host.uuid, container.expect("planted").uuid),
    }
}

async fn watched(ground: &Ground, caller: &Caller, plot: &Plot) -> Plot {
    let environment = callers::project(ground, "watched").await;
    let rows = plant::plant(ground, environment).await;
    let (user, agent, host) = (caller.user, plot["agent"], rows["host"]);
    ground
        .write(move |tx| {
            for (id, field, value) in
                [(user, registration::AGENT_ENVIRONMENT, environment), (host, "agentId", agent)]
            {
                tx.update(id, |row| {
                    row.set(field, value);
                    Ok(())
                })?;
            }
            Ok(())
        })
        .await;
    rows
}

/// Adds what there is to an object, and to the objects in it.
pub fn merge(into: &mut Map<String, Value>, from: Map<String, Value>) {
    for (field, value) in from {
        match (into.get_mut(&field), value) {
            (Some(Value::Object(inner)), Value::Object(more)) => merge(inner, more),
            (_, value) => drop(into.insert(field, value)),
        }
    }
}
