//! Files in the memory of a machine: what [`super::super::memory`] does on this one.

use std::time::Duration;

use super::Machine;
use super::failure::SshError;
use super::setup::last_line;
use crate::engine::EngineError;

/// How long a machine may take over some files.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Reads a name and an archive; says where it was unpacked. Nothing of it depends on anything that
/// somebody typed: the name is digits.
const KEEP: &str = r#"exec sh -c 'set -eu
read -r name
umask 077
own=$(id -u)
for place in /run/ranchette "${XDG_RUNTIME_DIR:-/nowhere}/ranchette" "/dev/shm/ranchette-$own"; do
    case $place in /run/ranchette) [ "$own" = 0 ] || continue ;; esac
    [ ! -L "$place" ] || continue
    mkdir -p "$place/secrets" 2>/dev/null || continue
    [ -O "$place" ] && [ "$(stat -f -c %T "$place/secrets")" = tmpfs ] || continue
    chmod 700 "$place" "$place/secrets"
    mkdir -p "$place/secrets/$name"
    chmod 755 "$place/secrets/$name"
    tar -xpf - -C "$place/secrets/$name"
    echo "$place/secrets/$name"
    exit 0
done
echo "no folder in memory is ours" >&2
exit 1'"#;

/// Reads a name and removes what was unpacked for it.
const DISCARD: &str = r#"exec sh -c 'set -eu
read -r name
[ -n "$name" ]
for place in /run/ranchette "${XDG_RUNTIME_DIR:-/nowhere}/ranchette" "/dev/shm/ranchette-$(id -u)"; do
    rm -rf "$place/secrets/$name"
done'"#;

impl Machine {
    /// Unpacks an archive into a directory in memory; where that is.
    pub(in crate::engine::docker) async fn keep(
        &self,
        name: &str,
        tar: &[u8],
    ) -> Result<String, EngineError> {
        let input = [name.as_bytes(), b"\n", tar].concat();
        let said = self.ask(KEEP, &input).await?;
        Ok(last_line(&said).to_owned())
    }

    /// Removes the directory of that name.
    pub(in crate::engine::docker) async fn discard(&self, name: &str) -> Result<(), EngineError> {
        self.ask(DISCARD, format!("{name}\n").as_bytes()).await.map(drop)
    }

    async fn ask(&self, command: &'static str, input: &[u8]) -> Result<String, EngineError> {
        let session = self.session().await.map_err(|error| self.failure(&error))?;
        match session.run(command, input, TIMEOUT).await {
            Ok(ended) if ended.code == Some(0) => Ok(ended.output),
            Ok(ended) => Err(EngineError::PermissionDenied {
                what: "secrets".to_owned(),
                detail: last_line(&ended.output).to_owned(),
            }),
            Err(error @ SshError::Command(_)) => Err(EngineError::Other {
                what: "secrets".to_owned(),
                detail: error.to_string(),
                transient: crate::engine::error::Transient::Yes,
            }),
            Err(error) => Err(self.failure(&error)),
        }
    }
}
