//! The port grammar of containers and services: `[ip:][public:]private[/tcp|udp]`.
//!
//! An IPv6 address stands in brackets (`[::1]:8080:80`), and an address without a public port is
//! written `ip::private`. Source: behaviour of Rancher 1.6, container create validation.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// The transport protocols a port can be published for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// What a port without a suffix means.
    #[default]
    Tcp,
    /// Written `/udp`.
    Udp,
}

impl Protocol {
    /// The lower-case word of the API: `tcp` or `udp`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One published or exposed port as a user writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PortSpec {
    /// The host address to bind; none means every address.
    pub address: Option<IpAddr>,
    /// The port on the host, 1-65535; none means "not chosen yet".
    pub public: Option<u16>,
    /// The port inside the container, 1-65535.
    pub private: u16,
    /// The transport protocol.
    pub protocol: Protocol,
}

/// Why a port does not parse. The API answers 422 with [`PortError::code`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// Not of the shape `[ip:][public:]private[/protocol]`.
    #[error("port `{0}` is not of the form [ip:][public:]private[/tcp|udp]")]
    WrongFormat(String),
    /// The public port is 0 or above 65535.
    #[error("public port `{0}` is not between 1 and 65535")]
    InvalidPublicPort(String),
    /// The private port is 0 or above 65535.
    #[error("private port `{0}` is not between 1 and 65535")]
    InvalidPrivatePort(String),
    /// The protocol is neither tcp nor udp.
    #[error("protocol `{0}` is neither tcp nor udp")]
    InvalidProtocol(String),
}

impl PortError {
    /// The error code of the Rancher API.
    pub fn code(&self) -> &'static str {
        match self {
            Self::WrongFormat(_) => "PortWrongFormat",
            Self::InvalidPublicPort(_) => "PortInvalidPublicPort",
            Self::InvalidPrivatePort(_) => "PortInvalidPrivatePort",
            Self::InvalidProtocol(_) => "PortInvalidProtocol",
        }
    }
}

impl FromStr for PortSpec {
    type Err = PortError;

    fn from_str(text: &str) -> Result<Self, PortError> {
        let wrong = || PortError::WrongFormat(text.to_owned());
        let text_trimmed = text.trim();
        let (ports, protocol) = match text_trimmed.split_once('/') {
            Some((ports, protocol)) => (ports, protocol_parse(protocol)?),
            None => (text_trimmed, Protocol::Tcp),
        };
        let (address, ports) = address_split(ports).ok_or_else(wrong)?;
        let (public, private) = match ports.split_once(':') {
            Some((public, private)) => (public, private),
            None if address.is_some() => return Err(wrong()),
            None => ("", ports),
        };
        if !digits(private) || !(public.is_empty() || digits(public)) {
            return Err(wrong());
        }
        // `:80` without an address is no form of the grammar, `ip::80` is one.
        if public.is_empty() && address.is_none() && ports.contains(':') {
            return Err(wrong());
        }
        let private =
            number(private).ok_or_else(|| PortError::InvalidPrivatePort(private.to_owned()))?;
        let public = match public {
            "" => None,
            written => Some(
                number(written).ok_or_else(|| PortError::InvalidPublicPort(written.to_owned()))?,
            ),
        };
        Ok(Self { address, public, private, protocol })
    }
}

impl fmt::Display for PortSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.address, self.public) {
            (Some(IpAddr::V6(address)), _) => write!(f, "[{address}]:")?,
            (Some(IpAddr::V4(address)), _) => write!(f, "{address}:")?,
            (None, _) => {}
        }
        match (self.address, self.public) {
            (_, Some(public)) => write!(f, "{public}:")?,
            (Some(_), None) => f.write_str(":")?,
            (None, None) => {}
        }
        write!(f, "{}/{}", self.private, self.protocol)
    }
}

fn protocol_parse(text: &str) -> Result<Protocol, PortError> {
    match text.to_ascii_lowercase().as_str() {
        "tcp" => Ok(Protocol::Tcp),
        "udp" => Ok(Protocol::Udp),
        _ => Err(PortError::InvalidProtocol(text.to_owned())),
    }
}

/// Splits a leading address off; `None` when there is one that does not parse.
fn address_split(text: &str) -> Option<(Option<IpAddr>, &str)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (address, ports) = rest.split_once("]:")?;
        return Some((Some(IpAddr::V6(address.parse().ok()?)), ports));
    }
    if text.matches(':').count() < 2 {
        return Some((None, text));
    }
    let (address, ports) = text.split_once(':')?;
    Some((Some(IpAddr::V4(address.parse().ok()?)), ports))
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn number(text: &str) -> Option<u16> {
    text.parse().ok().filter(|port| *port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A port that parses is shown in its full form, one that does not by its error code.
    fn check(input: &str, expect: &str) {
        let shown = match input.parse::<PortSpec>() {
            Ok(port) => port.to_string(),
            Err(error) => error.code().to_owned(),
        };
        assert_eq!(shown, expect, "port `{input}`");
    }

    #[test]
    fn forms() {
        check("80", "80/tcp");
        check("80/udp", "80/udp");
        check("80/UDP", "80/udp");
        check("8080:80", "8080:80/tcp");
        check("8080:80/udp", "8080:80/udp");
        check("127.0.0.1:8080:80", "127.0.0.1:8080:80/tcp");
        check("127.0.0.1::80/tcp", "127.0.0.1::80/tcp");
        check("[::1]:8080:80", "[::1]:8080:80/tcp");
        check("[2001:db8::5]::53/udp", "[2001:db8::5]::53/udp");
        check(" 80 ", "80/tcp");
        check("65535:1", "65535:1/tcp");
    }

    #[test]
    fn refusals() {
        for wrong in [
            "",
            "/tcp",
            "http",
            "80:http",
            "a:80",
            ":80",
            "8080:",
            "1.2.3:80:80",
            "host:80:80",
            "1.2.3.4:80",
            "[::1]:80",
            "[::1:80:80",
            "::1:80:80",
            "1:2:3:4",
            "-80",
            "+80",
            "80-90",
            "1.2.3.4:80:",
            "8000-8010:80",
        ] {
            check(wrong, "PortWrongFormat");
        }
        check("0", "PortInvalidPrivatePort");
        check("80:0", "PortInvalidPrivatePort");
        check("80:65536", "PortInvalidPrivatePort");
        check("99999999999999999999", "PortInvalidPrivatePort");
        check("0:80", "PortInvalidPublicPort");
        check("65536:80", "PortInvalidPublicPort");
        check("80/sctp", "PortInvalidProtocol");
        check("80/", "PortInvalidProtocol");
        check("80/tcp/udp", "PortInvalidProtocol");
    }

    #[test]
    fn display_parses_back() {
        for text in ["80", "1:2/udp", "1.2.3.4:5:6", "1.2.3.4::6", "[fe80::1]:1:2"] {
            let port: PortSpec = text.parse().expect("a good port");
            assert_eq!(port.to_string().parse(), Ok(port), "port `{text}`");
        }
    }
}
