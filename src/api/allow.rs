//! Which methods a URL knows for a caller: the `Allow` header.

use actix_web::{HttpResponse, web};

use super::ApiState;
use super::call::Call;
use super::dynamic;
use super::reads::link_of;
use super::respond::{self, Reply};
use super::serve::{Session, Target, target};
use super::views::{View, views};
use crate::auth::Authenticator as _;
use crate::auth::policy::{self, Verb};
use crate::model::schema::{Link, Source};

/// Every method of the API.
const ALL: &str = "GET, HEAD, POST, PUT, DELETE, OPTIONS";

/// Answers `OPTIONS`. Who cannot be told what it may do is told what there is.
pub async fn options(state: &web::Data<ApiState>, call: &Call) -> HttpResponse {
    let caller = state.auth.authenticate(&call.facts).await.ok();
    let allow = match &caller {
        Some(caller) => {
            let views = views(call.version, caller.role);
            methods(&Session { state, call, caller, views })
        }
        None => ALL.to_owned(),
    };
    let reply = Reply { status: 204, allow: Some(allow), ..Reply::default() };
    respond::finish(state, call, caller.as_ref(), reply)
}

/// The methods of the URL that a request names.
pub fn methods(session: &Session<'_>) -> String {
    let (get, post, put, delete) = match target(session) {
        Err(_) => return ALL.to_owned(),
        Ok(Target::Root) => (true, false, false, false),
        Ok(Target::Collection(view)) => {
            (may(session, view, Verb::List), may(session, view, Verb::Create), false, false)
        }
        Ok(Target::Resource(view, _)) => (
            may(session, view, Verb::Get),
            !view.actions.is_empty(),
            may(session, view, Verb::Update),
            may(session, view, Verb::Delete),
        ),
        Ok(Target::Link(view, _, link)) => {
            (true, makes_children(session, view, link), false, false)
        }
    };
    let named = [(get, "GET, HEAD"), (post, "POST"), (put, "PUT"), (delete, "DELETE")];
    let mut names: Vec<&str> = named.iter().filter(|(may, _)| *may).map(|named| named.1).collect();
    names.push("OPTIONS");
    names.join(", ")
}

fn may(session: &Session<'_>, view: &View, verb: Verb) -> bool {
    let is_schema = view.entry.ty.source == Source::Computed("schemas");
    policy::may(session.caller.role, view.entry, verb)
        || dynamic::may(session, view, verb).unwrap_or(false)
        || (is_schema && matches!(verb, Verb::List | Verb::Get))
}

fn makes_children(session: &Session<'_>, view: &View, link: &str) -> bool {
    match link_of(view, link).map(|link| link.link) {
        Some(Link::Child { of, .. }) => session
            .views
            .of_type(of)
            .is_some_and(|child| policy::may(session.caller.role, child.entry, Verb::Create)),
        Some(Link::Ref { .. } | Link::Map { .. } | Link::Many { .. } | Link::Computed { .. })
        | None => false,
    }
}
