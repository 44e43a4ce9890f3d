//! The packet filter of a host: what a [`Wall`] is, and that of this machine, which `nft` changes. Those of
//! other machines are reached by others, and speak the same language.

use std::process::Stdio;

use futures_util::future::BoxFuture;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::script::Table;

/// Why rules cannot be changed, for people.
#[derive(Debug, thiserror::Error)]
pub enum WallError {
    /// The program is missing.
    #[error("nft cannot be run ({0}); install nftables")]
    Missing(std::io::Error),
    /// The program is missing on another machine.
    #[error("there is no nft; install nftables there")]
    Absent,
    /// The user of another machine may not run it.
    #[error(
        "nft may not be run there ({0}); log in as root, or as a user who may run `sudo -n nft` without \
         a password"
    )]
    Forbidden(String),
    /// It refused.
    #[error("nft refused: {0}")]
    Refused(String),
    /// Another machine is not reached now.
    #[error("{0}")]
    Away(String),
}

impl WallError {
    /// That `nft` refused, in its own words.
    pub fn refused(words: &str) -> Self {
        Self::Refused(reason(words))
    }

    /// Whether the host was not reached, so that nothing is known of what is there.
    pub(super) fn is_away(&self) -> bool {
        matches!(self, Self::Away(_))
    }
}

/// What comes of a call.
pub type Done<'a, T> = BoxFuture<'a, Result<T, WallError>>;

/// The packet filter of a host.
pub trait Wall: Send + Sync {
    /// The tables there are, of every installation.
    fn tables(&self) -> Done<'_, Vec<Table>>;

    /// Runs a script that makes or changes a table, as one transaction.
    fn change<'a>(&'a self, table: &'a Table, script: &'a str) -> Done<'a, ()>;

    /// Removes a table; one that is gone already is no error.
    fn remove<'a>(&'a self, table: &'a Table) -> Done<'a, ()>;

    /// Whether somebody else may take away what is there, so that it has to be looked at again and again.
    fn is_open_to_others(&self) -> bool {
        true
    }
}

/// This machine's.
#[derive(Debug)]
pub struct Nft;

impl Wall for Nft {
    fn tables(&self) -> Done<'_, Vec<Table>> {
        Box::pin(async { Ok(parse(&run(&["list", "tables", "bridge"], "").await?)) })
    }

    fn change<'a>(&'a self, _: &'a Table, script: &'a str) -> Done<'a, ()> {
        Box::pin(async move { run(&["-f", "-"], script).await.map(drop) })
    }

    fn remove<'a>(&'a self, table: &'a Table) -> Done<'a, ()> {
        Box::pin(async move { run(&["-f", "-"], &table.removal()).await.map(drop) })
    }
}

/// Tables of ours in what `nft list tables bridge` says.
pub fn parse(listing: &str) -> Vec<Table> {
    let names = listing.lines().filter_map(|line| line.trim().strip_prefix("table bridge "));
    names.filter_map(Table::parse).collect()
}

async fn run(args: &[&str], input: &str) -> Result<String, WallError> {
    let mut command = Command::new("nft");
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.kill_on_drop(true).spawn().map_err(WallError::Missing)?;
    let stdin = child.stdin.take();
    let write = async {
        if let Some(mut stdin) = stdin {
            // It may refuse before it has read everything; then its own words say why.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
    };
    let ((), output) = tokio::join!(write, child.wait_with_output());
    let output = output.map_err(WallError::Missing)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(WallError::refused(&String::from_utf8_lossy(&output.stderr)))
}

/// What `nft` says first, without the place in the script.
fn reason(words: &str) -> String {
    let line = words.lines().next().unwrap_or_default();
    let line = line.split_once("Error: ").map_or(line, |(_, line)| line).trim();
    if line.is_empty() { "it did not say why".to_owned() } else { line.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_tables_are_known_among_others() {
        let listing = "table bridge filter\ntable bridge ranchette_0a1b2c3d4e5f_10_42_0_0_16\n\
            table bridge ranchette_x\ntable ip ranchette_0a1b2c3d4e5f_10_43_0_0_16\n";
        let names: Vec<String> = parse(listing).iter().map(Table::to_string).collect();
        assert_eq!(names, ["ranchette_0a1b2c3d4e5f_10_42_0_0_16"]);
    }

    #[test]
    fn reasons_are_short() {
        for (words, expect) in [
            (
                "/dev/stdin:1:1-2: Error: Could not process rule: Operation not permitted\nadd\n^^^\n",
                "Could not process rule: Operation not permitted",
            ),
            (
                "netlink: Error: cache initialization failed: Operation not permitted\n",
                "cache initialization failed: Operation not permitted",
            ),
            ("something else", "something else"),
            ("", "it did not say why"),
        ] {
            assert_eq!(reason(words), expect);
        }
    }
}
