//! Configurations as text fixtures.

use expect_test::{Expect, expect};

use super::*;

fn target(name: &str, last: u8) -> Target {
    let address = format!("10.42.0.{last}");
    Target { name: name.to_owned(), address, port: 8080, check: None, host: None }
}

/// `port/protocol [host][/path] [!priority]`
fn rule(text: &str, targets: &[(&str, u8)]) -> Rule {
    let mut words = text.split(' ');
    let (port, protocol) = words.next().unwrap().split_once('/').unwrap();
    let mut rule = Rule {
        source_port: port.parse().unwrap(),
        protocol: Protocol::parse(protocol).unwrap(),
        hostname: String::new(),
        path: String::new(),
        priority: None,
        backend: None,
        weight: None,
        targets: targets.iter().map(|(name, last)| target(name, *last)).collect(),
    };
    for word in words {
        if let Some(priority) = word.strip_prefix('!') {
            rule.priority = priority.parse().ok();
        } else {
            let at = word.find('/').unwrap_or(word.len());
            (rule.hostname, rule.path) = (word[..at].to_owned(), word[at..].to_owned());
        }
    }
    rule
}

/// What follows the sections that are always the same.
fn check(balancer: &Balancer, expect: Expect) {
    let text = configuration(balancer);
    let (_, rest) = text.split_once("monitor-uri /\n\n").unwrap();
    expect.assert_eq(rest.trim_end());
}

#[test]
fn another_server_alone_leaves_the_frame_as_it_is() {
    let with = |targets: &[(&str, u8)]| Balancer {
        rules: vec![rule("80/http", targets)],
        ..Balancer::default()
    };
    let one = with(&[("a", 2)]);
    assert_eq!(frame(&one), frame(&with(&[("b", 3), ("c", 4)])));
    let mut others = vec![with(&[])];
    for change in [
        |one: &mut Balancer| one.custom = "global\nmoo".to_owned(),
        |one: &mut Balancer| one.rules[0].path = "/cow".to_owned(),
        |one: &mut Balancer| one.rules[0].targets[0].address = "cow.example".to_owned(),
        |one: &mut Balancer| {
            let request = Some("GET /up HTTP/1.0".to_owned());
            let check = Check { port: 80, interval_ms: 1, rise: 1, fall: 1, request };
            one.rules[0].targets[0].check = Some(check);
        },
    ] {
        let mut other = one.clone();
        change(&mut other);
        others.push(other);
    }
    for other in others {
        assert_ne!(frame(&one), frame(&other));
    }
}

/// Two rules of one backend and one of another, with servers on two hosts and one outside.
fn on_two_hosts(prefers: Option<i64>) -> Balancer {
    let on = |rule: Rule, hosts: &[Option<i64>]| {
        let targets = rule.targets.into_iter().zip(hosts);
        let targets = targets.map(|(target, host)| Target { host: *host, ..target }).collect();
        Rule { targets, ..rule }
    };
    let cow = on(rule("80/http cow.example", &[("a", 2), ("b", 3)]), &[Some(1), Some(2)]);
    let more = on(rule("80/http cow.example", &[("c", 4), ("moo", 9)]), &[Some(2), None]);
    let pig = on(rule("81/tcp", &[("d", 5), ("e", 6)]), &[Some(2), Some(2)]);
    Balancer { rules: vec![cow, more, pig], prefers, ..Balancer::default() }
}

#[test]
fn servers_on_other_hosts_stand_by_for_those_on_the_balancer_s_own() {
    let backends = |prefers: Option<i64>| {
        let text = configuration(&on_two_hosts(prefers));
        text.split_at(text.find("\nbackend 80_").unwrap() + 1).1.trim_end().to_owned()
    };
    expect![[r#"
        backend 80_cow_example_
            mode http
            balance roundrobin
            option allbackups
            server a 10.42.0.2:8080
            server b 10.42.0.3:8080 backup
            server c 10.42.0.4:8080 backup
            server moo 10.42.0.9:8080

        backend 81__
            mode tcp
            balance roundrobin
            server d 10.42.0.5:8080
            server e 10.42.0.6:8080"#]]
    .assert_eq(&backends(Some(1)));
    expect![[r#"
        backend 80_cow_example_
            mode http
            balance roundrobin
            option allbackups
            server a 10.42.0.2:8080 backup
            server b 10.42.0.3:8080
            server c 10.42.0.4:8080
            server moo 10.42.0.9:8080

        backend 81__
            mode tcp
            balance roundrobin
            server d 10.42.0.5:8080
            server e 10.42.0.6:8080"#]]
    .assert_eq(&backends(Some(2)));
    assert!(!backends(Some(3)).contains("backup"), "there is nothing to stand by for");
    assert!(!backends(None).contains("backup"));
    assert_eq!(frame(&on_two_hosts(Some(1))), frame(&on_two_hosts(None)));
}

#[test]
fn the_sections_that_are_always_there() {
    expect![[r#"
        global
            log stdout format raw local0 notice
            maxconn 4096
            ssl-default-bind-options ssl-min-ver TLSv1.2
            tune.ssl.default-dh-param 2048

        defaults
            log global
            mode tcp
            maxconn 4096
            retries 3
            option redispatch
            option http-server-close
            option idle-close-on-response
            timeout connect 5000
            timeout client 50000
            timeout server 50000
            default-server init-addr last,libc,none

        frontend 42
            bind *:42
            mode http
            monitor-uri /

    "#]]
    .assert_eq(&configuration(&Balancer::default()));
}

#[test]
fn requests_meet_the_most_particular_rule_first() {
    let rules = vec![
        rule("80/http", &[("any", 2)]),
        rule("80/http *.example.org", &[("wild", 3)]),
        rule("80/http example.org", &[("exact", 4)]),
        rule("80/http example.org/shop", &[("shop", 5)]),
        rule("80/http www.*/a", &[("www", 6)]),
        rule("80/http /path", &[("path", 7)]),
        rule("80/http last.example.org !2", &[("second", 8)]),
        rule("80/http first.example.org !1", &[("first", 9)]),
    ];
    let text = configuration(&Balancer { rules, ..Balancer::default() });
    let order: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("use_backend") || line.starts_with("default_backend"))
        .collect();
    expect![[r#"
        use_backend 80_first_example_org_ if host_0
        use_backend 80_last_example_org_ if host_1
        use_backend 80_example_org__shop if host_2 path_2
        use_backend 80_example_org_ if host_3
        use_backend 80_www____a if host_4 path_4
        use_backend 80___example_org_ if host_5
        use_backend 80___path if path_6
        default_backend 80__"#]]
    .assert_eq(&order.join("\n"));
}

#[test]
fn rules_for_the_same_place_are_one_backend() {
    let rules = vec![
        rule("80/http example.org/a", &[("one", 2)]),
        rule("80/http EXAMPLE.org/a", &[("one", 2), ("two", 3)]),
    ];
    check(
        &Balancer { rules, ..Balancer::default() },
        expect![[r#"
        frontend 80
            bind *:80
            mode http
            option forwardfor
            http-request set-header X-Forwarded-Proto http unless { req.hdr(X-Forwarded-Proto) -m found }
            http-request set-header X-Forwarded-Port %[dst_port] unless { req.hdr(X-Forwarded-Port) -m found }
            acl host_0 req.hdr(host) -i -m str example.org example.org:80
            acl path_0 path -i -m beg /a
            use_backend 80_example_org__a if host_0 path_0

        backend 80_example_org__a
            mode http
            balance roundrobin
            server one 10.42.0.2:8080
            server two 10.42.0.3:8080"#]],
    );
}

#[test]
fn other_protocols() {
    let mut tcp = rule("5432/tcp ignored.example.org", &[("db", 2)]);
    tcp.targets[0].check =
        Some(Check { port: 5432, interval_ms: 2000, rise: 2, fall: 3, request: None });
    let rules =
        vec![tcp, rule("443/sni a.example.org", &[("a", 3)]), rule("8443/tls", &[("t", 4)])];
    let certificates = vec!["7-aa.pem".to_owned(), "9-bb.pem".to_owned()];
    let balancer =
        Balancer { rules, certificates, proxy_ports: [5432].into(), ..Balancer::default() };
    assert_eq!(unserved(&balancer), None);
    check(
        &balancer,
        expect![[r#"
        frontend 443
            bind *:443
            mode tcp
            tcp-request inspect-delay 5s
            tcp-request content accept if { req_ssl_hello_type 1 }
            acl host_0 req.ssl_sni -i -m str a.example.org
            use_backend 443_a_example_org_ if host_0

        frontend 5432
            bind *:5432 accept-proxy
            mode tcp
            default_backend 5432_ignored_example_org_

        frontend 8443
            bind *:8443 ssl crt /run/secrets/balancer/7-aa.pem crt /run/secrets/balancer/9-bb.pem
            mode tcp
            default_backend 8443__

        backend 443_a_example_org_
            mode tcp
            balance roundrobin
            server a 10.42.0.3:8080

        backend 5432_ignored_example_org_
            mode tcp
            balance roundrobin
            server db 10.42.0.2:8080 check port 5432 inter 2000 rise 2 fall 3

        backend 8443__
            mode tcp
            balance roundrobin
            server t 10.42.0.4:8080"#]],
    );
}

#[test]
fn tls_is_not_spoken_in_clear_for_want_of_a_certificate() {
    let rules = vec![rule("80/http", &[("a", 3)]), rule("443/https", &[("a", 3)])];
    let balancer = Balancer { rules, ..Balancer::default() };
    let text = configuration(&balancer);
    assert!(text.contains("bind *:80") && !text.contains(":443"), "{text}");
    let told = "the balancer has no certificate, so nothing is served at 443";
    assert_eq!(unserved(&balancer).as_deref(), Some(told));
}

#[test]
fn cookies_checks_and_the_users_own_lines() {
    let mut web = rule("80/http", &[("one", 2), ("two", 3)]);
    web.backend = Some("web pages".to_owned());
    web.weight = Some(50);
    web.targets[0].check = Some(Check {
        port: 80,
        interval_ms: 500,
        rise: 1,
        fall: 2,
        request: Some("GET /up HTTP/1.0".to_owned()),
    });
    let balancer = Balancer {
        rules: vec![web],
        stickiness: Some(Stickiness {
            cookie: "SRV".to_owned(),
            mode: "insert".to_owned(),
            domain: Some(".example.org".to_owned()),
            indirect: true,
            ..Stickiness::default()
        }),
        custom:
            "# mine\ndefaults\ntimeout client 9\nfrontend 80\n  http-request deny if { path /no }\n\
                 mode tcp\nbackend web_pages\nserver $IP maxconn 5\nlisten stats\nbind *:9000\n"
                .to_owned(),
        ..Balancer::default()
    };
    assert!(configuration(&balancer).contains("    timeout client 9\n"));
    assert!(!configuration(&balancer).contains("timeout client 50000"));
    check(
        &balancer,
        expect![[r#"
        frontend 80
            bind *:80
            mode tcp
            option forwardfor
            http-request set-header X-Forwarded-Proto http unless { req.hdr(X-Forwarded-Proto) -m found }
            http-request set-header X-Forwarded-Port %[dst_port] unless { req.hdr(X-Forwarded-Port) -m found }
            default_backend web_pages
            http-request deny if { path /no }

        backend web_pages
            mode http
            balance roundrobin
            option httpchk GET /up HTTP/1.0
            cookie SRV insert indirect domain .example.org
            server one 10.42.0.2:8080 check port 80 inter 500 rise 1 fall 2 weight 50 cookie one maxconn 5
            server two 10.42.0.3:8080 weight 50 cookie two maxconn 5

        listen stats
            bind *:9000"#]],
    );
}

#[test]
fn names_are_proved_where_http_is_spoken() {
    let challenges = Challenges {
        names: vec!["a.example".to_owned(), "b.example".to_owned()],
        thumbprint: "thumb".to_owned(),
    };
    let balancer = |rules: &[&str]| Balancer {
        rules: rules.iter().map(|text| rule(text, &[("one", 2)])).collect(),
        challenges: Some(challenges.clone()),
        ..Balancer::default()
    };
    check(
        &balancer(&["80/http"]),
        expect![[r#"
        frontend 80
            bind *:80
            mode http
            http-request return status 200 content-type text/plain lf-string "%[path,field(4,/)].thumb" if { path_reg ^/[.]well-known/acme-challenge/[A-Za-z0-9_-]+$ } { req.hdr(host),field(1,:) -i -m str a.example b.example }
            option forwardfor
            http-request set-header X-Forwarded-Proto http unless { req.hdr(X-Forwarded-Proto) -m found }
            http-request set-header X-Forwarded-Port %[dst_port] unless { req.hdr(X-Forwarded-Port) -m found }
            default_backend 80__

        backend 80__
            mode http
            balance roundrobin
            server one 10.42.0.2:8080"#]],
    );
    check(
        &balancer(&["443/tcp"]),
        expect![[r#"
        frontend 80
            bind *:80
            mode http
            http-request return status 200 content-type text/plain lf-string "%[path,field(4,/)].thumb" if { path_reg ^/[.]well-known/acme-challenge/[A-Za-z0-9_-]+$ } { req.hdr(host),field(1,:) -i -m str a.example b.example }
            http-request deny deny_status 404

        frontend 443
            bind *:443
            mode tcp
            default_backend 443__

        backend 443__
            mode tcp
            balance roundrobin
            server one 10.42.0.2:8080"#]],
    );
    assert_eq!(unproved(&balancer(&["443/tcp"])), None);
    assert_eq!(
        unproved(&balancer(&["80/tcp"])).unwrap(),
        "names are proved over HTTP at port 80, where the balancer speaks something else"
    );
}
