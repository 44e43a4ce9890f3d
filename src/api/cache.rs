//! Answers to `GET`s, kept until the next commit.
//!
//! An answer follows from the request, the caller and the database alone, and the store counts its
//! commits: while the count stands still, the bytes are the same. People's browsers and their clients ask
//! for the same lists again and again; making them once per change is enough.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::respond::Bytes;
use super::serve::Session;
use crate::error::Result;
use crate::store::Store;

/// Bytes kept in all.
const CAPACITY: usize = 16 << 20;
/// Bytes of an answer that is kept at most.
const LARGEST: usize = 2 << 20;

/// The answers.
#[derive(Default)]
pub struct Answers {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// Commits there had been when these answers were made.
    commits: u64,
    bytes: usize,
    answers: HashMap<String, Answer>,
}

/// An answer that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its bytes.
    pub body: Bytes,
    /// Its entity tag.
    pub etag: String,
}

/// What a `GET` is answered by: everything about the request and its caller that the answer shows.
pub fn key(session: &Session<'_>) -> String {
    let (call, caller) = (session.call, session.caller);
    format!(
        "{} {} {} {} {} {}?{}",
        caller.account_id,
        caller.user_id,
        caller.role.as_str(),
        call.actions_key,
        call.base,
        call.facts.path,
        call.query
    )
}

impl Answers {
    /// The answer of a key, if nothing was committed since it was made.
    pub fn get(&self, commits: u64, key: &str) -> Option<Answer> {
        let kept = self.kept.lock().ok()?;
        if kept.commits == commits { kept.answers.get(key).cloned() } else { None }
    }

    /// Keeps an answer; `commits` is the count from before it was made.
    pub fn put(&self, commits: u64, key: String, answer: &Answer) {
        let Ok(mut kept) = self.kept.lock() else { return };
        if kept.commits < commits {
            *kept = Kept { commits, ..Kept::default() };
        }
        let fits =
            answer.body.len() <= LARGEST && kept.bytes + answer.body.len() + key.len() <= CAPACITY;
        if kept.commits == commits && fits {
            kept.bytes += answer.body.len() + key.len();
            kept.answers.insert(key, answer.clone());
        }
    }
}

/// Settings that every answer shows in its headers.
#[derive(Debug)]
pub struct Banner {
    /// `rancher.server.version`.
    pub version: Option<String>,
    /// `api.auth.realm`.
    pub realm: String,
}

/// The settings, read again after a commit.
#[derive(Default)]
pub struct Banners {
    kept: Mutex<Option<(u64, Arc<Banner>)>>,
}

impl Banners {
    /// The settings now.
    ///
    /// # Errors
    /// When the database fails.
    pub fn get(&self, store: &Store) -> Result<Arc<Banner>> {
        let commits = store.commits();
        if let Ok(kept) = self.kept.lock()
            && let Some((at, banner)) = kept.as_ref()
            && *at == commits
        {
            return Ok(Arc::clone(banner));
        }
        let banner = store.read(|read| {
            let realm = read.setting("api.auth.realm")?.unwrap_or_default();
            Ok(Arc::new(Banner {
                version: read.setting("rancher.server.version")?,
                realm: realm.replace(['"', '\\'], ""),
            }))
        })?;
        if let Ok(mut kept) = self.kept.lock() {
            *kept = Some((commits, Arc::clone(&banner)));
        }
        Ok(banner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: Vec<u8>) -> Answer {
        Answer { body: body.into(), etag: String::new() }
    }

    #[test]
    fn an_answer_is_good_until_the_next_commit() {
        let answers = Answers::default();
        let answer = answer(b"{}".to_vec());
        answers.put(3, "a".to_owned(), &answer);
        assert_eq!(answers.get(3, "a"), Some(answer.clone()));
        assert_eq!((answers.get(4, "a"), answers.get(3, "b")), (None, None));
        answers.put(4, "b".to_owned(), &answer);
        assert_eq!(answers.get(4, "b"), Some(answer.clone()));
        // An answer begun before the commit and finished after it is not kept.
        answers.put(3, "c".to_owned(), &answer);
        assert_eq!((answers.get(4, "c"), answers.get(3, "a")), (None, None));
    }

    #[test]
    fn only_so_much_is_kept() {
        let answers = Answers::default();
        let large = answer(vec![b' '; LARGEST]);
        for number in 0..20 {
            answers.put(1, number.to_string(), &large);
        }
        let kept = (0..20).filter(|number| answers.get(1, &number.to_string()).is_some()).count();
        assert_eq!(kept, CAPACITY / LARGEST - 1);
        let larger = answer(vec![b' '; LARGEST + 1]);
        answers.put(2, "x".to_owned(), &larger);
        assert_eq!(answers.get(2, "x"), None);
    }
}
