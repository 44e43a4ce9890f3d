//! Replacing outdated containers, and restarting, some units at a time.

use expect_test::expect;

use super::check;

#[test]
fn outdated_units_are_replaced_batch_by_batch() {
    check(
        "service web scale=3
         config web version=2
         member web-1 running
         member web-2 running
         member web-3 running",
        &expect![[r#"
            remove web-1: outdated
            working: removing web-1"#]],
    );
    check(
        "service web scale=3 batch=2
         config web version=2
         member web-1 running
         member web-2 running
         member web-3 running",
        &expect![[r#"
            remove web-1: outdated
            remove web-2: outdated
            working: removing web-1 (and 1 more)"#]],
    );
    check(
        "service web scale=3
         config web version=2
         member web-1 stopping
         member web-2 running
         member web-3 running",
        &expect!["working: waiting for web-1 to stop"],
    );
    check(
        "service web scale=3
         config web version=2
         member web-2 running
         member web-3 running",
        &expect![[r#"
            create web-1: fewer than wanted
            working: creating web-1"#]],
    );
}

#[test]
fn the_next_batch_waits_for_replacements_to_be_healthy() {
    check(
        "service web scale=2
         config web version=2
         member web-1 starting version=2
         member web-2 running",
        &expect!["working: waiting for web-1 to start"],
    );
    check(
        "service web scale=2
         config web version=2
         member web-1 running version=2 health=initializing
         member web-2 running health=healthy",
        &expect!["working: waiting for web-1 to become healthy"],
    );
    check(
        "service web scale=2
         config web version=2
         member web-1 running version=2 health=healthy
         member web-2 running health=healthy",
        &expect![[r#"
            remove web-2: outdated
            working: removing web-2"#]],
    );
}

#[test]
fn units_that_are_out_of_order_are_replaced_first() {
    check(
        "service web scale=3
         config web version=2
         member web-1 running
         member web-2 stopped failures=9 died=9999
         member web-3 running",
        &expect![[r#"
            remove web-2: outdated
            working: removing web-2"#]],
    );
    check(
        "service web scale=3
         config web version=2
         member web-1 running version=2
         member web-2 running
         member web-3 running health=initializing",
        &expect![[r#"
            remove web-3: outdated
            working: removing web-3"#]],
    );
}

#[test]
fn a_pause_lies_between_batches() {
    check(
        "service web scale=2 interval=2000
         config web version=2
         member web-1 running version=2 started=9000
         member web-2 running",
        &expect!["interval until 11000: web-2 is next in 1 s"],
    );
    check(
        "service web scale=2 interval=2000
         config web version=2
         member web-1 running version=2 started=8000
         member web-2 running",
        &expect![[r#"
            remove web-2: outdated
            working: removing web-2"#]],
    );
    check(
        "service web scale=2 interval=2000
         config web version=2
         member web-1 running started=9999
         member web-2 running started=9999",
        &expect![[r#"
            remove web-1: outdated
            working: removing web-1"#]],
    );
}

#[test]
fn what_depends_on_an_outdated_container_goes_with_it() {
    check(
        "service web
         config web uses=data
         config data version=2
         config free
         member web-data-1 running
         member web-1 running
         member web-free-1 running",
        &expect![[r#"
            remove web-1: outdated
            remove web-data-1: outdated
            working: removing web-1 (and 1 more)"#]],
    );
    check(
        "service web
         config web uses=data
         config data version=2
         config free
         member web-data-1 removing
         member web-1 stopping
         member web-free-1 running",
        &expect!["working: waiting for web-data-1 to be removed (and 1 more)"],
    );
}

#[test]
fn a_configuration_that_came_or_went() {
    check(
        "service web scale=2
         member web-1 running
         member web-logs-1 running
         member web-2 running
         member web-logs-2 running",
        &expect![[r#"
            remove web-logs-1: outdated
            working: removing web-logs-1"#]],
    );
    check(
        "service web scale=2
         config logs
         member web-1 running
         member web-2 running",
        &expect![[r#"
            add web-logs-1: the unit lacks it
            add web-logs-2: the unit lacks it
            working: creating web-logs-1 (and 1 more)"#]],
    );
}

#[test]
fn start_first_makes_the_new_before_it_removes_the_old() {
    check(
        "service web scale=2 order=start-first
         config web version=2
         member web-1 running
         member web-2 running",
        &expect![[r#"
            add web-1: outdated
            working: creating web-1"#]],
    );
    check(
        "service web scale=2 order=start-first
         config web version=2
         member web-1 running
         member web-2 running
         member web-1 starting version=2",
        &expect!["working: waiting for web-1 to start"],
    );
    check(
        "service web scale=2 order=start-first
         config web version=2
         member web-1 running
         member web-2 running
         member web-1 running version=2",
        &expect![[r#"
            remove web-1 (id 1): outdated
            working: removing web-1"#]],
    );
    check(
        "service web order=start-first
         config web uses=data
         config data version=2
         member web-data-1 running
         member web-1 running
         member web-data-1 running version=2",
        &expect![[r#"
            add web-1: outdated
            working: creating web-1"#]],
    );
}

#[test]
fn start_first_waits_for_the_new_to_be_healthy() {
    check(
        "service web order=start-first
         config web version=2
         member web-1 running health=healthy
         member web-1 running health=initializing version=2",
        &expect!["working: waiting for web-1 to become healthy"],
    );
    check(
        "service web order=start-first
         config web version=2
         member web-1 running health=healthy
         member web-1 running health=healthy version=2",
        &expect![[r#"
            remove web-1 (id 1): outdated
            working: removing web-1"#]],
    );
}

#[test]
fn an_upgrade_keeps_the_old_containers_until_it_is_finished() {
    check(
        "service web old=retire
         config web version=2
         member web-1 running",
        &expect![[r#"
            retire web-1: outdated
            working: putting aside web-1"#]],
    );
    check(
        "service web old=retire
         config web version=2
         member web-1 stopping retired",
        &expect!["working: waiting for web-1 to stop"],
    );
    check(
        "service web old=retire
         config web version=2
         member web-1 stopped retired",
        &expect![[r#"
            create web-1: fewer than wanted
            working: creating web-1"#]],
    );
    check(
        "service web
         config web version=2
         member web-1 stopped retired
         member web-1 running version=2",
        &expect![[r#"
            remove web-1 (id 1): outdated
            working: removing web-1"#]],
    );
}

#[test]
fn what_never_ran_is_not_worth_keeping() {
    check(
        "service web old=retire
         config web version=2
         member web-1 error failures=9 died=9999",
        &expect![[r#"
            remove web-1: outdated
            working: removing web-1"#]],
    );
    check(
        "service web old=retire
         config web version=2
         member web-1 running retired
         member web-1 running version=2",
        &expect![[r#"
            stop web-1 (id 1): outdated
            working: stopping web-1"#]],
    );
}

#[test]
fn a_roll_back_starts_the_old_and_removes_the_new() {
    check(
        "service web scale=2 batch=1000
         member web-1 stopped
         member web-2 stopped
         member web-1 running version=2
         member web-2 running version=2",
        &expect![[r#"
            remove web-1 (id 3): outdated
            remove web-2 (id 4): outdated
            working: removing web-1 (and 1 more)"#]],
    );
    check(
        "service web scale=2 batch=1000
         member web-1 running
         member web-2 starting
         member web-2 removing version=2",
        &expect!["working: waiting for web-2 to be removed (and 1 more)"],
    );
}

#[test]
fn a_restart_goes_from_batch_to_batch() {
    check(
        "service web scale=3 mode=restarting since=5000 batch=2
         member web-1 running
         member web-2 running
         member web-3 running",
        &expect![[r#"
            stop web-1: restart requested
            stop web-2: restart requested
            working: stopping web-1 (and 1 more)"#]],
    );
    check(
        "service web scale=3 mode=restarting since=5000 batch=2
         member web-1 stopping
         member web-2 stopped
         member web-3 running",
        &expect![[r#"
            start web-2: not running
            working: starting web-2"#]],
    );
    check(
        "service web scale=3 mode=restarting since=5000 batch=2
         member web-1 running started=6000 health=reinitializing
         member web-2 running started=6000 health=healthy
         member web-3 running health=healthy",
        &expect!["working: waiting for web-1 to become healthy"],
    );
    check(
        "service web scale=2 mode=restarting since=5000 interval=2000
         member web-1 running started=9000
         member web-2 running",
        &expect!["interval until 11000: web-2 is next in 1 s"],
    );
    check(
        "service web scale=2 mode=restarting since=5000
         member web-1 running started=5000
         member web-2 running started=6000",
        &expect!["settled"],
    );
}

#[test]
fn a_restart_leaves_alone_what_is_done() {
    check(
        "service web mode=restarting since=5000
         config job start-once
         member web-1 running
         member web-job-1 running",
        &expect![[r#"
            stop web-1: restart requested
            working: stopping web-1"#]],
    );
    check(
        "service web mode=restarting since=5000
         config logs network=web
         member web-1 running started=6000
         member web-logs-1 stopped",
        &expect![[r#"
            start web-logs-1: not running
            working: starting web-logs-1"#]],
    );
}

#[test]
fn start_first_waits_for_the_old_to_be_down() {
    let old = |state: &str| {
        format!(
            "service web scale=2 order=start-first old=retire
             config web version=2
             member web-1 {state} retired
             member web-1 running version=2
             member web-2 running"
        )
    };
    check(&old("stopping"), &expect!["working: waiting for web-1 to stop"]);
    check(
        &old("stopped"),
        &expect![[r#"
        add web-2: outdated
        working: creating web-2"#]],
    );
}
