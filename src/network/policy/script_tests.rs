//! What `nft` is told, letter by letter.

use expect_test::{Expect, expect};

use super::*;
use crate::network::policy::plan::tests::{fenced, world};

const INSTALLATION: &str = "0a1b2c3d-4e5f-6789-abcd-ef0123456789";

fn table() -> Table {
    Table::new(INSTALLATION, "10.42.0.0/16").unwrap()
}

/// A default of deny, with rules.
fn fence(text: &str, policy: &str) -> Fence {
    fenced(world(text), "deny", policy).unwrap()
}

const STACKS: &str = r#"[{"action": "allow", "within": "stack"}]"#;

#[test]
fn a_table_is_made_whole() {
    let policy = r#"[
        {"action": "deny", "from": {"selector": "a=b"}, "ports": ["22", "8000-8010/tcp", "8005-9000", "53/udp"]},
        {"action": "allow", "within": "stack"}
    ]"#;
    let fence = fence("shop/web 2 a=b\nshop/db 3\nblog/web 4\nblog/db 5\n- 6 system", policy);
    expect![[r#"
        add table bridge ranchette_0a1b2c3d4e5f_10_42_0_0_16
        delete table bridge ranchette_0a1b2c3d4e5f_10_42_0_0_16
        table bridge ranchette_0a1b2c3d4e5f_10_42_0_0_16 {
        	set asked {
        		type ipv4_addr . ipv4_addr . inet_service . inet_service
        		size 65535
        		flags dynamic,timeout
        		timeout 5m
        	}
        	set pinged {
        		type ipv4_addr . ipv4_addr
        		size 65535
        		flags dynamic,timeout
        		timeout 1m
        	}
        	chain pass {
        		ip protocol udp update @asked { ip daddr . ip saddr . udp dport . udp sport }
        		icmp type echo-request update @pinged { ip daddr . ip saddr }
        		accept
        	}
        	set s0p0from {
        		type ipv4_addr
        		elements = { 10.42.0.6 }
        	}
        	set s0p1to {
        		type ipv4_addr
        		elements = { 10.42.0.6 }
        	}
        	set s1p0from {
        		type ipv4_addr
        		elements = { 10.42.0.2 }
        	}
        	set s2p0 {
        		type ipv4_addr
        		elements = { 10.42.0.2, 10.42.0.3 }
        	}
        	set s2p1 {
        		type ipv4_addr
        		elements = { 10.42.0.4, 10.42.0.5 }
        	}
        	chain rules {
        		ip frag-off & 0x1fff != 0 accept
        		ip protocol tcp tcp flags & (syn | ack) != syn accept
        		ip saddr . ip daddr . udp sport . udp dport @asked update @asked { ip saddr . ip daddr . udp sport . udp dport } accept
        		icmp type echo-reply ip saddr . ip daddr @pinged accept
        		icmp type { destination-unreachable, time-exceeded, parameter-problem } accept
        		ip saddr @s0p0from goto pass comment "infrastructure"
        		ip daddr @s0p1to goto pass comment "infrastructure"
        		ip saddr @s1p0from tcp dport { 22, 8000-9000 } drop comment "rule 1: from and to"
        		ip saddr @s1p0from udp dport { 53 } drop comment "rule 1: from and to"
        		ip saddr @s2p0 ip daddr @s2p0 goto pass comment "rule 2: within stack"
        		ip saddr @s2p1 ip daddr @s2p1 goto pass comment "rule 2: within stack"
        		drop
        	}
        	chain forward {
        		type filter hook forward priority filter; policy accept;
        		ip saddr 10.42.0.0/16 ip daddr 10.42.0.0/16 jump rules
        	}
        }
    "#]]
    .assert_eq(&table().creation(&fence));
}

fn check(before: &str, after: &str, expect: Expect) {
    let (before, after) = (fence(before, STACKS), fence(after, STACKS));
    let text = match table().change(&before, &after) {
        Change::Nothing => "nothing".to_owned(),
        Change::Script(text) => text,
    };
    expect.assert_eq(&text);
}

#[test]
fn a_change_of_members_is_a_change_of_sets() {
    let two = "shop/web 2\nshop/db 3";
    check(two, "shop/db 3\nshop/web 2", expect!["nothing"]);
    check(two, "shop/web 2\nshop/db 3\nblog/web 4", expect!["nothing"]);
    check(
        two,
        "shop/web 2\nshop/db 4\nshop/db 5",
        expect![[r#"
        add element bridge ranchette_0a1b2c3d4e5f_10_42_0_0_16 s0p0 { 10.42.0.4, 10.42.0.5 }
        delete element bridge ranchette_0a1b2c3d4e5f_10_42_0_0_16 s0p0 { 10.42.0.3 }
    "#]],
    );
}

#[test]
fn a_change_of_rules_replaces_them() {
    check(
        "shop/web 2\nshop/db 3",
        "shop/web 2\nshop/db 3\nblog/web 4\nblog/db 5",
        expect![[r#"
        flush chain bridge ranchette_0a1b2c3d4e5f_10_42_0_0_16 rules
        delete set bridge ranchette_0a1b2c3d4e5f_10_42_0_0_16 s0p0
        table bridge ranchette_0a1b2c3d4e5f_10_42_0_0_16 {
        	set s0p0 {
        		type ipv4_addr
        		elements = { 10.42.0.2, 10.42.0.3 }
        	}
        	set s0p1 {
        		type ipv4_addr
        		elements = { 10.42.0.4, 10.42.0.5 }
        	}
        	chain rules {
        		ip frag-off & 0x1fff != 0 accept
        		ip protocol tcp tcp flags & (syn | ack) != syn accept
        		ip saddr . ip daddr . udp sport . udp dport @asked update @asked { ip saddr . ip daddr . udp sport . udp dport } accept
        		icmp type echo-reply ip saddr . ip daddr @pinged accept
        		icmp type { destination-unreachable, time-exceeded, parameter-problem } accept
        		ip saddr @s0p0 ip daddr @s0p0 goto pass comment "rule 1: within stack"
        		ip saddr @s0p1 ip daddr @s0p1 goto pass comment "rule 1: within stack"
        		drop
        	}
        }
    "#]],
    );
    check(
        "shop/web 2\nshop/db 3",
        "shop/web 2",
        expect![[r#"
        flush chain bridge ranchette_0a1b2c3d4e5f_10_42_0_0_16 rules
        delete set bridge ranchette_0a1b2c3d4e5f_10_42_0_0_16 s0p0
        table bridge ranchette_0a1b2c3d4e5f_10_42_0_0_16 {
        	chain rules {
        		ip frag-off & 0x1fff != 0 accept
        		ip protocol tcp tcp flags & (syn | ack) != syn accept
        		ip saddr . ip daddr . udp sport . udp dport @asked update @asked { ip saddr . ip daddr . udp sport . udp dport } accept
        		icmp type echo-reply ip saddr . ip daddr @pinged accept
        		icmp type { destination-unreachable, time-exceeded, parameter-problem } accept
        		drop
        	}
        }
    "#]],
    );
}

#[test]
fn names_of_tables_say_whose_they_are_and_what_for() {
    let own = table();
    assert_eq!(own.to_string(), "ranchette_0a1b2c3d4e5f_10_42_0_0_16");
    assert_eq!(Table::parse(&own.to_string()), Some(own.clone()));
    assert!(own.is_of(INSTALLATION));
    assert!(!own.is_of("0a1b2c3d-4e5e-6789-abcd-ef0123456789"));
    assert!(!own.is_of(""));
    let other = |subnet: &str| Table::new("ffffffffffff", subnet).unwrap();
    assert!(own.overlaps(&other("10.42.0.0/16")));
    assert!(own.overlaps(&other("10.42.16.0/20")));
    assert!(other("10.42.16.0/20").overlaps(&own));
    assert!(!own.overlaps(&other("10.43.0.0/16")));
    for name in [
        "ranchette_a_10_42_0_0",
        "ranchette_a_10_42_0_0_0",
        "ranchette_a_10_42_0_0_33",
        "ranchette__1_1_1_1_8",
        "filter",
    ] {
        assert_eq!(Table::parse(name), None, "{name}");
    }
    for subnet in ["10.42.0.0", "10.42.0/16", "10.42.0.0/99"] {
        assert_eq!(Table::new(INSTALLATION, subnet), None, "{subnet}");
    }
}
