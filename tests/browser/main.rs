//! The dashboard in a real browser: what a person sees and does, from set-up to removing a stack.
//!
//! Each story gets a server of its own, on a simulated fleet, that nobody has set up yet.
//!
//! They are a test binary of their own, because Cargo runs one after the other: a browser lets go of the
//! requests under way whenever the machine gets or loses a network interface (`ERR_NETWORK_CHANGED`),
//! which is what every container of the tests beside it brings.

#![allow(
    clippy::disallowed_methods,
    reason = "tests against a real browser wait for it, with real deadlines"
)]

mod adopting;
mod catalog;
mod dialogs;
mod directories;
mod driver;
mod history;
mod machines;
mod modules;
mod networks;
mod pages;
mod people;
mod records;
mod registries;
mod stories;
mod terminals;
mod upgrades;
mod volumes;
mod webhooks;

use std::sync::Arc;

pub use adopting::a_project_is_taken_over_and_given_back;
pub use catalog::an_application_is_launched_and_upgraded;
pub use dialogs::{a_form_is_not_lost_and_sent_once, unsaved_files_are_asked_about};
pub use directories::a_stack_follows_its_directory;
use driver::{Browser, with_browser};
pub use history::a_service_goes_back_to_an_earlier_version;
pub use machines::{
    a_machine_that_cannot_be_reached_says_why, a_machine_that_is_added_becomes_a_host,
};
pub use modules::pure_modules_compute_what_they_say;
pub use networks::{
    a_policy_is_edited_and_says_when_it_is_not_enforced, certificates_that_expire_are_told_of,
};
pub use pages::forms_of_the_api_do_everything;
pub use people::a_person_is_let_into_an_environment;
use ranchette::process::site::Site;
pub use records::{a_secret_is_kept_and_never_shown, the_audit_log_says_who_did_what};
pub use registries::a_registry_says_whether_it_lets_us_in;
use serde_json::json;
pub use terminals::a_shell_runs_in_the_page;
pub use upgrades::{a_host_is_emptied_and_taken_back, a_service_is_upgraded_from_its_row};
pub use volumes::{
    a_backup_that_fails_says_why, a_removal_that_was_not_heard_is_noticed,
    volumes_are_kept_put_back_and_brought_back,
};
pub use webhooks::a_webhook_is_tested_and_told_once_more;

/// A server to look at.
pub struct Server {
    /// Where it listens, without a slash at the end.
    pub url: String,
    /// The one-time code that makes its holder the administrator.
    pub setup_code: String,
    /// Its inside, for what nobody can do from outside.
    pub site: Arc<Site>,
}

const USER: &str = "ada";
const PASSWORD: &str = "a long enough: secret";
const COMPOSE: &str = "services:
  web:
    image: sim/web:1
    ports:
      - \"8088:80\"
  db:
    image: sim/db:1
    volumes:
      - data:/var/lib/data
volumes:
  data: {}
";
const NARROW: [&str; 17] = [
    "#/stacks",
    "#/new",
    "#/catalog",
    "#/catalog/ranchette%3Agitea",
    "#/hosts",
    "#/volumes",
    "#/balancers",
    "#/network",
    "#/processes",
    "#/registries",
    "#/secrets",
    "#/webhooks",
    "#/keys",
    "#/people",
    "#/audit",
    "#/account",
    "#/nowhere",
];

/// The code is asked for once; afterwards a name and a password are.
pub async fn set_up_log_out_log_in(server: &Server) {
    with_browser(async |page| {
        page.open(&server.url).await;
        page.fill("code", "not the code").await;
        fill_administrator(page).await;
        page.press("Create the administrator").await;
        page.until_at(".field-error, .notice.bad", "code").await;
        page.fill("code", &server.setup_code).await;
        page.press("Create the administrator").await;
        page.until_says("No stacks yet").await;
        page.until_says("ranchette up -f compose.yaml").await;

        page.press("Log out").await;
        page.until("the login form", "document.querySelector('[name=username]')").await;
        log_in(page, "not the password").await;
        page.until_says("The name or the password is wrong.").await;
        log_in(page, PASSWORD).await;
        page.until_says("No stacks yet").await;
        page.open(&server.url).await;
        page.until_says("No stacks yet").await;
    })
    .await;
}

/// A pasted file shows its plan before anything happens, then runs, scales, stops and goes.
pub async fn paste_plan_apply_scale_stop_remove(server: &Server) {
    with_browser(async |page| {
        enter(page, server).await;
        page.press("New stack").await;
        page.fill("stack-name", "shop").await;
        page.paste("[data-editor]", COMPOSE).await;
        page.until_says("2 services to create").await;
        assert_eq!(stack_count(page).await, 0, "a plan must not create anything");
        page.press("Apply").await;
        page.until_at("h1", "shop").await;
        page.until_at("[data-service=web]", "1 of 1 running").await;
        page.until_at("[data-service=db]", "1 of 1 running").await;
        page.until_at("[data-service=web] .ports", ":8088").await;

        page.press("One web more").await;
        page.press("One web more").await;
        page.until_at("[data-service=web]", "3 of 3 running").await;

        page.press("Stop web").await;
        page.until_at("dialog", "3 containers").await;
        page.press_at("dialog [data-confirm]").await;
        page.until_at("[data-service=web] .badge", "inactive").await;
        page.press("Start web").await;
        page.until_at("[data-service=web]", "3 of 3 running").await;

        page.press("Remove").await;
        page.until_at("dialog", "service web with 3 containers").await;
        page.until_at("dialog", "The volume shop_data stays").await;
        page.press_at("dialog [name=volumes]").await;
        page.until_at("dialog", "Deletes the volume shop_data").await;
        page.press("Cancel").await;
        page.until("the question is gone", "!document.querySelector('dialog')").await;
        assert_eq!(stack_count(page).await, 1, "asking must not remove anything");
        page.press("Remove").await;
        page.press_at("dialog [data-confirm]").await;
        page.until_says("No stacks yet").await;
        assert_eq!(stack_count(page).await, 0);
    })
    .await;
}

/// Problems are shown beside their lines and keep the file from being applied.
pub async fn problems_are_shown_with_their_lines(server: &Server) {
    with_browser(async |page| {
        enter(page, server).await;
        page.press("New stack").await;
        page.fill("stack-name", "broken").await;
        page.paste("[data-editor]", "services:\n  web:\n    image: sim/web:1\n    prots: []\n").await;
        page.until_at(".line-number.error", "4").await;
        page.until_at(".problem", "prots").await;
        let disabled = page
            .value("[...document.querySelectorAll('.planning button')].find((el) => el.innerText === 'Apply').disabled")
            .await;
        assert_eq!(disabled, json!(true), "a file with errors must not be applied");
        page.paste("[data-editor]", "services:\n  web:\n    image: sim/web:1\n").await;
        page.until_says("1 service to create").await;
    })
    .await;
}

/// Files that are dropped together find their places.
pub async fn dropped_files_find_their_places(server: &Server) {
    with_browser(async |page| {
        enter(page, server).await;
        page.press("New stack").await;
        page.until("the editor", "document.querySelector('[data-editor]')").await;
        let dropped = json!([
            ["compose.yaml", format!("name: dropped\n{COMPOSE}")],
            [".env", "COLOUR=green\n"],
            ["nginx.conf", "events {}\n"],
        ]);
        let drop = format!(
            "(() => {{
                const carried = new DataTransfer();
                for (const [name, text] of {dropped}) carried.items.add(new File([text], name));
                const init = {{ dataTransfer: carried, bubbles: true, cancelable: true }};
                document.querySelector('.composer').dispatchEvent(new DragEvent('drop', init));
                return true;
            }})()"
        );
        page.value(&drop).await;
        page.until("the name", "document.querySelector('[name=stack-name]').value === 'dropped'")
            .await;
        page.until(
            "the text",
            "document.querySelector('[data-editor]').value.includes('sim/web:1')",
        )
        .await;
        page.until_at(".extra", "nginx.conf").await;
        page.until_says("2 services to create").await;
        page.press(".env").await;
        page.until(
            "variables",
            "document.querySelector('[data-editor]').value === 'COLOUR=green\\n'",
        )
        .await;
        // The keyboard goes from tab to tab, and the one that is there is the only one that Tab comes to.
        let left = "(() => { const tab = document.querySelector('[role=tab][aria-selected=true]'); tab.focus(); \
                    tab.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowLeft', bubbles: true })); return true; })()";
        page.value(left).await;
        let chosen = "document.activeElement.matches('[role=tab][aria-selected=true][tabindex=\"0\"]') \
                      && document.activeElement.innerText.startsWith('compose.yaml')";
        page.until("the tab on the left", chosen).await;
    })
    .await;
}

/// What somebody else does appears without reloading, in the list and on the stack's page.
pub async fn changes_by_others_appear_live(server: &Server) {
    with_browser(async |page| {
        enter(page, server).await;
        page.until_says("No stacks yet").await;
        apply_elsewhere(page, "elsewhere").await;
        page.until_at("[data-stack=elsewhere]", "2 services").await;
        page.until_at("[data-stack=elsewhere] .badge", "running").await;
    })
    .await;
}

/// A container's page shows its lines, searches them, and says what it is made of.
pub async fn logs_are_followed_and_searched(server: &Server) {
    with_browser(async |page| {
        enter(page, server).await;
        apply_elsewhere(page, "talk").await;
        page.press("talk").await;
        page.until_at("[data-service=web]", "1 of 1 running").await;
        page.press("web").await;
        page.press("talk-web-1").await;
        page.until_at("h1", "talk-web-1").await;
        page.until("log lines", "document.querySelectorAll('.log-lines li').length > 0").await;
        page.until_at(".facts", "sim/web:1").await;
        page.press("Pause").await;
        page.until_at(".log-foot", "paused").await;
        page.paste("[placeholder='Search the log']", "no line says this").await;
        page.until("no line", "document.querySelectorAll('.log-lines li').length === 0").await;
        page.until_at(".log-foot", "0 of").await;
    })
    .await;
}

/// Hosts, processes, keys and the account have pages of their own.
pub async fn the_other_pages_say_what_is(server: &Server) {
    with_browser(async |page| {
        enter(page, server).await;
        apply_elsewhere(page, "busy").await;
        page.press("Hosts").await;
        page.until("a host", "document.querySelectorAll('[data-host]').length > 0").await;
        page.until_at("[data-host] .meter", "Memory").await;
        page.press("Processes").await;
        page.until_at("[data-section=done]", "instance.start").await;
        page.press("API keys").await;
        page.press("New key").await;
        page.fill("name", "a script").await;
        page.press_at("dialog [data-confirm]").await;
        page.until_at("dialog", "not shown again").await;
        let secret = page.text("[data-secret=secret]").await;
        assert!(secret.len() >= 20, "the secret is shown: `{secret}`");
        page.press("I have kept it").await;
        page.until_at("[data-key='a script']", "active").await;
        page.press("Remove a script").await;
        page.press_at("dialog [data-confirm]").await;
        page.until("the key is gone", "!document.querySelector(\"[data-key='a script']\")").await;
    })
    .await;
}

/// Where access control is off there is nothing to log in to, and nothing to log out of.
pub async fn without_logins_the_pages_are_open(server: &Server) {
    with_browser(async |page| {
        page.open(&server.url).await;
        page.until_says("No stacks yet").await;
        apply_elsewhere(page, "open").await;
        page.until_at("[data-stack=open] .badge", "running").await;
        page.press("Account").await;
        page.until_says("Access control is off").await;
        assert!(!page.text("body").await.contains("Log out"));
        let forms = page.value("document.forms.length").await;
        assert_eq!(forms, json!(0), "no password can be changed");
    })
    .await;
}

/// No page is wider than a phone.
pub async fn a_phone_never_scrolls_sideways(server: &Server) {
    with_browser(async |page| {
        page.resize(390, 844).await;
        page.open(&server.url).await;
        page.until("the form", "document.querySelector('[name=code]')").await;
        fits(page, "set-up").await;
        enter(page, server).await;
        apply_elsewhere(page, "a-stack-with-a-name-as-long-as-a-name-of-a-stack-may-be").await;
        for hash in NARROW {
            page.open(&format!("{}/{hash}", server.url)).await;
            page.until(hash, "document.querySelector('main h1')").await;
            fits(page, hash).await;
        }
        page.open(&format!("{}/#/stacks", server.url)).await;
        page.press("a-stack-with-a-name-as-long-as-a-name-of-a-stack-may-be").await;
        page.until_at("[data-service=web]", "1 of 1 running").await;
        page.press("web").await;
        fits(page, "a stack").await;
        page.press_at("[data-container] a").await;
        page.until("log lines", "document.querySelectorAll('.log-lines li').length > 0").await;
        fits(page, "a container").await;
    })
    .await;
}

/// The theme is remembered, and a session that the server has ended leads to the login form.
pub async fn theme_and_session_are_kept_until_they_end(server: &Server) {
    with_browser(async |page| {
        enter(page, server).await;
        page.press("Account").await;
        page.press_at(".segment:nth-child(3)").await;
        page.open(&format!("{}/#/account", server.url)).await;
        page.until("dark", "document.documentElement.dataset.theme === 'dark'").await;
        page.fill("old", PASSWORD).await;
        page.fill("new", "another long: secret").await;
        page.fill("again", "another long: secret").await;
        page.press("Change the password").await;
        page.until_says("Your password was changed").await;
        log_in(page, "another long: secret").await;
        page.until_at("h1", "Account").await;
    })
    .await;
}

async fn enter(page: &Browser, server: &Server) {
    page.open(&server.url).await;
    page.fill("code", &server.setup_code).await;
    fill_administrator(page).await;
    page.press("Create the administrator").await;
    page.until("the stacks", "document.querySelector('main h1')?.innerText === 'Stacks'").await;
}

async fn fill_administrator(page: &Browser) {
    page.fill("username", USER).await;
    page.fill("password", PASSWORD).await;
    page.fill("again", PASSWORD).await;
}

async fn log_in(page: &Browser, password: &str) {
    page.fill("username", USER).await;
    page.fill("password", password).await;
    page.press("Log in").await;
}

async fn stack_count(page: &Browser) -> u64 {
    let stacks = api(page, "GET", "stacks", "undefined").await;
    stacks["data"].as_array().map_or(u64::MAX, |data| data.len() as u64)
}

async fn apply_elsewhere(page: &Browser, name: &str) {
    let plan = json!({ "name": name, "dockerCompose": COMPOSE, "dryRun": false });
    let answer = api(page, "POST", "stackplans", &plan.to_string()).await;
    assert!(answer["stackId"].is_string(), "the stack is applied: {answer}");
}

/// A request with the session of the page, past the page's own code.
async fn api(page: &Browser, method: &str, path: &str, body: &str) -> serde_json::Value {
    let script = format!(
        "(async () => {{
            const csrf = /CSRF=(\\w+)/.exec(document.cookie)?.[1] ?? '';
            const headers = {{ Accept: 'application/json', 'Content-Type': 'application/json', 'X-API-CSRF': csrf }};
            const projects = await (await fetch('/v2-beta/projects', {{ headers }})).json();
            const url = `/v2-beta/projects/${{projects.data[0].id}}/{path}`;
            const sent = {body};
            const answer = await fetch(url, {{ method: '{method}', headers, body: sent && JSON.stringify(sent) }});
            return answer.json();
        }})()"
    );
    page.value(&script).await
}

async fn fits(page: &Browser, what: &str) {
    let wide = page
        .value("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        .await;
    assert_eq!(wide[0], wide[1], "{what} is wider than the screen");
}

/// A picture for whoever asks for it by `RANCHETTE_TEST_PICTURES`, a folder.
async fn look(page: &Browser, name: &str) {
    if let Some(folder) = std::env::var_os("RANCHETTE_TEST_PICTURES") {
        let picture = page.picture().await;
        std::fs::write(std::path::Path::new(&folder).join(format!("{name}.png")), picture)
            .expect("a picture");
    }
}
