//! The change feed: what each commit touched, for subscribers and loops.
//!
//! A notice says only *that* something changed; whoever hears it reads the store again. A listener
//! that lags loses notices and must look at everything it cares for (invariant I6).

pub mod bus;

use std::sync::Arc;

use tokio::sync::broadcast;

/// One resource that a commit touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Resource id.
    pub id: i64,
    /// Base type.
    pub ty: &'static str,
    /// Owner.
    pub account_id: Option<i64>,
    /// The service it belongs to, if any.
    pub service_id: Option<i64>,
    /// Whether the row was made by this commit.
    pub created: bool,
}

/// All resources one commit touched, each once.
pub type Changes = Arc<[Change]>;

/// How many commits a slow listener may lag behind before it loses notices.
const BACKLOG: usize = 1024;

/// The feed.
#[derive(Clone, Debug)]
pub struct Feed {
    sender: broadcast::Sender<Changes>,
}

impl Default for Feed {
    fn default() -> Self {
        Self { sender: broadcast::channel(BACKLOG).0 }
    }
}

impl Feed {
    /// Tells every listener; nobody listening is fine.
    pub fn publish(&self, changes: Vec<Change>) {
        if !changes.is_empty() {
            // The only failure is that nobody listens.
            let _ = self.sender.send(changes.into());
        }
    }

    /// Hears every commit from now on.
    pub fn listen(&self) -> broadcast::Receiver<Changes> {
        self.sender.subscribe()
    }
}
