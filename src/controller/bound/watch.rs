//! Notices that files of bound stacks change, and works out what that would do to the stacks.
//!
//! A loop without input (I6): it hears that files or stacks changed, or looks from time to time, since not
//! every file system tells. Editors write files in several steps: it waits until they are quiet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{APPLIED, Binding, DIRECTORY, Standing};
use crate::compose::plan::{Action, Change};
use crate::controller::deploy::{self, OrphanPolicy, Report, Request};
use crate::error::Result;
use crate::events::Changes;
use crate::folder::{Ears, Files, Interest, Refused};
use crate::model::resource::Resource;
use crate::process::site::Site;

/// Files are looked at when nothing has happened to them for so many milliseconds.
const QUIET_MS: u64 = 500;
/// So often in a row they may be changed before they are looked at all the same.
const MOST_STEPS: usize = 60;
/// Milliseconds between two looks without being told of anything.
const LOOK_MS: u64 = 30_000;
/// Longest that reading a directory may take, in milliseconds.
const READ_MS: u64 = 15_000;

/// A directory that was read, or why it was not.
type Reading = std::result::Result<(Request, Files), Refused>;

/// The stacks to look at.
enum Due {
    All,
    These(BTreeSet<i64>),
}

/// What the loop knows.
#[derive(Default)]
struct Watcher {
    /// Stacks that are bound, and which names their directories were looked for.
    bound: BTreeMap<i64, Interest>,
    /// Directories that have not answered yet.
    waiting: BTreeMap<i64, JoinHandle<Reading>>,
}

/// Runs until the token is cancelled.
pub async fn run(site: Arc<Site>, stop: CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = watch(&site) => {}
    }
}

async fn watch(site: &Arc<Site>) {
    let mut changes = site.store.feed().listen();
    let mut ears = Ears::new();
    let mut watcher = Watcher::default();
    if let Err(error) = watcher.find(site) {
        tracing::warn!(%error, "cannot look for stacks that are bound to directories");
    }
    let mut due = Due::All;
    loop {
        watcher.look(site, due).await;
        if ears.listen_to(&watcher.interest()) {
            due = Due::All;
            continue;
        }
        due = tokio::select! {
            () = ears.heard() => {
                quiet(site, &mut ears).await;
                Due::All
            }
            () = site.clock.sleep_ms(LOOK_MS), if !watcher.bound.is_empty() => Due::All,
            due = told(&mut changes) => match due {
                Some(Due::All) => match watcher.find(site) {
                    Ok(()) => Due::All,
                    Err(_) => Due::These(BTreeSet::new()),
                },
                Some(due) => due,
                None => return,
            },
        };
    }
}

/// Waits until files are left alone.
async fn quiet(site: &Site, ears: &mut Ears) {
    for _ in 0..MOST_STEPS {
        tokio::select! {
            biased;
            () = ears.heard() => {}
            () = site.clock.sleep_ms(QUIET_MS) => return,
        }
    }
}

/// Waits for changes of stacks, and says which; nothing when there will be none.
async fn told(changes: &mut Receiver<Changes>) -> Option<Due> {
    loop {
        match changes.recv().await {
            Ok(next) => {
                let stacks = next.iter().filter(|change| change.ty == "stack");
                let stacks: BTreeSet<i64> = stacks.map(|change| change.id).collect();
                if !stacks.is_empty() {
                    return Some(Due::These(stacks));
                }
            }
            Err(RecvError::Lagged(_)) => return Some(Due::All),
            Err(RecvError::Closed) => return None,
        }
    }
}

impl Watcher {
    /// Finds every stack that is bound.
    fn find(&mut self, site: &Site) -> Result<()> {
        let mut found = BTreeSet::new();
        site.store.read(|read| {
            read.for_each("stack", |stack| {
                found.extend(stack.str(DIRECTORY).map(|_| stack.id));
                Ok(())
            })
        })?;
        self.bound.retain(|id, _| found.contains(id));
        for id in found {
            self.bound.entry(id).or_default();
        }
        Ok(())
    }

    fn interest(&self) -> Interest {
        let mut all = Interest::default();
        self.bound.values().for_each(|own| all.merge(own.clone()));
        all
    }

    async fn look(&mut self, site: &Arc<Site>, due: Due) {
        let due = match due {
            Due::All => self.bound.keys().copied().collect(),
            Due::These(stacks) => stacks,
        };
        for id in due {
            if let Err(error) = self.look_at(site, id).await {
                tracing::warn!(%error, stack = id, "cannot compare a stack with its directory");
            }
        }
    }

    async fn look_at(&mut self, site: &Arc<Site>, id: i64) -> Result<()> {
        let stack = site.store.read(|read| read.get(id))?;
        let Some((stack, binding)) = stack.and_then(bound) else {
            self.bound.remove(&id);
            return Ok(());
        };
        let reading = self.read(site, &stack, &binding).await;
        let interest = self.bound.entry(id).or_default();
        match &reading {
            Ok((_, files)) => *interest = files.interest.clone(),
            Err(_) => {
                if let Ok(folder) = site.folders.open(&binding.directory) {
                    interest.merge(Interest::usual(&folder));
                }
            }
        }
        let Verdict { standing, applied, apply } = judge(site, &stack, reading).await?;
        if let Some(request) = apply.filter(|_| binding.auto_apply) {
            return carry_out(site, &stack, request).await;
        }
        if applied.is_none() && standing.is_of(&stack) {
            return Ok(());
        }
        let revision = stack.revision;
        site.store
            .write(move |tx| {
                // Somebody else's change is a reason to look again.
                if tx.get(id)?.is_some_and(|row| row.revision == revision) {
                    tx.update(id, |row| {
                        binding.put(row, &standing);
                        if let Some(applied) = applied {
                            row.set(APPLIED, applied);
                        }
                        Ok(())
                    })?;
                }
                Ok(())
            })
            .await
    }

    /// Reads a directory apart: one on a file system that hangs keeps nobody else waiting.
    async fn read(&mut self, site: &Arc<Site>, stack: &Resource, binding: &Binding) -> Reading {
        let late = || {
            Err(Refused::Denied(format!("the directory `{}` does not answer", binding.directory)))
        };
        // One that was late says what there was then.
        if let Some(mut old) = self.waiting.remove(&stack.id) {
            tokio::select! {
                _ = &mut old => {}
                () = site.clock.sleep_ms(READ_MS) => {
                    self.waiting.insert(stack.id, old);
                    return late();
                }
            }
        }
        let (folders, name) = (Arc::clone(&site.folders), stack.name.clone());
        let wanted = binding.clone();
        let mut reading = tokio::task::spawn_blocking(move || {
            super::read(&folders, name.as_deref(), &wanted, BTreeMap::new())
        });
        tokio::select! {
            done = &mut reading => done.unwrap_or_else(|error| Err(Refused::Denied(error.to_string()))),
            () = site.clock.sleep_ms(READ_MS) => {
                self.waiting.insert(stack.id, reading);
                late()
            }
        }
    }
}

fn bound(stack: Resource) -> Option<(Resource, Binding)> {
    if stack.removed.is_some() || stack.state == "removing" {
        return None;
    }
    let binding = Binding::of(&stack)?;
    Some((stack, binding))
}

/// What a look came to.
struct Verdict {
    standing: Standing,
    /// The fingerprint of files that say what the stack is already.
    applied: Option<String>,
    /// What may be applied without asking, if the stack says so.
    apply: Option<Request>,
}

impl From<Standing> for Verdict {
    fn from(standing: Standing) -> Self {
        Self { standing, applied: None, apply: None }
    }
}

async fn judge(site: &Arc<Site>, stack: &Resource, reading: Reading) -> Result<Verdict> {
    let mut request = match reading {
        Ok((_, files)) if stack.str(APPLIED) == Some(files.fingerprint.as_str()) => {
            return Ok(Standing::SETTLED.into());
        }
        Ok((request, _)) => request,
        Err(Refused::Gone(message)) => return Ok(Standing::missing(message).into()),
        Err(refused) => return Ok(Standing::invalid(refused.to_string(), Vec::new()).into()),
    };
    let Some(environment) = stack.account_id else { return Ok(Standing::SETTLED.into()) };
    request.images = deploy::images(site, &request).await;
    request.refusals = deploy::refusals(site, environment, &request).await;
    let report = match site.store.read(|read| deploy::plan(read, environment, &request)) {
        Ok(report) => report,
        Err(error) if error.status < 500 => {
            return Ok(Standing::invalid(error.to_string(), Vec::new()).into());
        }
        Err(error) => return Err(error),
    };
    let Report { changes, problems, .. } = &report;
    if let Some(error) = report.error() {
        return Ok(Standing::invalid(error.to_string(), problems.clone()).into());
    }
    let acts = |change: &&Change| change.action != Action::Unchanged;
    let acting: Vec<Change> = changes.iter().filter(acts).cloned().collect();
    if acting.is_empty() {
        let applied = request.bound.map(|bound| bound.fingerprint);
        return Ok(Verdict { standing: Standing::SETTLED, applied, apply: None });
    }
    // A file that was cut off names no services: what would be removed is for a person to say.
    let removes = acting.iter().any(|change| change.action == Action::Remove);
    let standing = Standing::changed(acting, problems.clone());
    Ok(Verdict { standing, applied: None, apply: (!removes).then_some(request) })
}

/// Applies the files of a stack that says that this may be done without asking.
async fn carry_out(site: &Arc<Site>, stack: &Resource, mut request: Request) -> Result<()> {
    let Some(environment) = stack.account_id else { return Ok(()) };
    request.orphans = OrphanPolicy::Keep;
    let (vault, id) = (Arc::clone(&site.vault), stack.id);
    let apply = move |tx: &mut crate::store::Tx<'_>| {
        // It may have been unbound, or told to wait for a person, meanwhile.
        let binding = tx.get(id)?.as_ref().and_then(Binding::of);
        if binding.is_some_and(|binding| binding.auto_apply) {
            tx.by = Some("the files on disk".to_owned());
            deploy::apply(tx, &vault, environment, &request)?;
        }
        Ok(())
    };
    match site.store.write(apply).await {
        Ok(()) => Ok(()),
        Err(error) if error.status < 500 => {
            let Some(binding) = Binding::of(stack) else { return Ok(()) };
            let standing = Standing::invalid(error.to_string(), Vec::new());
            if standing.is_of(stack) {
                return Ok(());
            }
            let write = site.store.write(move |tx| {
                tx.update(id, |row| {
                    binding.put(row, &standing);
                    Ok(())
                })
            });
            write.await.map(drop)
        }
        Err(error) => Err(error),
    }
}
