//! Port lines as containers have them: `[ip:][public:]private[/tcp or udp]`, with Rancher's error codes.

use serde_json::Value;

use crate::error::{Error, Result};
use crate::model::port::{PortError, PortSpec};

/// Checks the `ports` of a container or launch configuration.
///
/// # Errors
/// 422 with the code that says which part is wrong.
pub fn check(ports: Option<&Value>) -> Result<()> {
    let lines = ports.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    lines.iter().filter_map(Value::as_str).try_for_each(check_line)
}

fn check_line(line: &str) -> Result<()> {
    let Err(error) = line.parse::<PortSpec>() else { return Ok(()) };
    let message = match &error {
        PortError::WrongFormat(_) => error.to_string(),
        PortError::InvalidPrivatePort(_)
        | PortError::InvalidProtocol(_)
        | PortError::InvalidPublicPort(_) => format!("port `{line}`: {error}"),
    };
    Err(Error::field(error.code(), "ports").message(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_lines() {
        for (line, code) in [
            ("80", None),
            ("8080:80/udp", None),
            ("127.0.0.1:8080:80/TCP", None),
            ("127.0.0.1::80", None),
            ("", Some("PortWrongFormat")),
            ("x:80:80", Some("PortWrongFormat")),
            ("80/icmp", Some("PortInvalidProtocol")),
            ("80:70000", Some("PortInvalidPrivatePort")),
            ("70000:80", Some("PortInvalidPublicPort")),
        ] {
            let found = check(Some(&serde_json::json!([line]))).err().map(|error| error.code);
            assert_eq!(found, code, "{line}");
        }
    }
}
