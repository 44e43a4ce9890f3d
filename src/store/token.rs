//! Rows of the token table: login sessions, found by the hash of their key.

use rusqlite::{OptionalExtension, Row, params};
use serde_json::{Map, Value};

use super::{Read, Tx};
use crate::error::{Error, Result};

/// A login session.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenRow {
    /// SHA-256 of the key, in lower-case hexadecimal; the key itself is stored nowhere.
    pub key_hash: String,
    /// Who logged in.
    pub account_id: i64,
    /// Unix milliseconds.
    pub created: i64,
    /// Unix milliseconds from which it is worth nothing.
    pub expires: i64,
    /// What else is remembered of the login: `login`, `authProvider`.
    pub data: Map<String, Value>,
}

const COLUMNS: &str = "key_hash, account_id, created, expires, data";

fn from_row(row: &Row<'_>) -> rusqlite::Result<TokenRow> {
    let data: String = row.get(4)?;
    Ok(TokenRow {
        key_hash: row.get(0)?,
        account_id: row.get(1)?,
        created: row.get(2)?,
        expires: row.get(3)?,
        data: serde_json::from_str(&data).unwrap_or_default(),
    })
}

impl Read<'_> {
    /// The session whose key has this hash, expired or not.
    ///
    /// # Errors
    /// When the database fails.
    pub fn token(&self, key_hash: &str) -> Result<Option<TokenRow>> {
        let mut statement = self
            .connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM token WHERE key_hash = ?1"))?;
        Ok(statement.query_row([key_hash], from_row).optional()?)
    }

    /// The sessions of an account, the oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn tokens_of(&self, account_id: i64) -> Result<Vec<TokenRow>> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM token WHERE account_id = ?1 ORDER BY created, key_hash"
        ))?;
        let rows = statement.query_map([account_id], from_row)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Accounts that have sessions.
    ///
    /// # Errors
    /// When the database fails.
    pub fn token_accounts(&self) -> Result<Vec<i64>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT DISTINCT account_id FROM token ORDER BY account_id")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// When the next session expires, in Unix milliseconds.
    ///
    /// # Errors
    /// When the database fails.
    pub fn next_token_expiry(&self) -> Result<Option<i64>> {
        let mut statement = self.connection.prepare_cached("SELECT MIN(expires) FROM token")?;
        Ok(statement.query_row([], |row| row.get(0))?)
    }
}

impl Tx<'_> {
    /// Records a session.
    ///
    /// # Errors
    /// When the database fails.
    pub fn token_insert(&mut self, row: &TokenRow) -> Result<()> {
        let data = serde_json::to_string(&row.data).map_err(Error::internal)?;
        self.read
            .connection
            .prepare_cached(
                "INSERT INTO token (key_hash, account_id, created, expires, data)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![row.key_hash, row.account_id, row.created, row.expires, data])?;
        Ok(())
    }

    /// Ends a session; returns it if there was one.
    ///
    /// # Errors
    /// When the database fails.
    pub fn token_delete(&mut self, key_hash: &str) -> Result<Option<TokenRow>> {
        let mut statement = self.read.connection.prepare_cached(&format!(
            "DELETE FROM token WHERE key_hash = ?1 RETURNING {COLUMNS}"
        ))?;
        Ok(statement.query_row([key_hash], from_row).optional()?)
    }

    /// Ends every session of an account; returns the hashes of their keys.
    ///
    /// # Errors
    /// When the database fails.
    pub fn token_delete_of(&mut self, account_id: i64) -> Result<Vec<String>> {
        let mut statement = self
            .read
            .connection
            .prepare_cached("DELETE FROM token WHERE account_id = ?1 RETURNING key_hash")?;
        let rows = statement.query_map([account_id], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Deletes sessions that expired before an instant, some at a time; returns the hashes of their keys.
    ///
    /// # Errors
    /// When the database fails.
    pub fn token_purge(&mut self, instant: i64, limit: u32) -> Result<Vec<String>> {
        let mut statement = self.read.connection.prepare_cached(
            "DELETE FROM token WHERE key_hash IN
                 (SELECT key_hash FROM token WHERE expires <= ?1 ORDER BY expires LIMIT ?2)
             RETURNING key_hash",
        )?;
        let rows = statement.query_map(params![instant, limit], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}
