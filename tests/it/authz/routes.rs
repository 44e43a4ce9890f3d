//! Every route of the URL table with every kind of caller. A route that is added there and not here is
//! found out.

use std::collections::BTreeSet;

use ranchette::auth::keys;
use ranchette::model::resource::NewResource;
use serde_json::json;

use super::callers::{self, Caller};
use super::ground::{Ask, Ground};
use super::table::{Dialect, Table};
use super::verbs::report;

/// Who gets what.
#[derive(Clone, Copy)]
enum Open {
    /// Everyone the same, also who proves nothing.
    Everyone(u16),
    /// Whoever has proved who it is.
    Proved(u16),
    /// Whoever may use a method of a type, this status; others that.
    By(&'static str, &'static str, u16, u16),
    /// Whoever has one of these roles, this status; others that.
    Roles(&'static [&'static str], u16, u16),
}

use Open::{By, Everyone, Proved, Roles};

/// Who says which catalogs an environment has.
const CATALOGERS: &[&str] = &["superadmin", "admin", "service", "owner", "project"];

/// Who makes URLs that do something in an environment.
const RECEIVERS: &[&str] = &[
    "superadmin",
    "admin",
    "service",
    "owner",
    "member",
    "restricted",
    "project",
    "environment",
    "projectadmin",
];

/// Pattern in the table, method, what is asked, what comes of it.
const CALLS: &[(&str, &str, &str, Open)] = &[
    ("/", "GET", "/", Everyone(200)),
    ("/ping", "GET", "/ping", Everyone(200)),
    ("/healthz", "GET", "/healthz", Everyone(200)),
    ("/healthcheck", "GET", "/healthcheck", Everyone(200)),
    ("/metrics", "GET", "/metrics", Everyone(200)),
    ("/openapi.json", "GET", "/openapi.json", Everyone(200)),
    (OPENAPI, "GET", "/v2-beta/openapi.json", Everyone(200)),
    (OPENAPI, "GET", "/V1/openapi.json", Everyone(200)),
    ("/setup", "GET", "/setup", Everyone(200)),
    ("/setup", "POST", "/setup", Everyone(405)),
    ("/v2-beta/setup", "GET", "/v2-beta/setup", Everyone(200)),
    ("/v2-beta/setup", "POST", "/v2-beta/setup", Everyone(405)),
    ("/static/{path:.*}", "GET", "/static/api.css", Everyone(200)),
    ("/static/{path:.*}", "GET", "/static/nothing.css", Everyone(404)),
    ("/static/{path:.*}", "GET", "/static/../Cargo.toml", Everyone(404)),
    // A ticket is no key and a key no ticket.
    ("/v1/containerstats/{id:.+}", "GET", "/v1/containerstats/1i1", Everyone(401)),
    ("/v1/stats/{id:.+}", "GET", "/v1/stats/1i1", Everyone(401)),
    ("/v1/containerstats/{id:.+}", "GET", "/v1/containerstats/1i1?token=nonsense", Everyone(401)),
    ("/v1/exec{slash:/?}", "GET", "/v1/exec/", Everyone(401)),
    ("/v1/exec{slash:/?}", "GET", "/v1/exec/?token=nonsense", Everyone(401)),
    ("/v1/hoststats{rest:(/project)?/?}", "GET", "/v1/hoststats", Everyone(401)),
    ("/v1/hoststats{rest:(/project)?/?}", "GET", "/v1/hoststats/project/", Everyone(401)),
    (PAGE, "GET", "/v1/container-proxy", Everyone(401)),
    (PAGES, "GET", "/v1/container-proxy/", Everyone(401)),
    (PAGES, "POST", "/v1/container-proxy/a?token=nonsense", Everyone(401)),
    ("/v1/logs{slash:/?}", "GET", "/v1/logs/", Everyone(401)),
    ("/v1/logs{slash:/?}", "GET", "/v1/logs/?token=nonsense", Everyone(401)),
    (VERSION, "GET", "/v2-beta", Proved(200)),
    (VERSION, "GET", "/v1", Proved(200)),
    (VERSION, "POST", "/v2-beta", Proved(405)),
    (TAIL, "GET", "/v2-beta/schemas", Proved(200)),
    (TAIL, "GET", "/v1/schemas", Proved(200)),
    (TAIL, "GET", "/v2-beta/nothing", Proved(404)),
    (TAIL, "POST", "/v2-beta/schemas", Proved(405)),
    (TAIL, "PATCH", "/v2-beta/schemas", Proved(405)),
    (TAIL, "GET", "/v2-beta/schemas/1/2/3", Proved(404)),
    (TAIL, "GET", "/v2-beta/projects/nonsense/schemas", Proved(400)),
    (TAIL, "POST", "/v2-beta/scripts/transform", Proved(200)),
    (TAIL, "POST", "/v1/scripts/transform", Proved(200)),
    (TAIL, "GET", "/v2-beta/scripts/transform", Everyone(404)),
    (TAIL, "GET", "/v2-beta/token", Everyone(200)),
    (TAIL, "GET", "/v1/token", Everyone(200)),
    (TAIL, "POST", "/v2-beta/token", Everyone(400)),
    (TAIL, "PUT", "/v2-beta/token/current", Everyone(405)),
    (TAIL, "POST", "/v2-beta/adoptions", By("adoption", "create", 422, 404)),
    (TAIL, "POST", "/v2-beta/stackplans", By("stackPlan", "create", 422, 404)),
    (TAIL, "POST", "/v2-beta/imagebuilds", By("container", "create", 422, 403)),
    (TAIL, "UPGRADE", "/v2-beta/subscribe?eventNames=x", By("subscribe", "list", 101, 404)),
    (TAIL, "UPGRADE", "/v1/subscribe?eventNames=x", By("subscribe", "list", 101, 404)),
    (CATALOG, "GET", "/v1-catalog", Proved(200)),
    (CATALOG_TAIL, "GET", "/v1-catalog/schemas", Proved(200)),
    (CATALOG_TAIL, "GET", "/v1-catalog/schemas/template", Proved(200)),
    (CATALOG_TAIL, "GET", "/v1-catalog/templates", Proved(200)),
    (CATALOG_TAIL, "GET", "/v1-catalog/templates/library:redis", Proved(404)),
    (CATALOG_TAIL, "POST", "/v1-catalog/templates?action=refresh", Proved(204)),
    (CATALOG_TAIL, "POST", "/v1-catalog/catalogs", Roles(CATALOGERS, 400, 403)),
    (CATALOG_TAIL, "GET", "/v1-catalog/nothing", Proved(404)),
    (HOOKS, "GET", "/v1-webhooks", Proved(200)),
    (HOOKS_TAIL, "GET", "/v1-webhooks/schemas", Proved(200)),
    (HOOKS_TAIL, "POST", "/v1-webhooks/receivers", Roles(RECEIVERS, 400, 405)),
    (HOOKS_TAIL, "GET", "/v1-webhooks/nothing", Proved(404)),
    // The key in the URL is the proof.
    (HOOKS_TAIL, "POST", "/v1-webhooks/endpoint?key=nonsense&projectId=1a5", Everyone(403)),
    ("default", "GET", "/nothing", Everyone(404)),
    ("default", "POST", "/ping", Everyone(404)),
    ("default", "DELETE", "/v3/stacks", Everyone(404)),
];

const OPENAPI: &str = "/{version:(?i:v1|v2-beta)}/openapi.json";
const PAGE: &str = "/v1/container-proxy";
const PAGES: &str = "/v1/container-proxy/{path:.*}";
const CATALOG: &str = "/v1-catalog";
const CATALOG_TAIL: &str = "/v1-catalog/{tail:.*}";
const HOOKS: &str = "/v1-webhooks";
const HOOKS_TAIL: &str = "/v1-webhooks/{tail:.*}";
const VERSION: &str = "/{version:(?i:v1|v2-beta)}";
const TAIL: &str = "/{version:(?i:v1|v2-beta)}/{tail:.*}";

/// Method and pattern of every route in the URL table.
fn routes() -> BTreeSet<(String, String)> {
    let text = std::fs::read_to_string("src/api/routes.rs").expect("the URL table");
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let mut found = BTreeSet::new();
    for part in code.split(".route(").skip(1) {
        let mut strings = part.split('"');
        if part.starts_with('"') {
            let pattern = strings.nth(1).expect("a pattern");
            let method = part.split("web::").nth(1).and_then(|rest| rest.split('(').next());
            found.insert((method.expect("a method").to_ascii_uppercase(), pattern.to_owned()));
        }
    }
    for part in code.split("web::resource(").skip(1) {
        let (patterns, rest) = part.split_once(')').expect("the end of the patterns");
        let all = part.split_once("])").map_or((patterns, rest), |split| split);
        let method = if all.1.trim_start().starts_with(".to(") { "ANY" } else { "GET" };
        for pattern in all.0.split('"').skip(1).step_by(2) {
            found.insert((method.to_owned(), pattern.to_owned()));
        }
    }
    found
}

#[test]
fn every_route_of_the_table_is_called() {
    let called: BTreeSet<(String, String)> = CALLS
        .iter()
        .filter(|call| call.0 != "default")
        .map(|(pattern, method, ..)| {
            let any = [PAGE, PAGES, CATALOG, CATALOG_TAIL, HOOKS, HOOKS_TAIL, VERSION, TAIL];
            let any = any.contains(pattern);
            ((if any { "ANY" } else { *method }).to_owned(), (*pattern).to_owned())
        })
        .collect();
    assert_eq!(called, routes(), "left: called; right: in src/api/routes.rs");
}

/// What must come of a call.
fn expected(open: Open, caller: &Caller) -> u16 {
    if caller.acting == 0 {
        return if let Everyone(status) = open { status } else { 401 };
    }
    match open {
        Everyone(status) | Proved(status) => status,
        Roles(roles, allowed, refused) => {
            if roles.contains(&caller.name) {
                allowed
            } else {
                refused
            }
        }
        By(ty, verb, allowed, refused) => {
            let table = Table::of(Dialect::V2Beta, caller.name);
            match table.row(ty) {
                Some(row) if row.may(verb) => allowed,
                // It is there, but not to be used in this way.
                Some(_) if refused == 404 => 405,
                Some(_) | None => refused,
            }
        }
    }
}

#[actix_web::test]
async fn every_route_is_open_to_whom_it_should_be() {
    let ground = Ground::new().await;
    // The set-up is over.
    ground
        .write(|tx| {
            let uuid = tx.entropy.uuid();
            let mut new = NewResource::new("credential", uuid).account(1).state("active");
            new.data.insert("publicValue".to_owned(), "root".into());
            keys::prepare_password(tx, &mut new, "no hash".to_owned())?;
            tx.insert(new)
        })
        .await;
    let project = callers::project(&ground, "ours").await;
    let mut all = callers::members(&ground, project).await;
    all.extend(callers::accounts(&ground).await);
    all.extend(callers::refused(&ground).await);
    let mut wrong = Vec::new();
    for caller in &all {
        for (_, method, path, open) in CALLS {
            let body = (*method == "POST").then(|| json!({}));
            // An environment in the path does not count where a header names another.
            let inside = caller.inside.clone().filter(|_| !path.contains("/projects/"));
            let caller = &Caller { inside, ..caller.clone() };
            let answer = ground.ask(caller, &Ask { method, path: (*path).to_owned(), body }).await;
            let expect = expected(*open, caller);
            if answer.status != expect {
                let (name, status) = (caller.name, answer.status);
                wrong.push(format!("{name} {method} {path}: {expect} != {status} {}", answer.text));
            }
        }
    }
    report(&wrong);
}
