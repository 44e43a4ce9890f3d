//! Any service settles from any state of its containers, within bounds, whatever fails meanwhile.

use std::collections::HashMap;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::Strategy as Draw;

use super::super::facts::{
    Config, Desired, Health, Member, MemberState, Mode, Old, Order, Pace, Rollout, Scale, Strategy,
};
use super::super::{Action, UnitIds, Verdict, plan};
use super::fixture::SERVICE;
use super::simulation::{World, host_state};

const NAMES: [Option<&str>; 4] = [None, Some("logs"), Some("data"), Some("gone")];

/// Rounds in which everything has to settle: a dozen units one at a time, every step a round.
const ROUNDS: usize = 1_000;

prop_compose! {
    fn configs()(
        count in 1..=3_usize,
        uses in vec((any::<bool>(), any::<bool>()), 3),
        once in vec(prop::bool::weighted(0.2), 3),
        versions in vec(select(vec!["0", "1"]), 3),
        from_front in any::<bool>(),
    ) -> Vec<Config> {
        (0..count)
            .map(|at| {
                // Each may use its neighbour, on the one side or on the other, so there is no circle.
                let neighbour = if from_front { at.checked_sub(1) } else { Some(at + 1) };
                let neighbour = neighbour.filter(|other| *other < count && uses[at].0);
                Config {
                    name: NAMES[at].map(str::to_owned),
                    version: versions[at].to_owned(),
                    after: neighbour.into_iter().collect(),
                    network_of: neighbour.filter(|_| uses[at].1),
                    start_once: once[at],
                }
            })
            .collect()
    }
}

fn scale() -> impl Draw<Value = Scale> {
    prop_oneof![
        3 => (0..6_u32).prop_map(Scale::Fixed),
        1 => subsequence(vec![1, 2], 0..=2).prop_map(Scale::Global),
    ]
}

fn mode() -> impl Draw<Value = Mode> {
    prop_oneof![
        6 => Just(Mode::Running),
        1 => Just(Mode::Stopped),
        1 => Just(Mode::Removed),
        2 => (1..3_u32, 0..1_000_i64).prop_map(|(batch, interval_ms)| {
            Mode::Restarting { since: 500_000, batch, interval_ms }
        }),
    ]
}

prop_compose! {
    fn rollout()(
        batch in 1..3_u32,
        interval_ms in 0..1_000_i64,
        order in select(vec![Order::StopFirst, Order::StartFirst]),
        old in select(vec![Old::Remove, Old::Retire]),
        pace in select(vec![Pace::Batches, Pace::Batches, Pace::AtOnce, Pace::Held]),
    ) -> Rollout {
        // Taking an upgrade back has no batches, and what is old goes first.
        let (batch, order) =
            if pace == Pace::AtOnce { (1_000, Order::StopFirst) } else { (batch, order) };
        Rollout { batch, interval_ms, order, old, pace, gate: None }
    }
}

prop_compose! {
    fn member()(
        index in 0..7_u32,
        odd_unit in prop::bool::weighted(0.1),
        config in select(NAMES.to_vec()),
        version in select(vec!["0", "1"]),
        state in select(vec![
            MemberState::Creating, MemberState::Starting, MemberState::Running,
            MemberState::Running, MemberState::Running, MemberState::Stopping,
            MemberState::Stopped, MemberState::Restarting, MemberState::Erroring,
            MemberState::Error, MemberState::Removing, MemberState::Removed,
        ]),
        health in option::weighted(0.4, select(vec![
            Health::Initializing, Health::Reinitializing, Health::Healthy, Health::Unhealthy,
        ])),
        host_id in option::weighted(0.9, select(vec![1_i64, 1, 1, 2, 2, 2, 3, 4, 5])),
        started_at in option::of(0..1_000_000_i64),
        failures in 0..6_u32,
        died_at in option::of(900_000..1_100_000_i64),
        retired in prop::bool::weighted(0.1),
        displaced in prop::bool::weighted(0.1),
    ) -> Member {
        let has_run = !matches!(
            state,
            MemberState::Creating | MemberState::Error | MemberState::Erroring
        );
        let started_at = started_at.filter(|_| has_run);
        Member {
            id: 0,
            unit: if odd_unit { "odd".to_owned() } else { String::new() },
            index,
            config: config.map(str::to_owned),
            version: version.to_owned(),
            state,
            health,
            host_id,
            host: host_state(host_id),
            started_once: started_at.is_some(),
            started_at,
            exit_code: None,
            failures,
            died_at,
            message: None,
            retired,
            displaced: displaced && state == MemberState::Stopped,
        }
    }
}

/// Gives members ids and their unit's uuid. A unit is on one host.
fn place(scale: &Scale, mut members: Vec<Member>) -> Vec<Member> {
    let ids = UnitIds::new(SERVICE);
    let mut hosts = HashMap::new();
    for (at, member) in members.iter_mut().enumerate() {
        member.id = at as i64 + 1;
        if member.unit.is_empty() {
            member.unit = match (scale, member.host_id) {
                (Scale::Global(_), Some(host)) => ids.by_host(host),
                (Scale::Global(_) | Scale::Fixed(_), _) => ids.by_index(member.index),
            };
        }
        let unit = (member.unit.clone(), member.index);
        member.host_id = *hosts.entry(unit).or_insert(member.host_id);
        member.host = host_state(member.host_id);
    }
    members
}

fn strategy() -> impl Draw<Value = Strategy> {
    prop_oneof![
        Just(Strategy::None),
        Just(Strategy::Recreate),
        (0..4_u32).prop_map(Strategy::RecreateOnQuorum),
    ]
}

fn desired<'a>(
    scale: Scale,
    configs: Vec<Config>,
    (mode, rollout, strategy): (Mode, Rollout, Strategy),
) -> Desired<'a> {
    Desired {
        service_uuid: SERVICE,
        stack_name: "blog",
        service_name: "web",
        scale,
        configs,
        mode,
        rollout,
        strategy,
        retry_since: 0,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn everything_settles(
        scale in scale(),
        configs in configs(),
        manner in (mode(), rollout(), strategy()),
        members in vec(member(), 0..16),
        faults in vec(prop::bool::weighted(0.3), 0..60),
    ) {
        let members = place(&scale, members);
        let (mode, mut rollout, strategy) = manner;
        if mode != Mode::Running && rollout.pace == Pace::Held {
            // Only what runs is upgraded.
            rollout.pace = Pace::Batches;
        }
        let manner = (mode, rollout, strategy);
        let desired = desired(scale, configs, manner);
        World::new(&desired, members, faults).settle(ROUNDS);
    }
}

fn web(scale: u32) -> Desired<'static> {
    let configs = vec![Config { version: "0".to_owned(), ..Config::default() }];
    desired(Scale::Fixed(scale), configs, (Mode::Running, Rollout::default(), Strategy::Recreate))
}

#[test]
fn ten_thousand_units_are_made_at_once() {
    let first = plan(&web(10_000), &[], 0);
    assert_eq!(first.actions.len(), 10_000);
    assert_eq!(first.log.len(), 2);
}

#[test]
fn a_large_service_settles() {
    let desired = web(500);
    let mut world = World::new(&desired, Vec::new(), vec![true; 50]);
    world.settle(30);
    let smaller = plan(&web(498), &world.members, world.now);
    assert_eq!(smaller.actions.len(), 2);
}

#[test]
fn a_scale_beyond_reason_is_reached_piece_by_piece() {
    let plan = plan(&web(u32::MAX), &[], 0);
    assert_eq!(plan.actions.len(), 10_000);
    assert!(matches!(plan.actions.last(), Some(Action::CreateUnit { index: 10_000, .. })));
    assert!(matches!(plan.verdict, Verdict::Working { .. }));
}
