//! Port lines as containers have them: `[ip:][public:]private[/tcp or udp]`, with Rancher's error codes.

use serde_json::Value;

use crate::error::{Error, Result};

/// Checks the `ports` of a container or launch configuration.
///
/// # Errors
/// 422 with the code that says which part is wrong.
pub fn check(ports: Option<&Value>) -> Result<()> {
    let lines = ports.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    lines.iter().filter_map(Value::as_str).try_for_each(check_line)
}

fn check_line(line: &str) -> Result<()> {
    let fault = |code: &'static str, what: &str| {
        Err(Error::field(code, "ports").message(format!(
            "port `{line}` {what}; write it as [ip:][public:]private[/tcp or udp]"
        )))
    };
    let (numbers, protocol) = match line.split_once('/') {
        Some((numbers, protocol)) => (numbers, protocol),
        None => (line, "tcp"),
    };
    if !matches!(protocol.to_ascii_lowercase().as_str(), "tcp" | "udp") {
        return fault("PortInvalidProtocol", "names a protocol that is neither tcp nor udp");
    }
    let mut parts = numbers.rsplitn(3, ':');
    let private = parts.next().unwrap_or("");
    let public = parts.next();
    let address = parts.next();
    if !is_number(private) || public.is_some_and(|public| !public.is_empty() && !is_number(public))
    {
        return fault("PortWrongFormat", "is not made of numbers");
    }
    if let Some(address) = address
        && address.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_err()
    {
        return fault("PortWrongFormat", "begins with something that is no IP address");
    }
    if private.parse::<u16>().is_err() {
        return fault("PortInvalidPrivatePort", "has a private port above 65535");
    }
    match public {
        Some(public) if !public.is_empty() && public.parse::<u16>().is_err() => {
            fault("PortInvalidPublicPort", "has a public port above 65535")
        }
        _ => Ok(()),
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_lines() {
        for (line, code) in [
            ("80", None),
            ("8080:80", None),
            ("8080:80/udp", None),
            ("127.0.0.1:8080:80/TCP", None),
            ("127.0.0.1::80", None),
            ("", Some("PortWrongFormat")),
            ("a:80", Some("PortWrongFormat")),
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
