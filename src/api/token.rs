//! Logins, which need no authentication, and the set-up of the first administrator.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Map, Value, json};

use super::audit::Note;
use super::body::{self, Body};
use super::call::{Call, Method};
use super::dialect::Version;
use super::respond::{self, Reply, not_allowed};
use super::{ApiState, json as write};
use crate::auth::csrf;
use crate::auth::setup::{Claim, Phase};
use crate::auth::tokens::Login;
use crate::error::{Error, Result};

/// Serves `token` and what is under it.
///
/// # Errors
/// Those of the login, 405 for what is not offered.
pub async fn serve(state: &ApiState, call: &Call, body: Body, note: &mut Note) -> Result<Reply> {
    note.ty = None;
    match (call.method()?, call.segments.as_slice()) {
        (Method::Get, [_]) => Ok(collection(call, &state.auth.token_status(&call.facts)?)),
        (Method::Get, [_, _]) => {
            let status = state.auth.token_status(&call.facts)?;
            Ok(Reply::json(200, resource(call, &status)))
        }
        (Method::Post, [_]) => login(state, call, body).await,
        (Method::Delete, [_, _]) if call.version != Version::V1 => {
            state.auth.logout(&call.facts).await?;
            let cookie = csrf::expired_session_cookie(respond::transport(call));
            Ok(Reply { status: 204, cookies: vec![cookie], ..Reply::default() })
        }
        _ => Err(not_allowed("token")),
    }
}

fn bad_request(message: &str) -> Error {
    Error::status(400).message(message)
}

/// The fields of a body that is one object, with those of the form or query added.
fn fields(call: &Call, body: Body) -> Result<Map<String, Value>> {
    let Body::Object(mut fields) = body else {
        return Err(bad_request("a login is one JSON object, not a list"));
    };
    call.params.merge_into(&mut fields);
    Ok(fields)
}

async fn login(state: &ApiState, call: &Call, body: Body) -> Result<Reply> {
    let fields = fields(call, body)?;
    let Some(code) = fields.get("code").and_then(Value::as_str) else {
        return Err(bad_request("a login needs a `code`: the login, a colon and the password"));
    };
    let login = state.auth.login(code, call.facts.client_ip).await?;
    Ok(opened(call, &login))
}

/// The answer to a login: the session's key, also as a cookie.
fn opened(call: &Call, login: &Login) -> Reply {
    let cookie = csrf::session_cookie(&login.key, login.lifetime_s, respond::transport(call));
    Reply { cookies: vec![cookie], ..Reply::json(201, resource(call, &login.resource)) }
}

fn resource(call: &Call, fields: &Map<String, Value>) -> Vec<u8> {
    let hidden = call.dialect().words("token").map_or(&[][..], |words| words.hidden);
    let mut out = b"{\"id\":null,\"type\":\"token\",\"links\":{\"self\":".to_vec();
    write::text(&mut out, &format!("{}/token", call.base));
    out.extend_from_slice(b"},\"actions\":{},\"baseType\":\"token\"");
    for (name, value) in fields.iter().filter(|(name, _)| name.as_str() != "type") {
        if hidden.contains(&name.as_str()) {
            continue;
        }
        out.push(b',');
        write::text(&mut out, name);
        out.push(b':');
        write::value(&mut out, value);
    }
    out.push(b'}');
    out
}

fn collection(call: &Call, fields: &Map<String, Value>) -> Reply {
    let mut out =
        b"{\"type\":\"collection\",\"resourceType\":\"token\",\"links\":{\"self\":".to_vec();
    write::text(&mut out, &call.url);
    out.extend_from_slice(b"},\"createTypes\":{},\"actions\":{},\"data\":[");
    out.extend_from_slice(&resource(call, fields));
    out.extend_from_slice(
        b"],\"sortLinks\":{},\"pagination\":null,\"sort\":null,\"filters\":{},\"createDefaults\":{}}",
    );
    Reply::json(200, out)
}

/// `GET /setup`: whether the first administrator has still to be made.
pub async fn setup_status(state: web::Data<ApiState>) -> HttpResponse {
    let needed = state.auth.setup_phase() == Phase::Needed && state.auth.is_controlled();
    HttpResponse::Ok().json(json!({ "needed": needed }))
}

/// `POST /setup`: makes the first administrator and logs it in.
pub async fn setup(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<ApiState>,
) -> HttpResponse {
    let mut call = Call::new(&state, &request, Version::V2Beta, "");
    let reply = match claim(&state, &mut call, &request, payload).await {
        Ok(reply) => reply,
        Err(error) => respond::failure(&state.entropy, &error),
    };
    respond::finish(&state, &call, None, reply)
}

async fn claim(
    state: &ApiState,
    call: &mut Call,
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<Reply> {
    let bytes = body::read(payload, state.config.body_limit).await?;
    let kind = request.headers().get("content-type").and_then(|value| value.to_str().ok());
    let body = body::parse(&bytes, kind.unwrap_or(""), &mut call.params)?;
    let fields = fields(call, body)?;
    let text = |field: &str| fields.get(field).and_then(Value::as_str).unwrap_or("");
    let claim = Claim {
        code: text("code"),
        username: text("username"),
        password: text("password"),
        name: text("name"),
    };
    let login = state.auth.claim(claim, call.facts.client_ip).await?;
    Ok(opened(call, &login))
}
