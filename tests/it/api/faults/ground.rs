//! What stands there before the wrong input comes: stacks, services, people, keys, and their names.

use std::collections::BTreeMap;

use ranchette::auth::Auth;
use ranchette::model::registry;
use ranchette::model::resource::NewResource;
use serde_json::{Value, json};

use super::table::{Place, Row, Who};
use crate::api::site::{Client, Site, answer};

/// A server, and what the rows call its things.
pub struct Ground {
    site: Site,
    clients: BTreeMap<Who, Client>,
    names: BTreeMap<&'static str, String>,
    _auth: Option<std::sync::Arc<Auth>>,
}

/// What came back, as the rows write it.
pub struct Found {
    pub line: String,
    pub code: String,
    pub message: Option<String>,
}

impl Ground {
    pub async fn new(place: Place) -> Self {
        if place == Place::Unclaimed {
            let ((site, _), auth) = Site::without_administrator().await;
            let clients = BTreeMap::from([(Who::Nobody, site.nobody())]);
            return Self { site, clients, names: BTreeMap::new(), _auth: Some(auth) };
        }
        let site = Site::start().await;
        let owner = site.owner().await;
        let basic = Some(site.superadmin().await);
        let superadmin = Client { bearer: None, basic, ..site.nobody() };
        let (alice, _) = site.person("alice").await;
        let (bob, _) = site.person("bob").await;
        let cookie = owner.clone();
        let clients = BTreeMap::from([
            (Who::Nobody, site.nobody()),
            (Who::Root, owner.clone()),
            (Who::Admin, site.admin().await),
            (Who::Super, superadmin),
            (Who::Alice, alice),
            (Who::Bob, bob),
            (Who::Cookie, cookie),
        ]);
        let mut ground = Self { site, clients, names: BTreeMap::new(), _auth: None };
        ground.fill_up().await;
        ground.settle(place).await;
        ground
    }

    fn name(&mut self, name: &'static str, value: impl Into<String>) {
        self.names.insert(name, value.into());
    }

    async fn make(&mut self, who: Who, name: &'static str, path: &str, body: &str) -> Value {
        let body = serde_json::from_str(&self.fill(body)).expect("JSON");
        let made = self.clients[&who].post(path, body).await.ok(201);
        self.name(name, made["id"].as_str().expect("an id"));
        made
    }

    /// Things that wrong input is about.
    async fn fill_up(&mut self) {
        for (name, letters) in [("x64", 64), ("x256", 256), ("x4096", 4097)] {
            self.name(name, "x".repeat(letters));
        }
        self.name("floats", vec!["1e15"; 60_000].join(","));
        self.name("v1", format!("{}/v1", self.site.url));
        self.name("deep", format!("{}{}", "[".repeat(70), "]".repeat(70)));
        let root = Who::Root;
        self.make(root, "stack", "/stacks", r#"{"name":"web"}"#).await;
        self.make(root, "closing", "/stacks", r#"{"name":"closing"}"#).await;
        self.make(root, "busy", "/stacks", r#"{"name":"busy"}"#).await;
        let slow = r#"{"name":"slow","stackId":"$busy","launchConfig":{"imageUuid":"docker:x"}}"#;
        self.make(root, "slow", "/services", slow).await;
        let service = r#"{"name":"app","stackId":"$stack",
            "launchConfig":{"imageUuid":"docker:nginx","ports":["80:80"]}}"#;
        self.make(root, "app", "/services", service).await;
        let db = r#"{"name":"db","stackId":"$stack","retainIp":true,
            "launchConfig":{"imageUuid":"docker:redis"}}"#;
        self.make(root, "db", "/services", db).await;
        let every = r#"{"name":"every","stackId":"$stack","launchConfig":{"imageUuid":"docker:x",
            "labels":{"io.rancher.scheduler.global":"true"}}}"#;
        self.make(root, "every", "/services", every).await;
        let lb = r#"{"name":"lb","stackId":"$stack","launchConfig":{"imageUuid":"docker:haproxy"},
            "lbConfig":{"portRules":[{"sourcePort":80,"serviceId":"$app","targetPort":80}]}}"#;
        self.make(root, "lb", "/loadbalancerservices", lb).await;
        let link = json!({ "serviceLink": { "serviceId": self.names["db"], "name": "sql" } });
        let path = format!("/services/{}?action=addservicelink", self.names["app"]);
        self.clients[&root].post(&path, link).await.ok(200);
        self.make(root, "container", "/containers", r#"{"name":"box","imageUuid":"docker:x"}"#)
            .await;
        self.make(root, "registry", "/registries", r#"{"serverAddress":"quay.io"}"#).await;
        let theme = r#"{"name":"theme","value":"dark"}"#;
        self.make(Who::Admin, "theme", "/userpreferences", theme).await;
        let key = self.make(root, "key", "/apikeys", r#"{"name":"k"}"#).await;
        self.name("access", key["publicValue"].as_str().expect("a key"));
        let password = self.clients[&Who::Alice].get("/passwords").await.ok(200);
        self.name("password", password["data"][0]["id"].as_str().expect("an id"));
        self.make(Who::Bob, "other", "/projects", r#"{"name":"other"}"#).await;
        let states = [("app", "active"), ("db", "active"), ("lb", "active"), ("every", "active")];
        for (name, state) in states.into_iter().chain([("stack", "active"), ("other", "active")]) {
            self.set_state(name, state).await;
        }
        self.set_state("closing", "error").await;
        self.set_state("slow", "upgrading").await;
        self.set_state("busy", "active").await;
        let inside = format!("{}/v2-beta/projects/{}", self.site.url, self.names["other"]);
        let bob = self.clients[&Who::Bob].at(inside);
        self.clients.insert(Who::Bob, bob);
        self.make(Who::Bob, "theirs", "/stacks", r#"{"name":"theirs"}"#).await;
        self.set_state("theirs", "active").await;
        let driver = r#"{"name":"driver","stackId":"$closing","storageDriver":{"name":"store"},
            "launchConfig":{"imageUuid":"docker:x"}}"#;
        self.set_state("closing", "active").await;
        self.make(root, "driver", "/storagedriverservices", driver).await;
        self.set_state("closing", "error").await;
        let service = ranchette::model::id::parse(&self.names["driver"]).expect("an id");
        let rows = move |tx: &mut ranchette::store::Tx<'_>| {
            let mut make = |ty: &'static str, name: &str, fields: Value| {
                let uuid = tx.entropy.uuid();
                let mut new = NewResource::new(ty, uuid).account(5).name(name).state("active");
                new.data.extend(fields.as_object().cloned().unwrap_or_default());
                Ok::<_, ranchette::error::Error>(tx.insert(new)?.id)
            };
            let driver = make("storageDriver", "store", json!({ "serviceId": service }))?;
            make("volume", "disk", json!({ "driver": "store", "storageDriverId": driver }))?;
            make("host", "one", json!({}))
        };
        let host = self.site.store.write(rows).await.expect("written");
        self.name("host", format!("1h{host}"));
    }

    async fn set_state(&self, name: &str, state: &'static str) {
        let id = ranchette::model::id::parse(&self.names[name]).expect("an id");
        let write = self.site.store.write(move |tx| {
            tx.process_supersede(id)?;
            tx.update(id, |row| {
                row.state = state.to_owned();
                Ok(())
            })
        });
        write.await.expect("written");
    }

    /// What is special about a place.
    async fn settle(&mut self, place: Place) {
        if place == Place::Elsewhere {
            // A session that nothing remembers having seen, as after the restart that brings such a setting.
            let session = self.site.owner().await;
            self.clients.insert(Who::Root, session);
        }
        let settings: &'static [(&str, &str)] = match place {
            Place::Usual | Place::Unclaimed => &[],
            Place::Strict => &[
                ("api.auth.local.access.mode", "required"),
                ("registry.whitelist", "quay.io,registry.example"),
            ],
            Place::Elsewhere => &[("api.auth.provider.configured", "ldapconfig")],
        };
        let write = self.site.store.write(move |tx| {
            settings.iter().try_for_each(|(name, value)| tx.set_setting(name, Some(value)))
        });
        write.await.expect("written");
    }

    /// A text with what the things are called here: `$stack` and so on.
    pub fn fill(&self, text: &str) -> String {
        let mut filled = text.to_owned();
        // The longest first, so that `$stack` is not taken for `$st`.
        let mut names: Vec<_> = self.names.iter().collect();
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        for (name, value) in names {
            filled = filled.replace(&format!("${name}"), value);
        }
        filled
    }

    pub async fn send(&self, row: &Row) -> Found {
        let (method, path) = row.request.split_once(' ').expect("method and path");
        let client = &self.clients[&row.who];
        let mut request = if row.who == Who::Cookie {
            let key = client.bearer.as_deref().expect("a session");
            let plain = Client { bearer: None, ..client.clone() };
            let cookies = format!("token={key}; CSRF=0123456789");
            plain.request(method, &self.fill(path)).header("cookie", cookies)
        } else {
            client.request(method, &self.fill(path))
        };
        if !row.body.is_empty() {
            let body = self.fill(row.body);
            request = request.header("content-type", "application/json").body(body);
        }
        let answer = answer(request).await;
        let body: Value = serde_json::from_str(&answer.text).unwrap_or_default();
        if answer.status < 400 || body["type"] != "error" {
            let text: String = answer.text.chars().take(300).collect();
            let line = format!("no error: {} {text}", answer.status);
            return Found { line, code: String::new(), message: None };
        }
        let code = body["code"].as_str().unwrap_or_default().to_owned();
        let message = body["message"].as_str().map(str::to_owned);
        Found { line: answer.fault(), code, message }
    }

    /// Every row and setting, to see whether any has changed.
    pub fn everything(&self) -> Vec<String> {
        let read = self.site.store.read(|read| {
            let mut rows: Vec<String> = Vec::new();
            for entry in registry::registry().all().iter().filter(|one| !one.is_child()) {
                read.for_each(entry.base, |row| {
                    rows.push(format!("{row:?}"));
                    Ok(())
                })?;
            }
            rows.extend(read.settings_given()?.iter().map(|given| format!("{given:?}")));
            Ok(rows)
        });
        read.expect("read")
    }
}
