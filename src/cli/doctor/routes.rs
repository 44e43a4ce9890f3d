//! Whether anybody else on this machine uses the subnet that containers are to have.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::judge::Check;
use crate::engine::docker::DockerNetwork;

/// The kernel's routes.
const ROUTES: &str = "/proc/net/route";

/// A route of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Route {
    interface: String,
    network: Ipv4Net,
}

/// The subnet against the engine's networks and this machine's routes.
pub fn check(subnet: Ipv4Net, networks: &[DockerNetwork]) -> Check {
    let routes = std::fs::read_to_string(ROUTES).unwrap_or_default();
    judge(subnet, networks, &parse(&routes))
}

/// What the kernel's table says: addresses and masks are hexadecimal numbers in the machine's byte order.
fn parse(text: &str) -> Vec<Route> {
    let number = |field: Option<&&str>| {
        let number = u32::from_str_radix(field?, 16).ok()?;
        Some(Ipv4Addr::from(number.to_ne_bytes()))
    };
    let route = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (address, mask) = (number(fields.get(1))?, number(fields.get(7))?);
        let network = Ipv4Net::with_netmask(address, mask).ok()?;
        Some(Route { interface: (*fields.first()?).to_owned(), network })
    };
    // The way to everything else is in nobody's way.
    text.lines().skip(1).filter_map(route).filter(|route| route.network.prefix_len() > 0).collect()
}

fn judge(subnet: Ipv4Net, networks: &[DockerNetwork], routes: &[Route]) -> Check {
    const NAME: &str = "subnet";
    const HINT: &str = "choose another with the option network.subnet";
    let overlaps = |other: &Ipv4Net| other.contains(&subnet) || subnet.contains(other);
    let taken = |network: &&DockerNetwork| {
        let subnets = network.subnets.iter().filter_map(|text| text.parse().ok());
        !network.is_ours && subnets.into_iter().any(|other: Ipv4Net| overlaps(&other))
    };
    if let Some(network) = networks.iter().find(taken) {
        let text = format!("Docker's network `{}` already has a part of {subnet}", network.name);
        return Check::problem(NAME, text).hint(HINT);
    }
    let own =
        |route: &Route| networks.iter().any(|one| one.is_ours && one.interface == route.interface);
    match routes.iter().find(|route| overlaps(&route.network) && !own(route)) {
        Some(Route { interface, network }) => {
            let text = format!(
                "{network} is reached through {interface}: containers in {subnet} may not be"
            );
            Check::warning(NAME, text).hint(HINT)
        }
        None => Check::ok(NAME, format!("nobody else uses {subnet}")),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    const TABLE: &str = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\n\
                         eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\n\
                         eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\n\
                         cni0\t00002A0A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\n\
                         br-0123456789ab\t00002B0A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\n\
                         short\n";

    fn check(subnet: &str, expect: Expect) {
        let networks = [
            DockerNetwork {
                name: "ranchette-1a5".to_owned(),
                interface: "br-0123456789ab".to_owned(),
                subnets: vec!["10.43.0.0/16".to_owned()],
                is_ours: true,
            },
            DockerNetwork {
                name: "bridge".to_owned(),
                interface: "docker0".to_owned(),
                subnets: vec!["172.17.0.0/16".to_owned()],
                is_ours: false,
            },
        ];
        let found = judge(subnet.parse().unwrap(), &networks, &parse(TABLE));
        expect.assert_eq(&format!("{:?}: {}", found.level, found.message));
    }

    #[test]
    fn the_kernels_table_is_read() {
        let shown: Vec<String> = parse(TABLE)
            .iter()
            .map(|route| format!("{} {}", route.interface, route.network))
            .collect();
        expect!["eth0 192.0.2.0/24, cni0 10.42.0.0/16, br-0123456789ab 10.43.0.0/16"]
            .assert_eq(&shown.join(", "));
        assert_eq!(parse(""), []);
    }

    #[test]
    fn a_subnet_is_ours_alone() {
        check("10.44.0.0/16", expect!["Ok: nobody else uses 10.44.0.0/16"]);
        check("10.43.0.0/16", expect!["Ok: nobody else uses 10.43.0.0/16"]);
        check(
            "10.42.8.0/24",
            expect![
                "Warning: 10.42.0.0/16 is reached through cni0: containers in 10.42.8.0/24 may not be"
            ],
        );
        check(
            "172.16.0.0/12",
            expect!["Problem: Docker's network `bridge` already has a part of 172.16.0.0/12"],
        );
    }
}
