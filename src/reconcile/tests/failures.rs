//! Containers that stop, fail to start, or have done their work.

use expect_test::expect;

use super::check;

#[test]
fn a_stopped_container_is_started_again() {
    check(
        "service web scale=2
         member web-1 running
         member web-2 stopped",
        &expect![[r#"
            start web-2: not running
            working: starting web-2"#]],
    );
    check(
        "service web
         member web-1 stopped failures=1 died=10000 exit=1",
        &expect![[r#"
            start web-1: not running
            working: starting web-1"#]],
    );
}

#[test]
fn a_container_that_keeps_dying_waits_longer_each_time() {
    check(
        "service web scale=2
         member web-1 running
         member web-2 stopped failures=4 died=9000 exit=137",
        &expect![
            "back-off until 13000: web-2 keeps dying (exit code 137, 4 times); next start in 3 s"
        ],
    );
    check(
        "service web scale=2
         member web-1 stopped failures=20 died=9000
         member web-2 stopped failures=3 died=8001 message=no_such_file",
        &expect![
            "back-off until 10001: web-2 keeps failing (3 times): no such file; next start in 1 s (and 1 more)"
        ],
    );
    check(
        "service web
         member web-1 stopped failures=4 died=6000 exit=137",
        &expect![[r#"
            start web-1: not running
            working: starting web-1"#]],
    );
    check(
        "service web
         member web-1 stopped failures=4 died=500000
         now 10000",
        &expect!["back-off until 14000: web-1 keeps dying (4 times); next start in 4 s"],
    );
}

#[test]
fn waiting_for_one_does_not_hold_up_another() {
    check(
        "service web scale=3
         member web-1 stopped failures=3 died=9000
         member web-2 stopped",
        &expect![[r#"
            start web-2: not running
            create web-3: fewer than wanted
            back-off until 11000: web-1 keeps dying (3 times); next start in 1 s"#]],
    );
    check(
        "service web scale=2
         member web-1 stopped failures=3 died=9000
         member web-2 starting",
        &expect!["back-off until 11000: web-1 keeps dying (3 times); next start in 1 s"],
    );
}

#[test]
fn a_failed_first_start_is_tried_again_with_a_new_container() {
    check(
        "service web
         member web-1 error failures=1 died=10000",
        &expect![[r#"
            remove web-1: failed to start
            working: removing web-1"#]],
    );
    check(
        "service web
         member web-1 error failures=3 died=9000 message=no_such_image",
        &expect![
            "back-off until 11000: web-1 failed to start (3 times): no such image; next try in 1 s"
        ],
    );
    check(
        "service web
         member web-1 erroring failures=1 died=9000",
        &expect!["working: waiting for web-1 to be cleaned up"],
    );
}

#[test]
fn a_unit_whose_port_is_taken_looks_for_another_host() {
    check(
        "service web scale=2
         member web-1 stopped displaced failures=1 died=9000
         member web-2 running",
        &expect![[r#"
            remove web-1: its port is taken
            working: removing web-1"#]],
    );
    check(
        "service web
         config web
         config log
         member web-1 stopped displaced
         member web-log-1 running",
        &expect![[r#"
            start web-1: not running
            working: starting web-1"#]],
    );
    // Once its next start is due, and not where it has to be.
    check(
        "service web\n member web-1 stopped displaced failures=4 died=9000",
        &expect!["back-off until 13000: web-1 keeps dying (4 times); next start in 3 s"],
    );
    check(
        "service web hosts=7\n member web-1 stopped displaced host=7",
        &expect![[r#"
        start web-1: not running
        working: starting web-1"#]],
    );
}

#[test]
fn a_new_host_ends_the_wait_of_what_failed_to_start() {
    check(
        "service web retry-since=9500
         member web-1 error failures=8 died=9000",
        &expect![[r#"
            remove web-1: failed to start
            working: removing web-1"#]],
    );
    check(
        "service web retry-since=8500
         member web-1 error failures=8 died=9000",
        &expect!["back-off until 73000: web-1 failed to start (8 times); next try in 63 s"],
    );
}

#[test]
fn a_unit_that_does_no_work_is_replaced_as_a_whole() {
    check(
        "service web
         config logs
         member web-1 error failures=1 died=9000
         member web-logs-1 error failures=1 died=9000",
        &expect![[r#"
            remove web-1: failed to start
            remove web-logs-1: failed to start
            working: removing web-1 (and 1 more)"#]],
    );
    check(
        "service web
         config logs uses=web
         config once start-once
         member web-1 error failures=1 died=9000
         member web-logs-1 creating
         member web-once-1 stopped never-started",
        &expect![[r#"
            remove web-1: failed to start
            remove web-logs-1: failed to start
            remove web-once-1: failed to start
            working: removing web-1 (and 2 more)"#]],
    );
}

#[test]
fn a_sidekick_that_fails_leaves_a_working_primary_alone() {
    check(
        "service web
         config logs
         member web-1 running
         member web-logs-1 error failures=1 died=9000",
        &expect![[r#"
            remove web-logs-1: failed to start
            working: removing web-logs-1"#]],
    );
    check(
        "service web
         config migrate start-once
         config web uses=migrate
         member web-migrate-1 stopped
         member web-1 error failures=2 died=9000",
        &expect![[r#"
            remove web-1: failed to start
            working: removing web-1"#]],
    );
}

#[test]
fn start_once_containers_are_done_when_they_have_run() {
    check(
        "service job scale=3
         config job start-once
         member job-1 running
         member job-2 stopping
         member job-3 stopped exit=1 failures=1 died=9000",
        &expect!["settled"],
    );
    check(
        "service job scale=2
         config job start-once
         member job-1 stopped never-started
         member job-2 removed",
        &expect![[r#"
            start job-1: not running
            create job-2: fewer than wanted
            working: starting job-1 (and 1 more)"#]],
    );
}

#[test]
fn unhealthy_units_are_replaced_as_the_strategy_says() {
    check(
        "service web scale=2
         config logs
         member web-1 running health=unhealthy
         member web-logs-1 running
         member web-2 running health=healthy
         member web-logs-2 running",
        &expect![[r#"
            remove web-1: unhealthy
            remove web-logs-1: unhealthy
            working: removing web-1 (and 1 more)"#]],
    );
    check(
        "service web strategy=none
         member web-1 running health=unhealthy",
        &expect!["settled"],
    );
    check(
        "service web scale=3 strategy=quorum:2
         member web-1 running health=unhealthy
         member web-2 running health=healthy
         member web-3 running health=healthy",
        &expect![[r#"
            remove web-1: unhealthy
            working: removing web-1"#]],
    );
    check(
        "service web scale=3 strategy=quorum:2
         member web-1 running health=unhealthy
         member web-2 running health=initializing
         member web-3 running health=healthy",
        &expect!["settled"],
    );
}
