//! The packet filter of a machine: its `nft`, run as root with scripts on its standard input.

use std::time::Duration;

use async_trait::async_trait;

use super::Machine;
use super::failure::SshError;
use super::session::Answer;
use super::setup::last_line;
use crate::engine::machine::{FilterError, PacketFilter};

/// How long a machine may take over some rules.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Exit codes of ours; `nft` itself has 1 to 3.
const NO_NFT: u32 = 91;
const NO_SUDO: u32 = 92;
/// The first word of complaints of a user who is not root.
const AS_USER: &str = "as user\n";

/// A command of `nft` as root, or as a user who may run it by `sudo` without a password. System
/// directories are often missing in the path of users. Nothing of it depends on anything that somebody
/// typed.
macro_rules! nft {
    ($arguments:literal) => {
        concat!(
            "exec sh -c 'PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
nft=$(command -v nft) || exit 91
[ \"$(id -u)\" != 0 ] || exec \"$nft\" ",
            $arguments,
            "
echo as user >&2
command -v sudo >/dev/null || exit 92
exec sudo -n \"$nft\" ",
            $arguments,
            "'"
        )
    };
}

const TABLES: &str = nft!("list tables bridge");
const SCRIPT: &str = nft!("-f -");

#[async_trait]
impl PacketFilter for Machine {
    async fn tables(&self) -> Result<String, FilterError> {
        self.filter(TABLES, "").await
    }

    async fn run(&self, script: &str) -> Result<(), FilterError> {
        self.filter(SCRIPT, script).await.map(drop)
    }
}

impl Machine {
    async fn filter(&self, command: &'static str, input: &str) -> Result<String, FilterError> {
        let session = self.session().await.map_err(|error| away(&error))?;
        let answer = session.ask(command, input.as_bytes(), TIMEOUT).await;
        meaning(answer.map_err(|error| away(&error))?)
    }
}

fn away(error: &SshError) -> FilterError {
    FilterError::Away(match error {
        SshError::Unreachable(why) => format!("it cannot be reached over SSH: {why}"),
        SshError::OtherHostKey { .. } | SshError::Refused(_) => {
            format!("it does not let us in over SSH: {error}")
        }
        SshError::NoDocker(why) | SshError::Command(why) => format!("nft over SSH: {why}"),
    })
}

/// What the end of a command means.
fn meaning(answer: Answer) -> Result<String, FilterError> {
    let Answer { code, out, complaint } = answer;
    let by_user = complaint.strip_prefix(AS_USER);
    match code {
        Some(0) => Ok(out),
        Some(NO_NFT) => Err(FilterError::Missing),
        Some(NO_SUDO) => Err(FilterError::Forbidden("there is no sudo".to_owned())),
        None => Err(FilterError::Away("nft over SSH was cut off".to_owned())),
        Some(_) => Err(match by_user {
            // Complaints of `nft` say that they are errors, those of `sudo` do not.
            Some(words) if !words.contains("Error: ") => {
                FilterError::Forbidden(last_line(words).to_owned())
            }
            Some(words) => FilterError::Refused(words.to_owned()),
            None => FilterError::Refused(complaint),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_understood() {
        let check = |code: Option<u32>, complaint: &str, expect: &str| {
            let answer = Answer { code, out: "table".to_owned(), complaint: complaint.to_owned() };
            let found = meaning(answer);
            assert_eq!(format!("{found:?}"), expect, "{code:?} {complaint}");
        };
        check(Some(0), "as user\n", r#"Ok("table")"#);
        check(None, "", r#"Err(Away("nft over SSH was cut off"))"#);
        check(Some(91), "", "Err(Missing)");
        check(Some(92), "as user\n", r#"Err(Forbidden("there is no sudo"))"#);
        check(Some(1), "1:1: Error: no\n", r#"Err(Refused("1:1: Error: no\n"))"#);
        check(Some(1), "as user\n1:1: Error: no\n", r#"Err(Refused("1:1: Error: no\n"))"#);
        check(
            Some(1),
            "as user\nsudo: a password is required\n",
            r#"Err(Forbidden("sudo: a password is required"))"#,
        );
    }
}
