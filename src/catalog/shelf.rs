//! What was last read of each catalog, and reading it again: at first use, when it has become old, and when
//! somebody asks for it.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::origin::{BUILTIN, Origin, Place, Scope};
use super::read::{holds_templates, templates};
use super::template::Template;
use super::tree::Tree;
use super::{builtin, git};
use crate::clock::Clock;

/// What the configuration says of catalogs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Whether the catalog in the program is offered.
    pub builtin: bool,
    /// Catalogs for everyone.
    pub sources: Vec<Origin>,
    /// The folder that repositories are fetched into; without one none is fetched.
    pub folder: PathBuf,
}

/// A catalog as it was read.
#[derive(Clone, Debug)]
pub struct Catalog {
    pub origin: Origin,
    /// Sorted by kind and folder.
    pub templates: Vec<Template>,
    /// What the repository was at.
    pub commit: String,
    /// What was left out and why, for people.
    pub problems: Vec<String>,
    /// Why it could not be read, or fetched anew.
    pub failure: Option<String>,
    read_ms: i64,
    by_key: HashMap<String, usize>,
}

impl Catalog {
    fn of(origin: &Origin, now_ms: i64, found: Result<(Tree, String), String>) -> Self {
        let (tree, commit, failure) = match found {
            Ok((tree, commit)) => (tree, commit, None),
            Err(why) => (Tree::default(), String::new(), Some(why)),
        };
        let mut problems = tree.problems.clone();
        let templates = templates(&tree, &mut problems);
        let keys = templates.iter().enumerate();
        let by_key = keys.map(|(place, template)| (template.key(), place)).collect();
        let origin = origin.clone();
        Self { origin, templates, commit, problems, failure, read_ms: now_ms, by_key }
    }

    /// A template by its key.
    pub fn template(&self, key: &str) -> Option<&Template> {
        self.by_key.get(key).and_then(|place| self.templates.get(*place))
    }
}

/// What is known of one origin.
#[derive(Debug, Default)]
struct Slot {
    last: RwLock<Option<Arc<Catalog>>>,
    /// Held by who reads it anew: the others wait, or go on with what was.
    turn: tokio::sync::Mutex<()>,
}

impl Slot {
    fn last(&self) -> Option<Arc<Catalog>> {
        self.last.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put(&self, catalog: Catalog) -> Arc<Catalog> {
        let catalog = Arc::new(catalog);
        let mut last = self.last.write().unwrap_or_else(PoisonError::into_inner);
        *last = Some(Arc::clone(&catalog));
        catalog
    }
}

/// The catalogs of a server.
#[derive(Debug)]
pub struct Catalogs {
    settings: Settings,
    clock: Clock,
    slots: Mutex<BTreeMap<Origin, Arc<Slot>>>,
}

impl Catalogs {
    /// Catalogs of which nothing has been read.
    pub fn new(settings: Settings, clock: Clock) -> Self {
        Self { settings, clock, slots: Mutex::default() }
    }

    /// Those of the configuration, for everyone.
    pub fn own(&self) -> Vec<Origin> {
        let builtin =
            Origin { scope: Scope::Global, name: BUILTIN.to_owned(), place: Place::Builtin };
        let builtin = self.settings.builtin.then_some(builtin);
        builtin.into_iter().chain(self.settings.sources.iter().cloned()).collect()
    }

    fn slot(&self, origin: &Origin) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(origin.clone()).or_default())
    }

    /// Forgets a catalog that is not offered any more, and what was fetched of it.
    pub fn forget(&self, origin: &Origin) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.remove(origin);
        if !slots.keys().any(|other| other.place == origin.place) {
            git::forget(&self.settings.folder, &origin.place);
        }
    }

    /// What is known of a catalog. One that was never read is read now, unless it first has to be fetched:
    /// then it is empty until it has been. One that was read longer than `old_ms` ago is read again.
    pub async fn get(self: &Arc<Self>, origin: &Origin, old_ms: i64) -> Arc<Catalog> {
        let slot = self.slot(origin);
        let now = self.clock.now_ms();
        match slot.last() {
            Some(last) if now.saturating_sub(last.read_ms) < old_ms => last,
            Some(last) if last.origin.place == Place::Builtin => last,
            Some(last) if matches!(origin.place, Place::Git { .. }) => {
                self.refresh_beside(origin.clone());
                last
            }
            None if matches!(origin.place, Place::Git { .. }) => {
                let kept = git::kept(&self.settings.folder, &origin.place);
                let found = self.read(origin, kept).await;
                self.refresh_beside(origin.clone());
                slot.put(found)
            }
            Some(_) | None => self.refresh(origin).await,
        }
    }

    /// Fetches and reads a catalog anew while whoever asked goes on.
    fn refresh_beside(self: &Arc<Self>, origin: Origin) {
        let this = Arc::clone(self);
        if this.slot(&origin).turn.try_lock().is_ok() {
            tokio::spawn(async move { this.refresh(&origin).await });
        }
    }

    /// Fetches and reads a catalog anew. What cannot be fetched stays as it was, and says why.
    pub async fn refresh(&self, origin: &Origin) -> Arc<Catalog> {
        let slot = self.slot(origin);
        let before = slot.last();
        let asked = self.clock.now_ms();
        let _turn = slot.turn.lock().await;
        // Somebody else may have done it while this one waited.
        if let Some(last) = slot.last()
            && last.read_ms > asked
        {
            return last;
        }
        let found = match &origin.place {
            Place::Git { .. } => {
                git::fetch(&self.settings.folder, origin, &self.clock).await.map(Some)
            }
            Place::Builtin | Place::Folder(_) => Ok(None),
        };
        match found {
            Ok(kept) => {
                let found = self.read(origin, kept).await;
                if let Some(why) = &found.failure {
                    tracing::warn!(catalog = origin.name, why, "a catalog cannot be read");
                }
                slot.put(found)
            }
            Err(why) => {
                tracing::warn!(catalog = origin.name, why, "a catalog cannot be fetched");
                let mut kept = match before {
                    Some(before) => Catalog::clone(&before),
                    None => Catalog::of(origin, asked, Err(String::new())),
                };
                kept.failure = Some(why);
                kept.read_ms = self.clock.now_ms();
                slot.put(kept)
            }
        }
    }

    /// Reads a catalog's files; of a repository those that were fetched.
    async fn read(&self, origin: &Origin, kept: Option<git::Kept>) -> Catalog {
        let now = self.clock.now_ms();
        let own = origin.clone();
        let read = move || Catalog::of(&own, now, files(&own.place, kept.as_ref()));
        let read = tokio::task::spawn_blocking(read).await;
        read.unwrap_or_else(|why| Catalog::of(origin, now, Err(why.to_string())))
    }
}

/// A catalog's files, and what its repository is at.
fn files(place: &Place, kept: Option<&git::Kept>) -> Result<(Tree, String), String> {
    let (folder, commit) = match (place, kept) {
        (Place::Builtin, _) => return Ok((builtin::tree(), String::new())),
        (Place::Git { .. }, None) => return Ok((Tree::default(), String::new())),
        (Place::Git { .. }, Some(kept)) => (kept.folder.as_path(), kept.commit.clone()),
        (Place::Folder(path), _) => (path.as_path(), String::new()),
    };
    Ok((Tree::of_folder(folder, holds_templates)?, commit))
}
