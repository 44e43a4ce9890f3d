//! Global services: one unit on each host.

use expect_test::expect;

use super::check;

#[test]
fn every_host_gets_a_unit() {
    check(
        "service agent hosts=7,5",
        &expect![[r#"
        create agent-1 on host 7: fewer than wanted
        create agent-2 on host 5: fewer than wanted
        working: creating agent-1 (and 1 more)"#]],
    );
    check(
        "service agent hosts=5,6,7
         member agent-2 running host=6",
        &expect![[r#"
            create agent-1 on host 5: fewer than wanted
            create agent-3 on host 7: fewer than wanted
            working: creating agent-1 (and 1 more)"#]],
    );
    check(
        "service agent hosts=5
         config logs
         member agent-1 running host=5",
        &expect![[r#"
            add agent-logs-1 on host 5: the unit lacks it
            working: creating agent-logs-1"#]],
    );
    check("service agent hosts=", &expect!["settled"]);
}

#[test]
fn hosts_that_are_no_longer_wanted_are_left() {
    check(
        "service agent hosts=5
         member agent-1 running host=5
         member agent-2 running host=6
         member agent-3 running host=7 host-is=gone",
        &expect![[r#"
            remove agent-2: not wanted on its host
            remove agent-3: its host is gone
            working: removing agent-2 (and 1 more)"#]],
    );
    check(
        "service agent hosts=5
         member agent-1 running host=6
         member agent-2 running host=5",
        &expect![[r#"
            remove agent-1: not wanted on its host
            working: removing agent-1"#]],
    );
}

#[test]
fn units_on_hosts_that_may_come_back_are_left_alone() {
    check(
        "service agent hosts=5
         member agent-1 running host=5
         member agent-2 stopped host=6 host-is=inactive
         member agent-3 starting host=7 host-is=unreachable",
        &expect!["settled"],
    );
    check(
        "service agent hosts=5,8
         member agent-1 running host=6 host-is=inactive
         member agent-2 running host=5",
        &expect![[r#"
            create agent-3 on host 8: fewer than wanted
            working: creating agent-3"#]],
    );
}

#[test]
fn a_moment_without_an_answer_takes_no_unit_away() {
    check(
        "service agent hosts=5
         member agent-1 running host=5
         member agent-2 running host=6 host-is=silent",
        &expect!["settled"],
    );
    check(
        "service agent hosts=7 order=start-first old=retire
         config agent version=1
         member agent-1 stopping host=6 host-is=silent retired
         member agent-1 running host=6 host-is=silent version=1
         member agent-2 running host=7",
        &expect!["working: waiting for agent-1 to stop"],
    );
}

#[test]
fn a_replacement_ends_on_a_host_that_is_deactivated_meanwhile() {
    let head = "service agent hosts=7 order=start-first old=retire
         config agent version=1
         member agent-2 running host=7
         member agent-1 running host=6 host-is=inactive";
    check(
        &format!("{head}\n member agent-1 running host=6 host-is=inactive version=1"),
        &expect![[r#"
            retire agent-1 (id 2): outdated
            working: putting aside agent-1"#]],
    );
    check(
        &format!("{head}\n member agent-1 starting host=6 host-is=inactive version=1"),
        &expect![[r#"
            remove agent-1 (id 3): not wanted on its host
            working: removing agent-1"#]],
    );
    check(
        head,
        &expect![[r#"
        add agent-2 on host 7: outdated
        working: creating agent-2"#]],
    );
    check(
        "service agent hosts=7 order=start-first old=retire
         config agent version=1
         member agent-2 running host=7
         member agent-1 stopping host=6 host-is=inactive retired
         member agent-1 running host=6 host-is=inactive version=1",
        &expect!["working: waiting for agent-1 to stop"],
    );
}

#[test]
fn duplicates_on_a_host_are_removed() {
    check(
        "service agent hosts=5
         member agent-1 running host=5 unit=a
         member agent-2 running host=5 unit=b",
        &expect![[r#"
            remove agent-2: there is another one
            working: removing agent-2"#]],
    );
    check(
        "service agent hosts=5
         member agent-1 error host=5 unit=a
         member agent-2 running host=5 unit=b",
        &expect![[r#"
            remove agent-1: there is another one
            working: removing agent-1"#]],
    );
}

#[test]
fn two_hosts_never_share_an_index() {
    check(
        "service agent hosts=5,6
         member agent-1 running host=5
         member agent-1 running host=6",
        &expect![[r#"
            remove agent-1 (id 2): there is another one
            working: removing agent-1"#]],
    );
    check(
        "service agent hosts=5,6
         member agent-1 running host=5
         member agent-1 removing host=6",
        &expect!["working: waiting for agent-1 to be removed"],
    );
}

#[test]
fn a_unit_on_its_way_out_is_waited_for_on_its_host() {
    check(
        "service agent hosts=5,6
         member agent-1 removing host=5",
        &expect![[r#"
            create agent-2 on host 6: fewer than wanted
            working: creating agent-2"#]],
    );
    check(
        "service agent hosts=5,6
         member agent-1 running host=5 health=unhealthy
         member agent-2 running host=6",
        &expect![[r#"
            remove agent-1: unhealthy
            working: removing agent-1"#]],
    );
}

#[test]
fn a_unit_without_a_host_is_known_by_its_uuid() {
    let by_host = super::UnitIds::new(super::fixture::SERVICE).by_host(5);
    check(
        &format!(
            "service agent hosts=5
             member agent-1 creating unit={by_host}"
        ),
        &expect!["working: waiting for agent-1 to be created"],
    );
    check(
        "service agent hosts=5
         member agent-1 creating unit=unknown",
        &expect![[r#"
            remove agent-1: not wanted on its host
            create agent-2 on host 5: fewer than wanted
            working: removing agent-1 (and 1 more)"#]],
    );
}
