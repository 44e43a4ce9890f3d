//! Hosts that are reached over SSH: whether policies of networks can be enforced there.

use std::path::Path;

use futures_util::future::join_all;

use super::judge::{self, Check};
use crate::clock::{Clock, Entropy};
use crate::config::Config;
use crate::engine::docker::ssh::SshMachines;
use crate::engine::machine::{Login, Machines as _};
use crate::process::machine::login;
use crate::server::data_dir;
use crate::server::walls;
use crate::store;
use crate::vault::Vault;

/// Asks the packet filters of all machines as the server asks them, all at once.
pub async fn checks(config: &Config, dir: &Path) -> Vec<Check> {
    let own = &config.machines.ssh_key_file;
    let machines = SshMachines::new(Clock::System);
    let machines = if own.as_os_str().is_empty() { machines } else { machines.with_key_file(own) };
    let ask = async |(name, login): (String, Login)| {
        let reached = match machines.engine(&login).packet_filter() {
            Some(filter) => walls::over(filter).tables().await.map(drop),
            None => return None,
        };
        Some(judge::packet_filter_of(&name, reached.map_err(|error| error.to_string())))
    };
    join_all(logins(config, dir).into_iter().map(ask)).await.into_iter().flatten().collect()
}

/// The machines that a database knows, and how they are logged in to. Whatever is wrong with the database is
/// said elsewhere.
fn logins(config: &Config, dir: &Path) -> Vec<(String, Login)> {
    let (database, key) = (data_dir::database(dir), data_dir::key_file(config, dir));
    // A key that is not there would be made.
    if !database.exists() || !key.exists() {
        return Vec::new();
    }
    let vault = Vault::at(key, Entropy::System);
    let mut found = Vec::new();
    let read = store::peek(&database, |read| {
        read.for_each("physicalHost", |row| {
            if let (true, Ok((login, _))) = (row.state == "active", login::login(&vault, &row)) {
                found.push((row.display_name(), login));
            }
            Ok(())
        })
    });
    if let Err(error) = read {
        tracing::debug!(%error, "cannot read which machines there are");
    }
    found
}
