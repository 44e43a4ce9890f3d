//! `start`, `stop` and `restart`: services, or all services of a stack.

use clap::Args;
use serde_json::json;

use super::Result;
use super::args::{Connection, Patience};
use super::client::Client;
use super::failure::{Exit, Failure};
use super::follow::Aim;
use super::inventory::{Inventory, Target};
use super::output::Output;
use super::scale;
use super::settings::Settings;
use super::view::Service;

/// Arguments of `start`, `stop` and `restart`.
#[derive(Clone, Debug, Default, Args)]
pub struct SwitchArgs {
    /// Stacks, STACK/SERVICE or services
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
    #[command(flatten)]
    patience: Patience,
    #[command(flatten)]
    connection: Connection,
}

/// Which of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// Activate.
    Start,
    /// Deactivate.
    Stop,
    /// Restart containers one after the other.
    Restart,
}

impl Switch {
    fn action(self) -> &'static str {
        match self {
            Switch::Start => "activate",
            Switch::Stop => "deactivate",
            Switch::Restart => "restart",
        }
    }

    fn aim(self) -> Aim {
        match self {
            Switch::Start | Switch::Restart => Aim::Running,
            Switch::Stop => Aim::Stopped,
        }
    }

    /// Whether a service in this state is so already, or will be.
    fn is_done(self, state: &str) -> bool {
        match self {
            Switch::Start => matches!(state, "active" | "activating" | "updating-active"),
            Switch::Stop => matches!(state, "inactive" | "deactivating"),
            Switch::Restart => state == "restarting",
        }
    }

    fn input(self) -> serde_json::Value {
        match self {
            Switch::Start | Switch::Stop => json!({}),
            Switch::Restart => {
                // The shortest pause that the API takes.
                json!({ "rollingRestartStrategy": { "batchSize": 1, "intervalMillis": 100 } })
            }
        }
    }
}

/// Runs the verb.
///
/// # Errors
/// When a name is unknown, the server refuses, or a service does not follow.
pub async fn run(
    settings: &Settings,
    out: &Output,
    args: &SwitchArgs,
    switch: Switch,
) -> Result<Exit> {
    let client = Client::connect(settings, &args.connection).await?;
    let inventory = Inventory::read(&client).await?.at_home(settings);
    let services = chosen(&inventory, &args.names)?;
    for service in &services {
        if switch.is_done(&service.state) {
            continue;
        }
        let path = client.scoped(&format!("services/{}", service.id));
        client.act(&path, switch.action(), &switch.input()).await?;
        let name = inventory.full_name(service);
        out.record(&json!({ "type": "action", "action": switch.action(), "service": name }));
    }
    if args.patience.detach {
        return Ok(Exit::Ok);
    }
    let services = services.into_iter().map(|service| (service, switch.aim()));
    scale::wait(&client, out, &inventory, services, &args.patience).await
}

/// The services that names mean, each once.
///
/// # Errors
/// When a name is unknown, or means several services or a container.
pub fn chosen<'a>(inventory: &'a Inventory, names: &[String]) -> Result<Vec<&'a Service>> {
    let mut chosen: Vec<&Service> = Vec::new();
    for name in names {
        let found: Vec<&Service> = match inventory.find(name)? {
            Target::Stack(stack) => inventory.services_of(stack).collect(),
            Target::Service(service) => vec![service],
            Target::Container(_) => {
                return Err(Failure::usage(format!("`{name}` is a container, not a service")));
            }
        };
        for service in found {
            if !chosen.iter().any(|known| known.id == service.id) {
                chosen.push(service);
            }
        }
    }
    Ok(chosen)
}
