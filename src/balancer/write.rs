//! The configuration as text.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::IpAddr;

use super::custom::{Section, merge};
use super::near::Standby;
use super::rank;
use super::{Balancer, Check, Protocol, Rule, Stickiness, Target, challenge};

/// Where the balancer itself is checked.
const HEALTH_PORT: u16 = 42;
/// Where certificates lie in the container: in memory.
pub const CERTIFICATES: &str = "/run/secrets/balancer";

/// HAProxy's configuration of a balancer.
pub fn configuration(balancer: &Balancer) -> String {
    let mut sections = vec![global(), defaults(), health()];
    let mut ports: BTreeMap<u16, Vec<Rule>> = BTreeMap::new();
    for rule in &balancer.rules {
        ports.entry(rule.source_port).or_default().push(rule.clone());
    }
    let lonely = balancer.challenges.as_ref().filter(|_| !ports.contains_key(&challenge::PORT));
    sections.extend(lonely.map(challenge::frontend));
    let standby = Standby::of(balancer);
    let mut backends: Vec<Section> = Vec::new();
    for (port, rules) in ports {
        // One port speaks one protocol: that of its first rule.
        let Some(protocol) = rules.first().map(|rule| rule.protocol) else { continue };
        // Without a certificate there is nothing to speak TLS with, and in clear it must not be spoken.
        if protocol.ends_tls() && balancer.certificates.is_empty() {
            continue;
        }
        let mut rules = united(rules);
        rank::sort(&mut rules);
        sections.push(frontend(balancer, port, protocol, &rules));
        for rule in &rules {
            let fresh = backend(balancer, protocol, rule, &standby);
            match backends.iter_mut().find(|known| known.head == fresh.head) {
                Some(known) => known.adopt(&fresh),
                None => backends.push(fresh),
            }
        }
    }
    sections.extend(backends);
    let mut text = String::new();
    for section in merge(sections, &balancer.custom) {
        let _ = writeln!(text, "{}", section.head);
        for line in &section.lines {
            let _ = writeln!(text, "    {line}");
        }
        text.push('\n');
    }
    text
}

/// The configuration without what may be another each time: which servers there are. Two with the same frame
/// are both valid or both not.
pub fn frame(balancer: &Balancer) -> String {
    // That a server stands by is never wrong.
    let mut frame = Balancer { prefers: None, ..balancer.clone() };
    for rule in &mut frame.rules {
        let mut alike: Vec<Target> = Vec::new();
        for mut target in std::mem::take(&mut rule.targets) {
            target.host = None;
            // A name would have to be looked up, and is somebody's own word.
            if target.address.parse::<IpAddr>().is_ok() {
                target.name = String::new();
                target.address = String::new();
            }
            if !alike.contains(&target) {
                alike.push(target);
            }
        }
        rule.targets = alike;
    }
    configuration(&frame)
}

/// What is not served, for want of a certificate.
pub fn unserved(balancer: &Balancer) -> Option<String> {
    let mut first: BTreeMap<u16, Protocol> = BTreeMap::new();
    for rule in &balancer.rules {
        first.entry(rule.source_port).or_insert(rule.protocol);
    }
    let closed = first.iter().filter(|(_, protocol)| protocol.ends_tls());
    let ports: Vec<String> = closed.map(|(port, _)| port.to_string()).collect();
    let missing = balancer.certificates.is_empty() && !ports.is_empty();
    missing.then(|| {
        format!("the balancer has no certificate, so nothing is served at {}", ports.join(", "))
    })
}

/// Why names cannot be proved, if they cannot.
pub fn unproved(balancer: &Balancer) -> Option<String> {
    let first = balancer.rules.iter().find(|rule| rule.source_port == challenge::PORT)?;
    (first.protocol != Protocol::Http).then(|| {
        format!(
            "names are proved over HTTP at port {}, where the balancer speaks something else",
            challenge::PORT
        )
    })
}

fn section(head: impl Into<String>, lines: &[&str]) -> Section {
    Section { head: head.into(), lines: lines.iter().map(|line| (*line).to_owned()).collect() }
}

fn global() -> Section {
    section(
        "global",
        &[
            "log stdout format raw local0 notice",
            "maxconn 4096",
            "ssl-default-bind-options ssl-min-ver TLSv1.2",
            "tune.ssl.default-dh-param 2048",
        ],
    )
}

fn defaults() -> Section {
    section(
        "defaults",
        &[
            "log global",
            "mode tcp",
            "maxconn 4096",
            "retries 3",
            "option redispatch",
            "option http-server-close",
            // A client that reuses its connection just then would lose its request.
            "option idle-close-on-response",
            "timeout connect 5000",
            "timeout client 50000",
            "timeout server 50000",
            "default-server init-addr last,libc,none",
        ],
    )
}

fn health() -> Section {
    section(
        format!("frontend {HEALTH_PORT}"),
        &[&format!("bind *:{HEALTH_PORT}"), "mode http", "monitor-uri /"],
    )
}

/// Rules for the same name and path make one backend.
fn united(rules: Vec<Rule>) -> Vec<Rule> {
    let mut united: Vec<Rule> = Vec::new();
    for rule in rules {
        let same = |known: &&mut Rule| {
            known.hostname.eq_ignore_ascii_case(&rule.hostname)
                && known.path == rule.path
                && known.backend == rule.backend
        };
        match united.iter_mut().find(same) {
            Some(known) => {
                for target in rule.targets {
                    if !known.targets.contains(&target) {
                        known.targets.push(target);
                    }
                }
            }
            None => united.push(rule),
        }
    }
    united
}

/// A word for HAProxy: letters, digits and `_`.
fn word(text: &str) -> String {
    text.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect()
}

/// `<port>_<host>_<path>`, unless the rule names it.
pub(super) fn backend_name(rule: &Rule) -> String {
    match &rule.backend {
        Some(name) => word(name),
        None => word(&format!("{}_{}_{}", rule.source_port, rule.hostname, rule.path)),
    }
}

fn frontend(balancer: &Balancer, port: u16, protocol: Protocol, rules: &[Rule]) -> Section {
    let mut bind = format!("bind *:{port}");
    if balancer.proxy_ports.contains(&port) {
        bind.push_str(" accept-proxy");
    }
    if protocol.ends_tls() {
        bind.push_str(" ssl");
        for name in &balancer.certificates {
            let _ = write!(bind, " crt {CERTIFICATES}/{name}");
        }
    }
    let mut section = section(format!("frontend {port}"), &[&bind]);
    let mut line = |text: String| section.lines.push(text);
    if protocol.is_http() {
        line("mode http".to_owned());
        let plain = balancer.challenges.as_ref().filter(|_| protocol == Protocol::Http);
        plain.map(challenge::line).into_iter().for_each(&mut line);
        line("option forwardfor".to_owned());
        let scheme = if protocol == Protocol::Https { "https" } else { "http" };
        let absent = |header: &str| format!("unless {{ req.hdr({header}) -m found }}");
        line(format!(
            "http-request set-header X-Forwarded-Proto {scheme} {}",
            absent("X-Forwarded-Proto")
        ));
        line(format!(
            "http-request set-header X-Forwarded-Port %[dst_port] {}",
            absent("X-Forwarded-Port")
        ));
    } else {
        line("mode tcp".to_owned());
    }
    if protocol == Protocol::Sni {
        line("tcp-request inspect-delay 5s".to_owned());
        line("tcp-request content accept if { req_ssl_hello_type 1 }".to_owned());
    }
    for (index, rule) in rules.iter().enumerate() {
        let conditions = conditions(protocol, rule, port, index, &mut line);
        let name = backend_name(rule);
        match conditions.as_slice() {
            [] => line(format!("default_backend {name}")),
            all => line(format!("use_backend {name} if {}", all.join(" "))),
        }
    }
    section
}

/// Writes the conditions of a rule; their names.
fn conditions(
    protocol: Protocol,
    rule: &Rule,
    port: u16,
    index: usize,
    line: &mut impl FnMut(String),
) -> Vec<String> {
    let mut names = Vec::new();
    let host = rule.hostname.to_ascii_lowercase();
    let sees_names = protocol.is_http() || protocol == Protocol::Sni;
    if sees_names && !host.is_empty() {
        let name = format!("host_{index}");
        let (method, value) = match (host.strip_prefix('*'), host.strip_suffix('*')) {
            (Some(end), _) => ("end", end.to_owned()),
            (None, Some(begin)) => ("beg", begin.to_owned()),
            (None, None) => ("str", host.clone()),
        };
        if protocol == Protocol::Sni {
            line(format!("acl {name} req.ssl_sni -i -m {method} {value}"));
        } else {
            // With and without the port; what begins so needs no second form.
            let other = if method == "beg" { String::new() } else { format!(" {value}:{port}") };
            line(format!("acl {name} req.hdr(host) -i -m {method} {value}{other}"));
        }
        names.push(name);
    }
    if protocol.is_http() && !rule.path.is_empty() {
        let name = format!("path_{index}");
        line(format!("acl {name} path -i -m beg {}", rule.path));
        names.push(name);
    }
    names
}

fn backend(balancer: &Balancer, protocol: Protocol, rule: &Rule, standby: &Standby) -> Section {
    let mode = if protocol.is_http() { "mode http" } else { "mode tcp" };
    let name = backend_name(rule);
    let mut section = section(format!("backend {name}"), &[mode, "balance roundrobin"]);
    let stands_by = |target: &Target| standby.has(&name, target);
    if rule.targets.iter().any(stands_by) {
        // All of them, when they are needed, and not the first alone.
        section.lines.push("option allbackups".to_owned());
    }
    let request = rule.targets.iter().find_map(|target| target.check.as_ref()?.request.clone());
    if let Some(request) = request {
        section.lines.push(format!("option httpchk {request}"));
    }
    let cookie = balancer.stickiness.as_ref().filter(|_| protocol.is_http());
    if let Some(cookie) = cookie {
        section.lines.push(cookie_line(cookie));
    }
    for target in &rule.targets {
        let mut line = server(target, rule.weight, cookie.is_some());
        if stands_by(target) {
            line.push_str(" backup");
        }
        section.lines.push(line);
    }
    section
}

fn cookie_line(cookie: &Stickiness) -> String {
    let mut line = format!("cookie {} {}", word(&cookie.cookie), word(&cookie.mode));
    for (is_set, flag) in [
        (cookie.indirect, " indirect"),
        (cookie.nocache, " nocache"),
        (cookie.postonly, " postonly"),
    ] {
        if is_set {
            line.push_str(flag);
        }
    }
    if let Some(domain) = &cookie.domain {
        let _ = write!(line, " domain {domain}");
    }
    line
}

fn server(target: &Target, weight: Option<u32>, cookie: bool) -> String {
    let name = word(&target.name);
    let mut line = format!("server {name} {}:{}", target.address, target.port);
    if let Some(Check { port, interval_ms, rise, fall, .. }) = &target.check {
        let _ = write!(line, " check port {port} inter {interval_ms} rise {rise} fall {fall}");
    }
    if let Some(weight) = weight {
        let _ = write!(line, " weight {weight}");
    }
    if cookie {
        let _ = write!(line, " cookie {name}");
    }
    line
}
