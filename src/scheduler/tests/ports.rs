//! Public ports.

use expect_test::expect;

use super::world::check;

#[test]
fn a_port_is_used_once_a_host() {
    check(
        "host 1 a
         host 2 b
         place w1 port:80
         place w2 port:80
         place w3 port:80
         place w4 port:80/udp
         place w5 port:81 + side port:80
         stop w1
         place w6 port:80
         start w1
         remove w6
         place w7 port:80
         stop w1
         place w8 port:80",
        expect![[r#"
            w1 -> a
            w2 -> b
            w3: Allocation failed: host needs ports 80/tcp available; no host fits: a and b already use port 80/tcp; hint: stop w1 on a or publish another port than 80/tcp
            w4 -> a
            w5: Allocation failed: host needs ports 81/tcp, 80/tcp available; no host fits: a and b already use port 80/tcp; hint: stop w2 on b or publish another port than 80/tcp
            w6 -> a
            w7: Allocation failed: host needs ports 80/tcp available; no host fits: a and b already use port 80/tcp; hint: stop w2 on b or publish another port than 80/tcp
            w8 -> a"#]],
    );
}

#[test]
fn wildcards_clash_with_every_address() {
    check(
        "host 1 a
         on 1 x port:10.0.0.1:80:80
         place w1 port:80
         place w2 port:0.0.0.0:80:80
         place w3 port:10.0.0.2:80:80
         place w4 port:10.0.0.1:80:80
         on 1 y port:81
         place w5 port:10.0.0.1:81:81
         on 1 z port:[::]:82:82
         place w6 port:[::1]:82:82
         place w7 port:10.0.0.1:83:83",
        expect![[r#"
            w1: Allocation failed: host needs ports 80/tcp available; no host fits: a already uses port 80/tcp; hint: stop x on a or publish another port than 80/tcp
            w2: Allocation failed: host needs ports 80/tcp available; no host fits: a already uses port 80/tcp; hint: stop x on a or publish another port than 80/tcp
            w3 -> a
            w4: Allocation failed: host needs ports 80/tcp available; no host fits: a already uses port 80/tcp; hint: stop x on a or publish another port than 80/tcp
            w5: Allocation failed: host needs ports 81/tcp available; no host fits: a already uses port 81/tcp; hint: stop y on a or publish another port than 81/tcp
            w6: Allocation failed: host needs ports 82/tcp available; no host fits: a already uses port 82/tcp; hint: stop z on a or publish another port than 82/tcp
            w7 -> a"#]],
    );
}

#[test]
fn twice_in_a_unit() {
    check(
        "host 1 a
         place w1 port:80 + side port:80
         place w2 port:80 port:10.0.0.1:80:80
         place w3 port:80 + side port:80/udp
         place w4 port:10.0.0.1:90:80 port:10.0.0.2:90:80",
        expect![[r#"
            w1: Allocation failed: Port 80/tcp requested more than once.
            w2: Allocation failed: Port 80/tcp requested more than once.
            w3 -> a
            w4 -> a"#]],
    );
}

#[test]
fn simultaneous_requests_for_one_port() {
    // Placing and recording in turn, as the controller does, never gives a port away twice.
    let hosts: String = (1..=5).map(|id| format!("host {id} h{id}\n")).collect();
    let places: String = (1..=7).map(|n| format!("place w{n} port:5555\n")).collect();
    check(
        &(hosts + &places),
        expect![[r#"
        w1 -> h1
        w2 -> h2
        w3 -> h3
        w4 -> h4
        w5 -> h5
        w6: Allocation failed: host needs ports 5555/tcp available; no host fits: 5 hosts already use port 5555/tcp; hint: stop w1 on h1 or publish another port than 5555/tcp
        w7: Allocation failed: host needs ports 5555/tcp available; no host fits: 5 hosts already use port 5555/tcp; hint: stop w1 on h1 or publish another port than 5555/tcp"#]],
    );
}

#[test]
fn scheduler_addresses() {
    check(
        "host 1 a label:io.rancher.scheduler.ips=10.0.0.1,10.0.0.2
         place w1 port:80
         place w2 port:80 port:81
         place w3 port:80
         place w4 port:0.0.0.0:81:81
         place w5 port:10.0.0.3:80:80
         place w6 ask:1 port:80",
        expect![[r#"
            w1 -> a [0.0 on 10.0.0.1]
            w2 -> a [0.0 on 10.0.0.2] [0.1 on 10.0.0.1]
            w3: Allocation failed: host needs ports 80/tcp available; no host fits: a already uses port 80/tcp; hint: stop w1 on a or publish another port than 80/tcp
            w4: Allocation failed: host needs ports 81/tcp available; no host fits: a already uses port 81/tcp; hint: stop w2 on a or publish another port than 81/tcp
            w5 -> a
            w6 -> a [0.0 on 10.0.0.1]"#]],
    );
}

#[test]
fn an_old_containers_port_is_free_for_its_successor() {
    check(
        "host 1 a
         on 1 web-1 port:80 unit:u1
         place early unit:u1 port:80
         old web-1
         place late unit:u1 port:80",
        expect![[r#"
            early: Allocation failed: host needs ports 80/tcp available; no host fits: a already uses port 80/tcp; hint: stop web-1 on a or publish another port than 80/tcp
            late -> a"#]],
    );
}

#[test]
fn ports_are_held_until_their_container_is_down() {
    check(
        "host 1 a
         on 1 x port:80 state:stopping
         on 1 y port:81 state:old-stopping
         on 1 z port:82 state:old-stopped
         place w1 port:80
         place w2 port:81
         place w3 port:82",
        expect![[r#"
            w1: Allocation failed: host needs ports 80/tcp available; no host fits: a already uses port 80/tcp; hint: stop x on a or publish another port than 80/tcp
            w2: Allocation failed: host needs ports 81/tcp available; no host fits: a already uses port 81/tcp; hint: stop y on a or publish another port than 81/tcp
            w3 -> a"#]],
    );
}
