//! `scale`: how many containers services have.

use clap::Args;
use serde_json::json;

use super::Result;
use super::args::{Connection, Patience};
use super::client::Client;
use super::failure::{Exit, Failure};
use super::follow::{self, Aim, Wanted};
use super::inventory::Inventory;
use super::output::Output;
use super::settings::Settings;
use super::view::Service;

/// Arguments of `scale`.
#[derive(Clone, Debug, Default, Args)]
pub struct ScaleArgs {
    /// SERVICE=N or STACK/SERVICE=N
    #[arg(required = true, value_name = "SERVICE=N", value_parser = order)]
    pub orders: Vec<Order>,
    #[command(flatten)]
    patience: Patience,
    #[command(flatten)]
    connection: Connection,
}

/// A service and how many containers it is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// As it was written.
    pub service: String,
    /// Containers.
    pub count: u32,
}

fn order(text: &str) -> std::result::Result<Order, String> {
    let (service, count) = text.rsplit_once('=').ok_or("it has to be SERVICE=N, such as web=3")?;
    if service.is_empty() {
        return Err("the service is missing in front of `=`".to_owned());
    }
    let count = count.parse().map_err(|_| format!("`{count}` is no number of containers"))?;
    Ok(Order { service: service.to_owned(), count })
}

/// Runs the verb.
///
/// # Errors
/// When a name is unknown, the server refuses, or a service does not get its containers.
pub async fn run(settings: &Settings, out: &Output, args: &ScaleArgs) -> Result<Exit> {
    let client = Client::connect(settings, &args.connection).await?;
    let inventory = Inventory::read(&client).await?.at_home(settings);
    // All names first, so that a typing error changes nothing.
    let found =
        args.orders.iter().map(|order| Ok((inventory.find_service(&order.service)?, order)));
    let found: Vec<(&Service, &Order)> = found.collect::<Result<_>>()?;
    for (service, _) in &found {
        if service.scale.is_none() {
            let name = inventory.full_name(service);
            return Err(Failure::usage(format!("service `{name}` runs once on every host"))
                .hint("take the label `io.rancher.scheduler.global` off to scale it"));
        }
    }
    for (service, order) in &found {
        let path = client.scoped(&format!("services/{}", service.id));
        client.put(&path, &json!({ "scale": order.count })).await?;
        let name = inventory.full_name(service);
        let before = service.scale.unwrap_or_default();
        let record = json!({ "type": "scale", "service": name, "from": before, "to": order.count });
        out.say(format!("{name}: from {before} to {}", order.count), &record);
    }
    if args.patience.detach {
        return Ok(Exit::Ok);
    }
    let services = found.into_iter().map(|(service, _)| (service, Aim::Running));
    wait(&client, out, &inventory, services, &args.patience).await
}

/// Follows services, stack by stack, until they are as wanted.
///
/// # Errors
/// When one does not become so.
pub async fn wait(
    client: &Client,
    out: &Output,
    inventory: &Inventory,
    services: impl Iterator<Item = (&Service, Aim)>,
    patience: &Patience,
) -> Result<Exit> {
    let mut stacks: Vec<(&str, Vec<Wanted>)> = Vec::new();
    for (service, aim) in services {
        let wanted = Wanted {
            shown: inventory.full_name(service),
            stack: inventory.stack_name(&service.stack_id),
            name: service.name.clone(),
            aim,
        };
        match stacks.iter_mut().find(|(stack, _)| *stack == service.stack_id) {
            Some((_, list)) => list.push(wanted),
            None => stacks.push((&service.stack_id, vec![wanted])),
        }
    }
    for (stack, wanted) in stacks {
        let ending = follow::follow(client, out, stack, &wanted, patience).await?;
        if let Some(failure) = ending.failure("not everything is as wanted") {
            return Err(failure);
        }
    }
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_read() {
        let check = |text, expect: std::result::Result<(&str, u32), &str>| {
            let found = order(text);
            let found = found.as_ref().map(|o| (&*o.service, o.count)).map_err(String::as_str);
            assert_eq!(found, expect, "of {text}");
        };
        check("web=3", Ok(("web", 3)));
        check("hello/web=0", Ok(("hello/web", 0)));
        check("web", Err("it has to be SERVICE=N, such as web=3"));
        check("=3", Err("the service is missing in front of `=`"));
        check("web=-1", Err("`-1` is no number of containers"));
        check("web=4294967296", Err("`4294967296` is no number of containers"));
    }
}
