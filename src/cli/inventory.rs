//! What there is on the server, and finding in it what a person names.

use crate::nearest::nearest;
use serde_json::Value;

use super::Result;
use super::client::Client;
use super::failure::Failure;
use super::project;
use super::settings::Settings;
use super::view::{Container, Service, Stack};

/// Stacks and services of the environment, and containers where they were asked for.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// Every stack.
    pub stacks: Vec<Stack>,
    /// Every service.
    pub services: Vec<Service>,
    /// Containers, if [`Inventory::with_containers`] read them.
    pub containers: Vec<Container>,
    /// The stack of the folder's compose file: its services go first where a name is not unique.
    pub home: Option<String>,
}

/// What a name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// `STACK`
    Stack(&'a Stack),
    /// `STACK/SERVICE` or `SERVICE`
    Service(&'a Service),
    /// `CONTAINER`
    Container(&'a Container),
}

impl Inventory {
    /// Stacks and services.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn read(client: &Client) -> Result<Self> {
        let (stacks, services) = (client.scoped("stacks"), client.scoped("services"));
        let (stacks, services) =
            tokio::try_join!(client.list(&stacks, &[]), client.list(&services, &[]))?;
        Ok(Self::of(&stacks, &services, &[]))
    }

    /// Stacks, services and containers.
    ///
    /// # Errors
    /// As [`Inventory::read`].
    pub async fn with_containers(client: &Client) -> Result<Self> {
        let paths = ["stacks", "services", "containers"].map(|path| client.scoped(path));
        let [stacks, services, containers] = &paths;
        let (stacks, services, containers) = tokio::try_join!(
            client.list(stacks, &[]),
            client.list(services, &[]),
            client.list(containers, &[])
        )?;
        Ok(Self::of(&stacks, &services, &containers))
    }

    /// From the API's JSON, in the order of names.
    pub fn of(stacks: &[Value], services: &[Value], containers: &[Value]) -> Self {
        let mut found = Inventory {
            stacks: stacks.iter().map(Stack::read).collect(),
            services: services.iter().map(Service::read).collect(),
            containers: containers.iter().map(Container::read).collect(),
            home: None,
        };
        found.stacks.sort_by(|a, b| a.name.cmp(&b.name));
        found.containers.sort_by_cached_key(|one| natural(&one.name));
        let mut services = std::mem::take(&mut found.services);
        services.sort_by_cached_key(|one| (found.stack_name(&one.stack_id), one.name.clone()));
        found.services = services;
        found
    }

    /// Learns the stack of the folder's compose file, if a name could need it.
    pub fn at_home(mut self, settings: &Settings) -> Self {
        let mut names: Vec<&str> = self.services.iter().map(|one| one.name.as_str()).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        if names.len() < count {
            self.home = project::stack_name(settings, None).ok();
        }
        self
    }

    /// Name of a stack; its id if it is not known.
    pub fn stack_name(&self, id: &str) -> String {
        self.stacks.iter().find(|stack| stack.id == id).map_or(id, |stack| &stack.name).to_owned()
    }

    /// The stack of that name.
    pub fn stack(&self, name: &str) -> Option<&Stack> {
        self.stacks.iter().find(|stack| stack.name == name)
    }

    /// Services of a stack.
    pub fn services_of<'a>(&'a self, stack: &'a Stack) -> impl Iterator<Item = &'a Service> {
        self.services.iter().filter(|service| service.stack_id == stack.id)
    }

    /// `STACK/SERVICE`
    pub fn full_name(&self, service: &Service) -> String {
        format!("{}/{}", self.stack_name(&service.stack_id), service.name)
    }

    /// The service that a container belongs to.
    pub fn service_of(&self, container: &Container) -> Option<&Service> {
        self.services.iter().find(|service| {
            container.service_ids.contains(&service.id)
                || service.containers.contains(&container.id)
        })
    }

    /// Containers of a service.
    pub fn containers_of<'a>(&'a self, service: &'a Service) -> Vec<&'a Container> {
        let own = |container: &&Container| {
            container.service_ids.contains(&service.id)
                || service.containers.contains(&container.id)
        };
        self.containers.iter().filter(own).collect()
    }

    /// Finds a service by `STACK/SERVICE` or by `SERVICE`, if only one stack or that of the folder
    /// has it.
    ///
    /// # Errors
    /// When there is none, or several.
    pub fn find_service(&self, text: &str) -> Result<&Service> {
        let fits: Vec<&Service> = match text.split_once('/') {
            Some((stack, name)) => {
                let Some(stack) = self.stack(stack) else {
                    return Err(self.unknown("stack", stack, self.stack_names()));
                };
                self.services_of(stack).filter(|service| service.name == name).collect()
            }
            None => self.services.iter().filter(|service| service.name == text).collect(),
        };
        let home = self.home.as_deref();
        let at_home = |one: &&&Service| home == Some(self.stack_name(&one.stack_id).as_str());
        if let Some(service) = fits.iter().find(at_home) {
            return Ok(service);
        }
        match fits.as_slice() {
            [only] => Ok(only),
            [] => {
                let names = self.services.iter().map(|service| self.full_name(service)).collect();
                Err(self.unknown("service", text, names))
            }
            several => {
                let names: Vec<String> = several.iter().map(|one| self.full_name(one)).collect();
                Err(Failure::usage(format!("several stacks have a service `{text}`"))
                    .hint(format!("say one of `{}`", names.join("`, `"))))
            }
        }
    }

    /// Finds a stack.
    ///
    /// # Errors
    /// When there is none.
    pub fn find_stack(&self, name: &str) -> Result<&Stack> {
        self.stack(name).ok_or_else(|| self.unknown("stack", name, self.stack_names()))
    }

    /// Finds a service, a stack or a container, in this order.
    ///
    /// # Errors
    /// When there is none, or several services.
    pub fn find(&self, text: &str) -> Result<Target<'_>> {
        if text.contains('/') {
            return self.find_service(text).map(Target::Service);
        }
        if self.services.iter().any(|service| service.name == text) && self.stack(text).is_none() {
            return self.find_service(text).map(Target::Service);
        }
        if let Some(stack) = self.stack(text) {
            return Ok(Target::Stack(stack));
        }
        let container = |one: &&Container| one.name == text || one.id == text;
        if let Some(container) = self.containers.iter().find(container) {
            return Ok(Target::Container(container));
        }
        let names = self.stack_names().into_iter();
        let services = self.services.iter().map(|service| self.full_name(service));
        Err(self.unknown("stack, service or container", text, names.chain(services).collect()))
    }

    fn stack_names(&self) -> Vec<String> {
        self.stacks.iter().map(|stack| stack.name.clone()).collect()
    }

    /// Nothing has this name; proposes the nearest, or tells what there is.
    fn unknown(&self, what: &str, text: &str, names: Vec<String>) -> Failure {
        let failure = Failure::new(format!("there is no {what} `{text}`"));
        let last = |name: &'_ str| name.rsplit('/').next().unwrap_or_default().to_owned();
        let whole = nearest(text, names.iter().map(String::as_str)).map(str::to_owned);
        let meant = whole.or_else(|| {
            let ends: Vec<String> = names.iter().map(|name| last(name)).collect();
            let end = nearest(text, ends.iter().map(String::as_str))?;
            names.iter().find(|name| last(name) == end).cloned()
        });
        match meant {
            Some(name) => failure.hint(format!("did you mean `{name}`?")),
            None if names.is_empty() => failure.hint("deploy something with `ranchette up`"),
            None if names.len() <= 8 => failure.hint(format!("there are `{}`", names.join("`, `"))),
            None => failure.hint("`ranchette ps` shows what there is"),
        }
    }
}

/// A key that sorts `web-2` before `web-10`.
fn natural(name: &str) -> (String, u64, String) {
    let digits = name.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (stem, number) = name.split_at(name.len() - digits);
    (stem.to_owned(), number.parse().unwrap_or_default(), name.to_owned())
}
