//! Which addresses may be called. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// What an address is that is not called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// This machine.
    Loopback,
    /// The wire that this machine is at.
    LinkLocal,
    /// Where clouds tell machines their secrets.
    Metadata,
    /// A private network.
    Private,
    /// No single machine: unspecified, multicast, broadcast, reserved.
    Nobody,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Loopback => "a loopback address",
            Self::LinkLocal => "a link-local address",
            Self::Metadata => "the address of a metadata service",
            Self::Private => "an address of a private network",
            Self::Nobody => "the address of no single machine",
        })
    }
}

/// Whether private networks are called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Private {
    /// They are: a server at home talks to its neighbours.
    #[default]
    Allowed,
    /// They are not.
    Blocked,
}

/// Which addresses may be called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Always.
    pub allow: Vec<IpNet>,
    /// Addresses of private networks.
    pub private: Private,
}

/// Metadata services beside those at link-local addresses: Alibaba, Azure, Oracle, AWS over IPv6.
const METADATA: &[IpAddr] = &[
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 250)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

impl Rules {
    /// Rules as settings say them: addresses and networks that are allowed, separated by commas or spaces.
    ///
    /// # Errors
    /// Which word is neither.
    pub fn parse(allow: &str, private: Private) -> Result<Self, String> {
        let words = allow.split([',', ' ', '\n']).map(str::trim).filter(|word| !word.is_empty());
        let allow = words.map(|word| {
            let network = word.parse::<IpNet>().ok();
            let network = network.or_else(|| word.parse::<IpAddr>().ok().map(IpNet::from));
            network.ok_or_else(|| format!("`{word}` is no address and no network"))
        });
        Ok(Self { allow: allow.collect::<Result<_, _>>()?, private })
    }

    /// Whether an address may be called.
    ///
    /// # Errors
    /// What it is, when it may not.
    pub fn check(&self, address: IpAddr) -> Result<(), Kind> {
        let meant = meant(address);
        if self.allow.iter().any(|own| own.contains(&address) || own.contains(&meant)) {
            return Ok(());
        }
        match kind(meant) {
            None => Ok(()),
            Some(Kind::Private) if self.private == Private::Allowed => Ok(()),
            Some(kind) => Err(kind),
        }
    }
}

/// The address that is reached in the end: IPv4 is hidden in IPv6 in several ways.
fn meant(address: IpAddr) -> IpAddr {
    let IpAddr::V6(six) = address else { return address };
    let [a, b, c, d, e, f, g, h] = six.segments();
    let four = |high: u16, low: u16| {
        let [[a, b], [c, d]] = [high, low].map(u16::to_be_bytes);
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match [a, b, c, d, e, f] {
        // ::ffff:0:0/96 is mapped, ::/96 compatible; :: and ::1 are what they are.
        [0, 0, 0, 0, 0, 0xffff] => four(g, h),
        [0, 0, 0, 0, 0, 0] if six != Ipv6Addr::LOCALHOST && six != Ipv6Addr::UNSPECIFIED => {
            four(g, h)
        }
        // NAT64 and its local use, SIIT, 6to4.
        [0x64, 0xff9b, 0, 0, 0, 0] | [0x64, 0xff9b, 1, _, _, _] | [0, 0, 0, 0, 0xffff, 0] => {
            four(g, h)
        }
        [0x2002, high, low, _, _, _] => four(high, low),
        _ => address,
    }
}

fn kind(address: IpAddr) -> Option<Kind> {
    if METADATA.contains(&address) {
        return Some(Kind::Metadata);
    }
    match address {
        IpAddr::V4(four) => kind_of_four(four),
        IpAddr::V6(six) => kind_of_six(six),
    }
}

fn kind_of_four(address: Ipv4Addr) -> Option<Kind> {
    match address.octets() {
        [127, ..] => Some(Kind::Loopback),
        [169, 254, ..] => Some(Kind::LinkLocal),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => Some(Kind::Private),
        // "This network", protocol assignments, benchmarks, multicast, reserved.
        [0, ..] | [192, 0, 0, _] | [198, 18..=19, ..] | [224..=255, ..] => Some(Kind::Nobody),
        _ => None,
    }
}

fn kind_of_six(address: Ipv6Addr) -> Option<Kind> {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Some(Kind::Loopback),
        [0xfe80..=0xfebf, ..] => Some(Kind::LinkLocal),
        [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] => Some(Kind::Private),
        // Unspecified, discarded, Teredo and other assignments, multicast.
        [0, 0, 0, 0, 0, 0, 0, 0]
        | [0x100, 0, 0, 0, ..]
        | [0x2001, 0..=0x1ff, ..]
        | [0xff00..=0xffff, ..] => Some(Kind::Nobody),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rules: &Rules, address: &str, expect: Option<Kind>) {
        let parsed = address.parse().expect("an address");
        assert_eq!(rules.check(parsed).err(), expect, "{address}");
    }

    #[test]
    fn addresses() {
        use Kind::{LinkLocal, Loopback, Metadata, Nobody, Private};
        let rules = Rules { private: super::Private::Blocked, ..Rules::default() };
        for (address, expect) in [
            ("93.184.215.14", None),
            ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", None),
            ("127.0.0.1", Some(Loopback)),
            ("127.255.1.2", Some(Loopback)),
            ("::1", Some(Loopback)),
            ("::ffff:127.0.0.1", Some(Loopback)),
            ("::127.0.0.1", Some(Loopback)),
            ("64:ff9b::7f00:1", Some(Loopback)),
            ("64:ff9b:1::7f00:1", Some(Loopback)),
            ("2002:7f00:1::", Some(Loopback)),
            ("::ffff:0:127.0.0.1", Some(Loopback)),
            ("169.254.1.1", Some(LinkLocal)),
            ("fe80::1", Some(LinkLocal)),
            ("169.254.169.254", Some(Metadata)),
            ("::ffff:169.254.169.254", Some(Metadata)),
            ("2002:a9fe:a9fe::1", Some(Metadata)),
            ("fd00:ec2::254", Some(Metadata)),
            ("100.100.100.200", Some(Metadata)),
            ("168.63.129.16", Some(Metadata)),
            ("10.1.2.3", Some(Private)),
            ("172.31.0.1", Some(Private)),
            ("172.32.0.1", None),
            ("192.168.0.1", Some(Private)),
            ("100.64.0.1", Some(Private)),
            ("fd12::1", Some(Private)),
            ("::ffff:10.0.0.1", Some(Private)),
            ("0.0.0.0", Some(Nobody)),
            ("0.1.2.3", Some(Nobody)),
            ("::", Some(Nobody)),
            ("224.0.0.1", Some(Nobody)),
            ("255.255.255.255", Some(Nobody)),
            ("ff02::1", Some(Nobody)),
        ] {
            check(&rules, address, expect);
        }
    }

    #[test]
    fn what_is_allowed() {
        let rules = Rules::parse("127.0.0.1, 169.254.169.254/32 fd00::/8", Private::Blocked);
        let rules = rules.expect("rules");
        for (address, expect) in [
            ("127.0.0.1", None),
            ("::ffff:127.0.0.1", None),
            ("127.0.0.2", Some(Kind::Loopback)),
            ("169.254.169.254", None),
            ("fd12::1", None),
            ("10.0.0.1", Some(Kind::Private)),
        ] {
            check(&rules, address, expect);
        }
        let home = Rules::parse("", self::Private::Allowed).expect("rules");
        check(&home, "10.0.0.1", None);
        check(&home, "fd12::1", None);
        check(&home, "127.0.0.1", Some(Kind::Loopback));
        check(&home, "100.100.100.200", Some(Kind::Metadata));
        assert_eq!(
            Rules::parse("10.0.0.0/8 home", self::Private::Allowed),
            Err("`home` is no address and no network".to_owned())
        );
    }
}
