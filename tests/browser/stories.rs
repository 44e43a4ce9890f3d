//! Every story as a test, on a server of its own: the real program over a simulated fleet.

use std::sync::Arc;

use ranchette::clock::{Clock, Entropy};
use ranchette::config::Config;
use ranchette::server;
use tempfile::TempDir;

use super::Server;

/// Tells a story to a server that nobody has set up yet.
async fn tell(story: impl AsyncFnOnce(&Server)) {
    let simulated = |config: &mut Config| {
        config.sim.enabled = true;
        // So that the fleet can be reached from here.
        config.sim.agents = true;
    };
    with(Config::default(), simulated, story).await;
}

/// The same without logins.
async fn tell_openly(story: impl AsyncFnOnce(&Server)) {
    let open = |config: &mut Config| {
        config.sim.enabled = true;
        config.auth.enabled = false;
    };
    with(Config::default(), open, story).await;
}

/// The same with real machines, and without a Docker Engine of its own.
async fn tell_alone(story: impl AsyncFnOnce(&Server)) {
    let nowhere = "unix:///nonexistent/docker.sock";
    with(Config::default(), |config| config.docker.host = nowhere.to_owned(), story).await;
}

async fn with(
    mut config: Config,
    change: impl FnOnce(&mut Config),
    story: impl AsyncFnOnce(&Server),
) {
    let folder = TempDir::new().expect("temporary folder");
    config.server.listen = ([127, 0, 0, 1], 0).into();
    config.server.data_dir = folder.path().to_owned();
    change(&mut config);
    // Hashes at their real price would be most of what these tests do.
    config.auth.argon2_memory_kib = 8;
    config.auth.argon2_iterations = 1;
    let running =
        server::start(&config, Clock::System, Entropy::System).await.expect("the server starts");
    if let Some(fleet) = running.core.site.simulated() {
        fleet.registry().require_login("private.test:5000/", "bob", "hush");
    }
    let setup_code = running.setup_code.clone().unwrap_or_default();
    let site = Arc::clone(&running.core.site);
    story(&Server { url: running.url.clone(), setup_code, site }).await;
    running.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_logins_the_pages_are_open() {
    tell_openly(super::without_logins_the_pages_are_open).await;
}

macro_rules! stories {
    ($($name:ident)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            tell(super::$name).await;
        }
    )*};
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_cannot_be_reached_says_why() {
    tell_alone(super::a_machine_that_cannot_be_reached_says_why).await;
}

stories! {
    a_backup_that_fails_says_why
    a_form_is_not_lost_and_sent_once
    a_host_is_emptied_and_taken_back
    a_machine_that_is_added_becomes_a_host
    a_person_is_let_into_an_environment
    a_phone_never_scrolls_sideways
    a_project_is_taken_over_and_given_back
    a_policy_is_edited_and_says_when_it_is_not_enforced
    a_registry_says_whether_it_lets_us_in
    a_secret_is_kept_and_never_shown
    a_service_goes_back_to_an_earlier_version
    a_service_is_upgraded_from_its_row
    a_shell_runs_in_the_page
    a_stack_follows_its_directory
    an_application_is_launched_and_upgraded
    certificates_that_expire_are_told_of
    changes_by_others_appear_live
    dropped_files_find_their_places
    forms_of_the_api_do_everything
    logs_are_followed_and_searched
    paste_plan_apply_scale_stop_remove
    problems_are_shown_with_their_lines
    pure_modules_compute_what_they_say
    set_up_log_out_log_in
    the_audit_log_says_who_did_what
    the_other_pages_say_what_is
    theme_and_session_are_kept_until_they_end
    unsaved_files_are_asked_about
    a_removal_that_was_not_heard_is_noticed
    volumes_are_kept_put_back_and_brought_back
    a_webhook_is_tested_and_told_once_more
}
