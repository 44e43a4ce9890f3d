//! Scaling, stopping and removing.

use expect_test::expect;

use super::{check, check_log};

#[test]
fn all_missing_units_are_created_at_once() {
    check(
        "service web scale=3",
        &expect![[r#"
        create web-1: fewer than wanted
        create web-2: fewer than wanted
        create web-3: fewer than wanted
        working: creating web-1 (and 2 more)"#]],
    );
    check(
        "service web scale=3
         member web-2 running",
        &expect![[r#"
            create web-1: fewer than wanted
            create web-3: fewer than wanted
            working: creating web-1 (and 1 more)"#]],
    );
    check(
        "service web scale=2
         config data
         config web uses=data",
        &expect![[r#"
            create web-data-1 web-1: fewer than wanted
            create web-data-2 web-2: fewer than wanted
            working: creating web-1 (and 1 more)"#]],
    );
    check("service web scale=0", &expect!["settled"]);
}

#[test]
fn a_settled_service_needs_nothing() {
    check(
        "service web scale=2
         config logs uses=web
         member web-1 running
         member web-logs-1 running
         member web-2 running health=initializing
         member web-logs-2 running health=healthy",
        &expect!["settled"],
    );
    check(
        "service web scale=1
         member web-1 running
         member web-1 removed
         member web-2 removed",
        &expect!["settled"],
    );
}

#[test]
fn the_highest_index_goes_first() {
    check(
        "service web scale=1
         member web-1 running
         member web-3 running
         member web-2 starting",
        &expect![[r#"
            remove web-3: more than wanted
            remove web-2: more than wanted
            working: removing web-3 (and 1 more)"#]],
    );
    check(
        "service web scale=0
         config logs
         member web-1 running
         member web-logs-1 stopped",
        &expect![[r#"
            remove web-1: more than wanted
            remove web-logs-1: more than wanted
            working: removing web-1 (and 1 more)"#]],
    );
}

#[test]
fn failed_and_unhealthy_units_go_before_the_highest_index() {
    check(
        "service web scale=1
         member web-1 error failures=9 died=9999
         member web-2 running",
        &expect![[r#"
            remove web-1: more than wanted
            working: removing web-1"#]],
    );
    check(
        "service web scale=2 strategy=none
         member web-1 running health=unhealthy
         member web-2 running
         member web-3 running",
        &expect![[r#"
            remove web-1: more than wanted
            working: removing web-1"#]],
    );
}

#[test]
fn an_index_on_its_way_out_is_waited_for() {
    check(
        "service web scale=2
         member web-1 running
         member web-2 removing",
        &expect!["working: waiting for web-2 to be removed"],
    );
    check(
        "service web scale=3
         member web-1 removing
         member web-2 running",
        &expect![[r#"
            create web-3: fewer than wanted
            working: creating web-3"#]],
    );
    check(
        "service web scale=1
         member web-1 running
         member web-2 removing",
        &expect!["working: waiting for web-2 to be removed"],
    );
}

#[test]
fn a_container_removed_by_hand_comes_back_in_its_place() {
    check(
        "service web scale=3
         member web-1 running
         member web-2 removed
         member web-3 running",
        &expect![[r#"
            create web-2: fewer than wanted
            working: creating web-2"#]],
    );
    check(
        "service web scale=1
         config logs
         member web-1 running
         member web-logs-1 removed",
        &expect![[r#"
            add web-logs-1: the unit lacks it
            working: creating web-logs-1"#]],
    );
}

#[test]
fn a_clash_of_indexes_is_resolved() {
    check(
        "service web scale=2
         member web-1 running unit=first
         member web-1 running unit=second",
        &expect![[r#"
            remove web-1 (id 2): there is another one
            create web-2: fewer than wanted
            working: removing web-1 (and 1 more)"#]],
    );
    check(
        "service web scale=1
         member web-1 stopped
         member web-1 running",
        &expect![[r#"
            remove web-1 (id 1): there is another one
            working: removing web-1"#]],
    );
}

#[test]
fn a_foreign_unit_keeps_its_uuid() {
    check(
        "service web scale=1
         config logs
         member web-1 running unit=imported",
        &expect![[r#"
            add web-logs-1 in unit imported: the unit lacks it
            working: creating web-logs-1"#]],
    );
    check(
        "service web scale=2
         config logs
         member web-logs-2 running unit=imported",
        &expect![[r#"
            add web-2 in unit imported: the unit lacks it
            create web-1 web-logs-1: fewer than wanted
            working: creating web-2 (and 1 more)"#]],
    );
}

#[test]
fn deactivation_stops_dependents_first_and_removes_nothing() {
    check(
        "service web scale=2 mode=stopped
         config web uses=data
         config data
         member web-data-1 running
         member web-1 running
         member web-2 starting
         member web-data-2 restarting",
        &expect![[r#"
            stop web-1: service deactivated
            stop web-data-1: service deactivated
            stop web-2: service deactivated
            stop web-data-2: service deactivated
            working: stopping web-1 (and 3 more)"#]],
    );
    check(
        "service web scale=2 mode=stopped
         member web-1 stopping
         member web-2 error",
        &expect!["working: waiting for web-1 to stop"],
    );
    check(
        "service web scale=2 mode=stopped
         member web-1 stopped
         member web-2 error",
        &expect!["settled"],
    );
}

#[test]
fn removal_removes_whatever_there_is() {
    check(
        "service web scale=2 mode=removed
         member web-1 running
         member web-2 error
         member web-3 stopping
         member web-4 removing
         member web-5 removed
         member web-6 stopped retired",
        &expect![[r#"
            remove web-1: service removed
            remove web-2: service removed
            remove web-6: service removed
            working: removing web-1 (and 2 more)"#]],
    );
    check(
        "service web scale=2 mode=removed
         member web-1 removed",
        &expect!["settled"],
    );
}

#[test]
fn a_circle_is_for_a_person_to_mend() {
    check(
        "service web scale=2
         config web uses=data
         config data uses=web",
        &expect![
            "failing: the launch configurations `web`, `data` of service `web` depend on each other or on one that does not exist"
        ],
    );
    check(
        "service web mode=removed
         config web uses=nothing
         member web-1 running",
        &expect![[r#"
            remove web-1: service removed
            working: removing web-1"#]],
    );
}

#[test]
fn the_log_tells_what_is_done_and_stays_silent_otherwise() {
    check_log(
        "service web scale=3
         config logs
         member web-1 running
         member web-2 stopped",
        &expect![[r#"
            Info: Requested: 3, Created: 2, Unhealthy: 0, Bad: 0, Incomplete: 2
            Info: creating missing service instances web-logs-1, web-logs-2
            Starting: starting service instance web-2 (not running)
            Info: creating extra service instance web-3"#]],
    );
    check_log(
        "service web scale=1
         member web-1 running
         member web-2 running
         member web-3 running health=unhealthy",
        &expect![[r#"
            Info: Requested: 1, Created: 3, Unhealthy: 1, Bad: 0, Incomplete: 0
            Info: removing unhealthy service instance web-3
            Info: removing extra service instance web-2"#]],
    );
    check_log(
        "service web scale=1
         member web-1 stopped failures=9 died=9000",
        &expect![[r#""#]],
    );
}
