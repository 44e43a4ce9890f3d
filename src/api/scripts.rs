//! `/<version>/scripts/<name>`: plain text for hosts that register: no login, the token in the address is
//! the proof. And `scripts/transform`, with which old clients turn what Docker says into what the API says.

use actix_web::HttpResponse;

use super::ApiState;
use super::body::Body;
use super::call::{Call, Method};
use super::respond::{self, Reply};
use crate::auth::registration;
use crate::compose::transform::{TransformError, transform};
use crate::error::{Error, Result};

/// What a host runs to register.
const REGISTER: &str = include_str!("scripts/register.sh");
/// What an agent runs when it starts.
const BOOTSTRAP: &str = include_str!("scripts/bootstrap.sh");

/// Whether a request is for a script.
pub fn is_wanted(call: &Call) -> bool {
    let named = matches!(call.segments.as_slice(), [ty, _] if ty.eq_ignore_ascii_case("scripts"));
    named && call.method == Some(Method::Get)
}

/// Answers with the script.
pub fn run(state: &ApiState, call: &Call) -> HttpResponse {
    match script(state, call) {
        Ok(text) => HttpResponse::Ok()
            .content_type("text/plain; charset=utf-8")
            .insert_header(("cache-control", "private, no-store"))
            .body(text),
        Err(error) => {
            let reply = respond::failure(&state.entropy, &error);
            respond::finish(state, call, None, reply)
        }
    }
}

/// Whether a request is `POST scripts/transform`, which works something out and changes nothing.
pub fn transforms(call: &Call, method: Method) -> bool {
    let named = matches!(call.segments.as_slice(), [ty, name]
        if ty.eq_ignore_ascii_case("scripts") && name.eq_ignore_ascii_case("transform"));
    named && method == Method::Post
}

/// Answers with the container that a container of Docker's would be.
///
/// # Errors
/// 422 for what cannot be carried over, 400 for what is not one object.
pub fn transformed(body: Body) -> Result<Reply> {
    let Body::Object(inspect) = body else {
        return Err(Error::code("InvalidBodyContent").message("a container is one object"));
    };
    let container = transform(&inspect.into()).map_err(|error| match &error {
        TransformError::InvalidOption { field, .. } => {
            Error::field("InvalidOption", *field).message(error.to_string())
        }
        TransformError::NotAnObject => Error::code("InvalidFormat").message(error.to_string()),
    })?;
    Ok(Reply::json(200, container.to_string().into_bytes()))
}

fn script(state: &ApiState, call: &Call) -> Result<String> {
    let name = call.segments.get(1).map_or("", String::as_str);
    if name.eq_ignore_ascii_case("bootstrap") {
        return Ok(BOOTSTRAP.to_owned());
    }
    let now = state.clock.now_ms();
    state.store.read(|read| {
        if registration::check(read, name, now)?.is_none() {
            return Err(Error::not_found().message("there is no such script"));
        }
        let setting = |name: &str| Ok::<_, Error>(read.setting(name)?.filter(|v| !v.is_empty()));
        let image = setting("bootstrap.required.image")?;
        let host = setting("api.host")?.unwrap_or_else(|| call.origin.clone());
        let ip = call.facts.client_ip.map(|ip| ip.to_string()).unwrap_or_default();
        let values = [
            ("@URL@", format!("{}/v1", host.trim_end_matches('/'))),
            ("@ACCESS_KEY@", registration::USER.to_owned()),
            ("@SECRET_KEY@", name.to_owned()),
            ("@AGENT_IMAGE@", image.unwrap_or_else(|| "rancher/agent:v1.2.11".to_owned())),
            ("@AGENT_IP@", ip),
        ];
        Ok(values
            .iter()
            .fold(REGISTER.to_owned(), |text, (mark, value)| text.replace(mark, &quoted(value))))
    })
}

/// A value as one word of a shell.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_leave_their_quotes() {
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("a'; rm -rf /; '"), r"'a'\''; rm -rf /; '\'''");
    }
}
