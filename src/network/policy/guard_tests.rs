//! What becomes of policies when packet filters fail, are flushed by others, or cannot be reached.

use std::sync::{Mutex, MutexGuard};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::super::wall::{Done, WallError};
use super::*;
use crate::clock::Entropy;
use crate::model::resource::NewResource;

/// A packet filter that can be broken.
#[derive(Default)]
struct Fake {
    tables: BTreeSet<Table>,
    scripts: Vec<String>,
    broken: bool,
    /// Its machine is not reached.
    away: bool,
    /// It answers nothing while somebody holds this.
    stuck: Arc<tokio::sync::Mutex<()>>,
}

impl Fake {
    fn answers(&self) -> std::result::Result<(), WallError> {
        match (self.away, self.broken) {
            (true, _) => Err(WallError::Away("the cable is pulled".to_owned())),
            (false, true) => Err(WallError::Refused("no such luck".to_owned())),
            (false, false) => Ok(()),
        }
    }
}

#[derive(Clone, Default)]
struct FakeWall(Arc<Mutex<Fake>>);

impl FakeWall {
    fn lock(&self) -> MutexGuard<'_, Fake> {
        self.0.lock().unwrap()
    }

    fn tables_now(&self) -> Vec<String> {
        self.lock().tables.iter().map(Table::to_string).collect()
    }

    /// The first words of each script since the last time.
    fn scripts(&self) -> Vec<String> {
        let scripts = std::mem::take(&mut self.lock().scripts);
        scripts.iter().map(|text| text.split(" bridge").next().unwrap().to_owned()).collect()
    }
}

impl Wall for FakeWall {
    fn tables(&self) -> Done<'_, Vec<Table>> {
        Box::pin(async {
            let stuck = Arc::clone(&self.lock().stuck);
            drop(stuck.lock().await);
            let fake = self.lock();
            fake.answers()?;
            Ok(fake.tables.iter().cloned().collect())
        })
    }

    fn change<'a>(&'a self, table: &'a Table, script: &'a str) -> Done<'a, ()> {
        Box::pin(async move {
            let mut fake = self.lock();
            fake.answers()?;
            if !script.starts_with("add table") && !fake.tables.contains(table) {
                return Err(WallError::Refused("no such table".to_owned()));
            }
            fake.tables.insert(table.clone());
            fake.scripts.push(script.to_owned());
            Ok(())
        })
    }

    fn remove<'a>(&'a self, table: &'a Table) -> Done<'a, ()> {
        Box::pin(async move {
            let mut fake = self.lock();
            fake.answers()?;
            fake.tables.remove(table);
            Ok(())
        })
    }
}

/// Hosts called `far` are on another machine that nobody reaches; those called `barn` are on one that is
/// reached.
struct FakeWalls {
    near: FakeWall,
    barn: FakeWall,
}

impl Walls for FakeWalls {
    fn of(&self, host: &Resource) -> std::result::Result<Arc<dyn Wall>, String> {
        match host.name.as_deref() {
            Some("far") => Err("it is far away".to_owned()),
            Some("barn") => Ok(Arc::new(self.barn.clone())),
            _ => Ok(Arc::new(self.near.clone())),
        }
    }
}

/// What a look came to.
#[derive(Debug)]
struct Seen {
    policies: bool,
    failed: bool,
}

struct Ranch {
    _folder: TempDir,
    guard: Guard,
    wall: FakeWall,
    barn: FakeWall,
    state: State,
    project: i64,
    host: i64,
    network: i64,
}

impl Ranch {
    /// An environment with a host and a network.
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let (clock, _) = Clock::manual(1_000);
        let store = Store::open(&folder.path().join("test.db"), clock.clone(), Entropy::seeded(1));
        let (wall, barn) = (FakeWall::default(), FakeWall::default());
        let guard = Guard {
            store: store.unwrap(),
            clock,
            walls: Arc::new(FakeWalls { near: wall.clone(), barn: barn.clone() }),
            is_local: false,
        };
        let mut place = Self {
            _folder: folder,
            guard,
            wall,
            barn,
            state: State::default(),
            project: 0,
            host: 0,
            network: 0,
        };
        place.project = place.insert(NewResource::new("account", "p".to_owned())).await;
        place.host = place.insert(place.own("host", "near")).await;
        let network = place.own("network", "managed").with("claimed", "10.42.0.0/16");
        place.network = place.insert(network.with("engineName", "ranchette-x")).await;
        for number in 2..4 {
            let name = format!("web{number}");
            place.insert(place.container(&name, number)).await;
        }
        place
    }

    fn own(&self, ty: &'static str, name: &str) -> NewResource {
        NewResource::new(ty, format!("{ty} {name}"))
            .name(name)
            .account(self.project)
            .state("active")
    }

    fn container(&self, name: &str, number: u8) -> NewResource {
        self.own("instance", name)
            .with("hostId", self.host)
            .with("primaryNetworkId", self.network)
            .with("primaryIpAddress", format!("10.42.0.{number}"))
            .with("labels", json!({"team": "a"}))
    }

    async fn insert(&self, row: NewResource) -> i64 {
        self.guard.store.write(move |tx| tx.insert(row)).await.unwrap().id
    }

    async fn set(&self, id: i64, field: &'static str, value: Value) {
        let change = move |tx: &mut crate::store::Tx<'_>| {
            tx.update(id, |row| {
                row.set(field, value);
                Ok(())
            })
        };
        self.guard.store.write(change).await.unwrap();
    }

    async fn enforce(&self) {
        self.set(self.network, "defaultPolicyAction", json!("deny")).await;
        let policy = json!([{"action": "allow", "between": {"groupBy": "team"}}]);
        self.set(self.network, "policy", policy).await;
    }

    /// A look, and every turn that follows from it.
    async fn look(&mut self) -> Seen {
        self.guard.look(&mut self.state).await.unwrap();
        while self.turn().await {}
        let failed = self.state.again_ms().is_some();
        Seen { policies: self.state.has_policies(), failed }
    }

    /// The next turn that comes to an end; `false` if nobody has one.
    async fn turn(&mut self) -> bool {
        let Some(turn) = self.state.turns.next().await else { return false };
        self.guard.end(&mut self.state, turn).await;
        true
    }

    /// The state of the network's message.
    fn message(&self) -> String {
        let row = self.guard.store.read(|read| read.get(self.network)).unwrap().unwrap();
        let text = |field: &str| row.str(field).unwrap_or("-").to_owned();
        format!("{} {}", text("transitioning"), text("transitioningMessage"))
    }
}

#[tokio::test]
async fn nobody_needs_the_packet_filter_without_a_policy() {
    let mut place = Ranch::new().await;
    place.wall.lock().broken = true;
    let seen = place.look().await;
    assert!(!seen.policies && !seen.failed, "{seen:?}");
    assert_eq!(place.message(), "- -");
}

#[tokio::test]
async fn what_is_not_enforced_is_said_until_it_is() {
    let mut place = Ranch::new().await;
    place.enforce().await;
    place.wall.lock().broken = true;
    assert!(place.look().await.failed);
    let refused = "error the policy is not enforced: host `near`: nft refused: no such luck";
    assert_eq!(place.message(), refused);
    assert!(place.look().await.failed, "it is tried again");
    place.wall.lock().broken = false;
    assert!(!place.look().await.failed);
    assert_eq!(place.message(), "- -");
    assert_eq!(place.wall.tables_now().len(), 1);
}

#[tokio::test]
async fn hosts_elsewhere_are_named() {
    let mut place = Ranch::new().await;
    place.enforce().await;
    place.insert(place.own("host", "far")).await;
    assert!(!place.look().await.failed, "there is nothing to try again");
    let far = "error the policy is not enforced: host `far`: it is far away";
    assert_eq!(place.message(), far);
    assert_eq!(place.wall.tables_now().len(), 1, "elsewhere it is enforced");
    place.set(place.network, "defaultPolicyAction", json!("allow")).await;
    place.set(place.network, "policy", json!([])).await;
    place.look().await;
    assert_eq!(place.message(), "- -");
    assert_eq!(place.wall.tables_now().len(), 0);
}

#[tokio::test]
async fn a_policy_of_a_network_without_a_subnet_has_no_effect_and_says_so() {
    let mut place = Ranch::new().await;
    let bridge = place.own("network", "bridge").with("defaultPolicyAction", "deny");
    place.network = place.insert(bridge).await;
    place.look().await;
    let message = "error the policy is not enforced: `bridge` has no subnet of its own";
    assert_eq!(place.message(), message);
}

#[tokio::test]
async fn a_policy_that_is_not_understood_says_so() {
    let mut place = Ranch::new().await;
    place.enforce().await;
    place.set(place.network, "policy", json!([{"action": "allow"}])).await;
    place.look().await;
    let message = "error the policy is not enforced: rule 1 of the policy does not say between whom: \
                   within, between, or from and to";
    assert_eq!(place.message(), message);
}

#[tokio::test]
async fn containers_come_and_go_in_sets() {
    let mut place = Ranch::new().await;
    place.enforce().await;
    place.look().await;
    assert_eq!(place.wall.scripts(), ["add table"]);
    place.look().await;
    assert_eq!(place.wall.scripts(), [""; 0], "nothing changed");
    let third = place.insert(place.container("web4", 4)).await;
    place.look().await;
    assert_eq!(place.wall.scripts(), ["add element"]);
    place.set(third, "labels", json!({"team": "b"})).await;
    place.look().await;
    assert_eq!(place.wall.scripts(), ["delete element"]);
    place.insert(place.container("web5", 5).with("labels", json!({"team": "b"}))).await;
    place.look().await;
    assert_eq!(place.wall.scripts(), ["flush chain"], "there is a second group");
}

#[tokio::test]
async fn what_others_have_flushed_is_put_back() {
    let mut place = Ranch::new().await;
    place.enforce().await;
    place.look().await;
    place.wall.lock().tables.clear();
    place.insert(place.container("web4", 4)).await;
    assert!(!place.look().await.failed);
    assert_eq!(place.wall.scripts(), ["add table", "add table"], "the set was gone");
    place.wall.lock().tables.clear();
    place.state.places.values_mut().for_each(super::Place::doubt);
    place.look().await;
    assert_eq!(place.wall.scripts(), ["add table"]);
}

#[tokio::test]
async fn tables_nobody_wants_go_and_those_of_others_stay() {
    let mut place = Ranch::new().await;
    let installation = installation(&place.guard.store).await.unwrap();
    let table = |owner: &str, subnet: &str| Table::new(owner, subnet).unwrap();
    let other = "ffffffffffff";
    let tables = [
        table(&installation, "10.50.0.0/16"),
        table(&installation, "10.42.0.0/16"),
        table(other, "10.42.16.0/20"),
        table(other, "10.43.0.0/16"),
    ];
    place.wall.lock().tables.extend(tables);
    place.look().await;
    assert_eq!(place.wall.tables_now(), ["ranchette_ffffffffffff_10_43_0_0_16"]);
    let network = place.own("network", "second").with("claimed", "10.43.0.0/16");
    place.insert(network).await;
    place.look().await;
    assert_eq!(place.wall.tables_now(), [""; 0], "the subnet is ours now");
}

#[tokio::test]
async fn nothing_is_left_of_a_host_or_a_network_that_is_gone() {
    let mut place = Ranch::new().await;
    place.enforce().await;
    for _ in 0..2 {
        place.look().await;
        assert_eq!(place.wall.tables_now().len(), 1);
        let gone = place.network;
        place.guard.store.write(move |tx| tx.delete(gone)).await.unwrap();
        place.look().await;
        assert_eq!(place.wall.tables_now().len(), 0);
        let network = place.own("network", "second").with("claimed", "10.43.0.0/16");
        let network = network.with("defaultPolicyAction", "deny").with("engineName", "y");
        place.network = place.insert(network).await;
    }
    place.look().await;
    assert_eq!(place.wall.tables_now().len(), 1);
    let gone = place.host;
    place.guard.store.write(move |tx| tx.delete(gone)).await.unwrap();
    place.look().await;
    assert_eq!(place.wall.tables_now().len(), 0);
    assert!(place.state.places.is_empty());
}

#[tokio::test]
async fn a_host_that_does_not_answer_holds_up_nobody() {
    let mut place = Ranch::new().await;
    place.enforce().await;
    let barn = place.insert(place.own("host", "barn")).await;
    let stuck = Arc::clone(&place.barn.lock().stuck);
    let hold = stuck.lock_owned().await;
    place.guard.look(&mut place.state).await.unwrap();
    assert!(place.turn().await, "the other host has its turn");
    assert_eq!(place.wall.scripts(), ["add table"]);

    // What happens meanwhile reaches the other, again and again.
    for number in 4..6 {
        place.insert(place.container(&format!("web{number}"), number)).await;
        place.guard.look(&mut place.state).await.unwrap();
        assert!(place.turn().await);
        assert_eq!(place.wall.scripts(), ["add element"]);
    }
    assert_eq!(place.state.turns.len(), 1, "one at a time");
    for number in 6..8 {
        place.insert(place.container(&format!("web{number}"), number).with("hostId", barn)).await;
        place.guard.look(&mut place.state).await.unwrap();
    }
    assert_eq!(place.barn.scripts(), [""; 0]);
    assert_eq!(place.message(), "- -", "it is not known yet");
    drop(hold);
    while place.turn().await {}
    // What was wanted when its turn began, and then what is wanted by now.
    assert_eq!(place.barn.scripts(), ["add table", "flush chain"]);
    assert_eq!(place.wall.scripts(), [""; 0]);
    assert_eq!(place.message(), "- -");
}

#[tokio::test]
async fn each_host_hears_of_its_own_containers() {
    let mut place = Ranch::new().await;
    place.enforce().await;
    let barn = place.insert(place.own("host", "barn")).await;
    for number in 6..8 {
        place.insert(place.container(&format!("web{number}"), number).with("hostId", barn)).await;
    }
    place.look().await;
    let elements = |wall: &FakeWall| {
        let scripts = std::mem::take(&mut wall.lock().scripts);
        let lines = scripts.iter().flat_map(|text| text.lines());
        lines.filter(|line| line.contains("elements")).map(str::trim).collect::<Vec<_>>().join("|")
    };
    assert_eq!(elements(&place.wall), "elements = { 10.42.0.2, 10.42.0.3 }");
    assert_eq!(elements(&place.barn), "elements = { 10.42.0.6, 10.42.0.7 }");
}

#[tokio::test]
async fn rules_come_back_to_a_host_that_was_away() {
    let mut place = Ranch::new().await;
    place.enforce().await;
    let barn = place.insert(place.own("host", "barn")).await;
    place.look().await;
    assert_eq!(place.barn.scripts(), ["add table"]);

    // It starts anew without being missed: what its row says of it is all that tells.
    place.barn.lock().tables.clear();
    place.set(barn, "agentState", json!("reconnecting")).await;
    assert!(!place.look().await.failed);
    assert_eq!(place.barn.scripts(), ["add table"]);
    place.look().await;
    assert_eq!(place.barn.scripts(), [""; 0], "once");

    // It is away while something changes.
    place.barn.lock().away = true;
    place.insert(place.container("web6", 6).with("hostId", barn)).await;
    place.insert(place.container("web7", 7).with("hostId", barn)).await;
    assert!(place.look().await.failed);
    let away = "error the policy is not enforced: host `barn`: the cable is pulled";
    assert_eq!(place.message(), away);
    place.barn.lock().away = false;
    assert!(!place.look().await.failed);
    assert_eq!(place.message(), "- -");
    assert_eq!(place.barn.scripts(), ["add table"], "nobody knows what came through");
}

#[tokio::test]
async fn what_is_not_wanted_any_more_goes_when_its_host_is_back() {
    let mut place = Ranch::new().await;
    place.enforce().await;
    let barn = place.insert(place.own("host", "barn")).await;
    place.look().await;
    place.barn.lock().away = true;
    place.set(place.network, "defaultPolicyAction", json!("allow")).await;
    place.set(place.network, "policy", json!([])).await;
    assert!(place.look().await.failed);
    assert_eq!(place.message(), "- -", "nothing is to be enforced");
    assert_eq!(place.state.again_ms(), Some(CHECK_MS), "nobody is in a hurry");
    place.barn.lock().away = false;
    place.look().await;
    assert_eq!(place.barn.tables_now(), [""; 0]);

    // A host that goes while it is away is not waited for.
    place.enforce().await;
    place.look().await;
    place.barn.lock().away = true;
    place.guard.store.write(move |tx| tx.delete(barn)).await.unwrap();
    assert!(!place.look().await.failed);
    assert_eq!(place.state.places.len(), 1);
}

#[tokio::test]
async fn the_loop_looks_again_by_itself() {
    let place = Ranch::new().await;
    place.enforce().await;
    place.insert(place.own("host", "barn")).await;
    let (clock, hands) = Clock::manual(1_000);
    let (wall, barn) = (place.wall.clone(), place.barn.clone());
    let stuck = Arc::clone(&place.barn.lock().stuck);
    let hold = stuck.lock_owned().await;
    let stop = CancellationToken::new();
    let guard = Guard { clock, ..place.guard };
    let running = tokio::spawn(guard.run(stop.clone()));
    let until = async |ready: &dyn Fn() -> bool| {
        while !ready() {
            tokio::task::yield_now().await;
        }
    };
    until(&|| wall.tables_now().len() == 1 && hands.sleepers() == 1).await;
    // Somebody flushes; the next check finds it, although the other host still does not answer.
    wall.lock().tables.clear();
    hands.advance(CHECK_MS);
    until(&|| wall.tables_now().len() == 1).await;
    drop(hold);
    until(&|| barn.tables_now().len() == 1).await;
    stop.cancel();
    running.await.unwrap();
}
