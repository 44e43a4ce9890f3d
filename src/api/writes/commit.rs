//! How a write is carried out: for good, at most once for a key, or only tried out.
//!
//! A handler says what is to be done in the transaction (`work`) and how the answer looks (`show`). What
//! the request says about the whole of it is dealt with here: `If-Match`, `Idempotency-Key`, `dryRun`.

use actix_web::web;

use super::super::ApiState;
use super::super::call::Call;
use super::super::etag;
use super::super::hooks::Ctx;
use super::super::render::Extras;
use super::super::respond::Reply;
use super::super::serve::Session;
use super::super::views::{View, Views};
use super::{once, rehearsal};
use crate::auth::Caller;
use crate::error::{Error, Result};
use crate::model::registry::Entry;
use crate::store::{Read, Tx};

/// What a write is about.
#[derive(Clone, Debug)]
pub enum Subject {
    /// Something new.
    New,
    /// This row.
    Row(i64),
    /// The row of a computed type, by its id as it stands in the URL.
    Computed(String),
}

/// A session that can be taken along into a transaction.
pub struct Owned {
    state: web::Data<ApiState>,
    call: Call,
    caller: Caller,
    views: &'static Views,
}

impl Owned {
    /// Of a session.
    pub fn of(session: &Session<'_>) -> Self {
        Self {
            state: session.state.clone(),
            call: session.call.clone(),
            caller: session.caller.clone(),
            views: session.views,
        }
    }

    /// The session again.
    pub fn session(&self) -> Session<'_> {
        Session { state: &self.state, call: &self.call, caller: &self.caller, views: self.views }
    }
}

/// The view of a type, as long as the program runs: for closures that outlive the request's own.
///
/// # Errors
/// 404 for a type that the role does not see.
pub fn lasting(session: &Session<'_>, entry: &Entry) -> Result<&'static View> {
    let views: &'static Views = session.views;
    views.of_type(entry.ty.name).ok_or_else(Error::not_found)
}

/// Carries a write out.
///
/// # Errors
/// 412 when `If-Match` names another revision, 422 when the key was used for something else, and those
/// of `work` and `show`.
pub async fn commit<T: Send + 'static>(
    session: &Session<'_>,
    entry: &'static Entry,
    subject: Subject,
    work: impl FnOnce(&mut Ctx<'_, '_>) -> Result<T> + Send + 'static,
    show: impl FnOnce(&Session<'_>, &Read<'_>, T) -> Result<Reply> + Send + 'static,
) -> Result<Reply> {
    let owned = Owned::of(session);
    let is_new = matches!(subject, Subject::New);
    let work = move |owned: &Owned, tx: &mut Tx<'_>| {
        check_match(owned, tx, entry, &subject)?;
        let origin = &owned.call.origin;
        let site = &*owned.state.site;
        let vault = &*site.vault;
        tx.by = Some(owned.caller.known_as());
        work(&mut Ctx { tx, caller: &owned.caller, vault, entry, origin, site })
    };
    let store = &session.state.store;
    if session.call.is_dry_run()? {
        return rehearsal::rehearse(session, owned, work, show).await;
    }
    if is_new && let Some(claim) = once::Claim::of(session)? {
        return store
            .write(move |tx| {
                if let Some(reply) = claim.answered(tx)? {
                    return Ok(reply);
                }
                let done = work(&owned, tx)?;
                let reply = show(&owned.session(), tx, done)?;
                claim.keep(tx, &reply)?;
                Ok(reply)
            })
            .await;
    }
    let done = store.write(move |tx| work(&owned, tx)).await?;
    store.read(|read| show(session, read, done))
}

/// Refuses a change of something that is no longer what the caller has seen.
fn check_match(owned: &Owned, tx: &Tx<'_>, entry: &'static Entry, subject: &Subject) -> Result<()> {
    let Some(given) = owned.call.if_match.as_deref() else { return Ok(()) };
    let wanted = etag::Wanted::parse(given)?;
    let (is_met, now) = match subject {
        Subject::New => return Ok(()),
        Subject::Row(id) => {
            let revision = tx.get(*id)?.map(|row| row.revision);
            let met = revision.is_some_and(|revision| wanted.names_revision(revision));
            (met, revision.map_or_else(String::new, |revision| format!("; it is at {revision}")))
        }
        Subject::Computed(id) => {
            let session = owned.session();
            let view = lasting(&session, entry)?;
            let row = super::super::reads::find(&session, tx, view, id)?;
            let shown = super::super::reads::shown(&session, tx, view, row, Extras::default())?;
            (shown.etag.is_some_and(|tag| wanted.names(&tag)), String::new())
        }
    };
    if is_met {
        return Ok(());
    }
    Err(Error::status(412).message(format!(
        "the {} is no longer what If-Match names{now}; read it again",
        entry.ty.name
    )))
}
