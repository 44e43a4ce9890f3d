//! `rotate-key`: a new key for secrets at rest, and everything sealed with it.

use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};

use super::Result;
use super::client::Client;
use super::failure::{Exit, Failure};
use super::output::Output;
use super::settings::Settings;
use crate::clock::{Clock, Entropy};
use crate::process::secrets;
use crate::server::data_dir::{self, DataDir};
use crate::store::Store;
use crate::vault::Vault;

/// Arguments of `rotate-key`.
///
/// A new key is added to the key file beside the database, and what old keys have sealed is sealed with
/// it; the server may run. When it is cut off, say it again. Old keys stay in the file, because older
/// backups need them.
#[derive(Clone, Debug, Default, Args)]
pub struct RotateArgs {
    /// Take the old keys out of the file: older backups keep their secrets for good. The server must
    /// be stopped
    #[arg(long)]
    pub forget_old: bool,
}

/// How often the server is asked whether it is done, in milliseconds.
const ASK_MS: u64 = 200;
/// How long it may take, in milliseconds.
const LONGEST_MS: i64 = 600_000;

/// Runs the verb.
///
/// # Errors
/// When there is no database, the key file cannot be written, or a secret cannot be opened.
pub async fn run(settings: &Settings, out: &Output, args: &RotateArgs) -> Result<Exit> {
    let folder = settings.data_dir()?;
    let database = data_dir::database(&folder);
    if let Err(error) = std::fs::File::open(&database) {
        return Err(Failure::file("read", &database, &error)
            .hint("name the server's data folder with --data-dir, and use the server's own user"));
    }
    let key_file = settings.absolute(&data_dir::key_file(&settings.config()?, &folder));
    let vault = Vault::at(key_file, Entropy::System);
    let (key, forgotten) = match DataDir::open(&folder) {
        Ok(dir) => in_database(&dir, vault, args).await?,
        Err(error) if error.status == 409 && args.forget_old => {
            return Err(Failure::from(error)
                .hint("stop the server first; its containers run on. Or leave --forget-old out"));
        }
        Err(error) if error.status == 409 => (through_server(settings, &vault).await?, 0),
        Err(error) => return Err(error.into()),
    };
    let rest = match forgotten {
        0 => String::new(),
        1 => "; 1 old key is forgotten".to_owned(),
        count => format!("; {count} old keys are forgotten"),
    };
    out.say(
        format!("all secrets are sealed with the new key {key}{rest}"),
        &json!({ "type": "key", "key": key, "forgotten": forgotten }),
    );
    Ok(Exit::Ok)
}

/// The new key's name, and how many were forgotten.
async fn in_database(dir: &DataDir, vault: Vault, args: &RotateArgs) -> Result<(String, usize)> {
    let store = Store::open(&dir.database(), Clock::System, Entropy::System)?;
    let vault = Arc::new(vault);
    let key = vault.add_key()?;
    secrets::reseal(&store, &vault).await?;
    let forgotten = if args.forget_old { vault.forget_old_keys()? } else { 0 };
    Ok((key, forgotten))
}

/// The server reads the key file again by itself; it is asked to seal, so that only one program writes
/// into the database.
async fn through_server(settings: &Settings, vault: &Vault) -> Result<String> {
    let client = Client::of_this_machine(settings).await?;
    let tasks = client.list("tasks", &[]).await?;
    let named = |task: &&Value| task["name"] == json!(secrets::RESEAL);
    let task = tasks.iter().find(named).and_then(|task| task["id"].as_str());
    let task = task.ok_or_else(|| {
        Failure::new("the server that runs cannot seal secrets anew")
            .hint("it is older than this program; stop it and say this again")
    })?;
    let before = last_run(&runs(&client, task).await?);
    let key = vault.add_key()?;
    client.act(&format!("tasks/{task}"), "execute", &json!({})).await?;
    let deadline = Clock::System.now_ms() + LONGEST_MS;
    loop {
        let runs = runs(&client, task).await?;
        let ended = |run: &&Value| number(&run["id"]) > before && !run["endTime"].is_null();
        if let Some(run) = runs.iter().find(ended) {
            return match run["exception"].as_str().filter(|text| !text.is_empty()) {
                None => Ok(key),
                Some(why) => Err(Failure::new(format!("not all secrets are sealed anew: {why}"))),
            };
        }
        if Clock::System.now_ms() > deadline {
            return Err(Failure::new("the server has not sealed all secrets anew yet")
                .hint("it goes on by itself; what is not reached still opens with its old key"));
        }
        Clock::System.sleep_ms(ASK_MS).await;
    }
}

async fn runs(client: &Client, task: &str) -> Result<Vec<Value>> {
    let runs = client.list("taskinstances", &[]).await?;
    Ok(runs.into_iter().filter(|run| run["taskId"] == json!(task)).collect())
}

fn last_run(runs: &[Value]) -> i64 {
    runs.iter().map(|run| number(&run["id"])).max().unwrap_or(0)
}

/// The number in an id such as `1ti5`.
fn number(id: &Value) -> i64 {
    id.as_str().and_then(crate::model::id::parse).unwrap_or(0)
}
