//! Power failures while a project is taken over and given back: it goes on where it was.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ranchette::clock::Clock;

use super::project::{live, runs, settled, take, undo};
use super::{running, shown};
use crate::world::World;

/// Starts the server again whenever the saw has stopped it, until what is looked for is so.
async fn again(world: &mut World, what: impl AsyncFn(&World) + Copy) {
    loop {
        let stop = world.core.as_ref().expect("running").stop.clone();
        tokio::select! {
            biased;
            () = what(world) => return,
            () = stop.cancelled() => {}
        }
        world.stop().await;
        world.start().await;
    }
}

/// The power fails after step `at`; how many steps there were.
async fn story(at: usize) -> usize {
    let steps = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&steps);
    let mut world = World::with_clock(1, Clock::System).await;
    let host = world.host(1);
    let ids = runs(&world, &host).await;
    let before = running(&host);
    world.stop().await;
    world.set_breakpoint(Some(Arc::new(move |process, _| {
        process == "instance.update" && counted.fetch_add(1, Ordering::SeqCst) == at
    })));
    world.start().await;
    let (stack, resolved) = take(&world, Err("none".to_owned())).await;
    let stack = stack.unwrap_or_else(|| panic!("{:?}", resolved.refusals));
    again(&mut world, async |world: &World| settled(world, stack).await).await;
    assert_eq!(running(&host), before, "cut after {at}");
    for id in &ids {
        assert_eq!(host.networks_of(id).len(), 2, "cut after {at}");
    }
    assert_eq!(undo(&world, stack).await.refusals, Vec::<String>::new());
    let ids = &ids;
    again(&mut world, async |world: &World| {
        for id in ids {
            shown(world, id, "running").await;
        }
    })
    .await;
    assert_eq!(running(&host), before, "cut after {at}");
    for id in ids {
        assert_eq!(host.networks_of(id).len(), 1, "cut after {at}");
    }
    assert_eq!(live(&world, "stack"), Vec::<String>::new());
    assert_eq!(live(&world, "service"), Vec::<String>::new());
    world.stop().await;
    steps.load(Ordering::SeqCst)
}

#[tokio::test]
async fn a_power_failure_at_any_step_changes_nothing() {
    let all = story(usize::MAX).await;
    assert!(all >= 12, "{all} steps");
    for at in 0..all {
        story(at).await;
    }
}
