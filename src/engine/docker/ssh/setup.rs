//! Installing Docker on a machine.

use std::time::Duration;

use super::failure::SshError;
use super::session::Session;

/// How long an installation may take: a slow mirror and a slow disk together.
const INSTALL_TIMEOUT: Duration = Duration::from_secs(900);

/// What runs on the machine; nothing of it depends on anything that somebody typed.
const INSTALL: &str = include_str!("install.sh");

/// Installs Docker from the machine's distribution.
pub(super) async fn install(session: &Session) -> Result<(), SshError> {
    let ended = session.run(INSTALL, INSTALL_TIMEOUT).await?;
    match ended.code {
        Some(0) => Ok(()),
        Some(code) => Err(SshError::Command(format!(
            "installing Docker there failed with code {code}: {}",
            last_line(&ended.output)
        ))),
        None => Err(SshError::Command("installing Docker there was cut off".to_owned())),
    }
}

fn last_line(output: &str) -> &str {
    output.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it said nothing")
}
