//! `/v1-catalog`: what the catalog service of Rancher's answered, for the clients that ask it.
//!
//! | URL under `/v1-catalog` or `/v1-catalog/projects/<id>` | |
//! |---|---|
//! | nothing, `/schemas`, `/schemas/<type>` | the types |
//! | `/catalogs` | the catalogs that the caller sees: `GET`, `POST` one for the environment acted in |
//! | `/catalogs/<name>` | one: `GET`, `PUT`, `DELETE` |
//! | `/templates` | their templates: `GET` with filters, `POST ?action=refresh` |
//! | `/templates/<catalog>:<template>` | one; `?image` is its icon, `?readme` its readme |
//! | `/templates/<catalog>:<template>:<version>`, `/templateversions/...` | one version; `?readme` |

mod kinds;
mod origins;
mod shown;

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::future;
use serde_json::{Map, Value, json};

use self::kinds::{KINDS, named, schema, schema_named};
use self::shown::View;
use super::audit::Note;
use super::body::{self, Body};
use super::call::{Call, Method};
use super::dialect::Version;
use super::hooks::Attachment;
use super::params::Params;
use super::respond::Reply;
use super::{ApiState, beside};
use crate::auth::Caller;
use crate::catalog::template::parse_id;
use crate::catalog::{Catalog, Origin, Template};
use crate::error::{Error, Result};
use crate::model::id;
use crate::store::Tx;

/// Path parameters of the catalog's routes.
#[derive(serde::Deserialize)]
pub struct CatalogPath {
    #[serde(default)]
    tail: String,
}

/// Serves every URL of the catalog, to whoever has proved who it is.
pub async fn serve(
    request: HttpRequest,
    payload: web::Payload,
    path: web::Path<CatalogPath>,
    state: web::Data<ApiState>,
) -> HttpResponse {
    let mut call = Call::new(&state, &request, Version::V2Beta, &path.tail);
    let root = format!("{}/v1-catalog", call.origin.to_ascii_lowercase());
    call.base = call.base.replacen(&call.root, &root, 1);
    call.root = root;
    // What pages drop as the empty field of a form asks for something here: `?image`.
    call.params = Params::parse(request.query_string());
    let content_type = request.headers().get("content-type").and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default();
    // Catalogs of environments are rows of this type.
    let note = Note::of(origins::TYPE);
    beside::serve(&state, &mut call, payload, note, async |call, caller, bytes, note| {
        let body = body::parse(bytes, content_type, &mut call.params)?;
        answer(&state, call, caller, body, note).await
    })
    .await
}

/// A request of a known caller.
struct Asked<'a> {
    state: &'a ApiState,
    call: &'a Call,
    caller: &'a Caller,
}

async fn answer(
    state: &ApiState,
    call: &Call,
    caller: &Caller,
    body: Body,
    note: &mut Note,
) -> Result<Reply> {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let method = call.method()?;
    let asked = Asked { state, call, caller };
    match (method, segments.as_slice()) {
        (Method::Get, [] | ["schemas"]) => {
            let schemas = KINDS.iter().map(|kind| schema(&asked.call.base, kind)).collect();
            Ok(asked.collection("schema", "schemas", schemas))
        }
        (Method::Get, ["schemas", name]) => match schema_named(&asked.call.base, name) {
            Some(schema) => Ok(json_reply(200, &schema)),
            None => Err(asked.nothing()),
        },
        (Method::Post, ["templates"]) if asked.call.params.get("action") == Some("refresh") => {
            let all = asked.origins()?;
            future::join_all(all.iter().map(|one| state.config.catalogs.refresh(one))).await;
            Ok(Reply { status: 204, ..Reply::default() })
        }
        (Method::Post, ["catalogs"]) => asked.add(body, note).await,
        (Method::Put, ["catalogs", name]) => asked.change(name, body, note).await,
        (Method::Delete, ["catalogs", name]) => asked.remove(name, note).await,
        (Method::Get, [plural]) => match named(plural).map(|kind| kind.name) {
            Some("catalog") => asked.catalogs().await,
            Some("template") => asked.templates().await,
            Some(name) => {
                let plural = named(plural).map_or("", |kind| kind.plural);
                Ok(asked.collection(name, plural, Vec::new()))
            }
            None => Err(asked.nothing()),
        },
        (Method::Get, [plural, id]) => match named(plural).map(|kind| kind.name) {
            Some("catalog") => asked.catalog(id).await,
            Some("template" | "templateVersion") => asked.template(id).await,
            Some(_) | None => Err(asked.nothing()),
        },
        (Method::Get, _) => Err(asked.nothing()),
        (Method::Post | Method::Put | Method::Delete | Method::Options, _) => {
            Err(Error::status(405).message("templates come from catalogs and cannot be changed"))
        }
    }
}

impl Asked<'_> {
    fn nothing(&self) -> Error {
        Error::not_found().message(format!("nothing is at {}", self.call.facts.path))
    }

    /// The environment that the caller acts in.
    fn environment(&self) -> Option<i64> {
        self.caller.in_project().then_some(self.caller.account_id)
    }

    fn view(&self) -> View<'_> {
        let get = |name: &str| self.call.params.get(name);
        let server = get("rancherVersion").filter(|version| !version.is_empty());
        View {
            base: &self.call.base,
            environment: self.environment().map(|account| id::format("a", account)),
            server: server.or(get("minimumRancherVersion_lte")).unwrap_or_default(),
        }
    }

    fn origins(&self) -> Result<Vec<Origin>> {
        let (environment, catalogs) = (self.environment(), &self.state.config.catalogs);
        self.state.store.read(|read| origins::seen(read, catalogs, environment))
    }

    /// Catalogs as they were last read.
    async fn read(&self, origins: &[Origin]) -> Result<Vec<Arc<Catalog>>> {
        let old =
            self.state.store.read(|read| read.setting_int("catalog.refresh.interval.seconds"))?;
        let old_ms = old.clamp(1, 1_000_000_000) * 1000;
        let get = |origin| self.state.config.catalogs.get(origin, old_ms);
        Ok(future::join_all(origins.iter().map(get)).await)
    }

    async fn named(&self, name: &str) -> Result<Arc<Catalog>> {
        let mut origins = self.origins()?;
        origins.retain(|origin| origin.name == name);
        let found = self.read(&origins).await?.into_iter().next();
        found.ok_or_else(|| Error::not_found().message(format!("there is no catalog `{name}`")))
    }

    async fn catalogs(&self) -> Result<Reply> {
        let found = self.read(&self.origins()?).await?;
        let view = self.view();
        let data = found.iter().map(|catalog| view.catalog(catalog)).collect();
        Ok(self.collection("catalog", "catalogs", data))
    }

    async fn catalog(&self, name: &str) -> Result<Reply> {
        let found = self.named(name).await?;
        Ok(json_reply(200, &self.view().catalog(&found)))
    }

    async fn templates(&self) -> Result<Reply> {
        let params = &self.call.params;
        let mut origins = self.origins()?;
        if let Some(name) = params.get("catalogId").or(params.get("catalog")) {
            origins.retain(|origin| name.is_empty() || origin.name == name);
        }
        let base = params.get("templateBase_eq").or(params.get("templateBase"));
        let wanted: Vec<&str> = params.all("category").collect();
        let unwanted: Vec<&str> = params.all("category_ne").collect();
        let has = |template: &Template, category: &&str| {
            template.categories.iter().any(|own| own.eq_ignore_ascii_case(category))
        };
        let fits = |template: &&Template| {
            base.is_none_or(|base| base.is_empty() || template.base == base)
                && wanted.iter().all(|category| has(template, category))
                && !unwanted.iter().any(|category| has(template, category))
        };
        let found = self.read(&origins).await?;
        let view = self.view();
        let data = found.iter().flat_map(|catalog| {
            let fitting = catalog.templates.iter().filter(fits);
            fitting.filter_map(|template| view.template(catalog, template))
        });
        Ok(self.collection("template", "templates", data.collect()))
    }

    /// A template or a version of one, or its icon or readme.
    async fn template(&self, id: &str) -> Result<Reply> {
        let unknown = || Error::not_found().message(format!("there is no template `{id}`"));
        let (catalog, key, version) = parse_id(id).ok_or_else(unknown)?;
        let catalog = self.named(catalog).await?;
        let template = catalog.template(key).ok_or_else(unknown)?;
        let asks = |what: &str| self.call.params.get(what).is_some();
        let Some(version) = version else {
            if asks("image") {
                let icon = template.icon.as_ref().ok_or_else(|| {
                    Error::not_found().message(format!("template `{id}` has no icon"))
                })?;
                return Ok(file(&icon.name, icon.media(), icon.bytes.clone()));
            }
            if asks("readme") {
                return Ok(readme(template.readme.as_deref()));
            }
            let shown = self.view().template(&catalog, template).ok_or_else(unknown)?;
            return Ok(json_reply(200, &shown));
        };
        let version = template.version(version).ok_or_else(unknown)?;
        if asks("readme") {
            return Ok(readme(version.readme.as_deref().or(template.readme.as_deref())));
        }
        Ok(json_reply(200, &self.view().version(&catalog, template, version)))
    }

    /// The environment whose catalogs the caller changes.
    fn changed(&self) -> Result<i64> {
        if !origins::may_change(self.caller) {
            return Err(
                Error::status(403).message("only owners of the environment change its catalogs")
            );
        }
        let Some(environment) = self.environment() else {
            return Err(Error::status(400).message(
                "a catalog is added to an environment: say which by the header X-API-Project-Id; \
                 those for everyone are in the setting `catalog.url`",
            ));
        };
        Ok(environment)
    }

    fn body(body: Body) -> Result<Map<String, Value>> {
        match body {
            Body::Object(fields) => Ok(fields),
            Body::List(_) => {
                Err(Error::code("InvalidBodyContent").message("a catalog is one object"))
            }
        }
    }

    async fn add(&self, body: Body, note: &mut Note) -> Result<Reply> {
        let environment = self.changed()?;
        let origin = origins::of_body(&Self::body(body)?, environment)?;
        let (uuid, own) = (self.state.entropy.uuid(), origin.clone());
        let add = move |tx: &mut Tx<'_>| origins::add(tx, uuid, environment, &own);
        note.resource_id = Some(self.state.store.write(add).await?);
        self.made(&origin, 201).await
    }

    async fn change(&self, name: &str, body: Body, note: &mut Note) -> Result<Reply> {
        let environment = self.changed()?;
        let mut fields = Self::body(body)?;
        fields.insert("name".to_owned(), name.into());
        let origin = origins::of_body(&fields, environment)?;
        let own = origin.clone();
        let change = move |tx: &mut Tx<'_>| origins::change(tx, environment, &own);
        let (row, before) = self.state.store.write(change).await?;
        note.resource_id = Some(row);
        if let Some(before) = before.filter(|before| *before != origin) {
            self.state.config.catalogs.forget(&before);
        }
        self.made(&origin, 200).await
    }

    /// A catalog that is there from now on: fetching it goes on beside.
    async fn made(&self, origin: &Origin, status: u16) -> Result<Reply> {
        let found = self.read(std::slice::from_ref(origin)).await?;
        let shown = found.first().map(|catalog| self.view().catalog(catalog));
        Ok(json_reply(status, &shown.unwrap_or_default()))
    }

    async fn remove(&self, name: &str, note: &mut Note) -> Result<Reply> {
        let environment = self.changed()?;
        let own = name.to_owned();
        let remove = move |tx: &mut Tx<'_>| origins::remove(tx, environment, &own);
        let (row, before) = self.state.store.write(remove).await?;
        note.resource_id = Some(row);
        if let Some(before) = before {
            self.state.config.catalogs.forget(&before);
        }
        Ok(Reply { status: 204, ..Reply::default() })
    }

    fn collection(&self, kind: &str, plural: &str, data: Vec<Value>) -> Reply {
        let base = &self.call.base;
        let mut actions = Map::new();
        if plural == "templates" {
            actions.insert("refresh".to_owned(), format!("{base}/templates?action=refresh").into());
        }
        json_reply(
            200,
            &json!({
                "type": "collection",
                "resourceType": kind,
                "links": { "self": format!("{base}/{plural}") },
                "actions": actions,
                "data": data,
            }),
        )
    }
}

fn json_reply(status: u16, value: &Value) -> Reply {
    Reply::json(status, value.to_string().into_bytes())
}

fn readme(text: Option<&str>) -> Reply {
    let text = text.unwrap_or_default().as_bytes().to_vec();
    file("README.md", "text/plain; charset=utf-8", text)
}

/// A file of a catalog. It is sent to be kept, so that a page in it is never one of this server's.
fn file(name: &str, media: &'static str, bytes: Vec<u8>) -> Reply {
    let fits = |c: &char| c.is_ascii_alphanumeric() || "-_.".contains(*c);
    let name: String = name.chars().filter(fits).collect();
    let file = Attachment::Bytes(name.into(), media, bytes);
    Reply { status: 200, file: Some(file), ..Reply::default() }
}
