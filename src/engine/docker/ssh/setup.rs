//! What is done on a machine itself: installing Docker, and looking at its disk.

use std::time::Duration;

use super::Machine;
use super::failure::SshError;
use super::session::Session;
use crate::engine::Disk;

/// How long an installation may take: a slow mirror and a slow disk together.
const INSTALL_TIMEOUT: Duration = Duration::from_secs(900);

/// How long looking at a disk may take.
const DF_TIMEOUT: Duration = Duration::from_secs(10);
const DF: &str = r#"exec sh -c 'read -r path && exec df -Pk -- "$path"'"#;

/// What runs on the machine; nothing of it depends on anything that somebody typed.
const INSTALL: &str = include_str!("install.sh");

/// Installs Docker from the machine's distribution.
pub(super) async fn install(session: &Session) -> Result<(), SshError> {
    let ended = session.run("exec sh -s", INSTALL.as_bytes(), INSTALL_TIMEOUT).await?;
    match ended.code {
        Some(0) => Ok(()),
        Some(code) => Err(SshError::Command(format!(
            "installing Docker there failed with code {code}: {}",
            last_line(&ended.output)
        ))),
        None => Err(SshError::Command("installing Docker there was cut off".to_owned())),
    }
}

impl Machine {
    /// Room on the disk that holds `path`; `None` if the machine does not say.
    pub(in crate::engine::docker) async fn disk(&self, path: &str) -> Option<Disk> {
        let session = self.session().await.ok()?;
        let path = format!("{path}\n");
        let ended = session.run(DF, path.as_bytes(), DF_TIMEOUT).await.ok()?;
        disk(&ended.output)
    }
}

/// The last line of POSIX `df`: name, size, used, free, percentage, place.
fn disk(output: &str) -> Option<Disk> {
    let mut words = last_line(output).split_ascii_whitespace().skip(1);
    let mut bytes = || words.next()?.parse::<u64>().ok()?.checked_mul(1024);
    Some(Disk { total_bytes: bytes()?, used_bytes: bytes()? })
}

pub(super) fn last_line(output: &str) -> &str {
    output.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it said nothing")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks_are_read_from_words() {
        let text = "Filesystem     1024-blocks     Used Available Capacity Mounted on\n\
                    /dev/sda1         10240000  2048000   8192000      20% /var\n";
        let found = Disk { total_bytes: 10_485_760_000, used_bytes: 2_097_152_000 };
        assert_eq!(disk(text), Some(found));
        assert_eq!(disk("df: /var/lib/docker: No such file or directory\n"), None);
        assert_eq!(disk(""), None);
    }
}
