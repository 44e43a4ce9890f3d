//! Tokens with which agents open tunnels to the server: nobody needs one here.
//!
//! The server reaches engines itself, and containers through the engines; there is no way back for an
//! agent to open.

use super::super::{Asked, Ctx, Source, Write};
use crate::error::{Error, Result};
use crate::model::resource::Resource;
use crate::store::Query;

/// `hostApiProxyTokens`.
pub const TOKENS: Source = Source { name: "hostApiProxyTokens", list, get, write: Some(write) };

fn list(_: &Asked<'_>) -> Result<Vec<Resource>> {
    Ok(Vec::new())
}

fn get(_: &Asked<'_>, _: &str) -> Result<Option<Resource>> {
    Ok(None)
}

/// An agent asks for its own host only, and learns that tunnels are off.
fn write(ctx: &mut Ctx<'_, '_>, write: &Write) -> Result<Resource> {
    let Write::Create(input) = write else { return Err(Error::not_found()) };
    let uuid = input.get("reportedUuid").and_then(|uuid| uuid.as_str()).unwrap_or_default();
    let own = Query {
        ty: "agent",
        account_id: Some(ctx.caller.account_id),
        limit: usize::MAX >> 1,
        ..Query::default()
    };
    for agent in ctx.tx.list(&own)? {
        let hosts = ctx.tx.referrers("host", "agentId", agent.id)?;
        if hosts.iter().any(|host| host.str("reportedUuid") == Some(uuid)) {
            return Err(Error::code("HostApiProxyDisabled")
                .message("agents need no tunnel: the server reaches their hosts itself"));
        }
    }
    Err(Error::field("InvalidReference", "reportedUuid")
        .message(format!("agent has no host that reported `{uuid}`")))
}
