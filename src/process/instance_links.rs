//! Links between containers: rows that say who calls whom by which name, and what of its targets a
//! container finds in its environment.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::error::Result;
use crate::model::port::PortSpec;
use crate::model::resource::{NewResource, Resource};
use crate::store::{Read, Tx};

/// Variables of a target that are its own affair.
const NOT_COPIED: &[&str] = &["HOME", "PATH"];

/// A port in a container, and its protocol.
type Port = (u16, String);

/// One row for each link that a container was made with, once.
///
/// # Errors
/// When the database fails.
pub fn make(tx: &mut Tx<'_>, container: &Resource) -> Result<()> {
    let Some(links) = container.map("instanceLinks").filter(|links| !links.is_empty()) else {
        return Ok(());
    };
    if !tx.referrers("instanceLink", "instanceId", container.id)?.is_empty() {
        return Ok(());
    }
    for (name, target) in links {
        let Some(target) = target.as_i64().map(|id| tx.get(id)).transpose()?.flatten() else {
            continue;
        };
        let ports: Vec<Value> = ports(&target)
            .into_iter()
            .map(|(port, protocol)| json!({ "privatePort": port, "protocol": protocol }))
            .collect();
        let mut row = NewResource::new("instanceLink", tx.entropy.uuid())
            .state("active")
            .with("instanceId", container.id)
            .with("instanceNames", json!([target.display_name()]))
            .with("linkName", name.as_str())
            .with("ports", ports)
            .with("targetInstanceId", target.id);
        row.account_id = container.account_id;
        tx.insert(row)?;
    }
    Ok(())
}

/// A container that goes takes its links along.
///
/// # Errors
/// When the database fails.
pub fn bury(tx: &mut Tx<'_>, container: i64) -> Result<()> {
    for row in tx.referrers("instanceLink", "instanceId", container)? {
        super::retire(tx, row.id)?;
    }
    Ok(())
}

/// Adds what a container's links say to the variables it is launched with; its own ones win.
///
/// # Errors
/// When the database fails.
pub fn equip(read: &Read<'_>, container: &Resource, fields: &mut Map<String, Value>) -> Result<()> {
    for link in read.referrers("instanceLink", "instanceId", container.id)? {
        let target = link.int("targetInstanceId").map(|id| read.get(id)).transpose()?.flatten();
        let (Some(name), Some(target)) = (link.str("linkName"), target) else { continue };
        let own = fields.entry("environment").or_insert_with(|| json!({}));
        if own.is_null() {
            *own = json!({});
        }
        let Some(own) = own.as_object_mut() else { continue };
        for (key, value) in variables(name, &ports(&target), target.map("environment")) {
            own.entry(key).or_insert(Value::String(value));
        }
    }
    Ok(())
}

/// The ports that a container listens on as far as it says, from the lowest.
fn ports(container: &Resource) -> BTreeSet<Port> {
    let published = container.strings("ports");
    let open = container.strings("expose");
    let all = published.iter().chain(&open).filter_map(|text| text.parse::<PortSpec>().ok());
    all.map(|port| (port.private, port.protocol.as_str().to_owned())).collect()
}

/// What Docker's links said of old: the target goes by the link's name, whatever its address is.
fn variables(
    link: &str,
    ports: &BTreeSet<Port>,
    environment: Option<&Map<String, Value>>,
) -> Vec<(String, String)> {
    let address = link.to_ascii_lowercase();
    let upper = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let prefix: String = link.chars().map(upper).collect();
    let mut found = vec![(format!("{prefix}_NAME"), format!("/cattle/{link}"))];
    for (number, (port, protocol)) in ports.iter().enumerate() {
        let whole = format!("{protocol}://{address}:{port}");
        if number == 0 {
            found.push((format!("{prefix}_PORT"), whole.clone()));
        }
        let one = format!("{prefix}_PORT_{port}_{}", protocol.to_ascii_uppercase());
        found.push((one.clone(), whole));
        found.push((format!("{one}_ADDR"), address.clone()));
        found.push((format!("{one}_PORT"), port.to_string()));
        found.push((format!("{one}_PROTO"), protocol.clone()));
    }
    let copied = environment.into_iter().flatten();
    found.extend(copied.filter(|(key, _)| !NOT_COPIED.contains(&key.as_str())).filter_map(
        |(key, value)| Some((format!("{prefix}_ENV_{key}"), value.as_str()?.to_owned())),
    ));
    found
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn variables_of_a_link() {
        let ports = [(8080, "tcp".to_owned()), (53, "udp".to_owned())].into();
        let environment = json!({"PATH": "/bin", "PASSWORD": "moo", "HOME": "/"});
        let found = variables("My-db", &ports, environment.as_object());
        let lines: Vec<String> =
            found.iter().map(|(key, value)| format!("{key}={value}")).collect();
        expect![[r#"
            MY_DB_NAME=/cattle/My-db
            MY_DB_PORT=udp://my-db:53
            MY_DB_PORT_53_UDP=udp://my-db:53
            MY_DB_PORT_53_UDP_ADDR=my-db
            MY_DB_PORT_53_UDP_PORT=53
            MY_DB_PORT_53_UDP_PROTO=udp
            MY_DB_PORT_8080_TCP=tcp://my-db:8080
            MY_DB_PORT_8080_TCP_ADDR=my-db
            MY_DB_PORT_8080_TCP_PORT=8080
            MY_DB_PORT_8080_TCP_PROTO=tcp
            MY_DB_ENV_PASSWORD=moo
        "#]]
        .assert_eq(&(lines.join("\n") + "\n"));
        assert_eq!(variables("web", &BTreeSet::new(), None).len(), 1);
    }
}
