//! Port lines as the API writes them: `[ip:][public:]private[/protocol]`.

use super::PortBinding;

/// Reads a port line. IPv6 addresses stand in brackets: `[::1]:80:8080/tcp`.
///
/// The error says what is wrong with the line, without naming it.
pub fn parse_port(line: &str) -> Result<PortBinding, String> {
    let (spec, protocol) = line.split_once('/').unwrap_or((line, "tcp"));
    let protocol = protocol.to_ascii_lowercase();
    if !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
        return Err(format!("has the unknown protocol `{protocol}`"));
    }
    let (bind, rest) = match spec.strip_prefix('[') {
        Some(open) => open.split_once("]:").ok_or("lacks `]:` after its address")?,
        None => match spec.rsplitn(3, ':').collect::<Vec<_>>().as_slice() {
            [_, _, bind] => (*bind, &spec[bind.len() + 1..]),
            _ => ("", spec),
        },
    };
    let (public, private) = rest.split_once(':').unwrap_or(("", rest));
    let public = if public.is_empty() { None } else { Some(number(public)?) };
    Ok(PortBinding { private: number(private)?, protocol, public, bind: bind.to_owned() })
}

/// Reads a port that is only announced, `private[/protocol]`, into Docker's form `80/tcp`.
pub fn parse_expose(line: &str) -> Result<String, String> {
    let port = parse_port(line)?;
    Ok(format!("{}/{}", port.private, port.protocol))
}

fn number(text: &str) -> Result<u16, String> {
    match text.parse::<u16>() {
        Ok(port) if port > 0 => Ok(port),
        Ok(_) | Err(_) => Err(format!("has no port between 1 and 65535 in `{text}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expect: &str) {
        let got = match parse_port(line) {
            Ok(p) => format!("{}|{:?}|{}|{}", p.bind, p.public, p.private, p.protocol),
            Err(problem) => problem,
        };
        assert_eq!(got, expect, "{line}");
    }

    #[test]
    fn port_lines() {
        check("80", "|None|80|tcp");
        check("8080:80", "|Some(8080)|80|tcp");
        check("8080:80/UDP", "|Some(8080)|80|udp");
        check("127.0.0.1:8080:80", "127.0.0.1|Some(8080)|80|tcp");
        check("127.0.0.1::80/tcp", "127.0.0.1|None|80|tcp");
        check("[::1]:53:53/udp", "::1|Some(53)|53|udp");
        check("[::1]53", "lacks `]:` after its address");
        check("80/icmp", "has the unknown protocol `icmp`");
        check("0:80", "has no port between 1 and 65535 in `0`");
        check("x", "has no port between 1 and 65535 in `x`");
    }
}
