//! The address of an engine's machine, as people reach it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// Addresses of nobody (RFC 5737 and 3849). They are routed like any other that is far away, and nothing is sent.
const FAR: [SocketAddr; 2] = [
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 9),
    SocketAddr::new(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)), 9),
];

/// Where ports that an engine publishes are reached: for one of this machine the address that it reaches others
/// from, as the agent of Rancher has it; a machine without a way out has only itself. For one of another machine
/// the address that it is reached at, unless that is a name.
pub fn of_engine(endpoint: &str) -> Option<IpAddr> {
    let (scheme, rest) = endpoint.split_once("://")?;
    if scheme == "unix" {
        return Some(outgoing().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    }
    let (host, _) = rest.trim_end_matches('/').rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    match host.parse::<IpAddr>() {
        // It may be the near end of a tunnel: where the far end is, nobody says.
        Ok(address) if address.is_loopback() => None,
        Ok(address) => Some(address),
        Err(_) => None,
    }
}

/// The address from which this machine would call somebody far away.
pub fn outgoing() -> Option<IpAddr> {
    FAR.iter().find_map(|far| {
        let any: IpAddr = match far {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((any, 0)).ok()?;
        socket.connect(far).ok()?;
        let own = socket.local_addr().ok()?.ip();
        (!own.is_unspecified() && !own.is_loopback()).then_some(own)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_elsewhere_are_where_they_are_called() {
        let check = |endpoint: &str, expect: Option<&str>| {
            let found = of_engine(endpoint).map(|address| address.to_string());
            assert_eq!(found.as_deref(), expect, "{endpoint}");
        };
        check("tcp://192.0.2.7:2375", Some("192.0.2.7"));
        check("tcp://[2001:db8::7]:2375/", Some("2001:db8::7"));
        check("tcp://docker.example:2375", None);
        check("tcp://127.0.0.1:2375", None);
        check("ssh", None);
    }

    #[test]
    fn an_engine_here_is_at_an_address_of_this_machine() {
        let own = of_engine("unix:///var/run/docker.sock").expect("an address");
        assert!(!own.is_unspecified() && !own.is_multicast(), "{own}");
        // Whatever it is, something can listen there.
        UdpSocket::bind((own, 0)).expect("one of this machine's own");
    }
}
