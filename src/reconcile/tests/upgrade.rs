//! Upgrades: paused, cancelled, taken back, and the health gate.

use expect_test::expect;

use super::check;

#[test]
fn an_upgrade_is_over_when_the_last_container_is_healthy() {
    check(
        "service web old=retire
         config web version=2
         member web-1 stopped retired
         member web-1 running version=2 health=initializing",
        &expect!["working: waiting for web-1 to become healthy"],
    );
    check(
        "service web old=retire
         config web version=2
         member web-1 stopped retired
         member web-1 running version=2 health=healthy",
        &expect!["settled"],
    );
    check(
        "service web
         config web version=2
         member web-1 running version=2 health=initializing",
        &expect!["settled"],
    );
}

/// The old container of an upgrade that is taken back asks for its port where the new one has it, or waits for it.
#[test]
fn the_old_container_waits_for_its_port_and_for_nothing_else() {
    // Free.
    check(
        "service web pace=at-once
         config web version=1
         member web-1 stopped version=1",
        &expect![[r#"
            start web-1: not running
            working: starting web-1"#]],
    );
    // The new one goes, whether it has the port, waits for it, or has died.
    for new in ["running", "starting", "creating", "stopped failures=2 died=9999"] {
        check(
            &format!(
                "service web pace=at-once
                 config web version=1
                 member web-1 stopped version=1
                 member web-1 {new} version=2"
            ),
            &expect![[r#"
                remove web-1 (id 2): outdated
                working: removing web-1"#]],
        );
    }
    check(
        "service web pace=at-once
         config web version=1
         member web-1 stopped version=1
         member web-1 removing version=2",
        &expect!["working: waiting for web-1 to be removed (and 1 more)"],
    );
    // Somebody who stays has it: the unit finds another place.
    check(
        "service web pace=at-once
         config web version=1
         member web-1 stopped displaced version=1
         member web-1 starting version=2",
        &expect![[r#"
            remove web-1 (id 1): its port is taken
            remove web-1 (id 2): its port is taken
            working: removing web-1 (and 1 more)"#]],
    );
}

#[test]
fn a_container_put_aside_asks_for_nothing() {
    for new in
        ["starting", "stopped failures=4 died=9000", "stopped displaced failures=4 died=9000"]
    {
        let fixture = format!(
            "service web old=retire
             config web version=2
             member web-1 stopped retired displaced version=1
             member web-1 {new} version=2"
        );
        let expect = match new {
            "starting" => expect!["working: waiting for web-1 to start"],
            _ => expect!["back-off until 13000: web-1 keeps dying (4 times); next start in 3 s"],
        };
        check(&fixture, &expect);
    }
}

#[test]
fn a_cancelled_upgrade_begins_nothing() {
    check(
        "service web scale=3 old=retire pace=held
         config web version=2
         member web-1 stopped retired
         member web-1 running version=2
         member web-2 running
         member web-3 running",
        &expect!["settled"],
    );
}

#[test]
fn a_cancelled_upgrade_sees_through_what_has_begun() {
    check(
        "service web scale=2 old=retire pace=held
         config web version=2
         member web-1 stopped retired
         member web-2 running",
        &expect![[r#"
            create web-1: fewer than wanted
            working: creating web-1"#]],
    );
    check(
        "service web scale=2 old=retire pace=held order=start-first
         config web version=2
         member web-1 running
         member web-1 running version=2
         member web-2 running",
        &expect![[r#"
            retire web-1 (id 1): outdated
            working: putting aside web-1"#]],
    );
}

#[test]
fn a_cancelled_upgrade_keeps_its_containers_running() {
    check(
        "service web scale=2 old=retire pace=held
         config web version=2
         member web-1 stopped retired
         member web-1 running version=2
         member web-2 stopped",
        &expect![[r#"
            start web-2: not running
            working: starting web-2"#]],
    );
}

#[test]
fn a_roll_back_waits_for_nothing() {
    check(
        "service web scale=3 pace=at-once
         member web-1 stopped
         member web-1 running version=2 health=unhealthy
         member web-2 running health=initializing
         member web-3 stopped
         member web-3 stopped version=2 failures=9 died=9999",
        &expect![[r#"
            remove web-1 (id 1): unhealthy
            remove web-1 (id 2): unhealthy
            remove web-3 (id 5): outdated
            working: removing web-1 (and 2 more)"#]],
    );
    check(
        "service web scale=2 pace=at-once strategy=none
         member web-1 stopped
         member web-1 running version=2 health=unhealthy
         member web-2 running health=initializing",
        &expect![[r#"
            remove web-1 (id 2): outdated
            working: removing web-1"#]],
    );
    check(
        "service web scale=2 pace=at-once strategy=none
         member web-1 stopped
         member web-2 running health=initializing",
        &expect![[r#"
            start web-1: not running
            working: starting web-1"#]],
    );
}

#[test]
fn a_sidekick_that_came_with_an_upgrade_goes_with_it() {
    check(
        "service web pace=at-once
         member web-1 running
         member web-logs-1 running version=2",
        &expect![[r#"
            remove web-logs-1: outdated
            working: removing web-logs-1"#]],
    );
}

#[test]
fn the_gate_stays_open_while_there_is_time() {
    check(
        "service web old=retire within=5000 since=8000
         config web version=2
         member web-1 running version=2 started=9000 health=initializing",
        &expect!["interval until 13000: waiting for web-1 to become healthy"],
    );
    check(
        "service web scale=2 old=retire within=5000 since=0 interval=2000
         config web version=2
         member web-1 running version=2 started=9000
         member web-2 running started=0",
        &expect!["interval until 11000: web-2 is next in 1 s"],
    );
    check(
        "service web old=retire within=5000 since=0
         config web version=2
         member web-1 running version=2 started=1 health=healthy",
        &expect!["settled"],
    );
}

#[test]
fn the_gate_closes_when_time_is_up() {
    check(
        "service web old=retire within=5000 since=5000
         config web version=2
         member web-1 running version=2 started=6000 health=initializing message=connection_refused",
        &expect!["unfit: web-1: connection refused is not healthy after 5 s"],
    );
    check(
        "service web scale=2 old=retire within=5000 since=5000
         config web version=2
         member web-2 running",
        &expect!["unfit: no healthy container after 5 s"],
    );
}

#[test]
fn the_gate_closes_on_what_keeps_dying() {
    check(
        "service web old=retire within=50000 since=5000
         config web version=2
         member web-1 stopped version=2 failures=3 died=9000 message=exit_code_1",
        &expect!["unfit: web-1: exit code 1 (died 3 times)"],
    );
    check(
        "service web old=retire within=50000 since=9500
         config web version=2
         member web-1 stopped version=2 failures=3 died=9000",
        &expect!["back-off until 11000: web-1 keeps dying (3 times); next start in 1 s"],
    );
}

#[test]
fn what_comes_back_waits_for_what_was_made_too_many() {
    let head = "service web scale=1 pace=at-once
         member web-1 stopped
         member web-2";
    check(
        &format!("{head} running version=2"),
        &expect![[r#"
        remove web-2: more than wanted
        working: removing web-2"#]],
    );
    check(
        &format!("{head} stopping version=2"),
        &expect!["working: waiting for web-2 to stop (and 1 more)"],
    );
    check(
        &format!("{head} removing version=2"),
        &expect![[r#"
        start web-1: not running
        working: starting web-1"#]],
    );
    check(
        "service web scale=1 pace=at-once\n member web-1 stopped",
        &expect![[r#"
        start web-1: not running
        working: starting web-1"#]],
    );
}

#[test]
fn a_unit_put_aside_keeps_its_place_until_it_is_down() {
    let head = "service web scale=3 old=retire
         config web version=2
         member web-1 running version=2
         member web-2 running version=2";
    check(
        &format!("{head}\n member web-4 stopping retired"),
        &expect!["working: waiting for web-4 to stop"],
    );
    check(
        &format!("{head}\n member web-4 stopped retired"),
        &expect![[r#"
        create web-3: fewer than wanted
        working: creating web-3"#]],
    );
}
