//! Hosts that are deactivated, unreachable or gone, for services with a fixed scale.

use expect_test::expect;

use super::check;

#[test]
fn units_on_a_gone_host_are_replaced() {
    check(
        "service web scale=2
         config logs
         member web-1 running host=5 host-is=gone
         member web-logs-1 stopped host=5 host-is=gone
         member web-2 running host=6
         member web-logs-2 running host=6",
        &expect![[r#"
            remove web-1: its host is gone
            remove web-logs-1: its host is gone
            working: removing web-1 (and 1 more)"#]],
    );
    check(
        "service web
         member web-1 removing host=5 host-is=gone",
        &expect![[r#"
            create web-1: fewer than wanted
            working: creating web-1"#]],
    );
    check(
        "service job
         config job start-once
         member job-1 stopped host=5 host-is=gone",
        &expect![[r#"
            remove job-1: its host is gone
            working: removing job-1"#]],
    );
}

#[test]
fn what_is_in_the_middle_of_something_on_an_unreachable_host_is_replaced() {
    check(
        "service web
         member web-1 starting host=5 host-is=unreachable",
        &expect![[r#"
            remove web-1: its host is unreachable
            working: removing web-1"#]],
    );
    check(
        "service web
         member web-1 removing host=5 host-is=unreachable",
        &expect![[r#"
            create web-1: fewer than wanted
            working: creating web-1"#]],
    );
    check(
        "service web
         config logs
         member web-1 stopping host=5 host-is=unreachable
         member web-logs-1 running host=5 host-is=unreachable",
        &expect![[r#"
            remove web-logs-1: its host is unreachable
            working: removing web-logs-1"#]],
    );
}

#[test]
fn what_runs_on_an_unreachable_or_inactive_host_is_kept() {
    check(
        "service web scale=2
         member web-1 running host=5 host-is=unreachable
         member web-2 running host=6 host-is=inactive",
        &expect!["settled"],
    );
    check(
        "service web
         member web-1 stopped host=6 host-is=inactive",
        &expect![[r#"
            start web-1: not running
            working: starting web-1"#]],
    );
}

#[test]
fn what_comes_back_with_its_host_is_a_duplicate() {
    check(
        "service web
         member web-1 stopped host=5
         member web-1 running host=6",
        &expect![[r#"
            remove web-1 (id 1): there is another one
            working: removing web-1"#]],
    );
    check(
        "service web
         member web-1 running host=6
         member web-1 removing host=5",
        &expect!["working: waiting for web-1 to be removed"],
    );
}
