//! What the fleet adds to the contract: its clock, its seed, its faults and its transcript.

use std::sync::Arc;

use expect_test::{Expect, expect};
use futures_util::StreamExt;

use super::*;
use crate::clock::ManualClock;
use crate::engine::error::Transient;
use crate::engine::spec::{LABEL_UUID, ProcessSpec, RestartSpec};
use crate::engine::{
    ContainerSpec, ContainerState, Engine, Follow, LogOptions, RemoveVolumes, Timestamps,
};

/// 2020-09-13T12:26:40Z.
const START_MS: i64 = 1_600_000_000_000;

fn fleet() -> (SimFleet, SimEngine, Arc<ManualClock>) {
    let (clock, hands) = Clock::manual(START_MS);
    let fleet = SimFleet::new(1, clock);
    let host = fleet.host("host1");
    (fleet, host, hands)
}

fn spec(name: &str, command: &[&str]) -> ContainerSpec {
    ContainerSpec {
        name: name.to_owned(),
        uuid: format!("uuid-{name}"),
        image: "nginx".to_owned(),
        labels: [(LABEL_UUID.to_owned(), format!("uuid-{name}"))].into(),
        process: ProcessSpec {
            command: command.iter().map(|word| (*word).to_owned()).collect(),
            ..ProcessSpec::default()
        },
        ..ContainerSpec::default()
    }
}

async fn run(host: &SimEngine, spec: &ContainerSpec) -> String {
    host.pull(&spec.image, None, &|_| ()).await.unwrap();
    let id = host.create(spec).await.unwrap();
    host.start(&id).await.unwrap();
    id
}

fn check(fleet: &SimFleet, expect: Expect) {
    expect.assert_eq(&fleet.transcript().take().join("\n"));
}

fn broken() -> EngineError {
    let detail = "the disk made a noise".to_owned();
    EngineError::Other { what: "web".to_owned(), detail, transient: Transient::Yes }
}

#[tokio::test]
async fn the_transcript_tells_what_was_asked() {
    let (fleet, host, _) = fleet();
    let web = spec("web", &[]);
    let id = run(&host, &web).await;
    host.create(&web).await.unwrap();
    fleet.host("host2").pull("redis:7", None, &|_| ()).await.unwrap();
    host.stop(&id, 10).await.unwrap();
    host.external_kill("web").unwrap();
    host.external_remove("web").unwrap();
    host.remove(&id, RemoveVolumes::None).await.unwrap();
    check(
        &fleet,
        expect![[r#"
            host1 pull nginx
            host1 create web image=nginx
            host1 start web
            host1 create web again
            host2 pull redis:7
            host1 stop web timeout=10
            host1 external kill web
            host1 external remove web"#]],
    );
}

#[tokio::test]
async fn a_fault_strikes_as_often_as_it_was_told() {
    let (fleet, host, _) = fleet();
    let fault = Fault::on(Op::Start, Effect::Fail(broken())).about("web").times(2);
    fleet.faults().add(fault.host("host1"));
    run(&host, &spec("db", &[])).await;
    host.create(&spec("web", &[])).await.unwrap();
    for _ in 0..2 {
        assert_eq!(host.start("web").await, Err(broken()));
        assert_eq!(host.count(), (2, 1));
    }
    host.start("web").await.unwrap();
    check(
        &fleet,
        expect![[r#"
            host1 pull nginx
            host1 create db image=nginx
            host1 start db
            host1 create web image=nginx
            host1 start web failed: `web`: the disk made a noise
            host1 start web failed: `web`: the disk made a noise
            host1 start web"#]],
    );
}

#[tokio::test]
async fn a_lost_answer_leaves_the_work_done() {
    let (fleet, host, _) = fleet();
    fleet.faults().add(Fault::on(Op::Create, Effect::LoseAnswer(broken())).times(1));
    host.pull("nginx", None, &|_| ()).await.unwrap();
    let web = spec("web", &[]);
    assert_eq!(host.create(&web).await, Err(broken()));
    let id = host.create(&web).await.unwrap();
    assert_eq!((host.count(), host.inspect("web").await.unwrap().unwrap().id), ((1, 0), id));
}

#[tokio::test]
async fn slow_operations_take_time_on_the_clock() {
    let (fleet, host, hands) = fleet();
    fleet.faults().add(Fault::on(Op::Pull, Effect::Slow { ms: 5_000 }));
    let pull = tokio::spawn(async move { host.pull("nginx", None, &|_| ()).await });
    while hands.sleepers() == 0 {
        tokio::task::yield_now().await;
    }
    hands.advance(4_999);
    tokio::task::yield_now().await;
    assert!(!pull.is_finished());
    hands.advance(1);
    pull.await.unwrap().unwrap();
}

#[tokio::test]
async fn containers_die_when_they_were_told_to() {
    let (fleet, host, hands) = fleet();
    let death = Effect::DieAfter { ms: 3_000, exit_code: 9 };
    fleet.faults().add(Fault::on(Op::Run, death).about("web"));
    let id = run(&host, &spec("web", &[])).await;
    run(&host, &spec("db", &[])).await;
    let mut events = host.events(None);
    hands.advance(10_000);
    // The event comes without anyone asking about the container, and has the right time.
    let died = events.next().await.unwrap().unwrap();
    assert_eq!((died.container, died.at_ms), (id, START_MS + 3_000));
    assert_eq!(died.kind, EventKind::Die { exit_code: 9 });
    assert_eq!(host.count(), (2, 1));
}

#[tokio::test]
async fn scripts_sleep_on_the_clock() {
    let (_, host, hands) = fleet();
    run(&host, &spec("job", &["sh", "-c", "echo a; sleep 60; echo b; sleep 60; exit 2"])).await;
    hands.advance(60_000);
    assert!(host.inspect("job").await.unwrap().unwrap().is_running());
    hands.advance(60_000);
    let job = host.inspect("job").await.unwrap().unwrap();
    assert_eq!((job.state, job.exit_code), (ContainerState::Exited, Some(2)));
    assert_eq!(job.finished_ms, Some(START_MS + 120_000));
    let options = LogOptions { timestamps: Timestamps::Yes, ..LogOptions::default() };
    let lines: Vec<_> = host.logs("job", &options).map(|line| line.unwrap().bytes).collect().await;
    assert_eq!(
        String::from_utf8(lines.concat()).unwrap(),
        "2020-09-13T12:26:40.000000000Z a\n2020-09-13T12:27:40.000000000Z b\n"
    );
}

#[tokio::test]
async fn restart_policies_apply_to_accidents_only() {
    let (_, host, hands) = fleet();
    let restart = RestartSpec { name: "on-failure".to_owned(), maximum_retry_count: 2 };
    let job = spec("job", &["sh", "-c", "sleep 1; exit 1"]);
    run(&host, &ContainerSpec { restart: Some(restart), ..job }).await;
    let always = RestartSpec { name: "always".to_owned(), maximum_retry_count: 0 };
    run(&host, &ContainerSpec { restart: Some(always), ..spec("web", &[]) }).await;

    host.external_kill("web").unwrap();
    assert_eq!(host.inspect("web").await.unwrap().unwrap().state, ContainerState::Restarting);
    hands.advance(100);
    assert!(host.inspect("web").await.unwrap().unwrap().state == ContainerState::Running);
    host.stop("web", 0).await.unwrap();
    hands.advance(3_600_000);
    assert_eq!(host.inspect("web").await.unwrap().unwrap().state, ContainerState::Exited);
    // The first run and two more, with 100 and 200 ms between them.
    let job = host.inspect("job").await.unwrap().unwrap();
    assert_eq!((job.state, job.finished_ms), (ContainerState::Exited, Some(START_MS + 3_300)));
}

#[tokio::test]
async fn an_engine_that_went_away_breaks_its_streams() {
    let (_, host, _) = fleet();
    run(&host, &spec("web", &[])).await;
    let mut events = host.events(None);
    host.set_away(Some(Away::Refused));
    let refused =
        EngineError::Unavailable { endpoint: "sim://host1".to_owned(), reason: Away::Refused };
    assert_eq!(host.list().await, Err(refused.clone()));
    assert_eq!(host.start("web").await, Err(refused.clone()));
    assert_eq!(events.next().await, Some(Err(refused)));
    assert_eq!(events.next().await, None);
    host.set_away(None);
    assert_eq!(host.list().await.unwrap().len(), 1);
}

#[tokio::test]
async fn power_fails_without_a_word() {
    let (_, host, _) = fleet();
    run(&host, &spec("web", &[])).await;
    let known = host.events(Some(0)).take(2).count().await;
    host.lose_power();
    assert_eq!((known, host.count()), (2, (1, 0)));
    let told = host.events(Some(0)).map(|event| event.unwrap().kind);
    assert_eq!(told.take(2).collect::<Vec<_>>().await, [EventKind::Create, EventKind::Start]);
}

#[tokio::test]
async fn lost_events_are_lost_for_everyone() {
    let (fleet, host, _) = fleet();
    fleet.faults().add(Fault::on(Op::Event, Effect::LoseEvent).about("web"));
    run(&host, &spec("web", &[])).await;
    run(&host, &spec("db", &[])).await;
    let first = host.events(Some(0)).next().await.unwrap().unwrap();
    assert_eq!(first.name, "db");
}

#[tokio::test]
async fn servers_write_and_use_more_as_time_goes_by() {
    let (_, host, hands) = fleet();
    run(&host, &spec("web", &["nginx"])).await;
    let lines = |host: &SimEngine| host.logs("web", &LogOptions::default()).count();
    assert_eq!(lines(&host).await, 1);
    hands.advance(60_000);
    assert_eq!(lines(&host).await, 7);
    let follow = LogOptions { follow: Follow::Yes, tail: Some(1), ..LogOptions::default() };
    let mut following = host.logs("web", &follow);
    assert!(following.next().await.is_some());
    let waiting = tokio::spawn(async move { following.next().await });
    while hands.sleepers() == 0 {
        tokio::task::yield_now().await;
    }
    hands.advance(10_000);
    assert!(waiting.await.unwrap().unwrap().is_ok());

    let early = host.stats("web").next().await.unwrap().unwrap();
    hands.advance(60_000);
    let late = host.stats("web").next().await.unwrap().unwrap();
    assert!(late.cpu_total_ns > early.cpu_total_ns && early.cpu_total_ns > 0);
}

#[tokio::test]
async fn equal_seeds_give_equal_fleets() {
    let history = |seed| async move {
        let fleet = SimFleet::new(seed, Clock::manual(START_MS).0);
        fleet.faults().add(Fault::on(Op::Start, Effect::Fail(broken())).per_mille(500));
        let host = fleet.host("host1");
        host.pull("nginx", None, &|_| ()).await.unwrap();
        let mut ids = Vec::new();
        for number in 0..20 {
            ids.push(host.create(&spec(&format!("web-{number}"), &[])).await.unwrap());
            let _ = host.start(&format!("web-{number}")).await;
        }
        (ids, host.count(), fleet.transcript().take())
    };
    let (first, second, other) = (history(5).await, history(5).await, history(6).await);
    assert_eq!(first, second);
    assert!(first.0 != other.0 && first.2 != other.2);
    let (all, running) = first.1;
    assert!(all == 20 && running > 0 && running < 20, "half of the starts fail, not all or none");
}

#[tokio::test]
async fn a_fleet_carries_many_containers() {
    let (fleet, host, _) = fleet();
    fleet.transcript().stop();
    host.pull("nginx", None, &|_| ()).await.unwrap();
    for number in 0..5_000 {
        let id = host.create(&spec(&format!("web-{number}"), &[])).await.unwrap();
        host.start(&id).await.unwrap();
    }
    assert_eq!(host.count(), (5_000, 5_000));
    assert_eq!(host.list().await.unwrap().len(), 5_000);
    assert_eq!(fleet.transcript().take(), Vec::<String>::new());
}
