//! Hosts that are lost for longer than their environment waits are removed.
//!
//! How long that is says the environment (`hostRemoveDelaySeconds`), else a setting; usually they stay
//! forever. A host that is lost says when it would go (`removeAfter`); one that comes back does not go.
//! After the server's own start hosts get time to be heard of.

use std::sync::Arc;

use super::agent::number;
use super::project;
use super::site::Site;
use super::tasks::{Every, Found, Task};
use crate::error::Result;
use crate::model::resource::Resource;
use crate::store::{Condition, Op, Query, Read, Tx};

/// The job's number.
const ID: i64 = 21;
/// Seconds between two looks.
const ROUND_S: u64 = 60;
/// The environment's word; negative for never.
const OWN_DELAY: &str = "hostRemoveDelaySeconds";
/// The setting that counts where the environment says nothing.
const DELAY: &str = "host.remove.delay.seconds";
const NEVER: i64 = -1;
/// Seconds after the server's start in which no host goes.
const STARTUP: &str = "host.remove.delay.startup.seconds";
const STARTUP_S: i64 = 900;
/// The state of the agent of a lost host.
const LOST: &str = "disconnected";
const REMOVE_AFTER: &str = "removeAfter";
/// Hosts looked at in one round.
const BATCH: usize = 1000;

/// The job.
pub fn tasks() -> Vec<Task> {
    vec![Task::new(ID, "host.remove.disconnected", Every::Seconds(ROUND_S), round)]
}

/// What is to become of a lost host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Nothing changes.
    Wait,
    /// It says from now on when it goes.
    Tell(i64),
    /// It does not go any more.
    Stay,
    /// Its time has come.
    Go,
}

/// Judges a lost host: when it goes as far as that is known, and how long hosts are waited for, if not
/// forever.
fn judge(remove_after: Option<i64>, delay_s: Option<i64>, now: i64, settled: bool) -> Verdict {
    match (remove_after, delay_s) {
        (None, None) => Verdict::Wait,
        (Some(_), None) => Verdict::Stay,
        (None, Some(delay)) => Verdict::Tell(now.saturating_add(delay.saturating_mul(1000))),
        (Some(at), Some(_)) if at <= now && settled => Verdict::Go,
        (Some(_), Some(_)) => Verdict::Wait,
    }
}

/// How long a lost host is waited for, in seconds; nothing for ever.
fn delay(read: &Read<'_>, host: &Resource) -> Result<Option<i64>> {
    let environment = host.account_id.map(|id| read.get(id)).transpose()?.flatten();
    let own = environment.and_then(|own| own.int(OWN_DELAY));
    let delay = own.map_or_else(|| number(read, DELAY, NEVER), Ok)?;
    Ok((delay >= 0).then_some(delay))
}

/// Says on a host when it goes, or that it does not; called when its agent's state changes.
///
/// # Errors
/// When the database fails.
pub fn follow(tx: &mut Tx<'_>, host: &Resource, agent_state: &str) -> Result<()> {
    let known = host.int(REMOVE_AFTER);
    let verdict = match agent_state {
        LOST => judge(known, delay(tx, host)?, tx.now, false),
        _ if known.is_some() => Verdict::Stay,
        _ => Verdict::Wait,
    };
    carry_out(tx, host, verdict)
}

fn carry_out(tx: &mut Tx<'_>, host: &Resource, verdict: Verdict) -> Result<()> {
    let after = match verdict {
        Verdict::Wait => return Ok(()),
        Verdict::Tell(at) => Some(at),
        Verdict::Stay => None,
        Verdict::Go => {
            tracing::warn!(host = host.display_name(), "removed: it was lost for too long");
            return project::remove(tx, host);
        }
    };
    tx.update(host.id, |row| {
        match after {
            Some(at) => row.set(REMOVE_AFTER, at),
            None => drop(row.data.shift_remove(REMOVE_AFTER)),
        }
        Ok(())
    })?;
    Ok(())
}

fn lost(read: &Read<'_>) -> Result<Vec<Resource>> {
    read.list(&Query {
        ty: "host",
        conditions: vec![Condition {
            field: "agentState".to_owned(),
            op: Op::Eq,
            value: LOST.into(),
        }],
        limit: BATCH,
        ..Query::default()
    })
}

async fn round(site: Arc<Site>) -> Result<Found> {
    let now = site.clock.now_ms();
    let up_ms = now.saturating_sub(site.node.started);
    // What there is to do is found without writing: a server at rest writes nothing.
    let due = site.store.read(|read| {
        let settled = up_ms >= number(read, STARTUP, STARTUP_S)?.max(0).saturating_mul(1000);
        let mut due = Vec::new();
        for host in lost(read)? {
            let verdict = judge(host.int(REMOVE_AFTER), delay(read, &host)?, now, settled);
            if verdict != Verdict::Wait {
                due.push((host.id, verdict));
            }
        }
        Ok(due)
    })?;
    if due.is_empty() {
        return Ok(Found::Nothing);
    }
    let act = move |tx: &mut Tx<'_>| {
        for (id, verdict) in due {
            // It may have come back meanwhile.
            let host = tx.get(id)?.filter(|host| host.str("agentState") == Some(LOST));
            host.map(|host| carry_out(tx, &host, verdict)).transpose()?;
        }
        Ok(())
    };
    site.store.write(act).await?;
    Ok(Found::Work)
}

#[cfg(test)]
mod tests {
    use super::Verdict::{Go, Stay, Tell, Wait};
    use super::judge;

    #[test]
    fn lost_hosts() {
        for (remove_after, delay_s, settled, expect) in [
            (None, None, true, Wait),
            (Some(1), None, true, Stay),
            (None, Some(0), true, Tell(1_000)),
            (None, Some(60), false, Tell(61_000)),
            (Some(1_000), Some(60), true, Go),
            (Some(1_000), Some(60), false, Wait),
            (Some(1_001), Some(60), true, Wait),
            (None, Some(i64::MAX), true, Tell(i64::MAX)),
        ] {
            let found = judge(remove_after, delay_s, 1_000, settled);
            assert_eq!(found, expect, "{remove_after:?} {delay_s:?} {settled}");
        }
    }
}
