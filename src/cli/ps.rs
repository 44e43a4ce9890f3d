//! `ps`: what runs, as a table.

use clap::Args;
use serde_json::{Value, json};

use super::Result;
use super::args::Connection;
use super::client::Client;
use super::failure::Exit;
use super::inventory::{Inventory, Target};
use super::output::{Output, Row, Style};
use super::settings::Settings;
use super::view::{Container, Service, Stack};
use super::watch::{self, Listing, Watched};

/// Arguments of `ps`.
#[derive(Clone, Debug, Default, Args)]
pub struct PsArgs {
    /// Stack, STACK/SERVICE or service; everything if absent
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Show containers in place of services
    #[arg(long, short = 'c')]
    pub containers: bool,
    #[command(flatten)]
    watched: Watched,
    #[command(flatten)]
    connection: Connection,
}

/// Titles of the table of services.
pub const SERVICES: [&str; 7] =
    ["SERVICE", "STATE", "HEALTH", "SCALE", "IMAGE", "PORTS", "MESSAGE"];
/// Titles of the table of containers.
pub const CONTAINERS: [&str; 7] =
    ["CONTAINER", "STATE", "HEALTH", "ADDRESS", "IMAGE", "PORTS", "MESSAGE"];

/// Runs the verb.
///
/// # Errors
/// When the server cannot be reached or the name is unknown.
pub async fn run(settings: &Settings, out: &Output, args: &PsArgs) -> Result<Exit> {
    let client = Client::connect(settings, &args.connection).await?;
    watch::show(&client, out, args.watched, async || list(settings, out, &client, args).await).await
}

async fn list(
    settings: &Settings,
    out: &Output,
    client: &Client,
    args: &PsArgs,
) -> Result<Listing> {
    let inventory = match args.containers {
        true => Inventory::with_containers(client).await?,
        false => Inventory::read(client).await?,
    };
    let inventory = inventory.at_home(settings);
    let target = args.name.as_deref().map(|name| inventory.find(name)).transpose()?;
    // A table that is drawn again and again has no place for notes.
    if !args.containers && !args.watched.watch {
        let shown = |stack: &&Stack| match target {
            None => true,
            Some(Target::Stack(one)) => one.id == stack.id,
            Some(Target::Service(_) | Target::Container(_)) => false,
        };
        let bound = inventory.stacks.iter().filter(shown).filter_map(bound_note);
        bound.for_each(|note| out.note(note));
    }
    Ok(match args.containers {
        true => containers(&inventory, target),
        false => services(&inventory, target),
    })
}

fn services(inventory: &Inventory, target: Option<Target<'_>>) -> Listing {
    let shown = |service: &&Service| match target {
        None => true,
        Some(Target::Stack(stack)) => service.stack_id == stack.id,
        Some(Target::Service(one)) => service.id == one.id,
        Some(Target::Container(one)) => {
            inventory.service_of(one).is_some_and(|own| own.id == service.id)
        }
    };
    let found: Vec<&Service> = inventory.services.iter().filter(shown).collect();
    let whole = matches!(target, None | Some(Target::Stack(_)));
    let in_question = |stack: &&Stack| match target {
        Some(Target::Stack(one)) => one.id == stack.id,
        _ => whole,
    };
    let empty: Vec<&Stack> = inventory
        .stacks
        .iter()
        .filter(in_question)
        .filter(|stack| inventory.services_of(stack).next().is_none())
        .collect();
    let named = |one: &&Service| one.json(&inventory.stack_name(&one.stack_id));
    let mut records: Vec<Value> = found.iter().map(named).collect();
    records.extend(empty.iter().map(|stack| {
        json!({ "type": "stack", "id": stack.id, "stack": stack.name, "state": stack.state,
            "services": 0, "message": stack.message, "directory": stack.directory })
    }));
    let mut rows: Vec<Row> = found.iter().map(|one| service_row(inventory, one)).collect();
    rows.extend(empty.iter().map(|stack| stack_row(stack)));
    let nothing = "nothing is deployed; `ranchette up` deploys the compose file of this folder";
    Listing { records, head: &SERVICES, rows, nothing: nothing.to_owned() }
}

/// How a stack stands to its directory.
fn bound_note(stack: &Stack) -> Option<String> {
    let (name, directory) = (&stack.name, stack.directory.as_ref()?);
    Some(match &stack.standing {
        Some(standing) => format!(
            "stack {name} is bound to {directory}, which says otherwise: {standing}; see `ranchette plan {name}`"
        ),
        None => format!("stack {name} is bound to {directory}"),
    })
}

fn service_row(inventory: &Inventory, service: &Service) -> Row {
    vec![
        (inventory.full_name(service), None),
        (service.state.clone(), Some(service.style())),
        (service.health.clone(), None),
        (service.scale_text(), None),
        (service.image.clone(), None),
        (service.ports.join(", "), None),
        (service.message.clone(), Some(Style::Dim)),
    ]
}

fn stack_row(stack: &Stack) -> Row {
    let mut row =
        vec![(format!("{} (no services)", stack.name), None), (stack.state.clone(), None)];
    row.extend([const { (String::new(), None) }; 4]);
    row.push((stack.message.clone(), Some(Style::Dim)));
    row
}

fn containers(inventory: &Inventory, target: Option<Target<'_>>) -> Listing {
    let shown = |one: &&Container| match target {
        None => true,
        Some(Target::Stack(stack)) => {
            one.stack_id == stack.id
                || inventory.service_of(one).is_some_and(|own| own.stack_id == stack.id)
        }
        Some(Target::Service(service)) => {
            inventory.service_of(one).is_some_and(|own| own.id == service.id)
        }
        Some(Target::Container(wanted)) => wanted.id == one.id,
    };
    let found: Vec<&Container> = inventory.containers.iter().filter(shown).collect();
    let record = |one: &&Container| {
        let service = inventory.service_of(one);
        let stack = service.map_or(&one.stack_id, |service| &service.stack_id);
        let service = service.map_or("", |service| &service.name);
        one.json(&inventory.stack_name(stack), service)
    };
    Listing {
        records: found.iter().map(record).collect(),
        head: &CONTAINERS,
        rows: found.iter().map(|one| container_row(one)).collect(),
        nothing: "there are no containers".to_owned(),
    }
}

fn container_row(one: &Container) -> Row {
    vec![
        (one.name.clone(), None),
        (one.state.clone(), Some(one.style())),
        (one.health.clone(), None),
        (one.address.clone(), None),
        (one.image.clone(), None),
        (one.ports.join(", "), None),
        (one.message.clone(), Some(Style::Dim)),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::output::{End, render_table};
    use super::*;
    use expect_test::expect;

    fn inventory() -> Inventory {
        let stacks = [
            json!({"id": "1st2", "name": "hello", "state": "active"}),
            json!({"id": "1st9", "name": "empty", "state": "error", "transitioningMessage": "no such file"}),
        ];
        let services = [
            json!({"id": "1s2", "name": "web", "stackId": "1st2", "state": "active", "scale": 3,
                "currentScale": 3, "healthState": "healthy", "launchConfig": {"imageUuid": "docker:hello:1",
                "ports": ["80/tcp"]}, "transitioning": "no", "instanceIds": ["1i1", "1i10"],
                "publicEndpoints": [{"ipAddress": "192.0.2.1", "port": 8088}, {"ipAddress": "192.0.2.1",
                "port": 8088}, {"ipAddress": "", "port": 81}]}),
            json!({"id": "1s1", "name": "db", "stackId": "1st2", "state": "activating", "scale": 1,
                "launchConfig": {"imageUuid": "docker:db", "ports": ["5432:5432/tcp"]},
                "transitioning": "yes", "transitioningMessage": "pulling db"}),
        ];
        let containers = [
            json!({"id": "1i10", "name": "hello-web-10", "state": "running", "imageUuid": "docker:hello:1",
                "primaryIpAddress": "10.42.0.3", "transitioning": "no"}),
            json!({"id": "1i1", "name": "hello-web-2", "state": "stopped", "imageUuid": "docker:hello:1",
                "serviceId": "1s2", "stackId": "1st2", "transitioning": "error", "transitioningMessage": "it died"}),
        ];
        Inventory::of(&stacks, &services, &containers)
    }

    #[test]
    fn services_and_stacks_without_any() {
        let inventory = inventory();
        let mut rows: Vec<Row> =
            inventory.services.iter().map(|one| service_row(&inventory, one)).collect();
        rows.extend(inventory.find_stack("empty").map(stack_row));
        expect![[r#"
            SERVICE              STATE       HEALTH   SCALE  IMAGE    PORTS                 MESSAGE
            hello/db             activating           0/1    db       5432:5432/tcp         pulling db
            hello/web            active      healthy  3/3    hello:1  192.0.2.1:8088, *:81
            empty (no services)  error                                                      no such file"#]]
        .assert_eq(&render_table(&SERVICES, &rows, End::Elsewhere, None));
    }

    #[test]
    fn cells_are_cut_where_the_terminal_ends() {
        let mut inventory = inventory();
        inventory.services[0].message =
            "no host fits: 2 lack label gpu=true; 1 already uses port 80".to_owned();
        let rows: Vec<Row> =
            inventory.services.iter().map(|one| service_row(&inventory, one)).collect();
        expect![[r#"
            SERVICE    STATE       HEALTH   SCALE  IMAGE    PORTS           MESSAGE
            hello/db   activating           0/1    db       5432:5432/tcp   no host fits:…
            hello/web  active      healthy  3/3    hello:1  192.0.2.1:808…"#]]
        .assert_eq(&render_table(&SERVICES, &rows, End::Plain, Some(80)));
        for width in [40, 60, 80, 100, 120] {
            let table = render_table(&SERVICES, &rows, End::Plain, Some(width));
            assert_eq!(table.lines().count(), 3, "{table}");
            let fits = table.lines().all(|line| line.chars().count() <= usize::from(width));
            assert!(fits && table.contains('…') && table.contains("hello/web"), "{width}\n{table}");
        }
        // Files and programs get everything, and so does a terminal that is wide enough.
        for (end, width) in
            [(End::Elsewhere, Some(40)), (End::Plain, None), (End::Plain, Some(300))]
        {
            let table = render_table(&SERVICES, &rows, end, width);
            assert!(!table.contains('…') && table.contains("uses port 80"), "{table}");
        }
    }

    #[test]
    fn containers_in_the_order_of_their_numbers() {
        let inventory = inventory();
        let rows: Vec<Row> = inventory.containers.iter().map(container_row).collect();
        expect![[r#"
            CONTAINER     STATE    ADDRESS    IMAGE    MESSAGE
            hello-web-2   stopped             hello:1  it died
            hello-web-10  running  10.42.0.3  hello:1"#]]
        .assert_eq(&render_table(&CONTAINERS, &rows, End::Elsewhere, None));
        let web = inventory.find_service("web").unwrap();
        assert_eq!(inventory.containers_of(web).len(), 2);
        let rows: Vec<Row> = inventory.containers.iter().take(1).map(container_row).collect();
        assert!(render_table(&CONTAINERS, &rows, End::Coloured, None).contains("\u{1b}["));
    }

    #[test]
    fn names_are_found_or_explained() {
        let mut all = inventory();
        let find = |all: &Inventory, name: &str| match all.find(name) {
            Ok(Target::Stack(stack)) => format!("stack {}", stack.name),
            Ok(Target::Service(service)) => format!("service {}", service.name),
            Ok(Target::Container(container)) => format!("container {}", container.name),
            Err(failure) => format!("{failure}; {}", failure.hint.clone().unwrap_or_default()),
        };
        let check = |all: &Inventory, name: &str, expect: expect_test::Expect| {
            expect.assert_eq(&find(all, name));
        };
        check(&all, "hello", expect!["stack hello"]);
        check(&all, "web", expect!["service web"]);
        check(&all, "hello/db", expect!["service db"]);
        check(&all, "hello-web-2", expect!["container hello-web-2"]);
        check(&all, "1i10", expect!["container hello-web-10"]);
        check(
            &all,
            "wbe",
            expect!["there is no stack, service or container `wbe`; did you mean `hello/web`?"],
        );
        check(
            &all,
            "hello/dbb",
            expect!["there is no service `hello/dbb`; did you mean `hello/db`?"],
        );
        check(&all, "other/db", expect!["there is no stack `other`; there are `empty`, `hello`"]);
        let mut other = all.services[0].clone();
        (other.id, other.stack_id) = ("1s7".to_owned(), "1st9".to_owned());
        all.services.push(other);
        check(
            &all,
            "db",
            expect!["several stacks have a service `db`; say one of `hello/db`, `empty/db`"],
        );
        all.home = Some("empty".to_owned());
        let found = all.find_service("db").unwrap();
        assert_eq!(found.id, "1s7");
    }
}
