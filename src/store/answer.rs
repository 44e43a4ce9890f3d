//! Answers that are given again to whoever asks the same with the same key.

use rusqlite::{OptionalExtension, params};

use super::{Read, Tx};
use crate::error::Result;

/// Whose key it is: keys of different callers have nothing to do with each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerKey {
    /// Account acted for.
    pub account_id: i64,
    /// Account that was authenticated.
    pub user_id: i64,
    /// Hash of the key.
    pub key_hash: String,
}

/// An answer with what it answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAnswer {
    /// Digest of the request.
    pub request: String,
    /// The answer, sealed.
    pub answer: Vec<u8>,
}

impl Read<'_> {
    /// What was answered under a key, unless that is over.
    ///
    /// # Errors
    /// When the database fails.
    pub fn kept_answer(&self, key: &AnswerKey, now: i64) -> Result<Option<KeptAnswer>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT request, answer FROM kept_answer
             WHERE account_id = ?1 AND user_id = ?2 AND key_hash = ?3 AND expires > ?4",
        )?;
        let found = statement
            .query_row(params![key.account_id, key.user_id, key.key_hash, now], |row| {
                Ok(KeptAnswer { request: row.get(0)?, answer: row.get(1)? })
            })
            .optional()?;
        Ok(found)
    }

    /// Whether an answer is over.
    ///
    /// # Errors
    /// When the database fails.
    pub fn has_answer_over(&self, now: i64) -> Result<bool> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM kept_answer WHERE expires <= ?1)")?;
        Ok(statement.query_row([now], |row| row.get(0))?)
    }
}

impl Tx<'_> {
    /// Keeps an answer until an instant, in place of one that is over.
    ///
    /// # Errors
    /// When the database fails.
    pub fn keep_answer(&mut self, key: &AnswerKey, kept: &KeptAnswer, expires: i64) -> Result<()> {
        self.read
            .connection
            .prepare_cached(
                "INSERT OR REPLACE INTO kept_answer
                     (account_id, user_id, key_hash, request, expires, answer)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                key.account_id,
                key.user_id,
                key.key_hash,
                kept.request,
                expires,
                kept.answer
            ])?;
        Ok(())
    }

    /// Deletes answers that are over, some at a time; returns how many.
    ///
    /// # Errors
    /// When the database fails.
    pub fn answers_purge(&mut self, now: i64, limit: u32) -> Result<usize> {
        Ok(self
            .read
            .connection
            .prepare_cached(
                "DELETE FROM kept_answer WHERE (account_id, user_id, key_hash) IN
                     (SELECT account_id, user_id, key_hash FROM kept_answer
                      WHERE expires <= ?1 ORDER BY expires LIMIT ?2)",
            )?
            .execute(params![now, limit])?)
    }
}
