//! `hosts`, `volumes` and `secrets`: what containers run on, keep and are told.

use crate::nearest::nearest;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Result;
use super::args::Connection;
use super::client::Client;
use super::failure::{Exit, Failure};
use super::output::{Answer, Output, Row, Style};
use super::settings::Settings;
use super::watch::{self, Listing, Watched};

/// Arguments of `hosts`.
#[derive(Clone, Debug, Default, Args)]
pub struct HostsArgs {
    #[command(subcommand)]
    what: Option<HostVerb>,
    #[command(flatten)]
    watched: Watched,
    #[command(flatten)]
    connection: Connection,
}

/// What is done with hosts.
#[derive(Clone, Debug, Subcommand)]
enum HostVerb {
    /// Show the hosts
    Ls,
    /// Let a host have new containers again
    Activate(Named),
    /// Give a host no new containers; those it has stay
    Deactivate(Named),
    /// Move a host's containers to others
    Evacuate(Named),
}

/// Something by its name.
#[derive(Clone, Debug, Args)]
pub(super) struct Named {
    /// Name or id
    #[arg(value_name = "NAME")]
    pub(super) name: String,
}

/// Arguments of `volumes`.
#[derive(Clone, Debug, Default, Args)]
pub struct VolumesArgs {
    #[command(subcommand)]
    what: Option<VolumeVerb>,
    #[command(flatten)]
    watched: Watched,
    #[command(flatten)]
    connection: Connection,
}

/// What is done with volumes.
#[derive(Clone, Debug, Subcommand)]
enum VolumeVerb {
    /// Show the volumes
    Ls,
    /// Remove a volume with what is stored in it
    Rm(Removal),
}

/// Something to remove.
#[derive(Clone, Debug, Args)]
pub(super) struct Removal {
    /// Name or id
    #[arg(value_name = "NAME")]
    name: String,
    /// Do not ask
    #[arg(long, short = 'y')]
    yes: bool,
}

/// Arguments of `secrets`.
#[derive(Clone, Debug, Default, Args)]
pub struct SecretsArgs {
    #[command(subcommand)]
    what: Option<SecretVerb>,
    #[command(flatten)]
    watched: Watched,
    #[command(flatten)]
    connection: Connection,
}

/// What is done with secrets.
#[derive(Clone, Debug, Subcommand)]
enum SecretVerb {
    /// Show the names of the secrets
    Ls,
    /// Keep a secret, from a file or standard input; its value is never shown
    Create {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        /// File with its value; standard input if absent, or `-`
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
        /// What it is for
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
    },
    /// Remove a secret
    Rm(Removal),
}

/// Largest secret that is read.
const LARGEST: u64 = 1 << 20;

/// A list of resources, and how it is shown.
pub(super) struct Kind {
    /// As a person calls one.
    pub noun: &'static str,
    /// In the API.
    pub path: &'static str,
    /// The head of its table.
    pub head: &'static [&'static str],
    /// A row of it.
    pub row: fn(&Value) -> Row,
}

const HOSTS: Kind = Kind {
    noun: "host",
    path: "hosts",
    head: &["HOST", "STATE", "ADDRESS", "CPUS", "MEMORY", "CONTAINERS", "LABELS", "MESSAGE"],
    row: host_row,
};
const VOLUMES: Kind = Kind {
    noun: "volume",
    path: "volumes",
    head: &["VOLUME", "STATE", "DRIVER", "HOST", "MOUNTS", "MESSAGE"],
    row: volume_row,
};
const SECRETS: Kind = Kind {
    noun: "secret",
    path: "secrets",
    head: &["SECRET", "STATE", "CREATED", "DESCRIPTION"],
    row: secret_row,
};

/// Runs `hosts`.
///
/// # Errors
/// When the server refuses, or the name is unknown.
pub async fn hosts(settings: &Settings, out: &Output, args: &HostsArgs) -> Result<Exit> {
    let client = Client::connect(settings, &args.connection).await?;
    let (named, action) = match args.what.as_ref().unwrap_or(&HostVerb::Ls) {
        HostVerb::Ls => return HOSTS.list(&client, out, args.watched).await,
        HostVerb::Activate(named) => (named, "activate"),
        HostVerb::Deactivate(named) => (named, "deactivate"),
        HostVerb::Evacuate(named) => (named, "evacuate"),
    };
    let host = HOSTS.find(&client, &named.name).await?;
    let id = host["id"].as_str().unwrap_or_default();
    client.act(&client.scoped(&format!("hosts/{id}")), action, &json!({})).await?;
    let name = title(&host);
    let record = json!({ "type": "action", "action": action, "host": name });
    out.say(format!("{action} {name}: begun"), &record);
    Ok(Exit::Ok)
}

/// Runs `volumes`.
///
/// # Errors
/// As [`hosts`].
pub async fn volumes(settings: &Settings, out: &Output, args: &VolumesArgs) -> Result<Exit> {
    let client = Client::connect(settings, &args.connection).await?;
    match args.what.as_ref().unwrap_or(&VolumeVerb::Ls) {
        VolumeVerb::Ls => VOLUMES.list(&client, out, args.watched).await,
        VolumeVerb::Rm(removal) => VOLUMES.remove(&client, out, removal).await,
    }
}

/// Runs `secrets`.
///
/// # Errors
/// As [`hosts`].
pub async fn secrets(settings: &Settings, out: &Output, args: &SecretsArgs) -> Result<Exit> {
    let client = Client::connect(settings, &args.connection).await?;
    match args.what.as_ref().unwrap_or(&SecretVerb::Ls) {
        SecretVerb::Ls => SECRETS.list(&client, out, args.watched).await,
        SecretVerb::Rm(removal) => SECRETS.remove(&client, out, removal).await,
        SecretVerb::Create { name, file, description } => {
            let value = read(settings, file.as_deref())?;
            if value.is_empty() {
                return Err(Failure::usage(format!("secret `{name}` would be empty")));
            }
            let mut body = json!({ "name": name, "value": STANDARD.encode(&value) });
            if let Some(description) = description {
                body["description"] = description.as_str().into();
            }
            let made = client.post(&client.scoped("secrets"), &body).await?;
            let record = json!({ "type": "secret", "id": made["id"], "secret": name });
            out.say(format!("secret {name} is kept: {} bytes", value.len()), &record);
            Ok(Exit::Ok)
        }
    }
}

/// The value of a secret, byte for byte.
pub(super) fn read(settings: &Settings, file: Option<&Path>) -> Result<Vec<u8>> {
    use std::io::Read as _;
    let mut value = Vec::new();
    match file.filter(|file| file.as_os_str() != "-") {
        Some(file) => {
            let path = settings.absolute(file);
            let failed = |error: std::io::Error| Failure::file("read", &path, &error);
            let opened = std::fs::File::open(&path).map_err(failed)?;
            opened.take(LARGEST + 1).read_to_end(&mut value).map_err(failed)?;
        }
        None => {
            let read = std::io::stdin().take(LARGEST + 1).read_to_end(&mut value);
            read.map_err(|error| Failure::new(format!("cannot read standard input: {error}")))?;
        }
    }
    match value.len() as u64 > LARGEST {
        true => Err(Failure::usage("a secret has at most 1 MiB")),
        false => Ok(value),
    }
}

impl Kind {
    /// Those there are, by name.
    async fn rows(&self, client: &Client) -> Result<Vec<Value>> {
        let mut rows = client.list(&client.scoped(self.path), &[]).await?;
        let is_gone =
            |row: &Value| matches!(row["state"].as_str(), Some("removed" | "purging" | "purged"));
        rows.retain(|row| !is_gone(row));
        rows.sort_by_cached_key(title);
        Ok(rows)
    }

    pub(super) async fn list(
        &self,
        client: &Client,
        out: &Output,
        watched: Watched,
    ) -> Result<Exit> {
        let read = async || {
            let records = self.rows(client).await?;
            let rows = records.iter().map(self.row).collect();
            let nothing = format!("there are no {}", self.path);
            Ok(Listing { records, head: self.head, rows, nothing })
        };
        watch::show(client, out, watched, read).await
    }

    pub(super) async fn find(&self, client: &Client, name: &str) -> Result<Value> {
        let rows = self.rows(client).await?;
        let fits = |row: &&Value| title(row) == name || row["id"] == name;
        let found: Vec<&Value> = rows.iter().filter(fits).collect();
        match found.as_slice() {
            [only] => Ok((*only).clone()),
            [] => {
                let failure = Failure::new(format!("there is no {} `{name}`", self.noun));
                let titles: Vec<String> = rows.iter().map(title).collect();
                Err(match nearest(name, titles.iter().map(String::as_str)) {
                    Some(near) => failure.hint(format!("did you mean `{near}`?")),
                    None => {
                        failure.hint(format!("`ranchette {} ls` shows those there are", self.path))
                    }
                })
            }
            several => {
                let ids: Vec<&str> = several.iter().filter_map(|row| row["id"].as_str()).collect();
                Err(Failure::usage(format!("there are several {} `{name}`", self.path))
                    .hint(format!("say one by its id: `{}`", ids.join("`, `"))))
            }
        }
    }

    pub(super) async fn remove(
        &self,
        client: &Client,
        out: &Output,
        removal: &Removal,
    ) -> Result<Exit> {
        let row = self.find(client, &removal.name).await?;
        let name = title(&row);
        if !removal.yes {
            let question = format!("Remove {} {name}, with what is in it?", self.noun);
            if out.ask(&question, "--yes")? == Answer::No {
                out.note("nothing was removed");
                return Ok(Exit::Failed);
            }
        }
        let id = row["id"].as_str().unwrap_or_default();
        client.delete(&client.scoped(&format!("{}/{id}", self.path))).await?;
        let record = json!({ "type": self.noun, "id": id, "name": name, "removed": true });
        out.say(format!("{} {name} is being removed", self.noun), &record);
        Ok(Exit::Ok)
    }
}

pub(super) fn text(row: &Value, key: &str) -> String {
    row[key].as_str().unwrap_or_default().to_owned()
}

/// What a person calls it.
pub(super) fn title(row: &Value) -> String {
    let named = ["name", "hostname", "id"].iter().map(|key| text(row, key));
    named.into_iter().find(|name| !name.is_empty()).unwrap_or_default()
}

pub(super) fn state(row: &Value) -> (String, Option<Style>) {
    let state = text(row, "state");
    let style = match (state.as_str(), row["transitioning"].as_str()) {
        (_, Some("error")) | ("error" | "disconnected", _) => Style::Bad,
        (_, Some("yes")) | ("reconnecting", _) => Style::Busy,
        ("active", _) => Style::Good,
        _ => Style::Dim,
    };
    (state, Some(style))
}

fn host_row(row: &Value) -> Row {
    let info = &row["info"];
    let memory = info["memoryInfo"]["memTotal"].as_u64();
    let labels: Vec<String> = row["labels"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, _)| !key.starts_with("io."))
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    let containers = row["instanceIds"].as_array().map(|list| list.len().to_string());
    vec![
        (title(row), None),
        state(row),
        (text(row, "agentIpAddress"), None),
        (info["cpuInfo"]["count"].as_u64().map(|n| n.to_string()).unwrap_or_default(), None),
        (memory.map(|mb| format!("{mb} MB")).unwrap_or_default(), None),
        (containers.unwrap_or_default(), None),
        (labels.join(" "), None),
        (text(row, "transitioningMessage"), Some(Style::Dim)),
    ]
}

fn volume_row(row: &Value) -> Row {
    let mounts = row["mounts"].as_array().into_iter().flatten();
    let mounts: Vec<String> = mounts.map(|mount| text(mount, "instanceName")).collect();
    vec![
        (title(row), None),
        state(row),
        (text(row, "driver"), None),
        (text(row, "hostId"), None),
        (mounts.join(", "), None),
        (text(row, "transitioningMessage"), Some(Style::Dim)),
    ]
}

fn secret_row(row: &Value) -> Row {
    vec![
        (title(row), None),
        state(row),
        (text(row, "created"), None),
        (text(row, "description"), None),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::output::{End, render_table};
    use super::*;
    use expect_test::{Expect, expect};

    fn check(kind: &Kind, row: &Value, expect: Expect) {
        let rows = [(kind.row)(row)];
        expect.assert_eq(&render_table(kind.head, &rows, End::Elsewhere, None));
    }

    #[test]
    fn rows_of_each_kind() {
        check(
            &HOSTS,
            &json!({"hostname": "farm", "state": "active", "agentIpAddress": "192.0.2.1",
                "info": {"memoryInfo": {"memTotal": 7900}, "cpuInfo": {"count": 4}},
                "labels": {"disk": "ssd", "io.rancher.host.os": "linux"}, "instanceIds": ["1i1"]}),
            expect![[r#"
                HOST  STATE   ADDRESS    CPUS  MEMORY   CONTAINERS  LABELS
                farm  active  192.0.2.1  4     7900 MB  1           disk=ssd"#]],
        );
        check(
            &VOLUMES,
            &json!({"name": "shop_data", "state": "active", "driver": "local",
                "mounts": [{"instanceName": "shop-db-1"}]}),
            expect![[r#"
                VOLUME     STATE   DRIVER  MOUNTS
                shop_data  active  local   shop-db-1"#]],
        );
        check(
            &SECRETS,
            &json!({"name": "key", "state": "active", "value": "hidden", "created": "2024-05-01T10:11:12Z"}),
            expect![[r#"
                SECRET  STATE   CREATED
                key     active  2024-05-01T10:11:12Z"#]],
        );
    }
}
