//! Every transition of every lifecycle, from each state it may begin in: the power is cut after each of its
//! steps, and the row must end where it ends when nothing happens, with the same calls to the engine. Read
//! from the registry, so that a new type, transition or process is covered by being declared.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use ranchette::clock::{Clock, Entropy};
use ranchette::model::lifecycle::Lifecycle;
use ranchette::model::registry::registry;
use ranchette::model::resource::NewResource;
use ranchette::process;
use ranchette::process::runner::Breakpoint;
use ranchette::store::Read;
use serde_json::{Map, json};

use crate::crash::without_uuids;
use crate::world::World;

/// One way that a row may go.
#[derive(Clone, Copy)]
struct Case {
    ty: &'static str,
    lifecycle: &'static Lifecycle,
    transition: &'static str,
    from: &'static str,
    to: &'static str,
}

fn cases() -> Vec<Case> {
    let types = registry().all().iter().filter(|entry| !entry.is_child());
    let mut cases = Vec::new();
    for entry in types {
        let Some(lifecycle) = entry.ty.lifecycle else { continue };
        for transition in lifecycle.transitions {
            cases.extend(transition.list().into_iter().map(|(from, _, to)| Case {
                ty: entry.ty.name,
                lifecycle,
                transition: transition.name,
                from,
                to,
            }));
        }
    }
    cases
}

impl Case {
    fn process(&self) -> String {
        format!("{}.{}", self.lifecycle.name, self.transition)
    }

    fn has_steps(&self) -> bool {
        process::with_steps().any(|name| name == self.process())
    }

    /// The declared end, or that of a transition it chains to.
    fn ends(&self) -> Vec<&'static str> {
        let mut states = vec![self.to];
        if self.transition == "create" {
            states.extend(self.lifecycle.transition("activate").map(|_| "active"));
        }
        if self.process() == "volume.update" {
            // It has been made on the host that it was told.
            states.push("detached");
        }
        if matches!(self.process().as_str(), "physicalhost.create" | "host.provision") {
            states.push("active");
        }
        if self.lifecycle.name == "machinedriver" {
            // Only the drivers that the server has can be active.
            states.push("error");
        }
        if matches!(self.ty, "backup" | "snapshot") && self.transition == "create" {
            // There is no volume that it could be of.
            states.push("removed");
        }
        if self.transition == "reconnect" {
            states.push("active");
        }
        if self.process() == "scheduledupgrade.start" {
            states.push("removed");
        }
        if self.lifecycle.name == "instance" {
            // A container is started by its creation, and stopped while it restarts.
            states.extend(["running", "stopped", "error"]);
        }
        states
    }

    /// A row in the state that it begins in, with the transition begun. It has no parents: what is not
    /// there need not be waited for.
    async fn begin(&self, world: &World, host: i64, name: &str) -> i64 {
        let new = NewResource::new(self.ty, Entropy::System.uuid())
            .name(name)
            .state(self.from)
            .account(world.project)
            .with("hostId", host)
            .with("imageUuid", "docker:nginx")
            .with("uri", format!("sim://{name}"))
            .with("networkMode", "none");
        let transition = self.transition;
        let store = world.store();
        let begun = store.write(move |tx| {
            let row = tx.insert(new)?;
            process::start(tx, row.id, transition, Map::new())?;
            Ok(row.id)
        });
        begun.await.unwrap_or_else(|error| panic!("{} from {}: {error}", self.process(), self.from))
    }
}

/// Cuts the power after so many steps, once.
struct Saw {
    left: AtomicUsize,
    steps: AtomicUsize,
    cut: Mutex<BTreeSet<String>>,
}

const BLUNT: usize = usize::MAX;

impl Saw {
    fn teeth(self: &Arc<Self>) -> Breakpoint {
        let saw = Arc::clone(self);
        Arc::new(move |process, _| {
            saw.steps.fetch_add(1, Ordering::SeqCst);
            let left = saw.left.load(Ordering::SeqCst);
            let next = if left == BLUNT { left } else { left.wrapping_sub(1) };
            saw.left.store(next, Ordering::SeqCst);
            if left == 0 {
                saw.cut.lock().expect("saw").insert(process.to_owned());
            }
            left == 0
        })
    }
}

/// Waits until the row has ended, starting the server again when the saw has stopped it.
async fn ended(world: &mut World, case: &Case, row: i64) -> String {
    loop {
        let stop = world.core.as_ref().expect("core").stop.clone();
        let what = format!("{} from {}", case.process(), case.from);
        let ends = case.ends();
        tokio::select! {
            state = world.until(&what, |read| {
                let Some(found) = read.get(row)? else { return Ok(Some("deleted".to_owned())) };
                let there = ends.contains(&found.state.as_str());
                Ok((there && read.open_process(row)?.is_none()).then_some(found.state))
            }) => return state,
            () = stop.cancelled() => {}
        }
        world.stop().await;
        world.start().await;
    }
}

/// What engines were made to do for a row of this name. That a call was made a second time and changed
/// nothing is not an effect.
fn calls(world: &World, name: &str) -> Vec<String> {
    let mut lines: Vec<String> = world.fleet.transcript().take();
    lines.retain(|line| line.contains(name) && !line.ends_with(" again"));
    let mut lines: Vec<String> =
        lines.iter().map(|line| without_uuids(line).replace(name, "row")).collect();
    lines.sort();
    lines
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_failure_after_any_step_of_any_transition_changes_nothing() {
    let saw = Arc::new(Saw {
        left: AtomicUsize::new(BLUNT),
        steps: AtomicUsize::new(0),
        cut: Mutex::default(),
    });
    let mut world = World::unstarted(1, Clock::System);
    world.set_breakpoint(Some(saw.teeth()));
    world.start().await;
    let host = world.only("host").await;
    // What the start began counts as no step of a case.
    let rests = |read: &Read<'_>| Ok(read.count_open_processes()?.is_empty().then_some(()));
    world.until("everything rests", rests).await;
    let mut number = 0;
    for case in cases().iter().filter(|case| case.has_steps()) {
        saw.steps.store(0, Ordering::SeqCst);
        let mut run = async |left: usize| {
            number += 1;
            let name = format!("case{number}x");
            saw.left.store(left, Ordering::SeqCst);
            let row = case.begin(&world, host, &name).await;
            let state = ended(&mut world, case, row).await;
            saw.left.store(BLUNT, Ordering::SeqCst);
            let calls = calls(&world, &name);
            // What it leaves behind is not to be looked after by the server in later cases.
            world.store().write(move |tx| tx.delete(row)).await.expect("deleted");
            (state, calls)
        };
        let undisturbed = run(BLUNT).await;
        let steps = saw.steps.load(Ordering::SeqCst);
        for step in 0..steps {
            let disturbed = run(step).await;
            let what = format!("{} from {}, cut after step {step}", case.process(), case.from);
            assert_eq!(disturbed, undisturbed, "{what}");
        }
    }
    world.stop().await;
    let cut = saw.cut.lock().expect("saw").clone();
    let never: Vec<&str> = process::with_steps().filter(|name| !cut.contains(*name)).collect();
    assert_eq!(never, [""; 0], "processes that were never cut off");
}

/// Those that have nothing to do differ by their states alone: all of them at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transitions_without_steps_are_picked_up_again() {
    let mut world = World::sim(1).await;
    let host = world.only("host").await;
    let mut begun = Vec::new();
    for case in cases().into_iter().filter(|case| !case.has_steps()) {
        begun.push((case, case.begin(&world, host, case.ty).await));
    }
    world.stop().await;
    world.start().await;
    for (case, row) in begun {
        ended(&mut world, &case, row).await;
    }
    world.stop().await;
}

/// The table is not empty, and knows what every type has.
#[test]
fn every_lifecycle_is_in_the_table() {
    let cases = cases();
    for (ty, transition, from) in [
        ("instance", "start", "stopped"),
        ("host", "remove", "inactive"),
        ("volume", "activate", "inactive"),
    ] {
        let found = |case: &&Case| (case.ty, case.transition, case.from) == (ty, transition, from);
        assert!(cases.iter().find(found).is_some(), "{}", json!([ty, transition, from]));
    }
}
