//! Policies as text fixtures: an environment, its rules, and what they come to in addresses.

use expect_test::{Expect, expect};
use serde_json::Value;

use super::*;
use crate::network::world::{Host, Network, Service, Stack};

/// One container a line: `stack/service[/sidekick] 2 [key=value..] [system] [with 3] [on 1]`, where the number
/// is the end of the address, and what follows `on` the host, 0 if nothing is said; `-` is a container
/// without a service. `a > b` links services, `2 > 3`
/// containers; `balances` is a balancer's rule, `alias` makes an alias, `selects` takes a container in.
pub fn world(text: &str) -> World {
    let host = |uuid: &str| Host { uuid: uuid.to_owned(), ..Host::default() };
    let mut world = World {
        networks: vec![Network::default(), Network::default()],
        hosts: vec![host("0"), host("1")],
        ..World::default()
    };
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [from, ">", to] if from.parse::<u8>().is_ok() => {
                let (from, to) = (at(&world, from), at(&world, to));
                world.containers[from].links.push(("name".to_owned(), to));
            }
            [from, ">", to] => {
                let (from, to) = (service(&mut world, from), service(&mut world, to));
                world.services[from].links.push(("name".to_owned(), to));
            }
            [from, "balances", to] => {
                let (from, to) = (service(&mut world, from), service(&mut world, to));
                world.services[from].balances.push(to);
            }
            [own, "selects", container] => {
                let (own, container) = (service(&mut world, own), at(&world, container));
                world.services[own].containers.push(container);
            }
            ["alias", path] => {
                let index = service(&mut world, path);
                world.services[index].kind = "dnsService".to_owned();
            }
            [path, number, flags @ ..] => container(&mut world, path, number, flags),
            _ => panic!("{line}"),
        }
    }
    world
}

fn at(world: &World, number: &str) -> usize {
    let named = |own: &Container| own.name == number;
    world.containers.iter().position(named).unwrap_or_else(|| panic!("no container {number}"))
}

fn service(world: &mut World, path: &str) -> usize {
    let parts: Vec<&str> = path.split('/').collect();
    let known = world.stacks.iter().position(|own| own.name == parts[0]);
    let stack = known.unwrap_or_else(|| {
        world.stacks.push(Stack { name: parts[0].to_owned(), ..Stack::default() });
        world.stacks.len() - 1
    });
    let primary = (parts.len() == 3).then(|| service(world, &parts[..2].join("/")));
    let name = parts[parts.len() - 1].to_owned();
    let same = |own: &Service| own.name == name && own.stack == stack && own.primary == primary;
    world.services.iter().position(same).unwrap_or_else(|| {
        world.services.push(Service { name, stack, primary, ..Service::default() });
        world.services.len() - 1
    })
}

fn container(world: &mut World, path: &str, number: &str, flags: &[&str]) {
    let service = path.contains('/').then(|| service(world, path));
    let mut own = Container {
        name: number.to_owned(),
        ip: Some(format!("10.42.0.{number}").parse().unwrap()),
        network: Some(1),
        host: Some(0),
        service,
        stack: service.map(|service| world.services[service].stack),
        ..Container::default()
    };
    let mut flags = flags.iter();
    while let Some(flag) = flags.next() {
        match *flag {
            "system" => own.shown.system = true,
            "elsewhere" => own.network = Some(0),
            "on" => own.host = flags.next().map(|host| host.parse().unwrap()),
            "with" => {
                own.network_from = flags.next().map(|owner| at(world, owner));
                (own.ip, own.network) = (None, None);
            }
            label => {
                let (key, value) = label.split_once('=').unwrap();
                own.shown.labels.insert(key.to_owned(), value.to_owned());
            }
        }
    }
    if let Some(service) = service {
        world.services[service].containers.push(world.containers.len());
    }
    world.containers.push(own);
}

/// The fence of a network with rules as JSON, on the first host.
pub fn fenced(world: World, otherwise: &str, policy: &str) -> Option<Fence> {
    on_host(world, "0", otherwise, policy)
}

fn on_host(mut world: World, host: &str, otherwise: &str, policy: &str) -> Option<Fence> {
    let policy: Value = serde_json::from_str(policy).unwrap();
    otherwise.clone_into(&mut world.networks[1].default_policy_action);
    world.networks[1].policy = Some(policy);
    fences(&world, 1).unwrap().map(|fences| fences.of(host).clone())
}

fn side(side: &Side) -> String {
    let Some(side) = side else { return "any".to_owned() };
    let words: Vec<String> = side.iter().map(|own| own.octets()[3].to_string()).collect();
    words.join(",")
}

fn check(text: &str, otherwise: &str, policy: &str, expect: Expect) {
    check_on("0", text, otherwise, policy, expect);
}

fn check_on(host: &str, text: &str, otherwise: &str, policy: &str, expect: Expect) {
    let shown = match on_host(world(text), host, otherwise, policy) {
        None => "nothing to do".to_owned(),
        Some(fence) => {
            let mut lines: Vec<String> = Vec::new();
            for line in &fence.lines {
                let pairs = line.pairs.iter();
                let pairs: Vec<String> = pairs
                    .map(|pair| {
                        if pair.from == pair.to {
                            format!("[{}]", side(&pair.from))
                        } else {
                            format!("{}>{}", side(&pair.from), side(&pair.to))
                        }
                    })
                    .collect();
                let ports = if line.ports.is_empty() { "" } else { " some ports" };
                lines.push(format!("{} {}{ports}  # {}", line.action, pairs.join(" "), line.note));
            }
            lines.push(format!("otherwise {}", fence.otherwise));
            lines.join("\n")
        }
    };
    expect.assert_eq(&shown);
}

const SHOP: &str = "
    shop/web 2 team=front
    shop/web 3 team=front
    shop/web/log 4 team=front
    shop/db 5 team=data
    blog/web 6 team=front
    blog/db 7 team=data tier=DB
    - 8 team=front
    - 9
";

#[test]
fn nothing_to_enforce() {
    check(SHOP, "allow", "[]", expect!["nothing to do"]);
    check(SHOP, "allow", "null", expect!["nothing to do"]);
    check(SHOP, "allow", r#"[{"action": "allow", "within": "stack"}]"#, expect!["nothing to do"]);
    check(SHOP, "deny", "null", expect!["otherwise deny"]);
}

#[test]
fn within_a_stack() {
    check(
        SHOP,
        "deny",
        r#"[{"action": "allow", "within": "stack"}]"#,
        expect![[r#"
            allow [2,3,4,5] [6,7]  # rule 1: within stack
            otherwise deny"#]],
    );
}

#[test]
fn within_a_service_and_its_sidekicks() {
    check(
        SHOP,
        "deny",
        r#"[{"action": "allow", "within": "service"}]"#,
        expect![[r#"
            allow [2,3,4]  # rule 1: within service
            otherwise deny"#]],
    );
    check(
        &format!("{SHOP} shop/db selects 9"),
        "deny",
        r#"[{"action": "allow", "within": "service"}]"#,
        expect![[r#"
            allow [2,3,4] [5,9]  # rule 1: within service
            otherwise deny"#]],
    );
}

#[test]
fn links_lead_one_way() {
    check(
        &format!(
            "{SHOP}
            shop/web > shop/db
            blog/web > blog/all
            alias blog/all
            blog/all > blog/db
            blog/all > shop/web
            8 > 9"
        ),
        "deny",
        r#"[{"action": "allow", "within": "linked"}]"#,
        expect![[r#"
            allow 2,3,4>5 6>2,3,4,7 8>9  # rule 1: within linked
            otherwise deny"#]],
    );
    check(
        "edge/lb 2\nshop/web 3\nedge/lb balances shop/web",
        "deny",
        r#"[{"action": "allow", "within": "linked"}]"#,
        expect![[r#"
            allow 2>3  # rule 1: within linked
            otherwise deny"#]],
    );
}

#[test]
fn aliases_that_lead_to_each_other_end() {
    check(
        "a/x 2\na/y 3\nalias a/one\nalias a/two\na/one > a/two\na/two > a/one\na/two > a/y\na/x > a/one",
        "deny",
        r#"[{"action": "allow", "within": "linked"}]"#,
        expect![[r#"
            allow 2>3  # rule 1: within linked
            otherwise deny"#]],
    );
}

#[test]
fn between_by_label_and_selector() {
    check(
        SHOP,
        "deny",
        r#"[{"action": "allow", "between": {"groupBy": "team"}}]"#,
        expect![[r#"
            allow [5,7] [2,3,4,6,8]  # rule 1: between by label
            otherwise deny"#]],
    );
    check(
        SHOP,
        "allow",
        r#"[{"action": "deny", "between": {"selector": "team in (front)"}}]"#,
        expect![[r#"
            deny [2,3,4,6,8]  # rule 1: between selected
            otherwise allow"#]],
    );
}

#[test]
fn from_and_to_with_ports_in_the_order_of_the_rules() {
    check(
        SHOP,
        "deny",
        r#"[
            {"action": "deny", "from": {"selector": "team=front"}, "to": {"selector": "tier=db"}, "ports": ["22"]},
            {"action": "allow", "to": {"selector": "tier"}},
            {"action": "allow", "from": {"selector": "nobody=here"}},
            {"action": "allow", "within": "stack", "ports": ["80/tcp"]}
        ]"#,
        expect![[r#"
            deny 2,3,4,6,8>7 some ports  # rule 1: from and to
            allow any>7  # rule 2: from and to
            allow [2,3,4,5] [6,7] some ports  # rule 4: within stack
            otherwise deny"#]],
    );
}

#[test]
fn infrastructure_talks_with_everyone() {
    check(
        &format!("{SHOP} - 10 system\n- 11 with 10\n - 12 system with 9"),
        "deny",
        "null",
        expect![[r#"
            allow 10>any any>10  # infrastructure
            otherwise deny"#]],
    );
}

#[test]
fn who_shares_an_address_belongs_where_either_belongs() {
    check(
        "shop/web 2\nblog/web 3\nblog/helper 4 with 2\nother/web 5 elsewhere\nother/db 6",
        "deny",
        r#"[{"action": "allow", "within": "stack"}]"#,
        expect![[r#"
            allow [2,3]  # rule 1: within stack
            otherwise deny"#]],
    );
}

#[test]
fn a_rule_that_is_not_understood_is_said() {
    let mut world = world(SHOP);
    world.networks[1].policy = Some(serde_json::json!([{"action": "allow", "within": "host"}]));
    let problem = fences(&world, 1).unwrap_err();
    assert_eq!(
        problem.message,
        "rule 1 of the policy is within `host`, which is not stack, service or linked"
    );
    assert_eq!(fences(&world, 7), Ok(None));
}

#[test]
fn each_host_is_told_of_its_own() {
    let text = "
        shop/web 2
        shop/web 3 on 1
        shop/db 4 on 1
        shop/db 5
        blog/web 6 on 1
        blog/web 7 on 1
        - 8 system on 1
        - 9 with 3
        shop/web > shop/db
        2 > 3
        6 > 7
        6 > 2
    ";
    let policy = r#"[
        {"action": "allow", "within": "stack"},
        {"action": "allow", "within": "linked"},
        {"action": "allow", "within": "service"}
    ]"#;
    check_on(
        "0",
        text,
        "deny",
        policy,
        expect![[r#"
            allow [2,5]  # rule 1: within stack
            allow 2>5  # rule 2: within linked
            otherwise deny"#]],
    );
    check_on(
        "1",
        text,
        "deny",
        policy,
        expect![[r#"
            allow 8>any any>8  # infrastructure
            allow [3,4] [6,7]  # rule 1: within stack
            allow 3>4 6>7  # rule 2: within linked
            allow [6,7]  # rule 3: within service
            otherwise deny"#]],
    );
    check_on("2", text, "deny", policy, expect!["otherwise deny"]);
}
