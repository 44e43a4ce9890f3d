//! Containers that use the volumes or network of others.

use expect_test::expect;

use super::check;

#[test]
fn what_depends_on_a_gone_container_is_recreated() {
    check(
        "service web
         config web uses=data
         config data
         member web-data-1 removed
         member web-1 running",
        &expect![[r#"
            add web-data-1: the unit lacks it
            remove web-1: the container it depends on is gone
            working: creating web-data-1 (and 1 more)"#]],
    );
    check(
        "service web
         config web uses=data
         config data uses=disk
         config disk
         config free
         member web-disk-1 removed
         member web-data-1 running
         member web-1 running
         member web-free-1 running",
        &expect![[r#"
            add web-disk-1: the unit lacks it
            remove web-data-1: the container it depends on is gone
            remove web-1: the container it depends on is gone
            working: creating web-disk-1 (and 2 more)"#]],
    );
}

#[test]
fn a_dependent_older_than_its_provider_is_recreated() {
    check(
        "service web
         config web uses=data
         config data
         member web-1 running
         member web-data-1 running",
        &expect![[r#"
            remove web-1: the container it depends on is gone
            working: removing web-1"#]],
    );
    check(
        "service web
         config web uses=data
         config data
         member web-1 removing
         member web-data-1 running",
        &expect!["working: waiting for web-1 to be removed"],
    );
}

#[test]
fn new_containers_wait_for_the_going_of_what_they_use() {
    check(
        "service web
         config web uses=data
         config data
         config free
         member web-data-1 removing
         member web-free-1 running",
        &expect!["working: waiting for web-data-1 to be removed"],
    );
    check(
        "service web
         config web uses=data
         config data
         config free
         member web-free-1 running",
        &expect![[r#"
            add web-data-1: the unit lacks it
            add web-1: the unit lacks it
            working: creating web-data-1 (and 1 more)"#]],
    );
}

#[test]
fn providers_start_before_dependents() {
    check(
        "service web
         config web uses=data
         config data
         member web-data-1 stopped
         member web-1 stopped",
        &expect![[r#"
            start web-data-1: not running
            working: starting web-data-1"#]],
    );
    check(
        "service web
         config web uses=data
         config data
         member web-data-1 running
         member web-1 stopped",
        &expect![[r#"
            start web-1: not running
            working: starting web-1"#]],
    );
    check(
        "service web
         config web uses=data
         config data start-once
         member web-data-1 stopped
         member web-1 stopped",
        &expect![[r#"
            start web-1: not running
            working: starting web-1"#]],
    );
    check(
        "service web
         config web uses=data
         config data
         member web-data-1 stopped failures=5 died=9000
         member web-1 stopped",
        &expect!["back-off until 17000: web-data-1 keeps dying (5 times); next start in 7 s"],
    );
}

#[test]
fn containers_follow_the_network_they_share() {
    check(
        "service web
         config logs network=web
         member web-1 stopped
         member web-logs-1 running",
        &expect![[r#"
            start web-1: not running
            stop web-logs-1: the container whose network it uses restarted
            working: starting web-1 (and 1 more)"#]],
    );
    check(
        "service web
         config logs network=web
         member web-1 running started=500
         member web-logs-1 running started=400",
        &expect![[r#"
            stop web-logs-1: the container whose network it uses restarted
            working: stopping web-logs-1"#]],
    );
    check(
        "service web
         config logs network=web
         member web-1 running started=500
         member web-logs-1 running started=500",
        &expect!["settled"],
    );
}

#[test]
fn volumes_survive_the_restart_of_their_provider() {
    check(
        "service web
         config logs uses=web
         member web-1 running started=500
         member web-logs-1 running started=400",
        &expect!["settled"],
    );
    check(
        "service web
         config logs uses=web
         member web-1 stopped
         member web-logs-1 running",
        &expect![[r#"
            start web-1: not running
            working: starting web-1"#]],
    );
}
