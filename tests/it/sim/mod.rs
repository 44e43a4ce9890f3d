//! Random operations on the simulated fleet, in simulated time, each run a seed. After every step: no two
//! containers on one port of a host, none on the wrong host for its volume, no address twice, never more
//! of a service than is declared and its upgrade allows. In the end everything is as declared, and when
//! it is removed nothing is left.
//!
//! `RANCHETTE_SIM_SEEDS` says how many seeds (50), `RANCHETTE_SIM_SEED` plays one again, exactly;
//! `RANCHETTE_SIM_REPLAYS` says how many are played twice and compared (3).

mod checks;
mod declared;
mod place;
mod story;

use std::sync::atomic::{AtomicU64, Ordering};

use story::Story;

/// Operations of a story.
const OPERATIONS: usize = 25;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

#[test]
fn random_operations_settle_to_what_is_declared() {
    if let Some(seed) = number("RANCHETTE_SIM_SEED") {
        Story::new(seed).play(OPERATIONS);
        return;
    }
    let seeds = number("RANCHETTE_SIM_SEEDS").unwrap_or(50);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicU64::new(1);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed > seeds {
                        return;
                    }
                    Story::new(seed).play(OPERATIONS);
                }
            });
        }
    });
}

#[test]
fn a_seed_plays_the_same_story_again() {
    for seed in 1..=number("RANCHETTE_SIM_REPLAYS").unwrap_or(3) {
        let (first, second) =
            (Story::new(seed).play(OPERATIONS), Story::new(seed).play(OPERATIONS));
        let differs = first.iter().zip(&second).position(|(a, b)| a != b);
        if let Some(at) = differs {
            let from = at.saturating_sub(10);
            panic!("seed {seed} differs:\n{:#?}\n{:#?}", &first[from..=at], &second[from..=at]);
        }
        assert_eq!(first.len(), second.len(), "seed {seed}");
    }
}
