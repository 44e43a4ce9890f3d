//! One API request from start to end: authentication, which handler, and what is recorded of it.

use actix_web::{HttpRequest, HttpResponse, web};

use super::body::{self, Body};
use super::call::{Call, Method};
use super::dialect::Version;
use super::hooks::{self, Access};
use super::render::{Ids, Renderer};
use super::respond::{self, Reply};
use super::views::{View, Views, views};
use super::{
    ApiState, allow, audit, build, cache, deploy, etag, input, reads, root, schemas, scripts,
    subscribe, token, writes,
};
use crate::auth::{Authenticator as _, Caller};
use crate::error::{Error, Result};
use crate::model::resource::Resource;
use crate::model::schema::Source;
use crate::store::Read;

/// A request that is understood and authenticated.
pub struct Session<'a> {
    /// What handlers share.
    pub state: &'a web::Data<ApiState>,
    /// The request.
    pub call: &'a Call,
    /// Who asks.
    pub caller: &'a Caller,
    /// What the caller sees.
    pub views: &'static Views,
}

impl<'a> Session<'a> {
    /// How this request wants resources written.
    pub fn renderer(&self) -> Renderer<'_> {
        let plain = input::may_use_plain_ids(self.caller) && self.call.params.flag("_plainId");
        Renderer {
            views: self.views,
            root: &self.call.root,
            base: &self.call.base,
            ids: if plain { Ids::Plain } else { Ids::Formatted },
            actions_key: self.call.actions_key,
        }
    }

    /// What an action or link is given that changes nothing.
    pub fn access<'b>(&'b self, read: &'b Read<'b>, row: &'b Resource) -> Access<'b> {
        Access { state: self.state, read, caller: self.caller, row, origin: &self.call.origin }
    }
}

/// Path parameters of the API's routes.
#[derive(serde::Deserialize)]
pub struct ApiPath {
    version: String,
    #[serde(default)]
    tail: String,
}

/// Serves every URL under a version.
pub async fn api(
    request: HttpRequest,
    payload: web::Payload,
    path: web::Path<ApiPath>,
    state: web::Data<ApiState>,
) -> HttpResponse {
    let started = state.clock.now_ms();
    let version = Version::parse(&path.version).unwrap_or(Version::V2Beta);
    let mut call = Call::new(&state, &request, version, &path.tail);
    if call.method == Some(Method::Options) {
        return allow::options(&state, &call).await;
    }
    if build::is_wanted(&call) {
        return build::run(payload, &state, &call).await;
    }
    if scripts::is_wanted(&call) {
        return scripts::run(&state, &call);
    }
    if subscribe::is_wanted(&request, &call) {
        return subscribe::open(&request, payload, &state, &call).await;
    }
    let mut caller = None;
    let mut note = audit::Note::default();
    let result = answer(&state, &mut call, &request, payload, &mut caller, &mut note).await;
    let mut reply = match result {
        Ok(reply) => reply,
        Err(error) => respond::failure(&state.entropy, &error),
    };
    if let (405, Some(caller)) = (reply.status, &caller) {
        let views = views(call.version, caller.role);
        let session = Session { state: &state, call: &call, caller, views };
        reply.allow = Some(allow::methods(&session));
    }
    if is_deed(&call, &note, reply.status) {
        audit::record(&state, &call, caller.as_ref(), note, &reply, started).await;
    }
    respond::measure(&state, &call, &reply, started);
    respond::finish(&state, &call, caller.as_ref(), reply)
}

/// What was only tried out is no deed; that it was refused is worth knowing all the same. Plans are asked for at
/// each pause in typing: of those it is worth knowing who may not have them.
fn is_deed(call: &Call, note: &audit::Note, status: u16) -> bool {
    if note.only_tries {
        return matches!(status, 401 | 403 | 405);
    }
    status >= 300 || !call.is_dry_run().is_ok_and(|dry| dry)
}

async fn answer(
    state: &web::Data<ApiState>,
    call: &mut Call,
    request: &HttpRequest,
    payload: web::Payload,
    caller: &mut Option<Caller>,
    note: &mut audit::Note,
) -> Result<Reply> {
    let body = read_body(state, call, request, payload).await?;
    if call.facts.for_token {
        return token::serve(state, call, body, note).await;
    }
    let caller = caller.insert(state.auth.authenticate(&call.facts).await?);
    let method = call.method()?;
    let session = Session { state, call, caller, views: views(call.version, caller.role) };
    if scripts::transforms(session.call, method) {
        return scripts::transformed(body);
    }
    note.body(&body);
    dispatch(&session, method, body, note).await
}

async fn read_body(
    state: &ApiState,
    call: &mut Call,
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<Body> {
    let empty = Body::Object(serde_json::Map::new());
    if matches!(request.method().as_str(), "GET" | "HEAD") {
        return Ok(empty);
    }
    let bytes = body::read(payload, state.config.body_limit).await?;
    let kind = request.headers().get("content-type").and_then(|value| value.to_str().ok());
    let body = body::parse(&bytes, kind.unwrap_or(""), &mut call.params)?;
    if let Some(csrf) = call.params.get("CSRF").filter(|_| call.facts.csrf.is_none()) {
        // A form brings it as a field.
        call.facts.csrf = Some(csrf.to_owned());
    }
    if let Some(method) = call.params.get("_method").map(str::to_owned) {
        call.set_method(&method);
    }
    if call.idempotency_key.is_some() {
        call.sent = body.value();
    }
    Ok(body)
}

/// What a path names.
pub enum Target<'a> {
    /// The version.
    Root,
    /// A type's rows.
    Collection(&'a View),
    /// A row.
    Resource(&'a View, &'a str),
    /// A row's link.
    Link(&'a View, &'a str, &'a str),
}

/// What the path of a request names.
///
/// # Errors
/// 404 for what names nothing.
pub fn target<'a>(session: &'a Session<'_>) -> Result<Target<'a>> {
    let segments: Vec<&str> = session.call.segments.iter().map(String::as_str).collect();
    let Some(ty) = segments.first() else { return Ok(Target::Root) };
    let view = session.views.by_any_name(ty).ok_or_else(|| {
        Error::not_found().message(format!("`{ty}` is not a type that you can use"))
    })?;
    match segments.as_slice() {
        [_] => Ok(Target::Collection(view)),
        [_, id] => Ok(Target::Resource(view, id)),
        [_, id, link] => Ok(Target::Link(view, id, link)),
        _ => Err(Error::not_found().message(format!("nothing is at {}", session.call.facts.path))),
    }
}

async fn dispatch(
    session: &Session<'_>,
    method: Method,
    body: Body,
    note: &mut audit::Note,
) -> Result<Reply> {
    let target = target(session)?;
    if let Target::Collection(view) | Target::Resource(view, _) | Target::Link(view, ..) = &target {
        note.ty = Some(view.entry.ty.name);
    }
    audit::accompany(session, note, async |note| act(session, &target, method, body, note).await)
        .await
}

async fn act(
    session: &Session<'_>,
    target: &Target<'_>,
    method: Method,
    body: Body,
    note: &mut audit::Note,
) -> Result<Reply> {
    let action = session.call.params.get("action").filter(|_| method == Method::Post);
    match (target, method) {
        (Target::Root, Method::Get) => Ok(root::version(session)),
        (Target::Root, _) => Err(respond::not_allowed("the version")),
        (Target::Collection(view), Method::Get) if is_schema(view) => schemas::all(session),
        (Target::Resource(view, id), Method::Get) if is_schema(view) => schemas::one(session, id),
        (Target::Collection(view), Method::Get) => {
            cached(session, view, || reads::list(session, view))
        }
        (Target::Resource(view, id), Method::Get) => {
            cached(session, view, || reads::show(session, view, id))
        }
        (Target::Link(view, id, link), Method::Get) => reads::link(session, view, id, link),
        (Target::Collection(view), Method::Post) if action.is_some() => {
            Err(writes::no_such_action(view, action.unwrap_or("")))
        }
        (Target::Collection(view), Method::Post) if let Some(run) = deploy::command(view) => {
            note.only_tries = deploy::only_tries(view, &body);
            run(session, view, body).await
        }
        (Target::Collection(view), Method::Post) => {
            writes::create(session, view, body, None, note).await
        }
        (Target::Resource(view, id), Method::Post) => match action {
            Some(action) => writes::action(session, view, id, action, body, note).await,
            None => Err(respond::not_allowed(view.name)),
        },
        (Target::Link(view, id, link), Method::Post) => {
            writes::create_child(session, view, id, link, body, note).await
        }
        (Target::Resource(view, id), Method::Put) => {
            writes::update(session, view, id, body, note).await
        }
        (Target::Resource(view, id), Method::Delete) => {
            writes::delete(session, view, id, note).await
        }
        (
            Target::Collection(view) | Target::Link(view, ..) | Target::Resource(view, _),
            Method::Put | Method::Delete | Method::Options,
        ) => Err(respond::not_allowed(view.name)),
    }
}

/// The answer from before if nothing was committed since, for rows that only commits change.
fn cached(
    session: &Session<'_>,
    view: &View,
    make: impl FnOnce() -> Result<Reply>,
) -> Result<Reply> {
    // What is included may be of any type, also of one that changes without a commit.
    let live = hooks::is_live(view.entry) || session.call.params.get("include").is_some();
    if view.entry.ty.source != Source::Resource || live {
        return make();
    }
    let answers = &session.state.answers;
    // Counted first: a commit that comes while the answer is made makes it stale.
    let commits = session.state.store.commits();
    let key = cache::key(session);
    if let Some(kept) = answers.get(commits, &key) {
        return Ok(Reply {
            status: 200,
            body: kept.body,
            etag: Some(kept.etag),
            ..Reply::default()
        });
    }
    let mut reply = make()?;
    let etag = reply.etag.take().unwrap_or_else(|| etag::of_body(&reply.body));
    if reply.status == 200 {
        answers.put(commits, key, &cache::Answer { body: reply.body.clone(), etag: etag.clone() });
    }
    Ok(Reply { etag: Some(etag), ..reply })
}

fn is_schema(view: &View) -> bool {
    view.entry.ty.source == Source::Computed("schemas")
}
