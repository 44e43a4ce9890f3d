//! Health of services and stacks.

use super::super::Scale;
use super::super::health::{Expected, HealthState, combined, service};
use super::fixture::Fixture;

fn check(fixture: &str, expected: HealthState) {
    let fixture = Fixture::parse(fixture);
    let needed = Expected::of(&fixture.desired().scale, &fixture.configs);
    assert_eq!(service(needed, &fixture.configs, &fixture.members), expected);
}

#[test]
fn all_healthy_or_unchecked_is_healthy() {
    check(
        "service web scale=2
         member web-1 running
         member web-2 running health=healthy",
        HealthState::Healthy,
    );
    check("service web scale=0", HealthState::Healthy);
    check(
        "service web
         config job start-once
         member web-1 running
         member web-job-1 stopped",
        HealthState::Healthy,
    );
}

#[test]
fn everything_done_is_started_once() {
    check(
        "service job scale=2
         config job start-once
         member job-1 stopped
         member job-2 stopping",
        HealthState::StartedOnce,
    );
    check(
        "service job scale=2
         config job start-once
         member job-1 stopped
         member job-2 running",
        HealthState::Healthy,
    );
    check(
        "service job hosts=5
         config job start-once
         member job-1 stopped host=5",
        HealthState::StartedOnce,
    );
}

#[test]
fn a_first_check_to_come_is_initializing() {
    check(
        "service web scale=2
         member web-1 running health=healthy
         member web-2 running health=initializing",
        HealthState::Initializing,
    );
    check(
        "service web
         member web-1 running health=reinitializing",
        HealthState::Initializing,
    );
    check(
        "service web
         member web-1 starting health=initializing",
        HealthState::Unhealthy,
    );
}

#[test]
fn some_is_degraded_and_none_is_unhealthy() {
    check(
        "service web scale=2
         member web-1 running
         member web-2 stopped",
        HealthState::Degraded,
    );
    check(
        "service web
         config logs
         member web-1 running",
        HealthState::Degraded,
    );
    check(
        "service web
         member web-1 running health=unhealthy",
        HealthState::Unhealthy,
    );
    check(
        "service web mode=stopped
         member web-1 stopped",
        HealthState::Unhealthy,
    );
    check(
        "service web
         member web-1 running retired",
        HealthState::Unhealthy,
    );
}

#[test]
fn a_global_service_needs_what_is_on_active_hosts() {
    check(
        "service web hosts=5,6
         member web-1 running host=5",
        HealthState::Healthy,
    );
    check(
        "service web hosts=5
         member web-1 running host=5
         member web-2 stopped host=6 host-is=inactive",
        HealthState::Healthy,
    );
    check(
        "service web hosts=5,6
         member web-1 running host=5
         member web-2 stopped host=6",
        HealthState::Degraded,
    );
    check("service web hosts=", HealthState::Unhealthy);
}

#[test]
fn a_scale_policy_needs_its_minimum() {
    let fixture = Fixture::parse("service web scale=5\nmember web-1 running");
    let needed = Expected::Containers(1);
    assert_eq!(service(needed, &fixture.configs, &fixture.members), HealthState::Healthy);
    let huge = Expected::of(&Scale::Fixed(u32::MAX), &vec![fixture.configs[0].clone(); 2]);
    assert_eq!(huge, Expected::Containers(u32::MAX));
}

#[test]
fn stacks_follow_their_services() {
    let check = |parts: &str, expected: &str| {
        let parts = parts.split_whitespace().map(|part| {
            let (state, health) = part.split_once('/').expect(part);
            (state, HealthState::parse(health).expect(health))
        });
        assert_eq!(combined(parts).as_str(), expected);
    };
    check("", "healthy");
    check("removing/unhealthy removed/unhealthy", "healthy");
    check("active/started-once active/started-once", "started-once");
    check("active/started-once active/healthy", "healthy");
    check("upgraded/healthy active/healthy", "healthy");
    check("inactive/healthy active/healthy", "degraded");
    check("active/healthy active/initializing active/unhealthy", "initializing");
    check("active/healthy active/unhealthy", "degraded");
    check("active/degraded active/unhealthy", "unhealthy");
    check("inactive/unhealthy", "unhealthy");
}
