//! Ends what has lost its ground: sessions of accounts that are no longer active or changed their
//! password, connections of keys and memberships that were taken away, and whatever has expired.
//!
//! Requests do not wait for this: each is checked against the store as it comes. It is for connections that
//! stay open, and to clean the table.

use std::sync::Arc;

use tokio::sync::broadcast::error::RecvError;

use super::access::{is_usable, member_account};
use super::authenticate::credential_proof;
use super::{Auth, cache, keys};
use crate::error::Result;
use crate::events::Change;
use crate::model::resource::Resource;
use crate::store::{Query, Read};

/// The longest time between looks for expired sessions.
const EXPIRY_MS: i64 = 60_000;
/// Expired sessions deleted in one write.
const PURGE: u32 = 500;

/// What a change takes away.
#[derive(Debug, Default, PartialEq, Eq)]
struct Lost {
    /// Accounts all of whose sessions end.
    accounts: Vec<i64>,
    /// Proofs whose connections must be made anew.
    proofs: Vec<String>,
}

impl Auth {
    /// Watches until the task is dropped.
    pub async fn watch(self: Arc<Self>) {
        let mut feed = self.store.feed().listen();
        let mut wake_at = self.next_expiry();
        loop {
            tokio::select! {
                heard = feed.recv() => match heard {
                    // Most commits are none of ours and must cost nothing here.
                    Ok(changes) if !changes.iter().any(cache::concerns_access) => {}
                    Ok(changes) => self.look(|auth| auth.lost(&changes)).await,
                    // Notices were lost: look at everything.
                    Err(RecvError::Lagged(_)) => {
                        self.look(|auth| auth.store.read(everything_lost)).await;
                    }
                    Err(RecvError::Closed) => return,
                },
                () = self.clock.sleep_until(wake_at) => {
                    self.cache.drain();
                    self.purge_expired().await;
                    wake_at = self.next_expiry();
                }
            }
        }
    }

    async fn look(&self, find: impl FnOnce(&Self) -> Result<Lost>) {
        self.cache.drain();
        // An administrator may have come to be in another way than by the set-up.
        self.setup_phase();
        match find(self) {
            Ok(lost) => self.end_lost(lost).await,
            Err(error) => tracing::warn!(%error, "sessions could not be looked at"),
        }
    }

    fn next_expiry(&self) -> i64 {
        let now_ms = self.clock.now_ms();
        let latest = now_ms.saturating_add(EXPIRY_MS);
        let first =
            self.store.read(|read| read.next_token_expiry()).ok().flatten().unwrap_or(latest);
        // A purge that fails is not tried again at once.
        first.clamp(now_ms.saturating_add(100), latest)
    }

    /// Ends the sessions that have expired.
    pub(super) async fn purge_expired(&self) {
        let now_ms = self.clock.now_ms();
        let due = self.store.read(|read| read.next_token_expiry()).ok().flatten();
        if due.is_none_or(|due| now_ms < due) {
            return;
        }
        match self.store.write(move |tx| tx.token_purge(now_ms, PURGE)).await {
            Ok(hashes) => self.end(hashes),
            Err(error) => tracing::warn!(%error, "expired sessions could not be deleted"),
        }
    }

    fn lost(&self, changes: &[Change]) -> Result<Lost> {
        let mut lost = Lost::default();
        for change in changes.iter().filter(|change| cache::concerns_access(change)) {
            self.store.read(|read| {
                if let Some(row) = read.get(change.id)? {
                    lost_by(read, &row, &mut lost)?;
                }
                Ok(())
            })?;
        }
        Ok(lost)
    }

    async fn end_lost(&self, mut lost: Lost) {
        lost.accounts.sort_unstable();
        lost.accounts.dedup();
        for account_id in lost.accounts {
            match self.store.write(move |tx| tx.token_delete_of(account_id)).await {
                Ok(hashes) => lost.proofs.extend(hashes),
                Err(error) => tracing::warn!(%error, "sessions could not be ended"),
            }
        }
        if !lost.proofs.is_empty() {
            self.end(lost.proofs);
        }
    }

    /// Closes the connections of an account without ending its sessions: what it may do has changed.
    ///
    /// # Errors
    /// When the database fails.
    pub fn disturb(&self, account_id: i64) -> Result<()> {
        let proofs = self.store.read(|read| proofs_of(read, account_id))?;
        self.end(proofs);
        Ok(())
    }
}

/// What the present state of a row takes away.
fn lost_by(read: &Read<'_>, row: &Resource, lost: &mut Lost) -> Result<()> {
    if is_usable(row) {
        return Ok(());
    }
    match row.ty {
        "account" => {
            if !read.tokens_of(row.id)?.is_empty() {
                lost.accounts.push(row.id);
            }
            lost.proofs.extend(credentials_of(read, row.id)?);
            for member in read.referrers("projectMember", "projectId", row.id)? {
                if let Some(account) = member_account(&member) {
                    lost.proofs.extend(proofs_of(read, account)?);
                }
            }
        }
        "credential" => {
            lost.proofs.push(credential_proof(row.id));
            if let Some(owner) = row.account_id
                && row.kind == keys::PASSWORD
                && !read.tokens_of(owner)?.is_empty()
            {
                lost.accounts.push(owner);
            }
        }
        _ => {
            if let Some(account) = member_account(row) {
                lost.proofs.extend(proofs_of(read, account)?);
            }
        }
    }
    Ok(())
}

/// Everything whose connections an account may hold.
fn proofs_of(read: &Read<'_>, account_id: i64) -> Result<Vec<String>> {
    let mut proofs = credentials_of(read, account_id)?;
    proofs.extend(read.tokens_of(account_id)?.into_iter().map(|token| token.key_hash));
    Ok(proofs)
}

fn credentials_of(read: &Read<'_>, account_id: i64) -> Result<Vec<String>> {
    let credentials = read.list(&Query {
        ty: "credential",
        account_id: Some(account_id),
        limit: 10_000,
        ..Query::default()
    })?;
    Ok(credentials.iter().map(|credential| credential_proof(credential.id)).collect())
}

/// All sessions and keys of accounts that are not in use.
fn everything_lost(read: &Read<'_>) -> Result<Lost> {
    let mut lost = Lost::default();
    for account_id in read.token_accounts()? {
        if !read.get(account_id)?.is_some_and(|account| is_usable(&account)) {
            lost.accounts.push(account_id);
        }
    }
    read.for_each("credential", |credential| {
        let owner = credential.account_id.map(|owner| read.get(owner)).transpose()?.flatten();
        if !is_usable(&credential) || !owner.is_some_and(|owner| is_usable(&owner)) {
            lost.proofs.push(credential_proof(credential.id));
        }
        Ok(())
    })?;
    Ok(lost)
}
