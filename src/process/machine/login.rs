//! A machine's configuration: what of it anyone may see, what is sealed, and the login it makes.

use serde_json::{Map, Value, json};

use crate::clock::Entropy;
use crate::engine::machine::{DOCKER_SOCKET, Install, Login, Proof};
use crate::error::{Error, Result};
use crate::model::driver::config_field;
use crate::model::resource::Resource;
use crate::vault::Vault;

/// Where a row keeps the sealed part of its configuration: `{place, sealed}`.
pub const SECRETS: &str = "driverSecrets";
/// Where a template keeps the same of the configurations in it.
pub const TEMPLATE: &str = "sealedValues";

/// Seals values, for a row to keep under [`SECRETS`].
///
/// # Errors
/// When the cipher fails.
pub fn seal(vault: &Vault, entropy: &Entropy, values: &Map<String, Value>) -> Result<Value> {
    let place = format!("driver secrets {}", entropy.uuid());
    let text = serde_json::to_vec(values).map_err(Error::internal)?;
    let sealed = vault.seal(&place, &text)?;
    Ok(envelope(place, sealed))
}

/// An envelope with what it belongs to.
pub fn envelope(place: String, sealed: String) -> Value {
    json!({ "sealed": sealed, "place": place })
}

/// What an envelope belongs to, and the envelope.
pub fn parts(kept: &Value) -> Option<(&str, &str)> {
    let text = |key: &str| kept.get(key).and_then(Value::as_str);
    text("place").zip(text("sealed"))
}

/// Opens what [`seal`] has sealed.
///
/// # Errors
/// When it does not open.
pub fn unseal(vault: &Vault, secrets: &Value) -> Result<Map<String, Value>> {
    let Some((place, sealed)) = parts(secrets) else { return Ok(Map::new()) };
    serde_json::from_slice(&vault.unseal(place, sealed)?).map_err(Error::internal)
}

/// The whole configuration of a row's driver, secrets included.
pub(super) fn config(vault: &Vault, row: &Resource) -> Result<Map<String, Value>> {
    let field = config_field(row.str("driver").unwrap_or_default());
    let mut config = row.map(&field).cloned().unwrap_or_default();
    if let Some(secrets) = row.data.get(SECRETS) {
        config.extend(unseal(vault, secrets)?);
    }
    Ok(config)
}

/// How the machine of a row is logged in to, and whether Docker is to be installed there.
///
/// # Errors
/// 422 when the configuration lacks something, 500 when its secrets do not open.
pub fn login(vault: &Vault, row: &Resource) -> Result<(Login, Install)> {
    let config = config(vault, row)?;
    let text = |field: &str| {
        config.get(field).and_then(Value::as_str).filter(|text| !text.trim().is_empty())
    };
    let Some(host) = text("address") else {
        let message = format!("machine `{}` has no address", row.display_name());
        return Err(Error::field("MissingRequired", "address").message(message));
    };
    let port = config.get("sshPort").and_then(Value::as_u64).and_then(|p| u16::try_from(p).ok());
    let proof = match (text("sshKey"), text("sshPassword")) {
        (Some(key), _) => Proof::Key {
            text: key.to_owned(),
            passphrase: text("sshKeyPassphrase").map(str::to_owned),
        },
        (None, Some(password)) => Proof::Password(password.to_owned()),
        (None, None) => Proof::OwnKey,
    };
    let install = config.get("installDocker").and_then(Value::as_bool).unwrap_or(false);
    let login = Login {
        host: host.trim().to_owned(),
        port: port.unwrap_or(22),
        user: text("sshUser").unwrap_or("root").to_owned(),
        proof,
        host_key: row.str("hostKey").or_else(|| text("hostKey")).map(str::to_owned),
        socket: text("dockerSocket").unwrap_or(DOCKER_SOCKET).to_owned(),
    };
    Ok((login, if install { Install::IfMissing } else { Install::Never }))
}

/// Copies a row's configuration to another row.
pub fn copy(from: &Resource, to: &mut Map<String, Value>) {
    let driver = from.str("driver").unwrap_or_default();
    for field in ["driver", SECRETS, &config_field(driver)] {
        if let Some(value) = from.data.get(field) {
            to.insert(field.to_owned(), value.clone());
        }
    }
}
