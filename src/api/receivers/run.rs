//! A call of a receiver's URL, by whoever has it. What is done is done as the environment, through the same
//! checks as a request of its own API key, and stands in the audit log as one.

use actix_web::web;
use serde_json::{Map, Value, json};

use super::config::{self, Config, Direction, Order, Selector, Steps, bad};
use super::{DOES, TYPE, is_receiver};
use crate::api::audit::{self, Note};
use crate::api::body::Body;
use crate::api::call::{Call, Method};
use crate::api::params::Params;
use crate::api::respond::Reply;
use crate::api::serve::Session;
use crate::api::views::{View, views};
use crate::api::{ApiState, streams, writes};
use crate::auth::{AuthType, Caller, Role, secret};
use crate::error::{Error, Result};
use crate::model::resource::Resource;
use crate::model::{id, registry};
use crate::process;
use crate::process::upgrade::FINISHES;
use crate::store::{Condition, Op, Query, Read};

/// Marks a service that has a container on every host.
const GLOBAL: &str = "io.rancher.scheduler.global";

/// The same whatever is wrong: nobody is told which receivers there are.
fn refused() -> Error {
    Error::status(403).message("this is no address of a receiver here")
}

/// Does what the receiver of a key does.
pub async fn run(state: &web::Data<ApiState>, call: &Call, bytes: &[u8]) -> Result<Reply> {
    if call.params.get("key").is_none() && call.params.get("token").is_some() {
        return Err(Error::status(403).message(
            "addresses of the old form, with a token, are not served; make the receiver anew",
        ));
    }
    let (Some(key), Some(project)) = (call.params.get("key"), call.params.get("projectId")) else {
        return Err(refused());
    };
    let hash = secret::sha256_hex(key);
    let project = id::parse(project).ok_or_else(refused)?;
    // Found first: whoever has no key waits for nobody.
    state.store.read(|read| receiver(read, &hash, project))?;
    let _turn = state.turns.0.lock().await;
    let row = state.store.read(|read| receiver(read, &hash, project))?;
    let does = row.map(DOES).cloned().unwrap_or_default();
    let driver = does.get("driver").and_then(Value::as_str).unwrap_or_default();
    let nothing = Map::new();
    let own = does.get("config").and_then(Value::as_object).unwrap_or(&nothing);
    let does = config::read(driver, own)?;
    let work = Work { state, call, caller: environment(&row, project), project };
    let done = match does {
        Config::ScaleService { service, steps } => work.scale_service(&service, steps).await?,
        Config::ScaleHost { selector, steps, order } => {
            work.scale_hosts(&selector, steps, order).await?
        }
        Config::ServiceUpgrade { selector, tag, format, batch_size, interval_s, start_first } => {
            let body: Value = serde_json::from_slice(bytes)
                .map_err(|error| bad(format!("the body is no JSON: {error}")))?;
            let strategy = json!({
                "batchSize": batch_size,
                "intervalMillis": interval_s.saturating_mul(1_000),
                "startFirst": start_first,
            });
            let pushes = config::pushes(format, &body)?;
            let mut done = Vec::new();
            for push in pushes.iter().filter(|push| push.tag == tag) {
                done.extend(work.upgrade(&selector, push, &strategy).await?);
            }
            done
        }
        Config::ForwardPost { service, port, path } => {
            work.forward(&service, port, &path, bytes).await?
        }
    };
    let body = json!({ "type": "receiverResult", "done": done });
    Ok(Reply::json(200, body.to_string().into_bytes()))
}

fn receiver(read: &Read<'_>, hash: &str, project: i64) -> Result<Resource> {
    let rows = read.referrers_by_text(TYPE, "key", hash)?;
    let fits = |row: &Resource| is_receiver(row) && row.account_id == Some(project);
    let row = rows.into_iter().find(fits).ok_or_else(refused)?;
    let project = read.get(project)?;
    // Of an environment that is gone or out of use nothing is done any more.
    project.filter(|project| project.state == "active").ok_or_else(refused)?;
    Ok(row)
}

/// Who acts: the environment itself.
fn environment(row: &Resource, project: i64) -> Caller {
    Caller {
        account_id: project,
        user_id: project,
        user_kind: "project".to_owned(),
        user_name: row.name.as_ref().map(|name| format!("receiver {name}")),
        role: Role::Project,
        auth_type: AuthType::Token,
        all_accounts: false,
        session: None,
    }
}

/// A service of an environment that can be scaled, by its id in the API.
pub fn scalable(read: &Read<'_>, project: i64, text: &str) -> Result<Resource> {
    let row = id::parse(text).map(|id| read.get(id)).transpose()?.flatten();
    let row = row.filter(|row| row.ty == "service" && row.account_id == Some(project));
    let row = row.filter(|row| row.removed.is_none());
    let row = row.ok_or_else(|| bad(format!("there is no service `{text}`")))?;
    let name = row.display_name();
    if row.kind != "service" {
        return Err(bad(format!("`{name}` is a {} and has no scale", row.kind)));
    }
    let launch = row.map("launchConfig").cloned().unwrap_or_default();
    let image = launch.get("imageUuid").and_then(Value::as_str).unwrap_or("");
    if matches!(image, "" | "docker:" | "docker:rancher/none") {
        return Err(bad(format!("service `{name}` has no image")));
    }
    let global = launch.get("labels").and_then(|labels| labels.get(GLOBAL)?.as_str());
    if global == Some("true") {
        return Err(bad(format!("service `{name}` runs on every host and has no scale")));
    }
    Ok(row)
}

/// A service by `stack/service`.
pub fn named(read: &Read<'_>, project: i64, text: &str) -> Result<Resource> {
    let (stack, service) = text.split_once('/').unwrap_or(("", text));
    let by_name = |ty: &'static str, name: &str| {
        let value = Value::String(name.to_owned());
        let named = Condition { field: "name".to_owned(), op: Op::Eq, value };
        let query = Query {
            ty,
            account_id: Some(project),
            conditions: vec![named],
            limit: 100,
            ..Query::default()
        };
        read.list(&query)
    };
    let stacks: Vec<i64> = by_name("stack", stack)?.iter().map(|row| row.id).collect();
    let mut services = by_name("service", service)?.into_iter();
    let found = services.find(|row| row.int("stackId").is_some_and(|own| stacks.contains(&own)));
    found.ok_or_else(|| bad(format!("there is no service `{text}`")))
}

/// One call at work.
struct Work<'a> {
    state: &'a web::Data<ApiState>,
    call: &'a Call,
    caller: Caller,
    project: i64,
}

impl Work<'_> {
    /// Asks the API for one thing, as the environment would, and has it recorded.
    async fn ask(&self, ty: &'static str, id: i64, what: Ask<'_>) -> Result<()> {
        let started = self.state.clock.now_ms();
        let (method, query) = match &what {
            Ask::Update(_) => (Method::Put, String::new()),
            Ask::Act(action, _) => (Method::Post, format!("action={action}")),
            Ask::Delete => (Method::Delete, String::new()),
        };
        let call = Call {
            method: Some(method),
            params: Params::parse(&query),
            query,
            if_match: None,
            if_none_match: None,
            idempotency_key: None,
            ..self.call.clone()
        };
        let views = views(call.version, self.caller.role);
        let session = Session { state: self.state, call: &call, caller: &self.caller, views };
        let view: &View = views.of_type(ty).ok_or_else(Error::not_found)?;
        let text = id::format(registry::lookup(ty).map_or("", |own| own.prefix.as_str()), id);
        let mut note = Note::of(ty);
        let reply = match what {
            Ask::Update(fields) => {
                let body = Body::Object(fields);
                note.body(&body);
                writes::update(&session, view, &text, body, &mut note).await
            }
            Ask::Act(action, input) => {
                let body = Body::Object(input);
                note.body(&body);
                writes::action(&session, view, &text, action, body, &mut note).await
            }
            Ask::Delete => writes::delete(&session, view, &text, &mut note).await,
        };
        if let Ok(reply) = &reply {
            audit::record(self.state, &call, Some(&self.caller), note, reply, started).await;
        }
        reply.map(drop)
    }

    async fn scale_service(&self, text: &str, steps: Steps) -> Result<Vec<String>> {
        let row = self.state.store.read(|read| scalable(read, self.project, text))?;
        let what = format!("service `{}`", row.display_name());
        let next = steps.from(&what, row.int("scale").unwrap_or(1))?;
        let mut fields = Map::new();
        fields.insert("scale".to_owned(), next.into());
        self.ask("service", row.id, Ask::Update(fields)).await?;
        Ok(vec![format!("{what} is to have {next}")])
    }

    async fn scale_hosts(
        &self,
        selector: &Selector,
        steps: Steps,
        order: Order,
    ) -> Result<Vec<String>> {
        if steps.direction == Direction::Up {
            return Err(bad("no host can be cloned: hosts are machines of yours here"));
        }
        let query =
            Query { ty: "host", account_id: Some(self.project), limit: 1_000, ..Query::default() };
        let hosts = self.state.store.read(|read| read.list(&query))?;
        let mut hosts: Vec<Resource> = hosts
            .into_iter()
            .filter(|host| {
                let labels = host.map("labels");
                let is = |(key, value): &(String, String)| {
                    labels.is_some_and(|own| own.get(key).and_then(Value::as_str) == Some(value))
                };
                matches!(host.state.as_str(), "active" | "inactive") && selector.iter().all(is)
            })
            .collect();
        steps
            .from("the set of hosts with these labels", i64::try_from(hosts.len()).unwrap_or(0))?;
        hosts.sort_by_key(|host| match order {
            Order::MostRecent => (host.created.saturating_neg(), host.id.saturating_neg()),
            Order::LeastRecent => (host.created, host.id),
        });
        let mut done = Vec::new();
        for host in hosts.iter().take(usize::try_from(steps.amount).unwrap_or(0)) {
            if host.state == "active" {
                self.ask("host", host.id, Ask::Act("deactivate", Map::new())).await?;
            }
            self.ask("host", host.id, Ask::Delete).await?;
            done.push(format!("host `{}` is removed", host.display_name()));
        }
        Ok(done)
    }

    async fn upgrade(
        &self,
        selector: &Selector,
        push: &config::Push,
        strategy: &Value,
    ) -> Result<Vec<String>> {
        let query = Query {
            ty: "service",
            kinds: vec!["service"],
            account_id: Some(self.project),
            limit: 1_000,
            ..Query::default()
        };
        let services = self.state.store.read(|read| read.list(&query))?;
        let mut done = Vec::new();
        for service in services.into_iter().filter(|service| !service.flag("system")) {
            let Some(fields) = config::upgraded(&service.data, selector, push) else { continue };
            if !matches!(service.state.as_str(), "active" | "inactive") {
                let name = service.display_name();
                done.push(format!("service `{name}` is {} and is left alone", service.state));
                continue;
            }
            let mut strategy = strategy.as_object().cloned().unwrap_or_default();
            strategy.extend(fields);
            let mut input = Map::new();
            input.insert("inServiceStrategy".to_owned(), strategy.into());
            self.ask("service", service.id, Ask::Act("upgrade", input)).await?;
            self.finish(service.id).await?;
            let name = service.display_name();
            done.push(format!("service `{name}` is upgraded to {}:{}", push.image, push.tag));
        }
        Ok(done)
    }

    /// An upgrade of a receiver's is finished when it is done; nobody else does it.
    async fn finish(&self, service: i64) -> Result<()> {
        let write = self.state.store.write(move |tx| {
            let Some(row) = tx.get(service)? else { return Ok(()) };
            match row.state.as_str() {
                "upgraded" => process::start(tx, service, "finishupgrade", Map::new()).map(drop),
                "upgrading" => tx
                    .update(service, |row| {
                        row.set(FINISHES, true);
                        Ok(())
                    })
                    .map(drop),
                _ => Ok(()),
            }
        });
        write.await
    }

    async fn forward(
        &self,
        service: &str,
        port: u16,
        path: &str,
        bytes: &[u8],
    ) -> Result<Vec<String>> {
        let container = self.state.store.read(|read| {
            let row = named(read, self.project, service)?;
            let mut running = streams::containers_of(read, row.id)?;
            running.sort_by_key(|row| row.id);
            let first = running.into_iter().find(|row| row.sidekick_name().is_none());
            first.ok_or_else(|| {
                let message = format!("no container of service `{service}` runs");
                Error::status(503).message(message)
            })
        })?;
        let status = streams::post(self.state, &container, port, path, bytes).await?;
        if (200..400).contains(&status) {
            return Ok(vec![format!("service `{service}` answered {status}")]);
        }
        Err(Error::status(502).message(format!("service `{service}` answered {status}")))
    }
}

/// What is asked of a row.
enum Ask<'a> {
    Update(Map<String, Value>),
    Act(&'a str, Map<String, Value>),
    Delete,
}
