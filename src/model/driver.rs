//! Machine drivers that this server has itself: how each one's configuration looks.

use serde_json::{Map, Value, json};

use super::schema::{Field, Kind};

/// A driver.
#[derive(Debug)]
pub struct Driver {
    /// Its name; the configuration is the field `<name>Config` of hosts and machines.
    pub name: &'static str,
    /// Fields of its configuration. Those of kind `password` are kept sealed and never shown.
    pub fields: &'static [Field],
}

/// Every driver.
pub const DRIVERS: &[Driver] = &[GENERIC];

/// Reaches a machine that is there over SSH.
pub const GENERIC: Driver = Driver {
    name: "generic",
    fields: &[
        Field::new("address", Kind::String).required().min_len(1).max_len(255),
        Field::new("dockerSocket", Kind::String).max_len(255).or_str("/var/run/docker.sock"),
        Field::new("hostKey", Kind::String).null().max_len(255),
        Field::new("installDocker", Kind::Boolean).or_bool(false),
        Field::new("sshKey", Kind::Password).null().max_len(65_535),
        Field::new("sshKeyPassphrase", Kind::Password).null().max_len(1024),
        Field::new("sshPassword", Kind::Password).null().max_len(1024),
        Field::new("sshPort", Kind::Int).min(1).max(65_535).or_int(22),
        Field::new("sshUser", Kind::String).min_len(1).max_len(255).or_str("root"),
    ],
};

/// The driver of this name.
pub fn driver(name: &str) -> Option<&'static Driver> {
    DRIVERS.iter().find(|driver| driver.name == name)
}

/// The field that holds a driver's configuration: `genericConfig`.
pub fn config_field(driver: &str) -> String {
    format!("{driver}Config")
}

/// The driver whose configuration a field holds.
pub fn driver_of(field: &str) -> Option<&str> {
    field.strip_suffix("Config").filter(|name| !name.is_empty())
}

impl Driver {
    /// The definition of its configuration's schema, as a `dynamicSchema` carries it.
    pub fn definition(&self) -> Value {
        let fields: Map<String, Value> =
            self.fields.iter().map(|field| (field.name.to_owned(), describe(field))).collect();
        json!({
            "collectionMethods": ["POST"],
            "resourceMethods": ["GET"],
            "resourceFields": fields,
        })
    }
}

fn describe(field: &Field) -> Value {
    let kind = match field.kind {
        Kind::Boolean => "boolean",
        Kind::Int => "int",
        Kind::Password => "password",
        Kind::String
        | Kind::Blob
        | Kind::Float
        | Kind::Date
        | Kind::Enum
        | Kind::Json
        | Kind::Reference(_)
        | Kind::Array(_)
        | Kind::Map(_)
        | Kind::Object(_) => "string",
    };
    let mut about = json!({ "type": kind, "create": true, "update": true });
    let mut set = |key: &str, value: Value| about[key] = value;
    for (key, flag) in [("nullable", field.nullable), ("required", field.required)] {
        if flag {
            set(key, true.into());
        }
    }
    if let Some(default) = field.default.value() {
        set("default", default);
    }
    for (key, limit) in field.limits() {
        set(key, limit.into());
    }
    about
}

/// A schema that drivers bring.
#[derive(Clone, Debug, PartialEq)]
pub struct Brought {
    /// The type's name.
    pub name: String,
    /// The schema whose copy it changes.
    pub parent: &'static str,
    /// Who is served it.
    pub roles: &'static [&'static str],
    /// Its definition.
    pub definition: Value,
}

/// Roles that see what drivers bring.
const SEERS: &[&str] = &["admin", "user", "readAdmin", "readonly", "restricted"];
/// Roles inside an environment that may make hosts with a driver.
const MAKERS: &[&str] = &["service", "member", "owner", "project", "projectadmin", "environment"];

/// The schemas that the active drivers bring. Hosts and machines have one field for each driver, and can
/// be made by whoever may change the infrastructure.
pub fn schemas(active: &[&str]) -> Vec<Brought> {
    let drivers: Vec<&Driver> = active.iter().filter_map(|name| driver(name)).collect();
    if drivers.is_empty() {
        return Vec::new();
    }
    let mut schemas = Vec::new();
    for driver in &drivers {
        let mut seen = driver.definition();
        seen["collectionMethods"] = json!([]);
        let mut bring = |roles, definition| {
            let name = config_field(driver.name);
            schemas.push(Brought { name, parent: "baseMachineConfig", roles, definition });
        };
        bring(SEERS, seen);
        bring(MAKERS, driver.definition());
    }
    for parent in ["host", "machine"] {
        let mut fields = engine_fields();
        for driver in &drivers {
            let name = config_field(driver.name);
            let about = json!({ "type": name, "nullable": true, "create": true, "update": true });
            fields.insert(name, about);
        }
        let mut bring = |roles, collection: &[&str], resource: &[&str]| {
            let definition = json!({
                "collectionMethods": collection,
                "resourceMethods": resource,
                "resourceFields": fields,
            });
            schemas.push(Brought { name: parent.to_owned(), parent, roles, definition });
        };
        bring(SEERS, &["GET"], &["GET"]);
        bring(MAKERS, &["GET", "POST"], &["GET", "PUT", "DELETE"]);
    }
    schemas
}

/// Fields that every driver's machines may be given.
fn engine_fields() -> Map<String, Value> {
    const FIELDS: &[(&str, &str)] = &[
        ("authCertificateAuthority", "string"),
        ("authKey", "string"),
        ("dockerVersion", "string"),
        ("engineEnv", "map[string]"),
        ("engineInsecureRegistry", "array[string]"),
        ("engineInstallUrl", "string"),
        ("engineLabel", "map[string]"),
        ("engineOpt", "map[string]"),
        ("engineRegistryMirror", "array[string]"),
        ("engineStorageDriver", "string"),
        ("hostTemplateId", "reference[hostTemplate]"),
        ("labels", "map[string]"),
        ("name", "string"),
    ];
    let about =
        |kind: &str| json!({ "type": kind, "nullable": true, "create": true, "update": true });
    let mut fields: Map<String, Value> =
        FIELDS.iter().map(|(name, kind)| ((*name).to_owned(), about(kind))).collect();
    fields.insert("driver".to_owned(), json!({ "type": "string", "nullable": true }));
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn active_drivers_bring_their_schemas() {
        assert!(schemas(&[]).is_empty() && schemas(&["amazonec2"]).is_empty());
        let found = schemas(&["generic"]);
        let names: Vec<&str> = found.iter().map(|schema| schema.name.as_str()).collect();
        assert_eq!(names, ["genericConfig", "genericConfig", "host", "host", "machine", "machine"]);
        for (schema, methods) in [(&found[2], json!(["GET"])), (&found[3], json!(["GET", "POST"]))]
        {
            assert_eq!(schema.definition["collectionMethods"], methods, "{:?}", schema.roles);
        }
        let config = &found[0].definition["resourceFields"];
        assert_eq!(config["address"]["required"], true);
        assert_eq!(config["sshPort"]["default"], 22);
        assert_eq!(config["sshPassword"]["type"], "password");
        assert_eq!(found[2].definition["resourceFields"]["genericConfig"]["type"], "genericConfig");
        assert_eq!(driver_of("genericConfig"), Some("generic"));
        assert_eq!((driver_of("Config"), driver_of("labels")), (None, None));
    }
}
