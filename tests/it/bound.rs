//! The watch over directories, on a real disk and with time that stands still.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ranchette::clock::{Clock, Entropy, ManualClock};
use ranchette::controller::bound::{self, Binding, DIRECTORY, STATUS, watch};
use ranchette::controller::deploy;
use ranchette::model::resource::{NewResource, Resource};
use ranchette::process::site::Site;
use ranchette::server::core::Core;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::world::limits;

/// Longest that this may take: a failure, not a pace.
const DEADLINE: Duration = Duration::from_secs(60);
const COMPOSE: &str = "services:\n  web:\n    image: nginx:${TAG}\n";

/// A stack that is bound to `stacks/blog`, and the loop that watches it.
struct Desk {
    folder: TempDir,
    core: Core,
    hands: Arc<ManualClock>,
    stack: i64,
    stop: CancellationToken,
    /// Whether time passes to the looks that come without being told.
    looks: bool,
}

impl Desk {
    async fn new(auto_apply: bool) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (clock, hands) = Clock::manual(1_700_000_000_000);
        let path = folder.path().join("db");
        let core = Core::open(&path, clock, Entropy::System, limits()).expect("a core");
        let stacks = folder.path().join("stacks");
        std::fs::create_dir_all(stacks.join("blog")).expect("made");
        core.site.folders.allow(vec![stacks.clone()]);
        let directory = stacks.join("blog").to_string_lossy().into_owned();
        let binding = Binding { directory, auto_apply, ..Binding::default() };
        let made = core.site.store.write(move |tx| {
            let project =
                NewResource::new("account", tx.entropy.uuid()).kind("project").name("Default");
            let project = tx.insert(project)?.id;
            let stack = NewResource::new("stack", tx.entropy.uuid()).name("blog").account(project);
            let stack = tx.insert(stack.state("active"))?.id;
            bound::bind(tx, stack, &binding)?;
            Ok(stack)
        });
        let stack = made.await.expect("a stack");
        let desk =
            Self { folder, core, hands, stack, stop: CancellationToken::new(), looks: false };
        desk.write("compose.yaml", COMPOSE);
        desk.write(".env", "TAG=1\n");
        tokio::spawn(watch::run(Arc::clone(&desk.core.site), desk.stop.clone()));
        desk
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join("stacks/blog").join(name), text).expect("written");
    }

    fn site(&self) -> &Site {
        &self.core.site
    }

    fn row(&self) -> Resource {
        self.site().store.read(|read| read.require("stack", self.stack)).expect("a stack")
    }

    fn standing(&self) -> String {
        let row = self.row();
        let status = &row.map(STATUS).expect("a status");
        let text = |key: &str| status.get(key).and_then(Value::as_str).unwrap_or("-").to_owned();
        let root = self.folder.path().to_string_lossy().into_owned();
        format!("{}: {}", text("state"), text("message")).replace(&root, "ROOT")
    }

    fn services(&self) -> Vec<String> {
        let rows = self.site().store.read(|read| read.referrers("service", "stackId", self.stack));
        let mut found: Vec<String> = rows
            .expect("services")
            .iter()
            .map(|row| {
                let image = row.map("launchConfig").and_then(|launch| launch.get("imageUuid"));
                format!(
                    "{} {}",
                    row.name.clone().unwrap_or_default(),
                    image.unwrap_or(&Value::Null)
                )
            })
            .collect();
        found.sort();
        found
    }

    /// Waits until the stack says so, letting time pass as the loop asks for it.
    async fn until(&self, wanted: &str) {
        let wait = async {
            while !self.standing().starts_with(wanted) {
                self.pass().await;
            }
        };
        let done = tokio::time::timeout(DEADLINE, wait).await;
        assert!(done.is_ok(), "wanted `{wanted}`, last seen `{}`", self.standing());
    }

    /// Lets time pass to the next moment that the loop waits for, unless it waits for the disk.
    async fn pass(&self) {
        let ahead = self.hands.next_deadline_ms().map(|at| at - self.hands.now_ms());
        match ahead {
            Some(ahead) if !(1_000..20_000).contains(&ahead) && ahead < self.patience() => {
                self.hands.advance(u64::try_from(ahead).unwrap_or(0));
            }
            // The disk and the kernel tell in their own time.
            Some(_) | None => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }

    /// How far ahead time may pass: not to the look that comes without being told, unless that is wanted.
    fn patience(&self) -> i64 {
        if self.looks { i64::MAX } else { 1_000 }
    }

    /// Waits until the loop listens, and waits for something to happen.
    async fn until_idle(&self) {
        let wait = async {
            while self.hands.next_deadline_ms() != Some(self.hands.now_ms() + 30_000) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let done = tokio::time::timeout(DEADLINE, wait).await;
        assert!(done.is_ok(), "idle; next is {:?}", self.hands.next_deadline_ms());
    }

    /// Waits until the loop waits for files to be left alone.
    async fn until_heard(&self) {
        let wait = async {
            let soon = || self.hands.now_ms() + 1_000;
            while self.hands.next_deadline_ms().is_none_or(|at| at > soon()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let done = tokio::time::timeout(DEADLINE, wait).await;
        assert!(done.is_ok(), "the change is heard; next is {:?}", self.hands.next_deadline_ms());
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_on_disk_is_noticed_and_nothing_is_done() {
    let mut desk = Desk::new(false).await;
    desk.until("changed: 1 service to create").await;
    assert!(desk.services().is_empty(), "nothing is done unasked");
    let changes = desk.row().map(STATUS).and_then(|status| status.get("changes")).cloned();
    let create = json!([{"action": "create", "service": "web", "reason": "new, 1 container of nginx:1", "scale": 1}]);
    assert_eq!(changes, Some(create));
    desk.write("compose.yaml", "services:\n  web:\n    image: nginx\n    prots: []\n");
    desk.until("invalid: compose.yaml:4: error: services.web").await;
    desk.write("compose.yaml", COMPOSE);
    desk.until("changed: ").await;
    std::fs::rename(desk.folder.path().join("stacks/blog"), desk.folder.path().join("away"))
        .expect("moved");
    desk.until(
        "missing: the directory `ROOT/stacks/blog` is not there; the stack runs on as it is",
    )
    .await;
    std::fs::create_dir(desk.folder.path().join("stacks/blog"))
        .expect("an empty place to mount at");
    // The directory is another: nobody tells of it, and it is looked for.
    desk.looks = true;
    desk.until("missing: the directory `ROOT/stacks/blog` has no compose file").await;
    desk.looks = false;
    std::fs::rename(
        desk.folder.path().join("away/.env"),
        desk.folder.path().join("stacks/blog/.env"),
    )
    .expect("moved");
    desk.write("compose.yaml", COMPOSE);
    desk.until("changed: 1 service to create").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_are_being_written_are_left_alone() {
    let desk = Desk::new(false).await;
    desk.until("changed: 1 service to create").await;
    desk.until_idle().await;
    desk.write("compose.yaml", "services:\n  web:\n    image: n");
    desk.until_heard().await;
    let before = desk.standing();
    // The rest of the file: time has stood still since, so that nothing has been looked at.
    desk.write("compose.yaml", "services:\n  web:\n    image: nginx\n  db:\n    image: pg\n");
    assert_eq!(desk.standing(), before);
    desk.until("changed: 2 services to create").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_of_variables_are_in_no_message() {
    let desk = Desk::new(false).await;
    desk.write(".env", "TAG=1\nPORT=hunter22\n");
    desk.write(
        "compose.yaml",
        "services:\n  web:\n    image: nginx:${TAG}\n    ports: [\"${PORT}:80\"]\n",
    );
    desk.until("invalid: ").await;
    let row = desk.row();
    let shown = format!("{:?} {}", row, desk.standing());
    assert!(shown.contains("***"), "{shown}");
    assert!(!shown.contains("hunter22"), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stack_that_says_so_follows_its_files_but_never_loses_a_service() {
    let desk = Desk::new(true).await;
    desk.until("settled: -").await;
    let until_services = async |wanted: &[&str]| {
        let wait = async {
            while desk.services() != wanted {
                desk.pass().await;
            }
        };
        let done = tokio::time::timeout(DEADLINE, wait).await;
        assert!(done.is_ok(), "wanted {wanted:?}, last seen {:?}", desk.services());
    };
    until_services(&["web \"docker:nginx:1\""]).await;
    desk.write(".env", "TAG=2\n");
    until_services(&["web \"docker:nginx:2\""]).await;
    // A file that was cut off.
    desk.write("compose.yaml", "services:\n  other:\n    image: nginx\n");
    desk.until("changed: 1 service to create, 1 to remove").await;
    assert_eq!(desk.services(), ["web \"docker:nginx:2\""]);
    assert_eq!(desk.row().map("environment").map(Map::len), Some(0), "variables stay on disk");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_applied_is_settled_and_an_unbound_stack_is_left_alone() {
    let desk = Desk::new(false).await;
    desk.until("changed: ").await;
    let binding = Binding::of(&desk.row()).expect("bound");
    let (request, _) =
        bound::read(&desk.site().folders, Some("blog"), &binding, BTreeMap::new()).expect("read");
    let account = desk.row().account_id.expect("an environment");
    let vault = Arc::clone(&desk.site().vault);
    let store = &desk.site().store;
    let applied = store
        .write(move |tx| deploy::apply(tx, &vault, account, &request).map(|report| report.changes));
    assert_eq!(applied.await.expect("applied").len(), 1);
    assert_eq!(desk.standing(), "settled: -");
    let id = desk.stack;
    let started = store.write(move |tx| {
        for service in tx.referrers("service", "stackId", id)? {
            tx.update(service.id, |row| {
                row.state = "active".to_owned();
                Ok(())
            })?;
        }
        Ok(())
    });
    started.await.expect("as if it ran");
    // A comment changes nothing.
    desk.write("compose.yaml", &format!("# mine\n{COMPOSE}"));
    let changed = desk.row().str("directoryApplied").map(str::to_owned);
    let wait = async {
        while desk.row().str("directoryApplied").map(str::to_owned) == changed {
            desk.pass().await;
        }
    };
    let done = tokio::time::timeout(DEADLINE, wait).await;
    assert!(done.is_ok(), "it is looked at; last seen {:?}", desk.row());
    assert_eq!(desk.standing(), "settled: -");
    store.write(move |tx| bound::unbind(tx, id)).await.expect("unbound");
    let row = desk.row();
    assert_eq!(
        (row.str(DIRECTORY), row.map(STATUS), row.str("directoryApplied")),
        (None, None, None)
    );
    assert_eq!(desk.services(), ["web \"docker:nginx:1\""]);
}
