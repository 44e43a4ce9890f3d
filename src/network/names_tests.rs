//! Names as text fixtures: a world, and what each of its containers is answered.

use super::*;
use crate::network::world::Stack;

/// `stack/service[/sidekick] address [sick|stopped]`, one container a line; `a > b as name` links
/// services; `alias stack/name`, `vip`, `out` and `cname` make services of other kinds.
fn world(text: &str) -> World {
    let mut world = World::default();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [from, ">", to, "as", name] => {
                let (from, to) = (service(&mut world, from), service(&mut world, to));
                world.services[from].links.push(((*name).to_owned(), to));
            }
            ["alias", path] => {
                let index = service(&mut world, path);
                world.services[index].kind = "dnsService".to_owned();
            }
            ["vip", path, address] => {
                let index = service(&mut world, path);
                world.services[index].vip = Some(address.parse().unwrap());
            }
            ["out", path, address] => {
                let index = service(&mut world, path);
                world.services[index].external_ips.push(address.parse().unwrap());
            }
            ["cname", path, name] => {
                let index = service(&mut world, path);
                world.services[index].hostname = Some((*name).to_owned());
            }
            [path, address, flags @ ..] => container(&mut world, path, address, flags),
            _ => panic!("{line}"),
        }
    }
    world
}

fn stack(world: &mut World, name: &str) -> usize {
    world.stacks.iter().position(|own| own.name == name).unwrap_or_else(|| {
        world.stacks.push(Stack { name: name.to_owned(), ..Stack::default() });
        world.stacks.len() - 1
    })
}

fn service(world: &mut World, path: &str) -> usize {
    let parts: Vec<&str> = path.split('/').collect();
    let stack = stack(world, parts[0]);
    let primary = (parts.len() == 3).then(|| service(world, &parts[..2].join("/")));
    let name = parts[parts.len() - 1];
    let same = |own: &Service| own.name == name && own.stack == stack && own.primary == primary;
    world.services.iter().position(same).unwrap_or_else(|| {
        let kind = "service".to_owned();
        world.services.push(Service {
            name: name.to_owned(),
            stack,
            primary,
            kind,
            ..Service::default()
        });
        world.services.len() - 1
    })
}

fn container(world: &mut World, path: &str, address: &str, flags: &[&str]) {
    let service = service(world, path);
    let index = world.containers.len();
    world.services[service].containers.push(index);
    let stack = world.services[service].stack;
    world.containers.push(Container {
        name: format!("{}-{}", path.replace('/', "-"), index + 1),
        ip: address.parse().ok(),
        network_from: address.strip_prefix('@').map(|owner| owner.parse().unwrap()),
        service: Some(service),
        stack: Some(stack),
        running: !flags.contains(&"stopped"),
        healthy: !flags.contains(&"sick"),
        aliases: flags
            .iter()
            .filter_map(|flag| flag.strip_prefix('+'))
            .map(str::to_owned)
            .collect(),
        dns: flags.iter().filter_map(|flag| flag.strip_prefix("dns=")).map(str::to_owned).collect(),
        ..Container::default()
    });
}

fn check(text: &str, questions: &[(&str, &str, &str)]) {
    let names = Names::new(world(text));
    for (asker, name, expect) in questions {
        let answer = match names.resolve(asker.parse().unwrap(), name) {
            Answer::Addresses(list) => {
                list.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
            }
            Answer::Alias(name) => format!("-> {name}"),
            Answer::Unknown => "unknown".to_owned(),
            Answer::Elsewhere(servers) => {
                format!("elsewhere {}", servers.join(" ")).trim().to_owned()
            }
        };
        assert_eq!(&answer, expect, "{asker} asks for {name}");
    }
}

const BLOG: &str = "
    blog/web 10.42.0.2
    blog/web 10.42.0.3
    blog/web/logs @0
    blog/db 10.42.0.5
    shop/web 10.42.0.9 dns=9.9.9.9
";

#[test]
fn services_sidekicks_and_containers_have_names() {
    check(
        BLOG,
        &[
            ("10.42.0.5", "web.blog.rancher.internal", "10.42.0.2 10.42.0.3"),
            ("10.42.0.5", "WEB.Blog.rancher.internal.", "10.42.0.2 10.42.0.3"),
            ("10.42.0.5", "web.blog", "10.42.0.2 10.42.0.3"),
            ("10.42.0.5", "web", "10.42.0.2 10.42.0.3"),
            ("10.42.0.9", "web", "10.42.0.9"),
            ("10.42.0.9", "db", "elsewhere 9.9.9.9"),
            ("10.42.0.9", "db.blog", "10.42.0.5"),
            ("10.42.0.9", "logs.web.blog.rancher.internal", "10.42.0.2"),
            ("10.42.0.2", "logs", "10.42.0.2"),
            ("10.42.0.5", "logs", "elsewhere"),
            ("10.42.0.5", "blog-db-4", "10.42.0.5"),
            ("10.42.0.5", "blog-web-logs-3.rancher.internal", "10.42.0.2"),
            ("10.42.0.5", "rancher-metadata", "169.254.169.250"),
            ("10.42.0.5", "rancher-metadata.rancher.internal", "169.254.169.250"),
            ("10.42.0.5", "nothing.blog.rancher.internal", "unknown"),
            ("10.42.0.5", "rancher.internal", "unknown"),
            ("10.42.0.5", "example.org", "elsewhere"),
            ("192.0.2.1", "web.blog", "10.42.0.2 10.42.0.3"),
            ("192.0.2.1", "web", "elsewhere"),
        ],
    );
}

#[test]
fn only_what_runs_and_is_healthy_is_answered_but_never_nothing() {
    check(
        "
        a/one 10.0.0.2 sick
        a/one 10.0.0.3
        a/two 10.0.0.4 sick
        a/two 10.0.0.5 sick
        a/three 10.0.0.6 stopped
        ",
        &[
            ("10.0.0.2", "one", "10.0.0.3"),
            ("10.0.0.2", "two", "10.0.0.5"),
            ("10.0.0.2", "three", ""),
        ],
    );
}

#[test]
fn links_come_first_and_hold_for_the_linking_service_only() {
    check(
        "
        a/web 10.0.0.2
        a/web/side 10.0.0.7
        a/db 10.0.0.3
        b/db 10.0.0.4
        a/web > b/db as db
        a/web > a/db as store
        ",
        &[
            ("10.0.0.2", "db", "10.0.0.4"),
            ("10.0.0.2", "db.a.rancher.internal", "10.0.0.4"),
            ("10.0.0.2", "store", "10.0.0.3"),
            ("10.0.0.7", "store", "10.0.0.3"),
            ("10.0.0.3", "db", "10.0.0.3"),
            ("10.0.0.3", "store", "elsewhere"),
        ],
    );
}

#[test]
fn other_kinds_of_service_lead_on() {
    check(
        "
        a/web 10.0.0.2
        a/api 10.0.0.3
        vip a/vip 169.254.64.1
        out a/out 192.0.2.7
        cname a/far example.org
        alias a/all
        a/all > a/web as web
        a/all > a/api as api
        alias a/loop
        a/loop > a/loop as loop
        alias a/name
        a/name > a/far as far
        ",
        &[
            ("10.0.0.2", "vip", "169.254.64.1"),
            ("10.0.0.2", "out", "192.0.2.7"),
            ("10.0.0.2", "far", "-> example.org"),
            ("10.0.0.2", "all", "10.0.0.2 10.0.0.3"),
            ("10.0.0.2", "loop", ""),
            ("10.0.0.2", "name", "-> example.org"),
        ],
    );
}

#[test]
fn a_compose_files_further_names_hold_inside_the_stack() {
    check(
        "
        a/web 10.0.0.2 +www
        a/db 10.0.0.3
        b/web 10.0.0.4
        ",
        &[
            ("10.0.0.3", "www", "10.0.0.2"),
            ("10.0.0.4", "www", "elsewhere"),
            ("10.0.0.4", "www.a.rancher.internal", "10.0.0.2"),
        ],
    );
}
