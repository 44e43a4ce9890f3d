//! Actions and links that give out tickets: logs, commands, statistics, and the way to a port.

use serde_json::{Map, Value};

use super::host::require_infrastructure;
use super::{Access, Answer};
use crate::api::streams::tickets::{ExecOutput, OLD_STATS_PATH, Purpose, STATS_PATH, Scheme};
use crate::api::streams::{self, log_options};
use crate::engine::{ExecSpec, Stdin, Terminal};
use crate::error::{Error, Result};
use crate::model::{id, registry};

/// The port of a proxy when nothing is said of it.
const HTTP: i64 = 80;

fn ticket(access: &Access<'_>, ty: &'static str, purpose: Purpose) -> Answer {
    let fields = streams::access(access.state, access.caller, access.origin, purpose);
    Answer::Object(ty, fields)
}

/// `logs`.
pub fn logs(access: &Access<'_>, input: &Map<String, Value>) -> Result<Answer> {
    let options = log_options(input, access.state.clock.now_ms())?;
    let purpose = Purpose::Logs { container: access.row.id, options };
    Ok(ticket(access, "hostAccess", purpose))
}

/// `execute`.
pub fn execute(access: &Access<'_>, input: &Map<String, Value>) -> Result<Answer> {
    if access.row.flag("system") {
        let what = || format!("system container `{}`", access.row.display_name());
        require_infrastructure(access.read, access.caller, what)?;
    }
    let flag = |field: &str| input.get(field).and_then(Value::as_bool).unwrap_or(true);
    let words = input.get("command").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let command: Vec<String> = words.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    if command.is_empty() {
        let message = "a command needs at least one word, such as [\"/bin/sh\"]";
        return Err(Error::field("MissingRequired", "command").message(message));
    }
    let spec = ExecSpec {
        command,
        terminal: if flag("tty") { Terminal::Tty } else { Terminal::None },
        stdin: if flag("attachStdin") { Stdin::Attached } else { Stdin::Closed },
    };
    let output = if flag("attachStdout") { ExecOutput::Attached } else { ExecOutput::Dropped };
    let purpose = Purpose::Exec { container: access.row.id, spec, output };
    Ok(ticket(access, "hostAccess", purpose))
}

/// `proxy`: a port of the container, over HTTP or HTTPS.
pub fn proxy(access: &Access<'_>, input: &Map<String, Value>) -> Result<Answer> {
    if access.row.flag("system") {
        let what = || format!("system container `{}`", access.row.display_name());
        require_infrastructure(access.read, access.caller, what)?;
    }
    let scheme = match input.get("scheme").and_then(Value::as_str) {
        Some("https") => Scheme::Https,
        _ => Scheme::Http,
    };
    let port = input.get("port").and_then(Value::as_i64).unwrap_or(HTTP);
    let fault = |code, what: &str| {
        Err(Error::field(code, "port").message(format!("port {port} is {what}")))
    };
    let port = match u16::try_from(port) {
        Ok(0) => return fault("MinLimitExceeded", "less than 1"),
        Err(_) => return fault("MaxLimitExceeded", "more than 65535"),
        Ok(port) => port,
    };
    streams::whereabouts(access.read, access.row)?;
    let purpose = Purpose::Proxy { container: access.row.id, port, scheme };
    Ok(ticket(access, "hostAccess", purpose))
}

/// `containerStats` of a container.
pub fn container_stats(access: &Access<'_>) -> Result<Answer> {
    Ok(ticket(access, "statsAccess", of_container(access)))
}

/// `stats` of a container: the same, where older clients look for it.
pub fn stats(access: &Access<'_>) -> Result<Answer> {
    Ok(match ticket(access, "statsAccess", of_container(access)) {
        Answer::Object(ty, mut fields) => {
            let url = fields.get("url").and_then(Value::as_str);
            let url = url.map(|url| url.replacen(STATS_PATH, OLD_STATS_PATH, 1));
            fields.insert("url".to_owned(), url.into());
            Answer::Object(ty, fields)
        }
        other @ (Answer::Row(_) | Answer::Rows(..) | Answer::File(_)) => other,
    })
}

fn of_container(access: &Access<'_>) -> Purpose {
    let row = access.row;
    let prefix = registry::lookup("instance").map_or("", |entry| entry.prefix.as_str());
    let external_id =
        row.str("externalId").map_or_else(|| id::format(prefix, row.id), str::to_owned);
    Purpose::ContainerStats { container: row.id, external_id }
}

/// `containerStats` of a service.
pub fn service_stats(access: &Access<'_>) -> Result<Answer> {
    let purpose = Purpose::ServiceStats { service: access.row.id };
    Ok(ticket(access, "statsAccess", purpose))
}

/// `containerStats` of a host.
pub fn host_containers(access: &Access<'_>) -> Result<Answer> {
    Ok(ticket(access, "statsAccess", Purpose::HostContainers { host: access.row.id }))
}

/// `hostStats` of a host.
pub fn host_stats(access: &Access<'_>) -> Result<Answer> {
    Ok(ticket(access, "statsAccess", Purpose::HostStats { host: access.row.id }))
}

/// `hostStats` of an environment.
pub fn project_stats(access: &Access<'_>) -> Result<Answer> {
    Ok(ticket(access, "statsAccess", Purpose::ProjectStats { project: access.row.id }))
}
