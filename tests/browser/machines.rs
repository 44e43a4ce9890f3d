//! Machines that become hosts, in a real browser: the form, the states, and the reason of a failure.

use serde_json::json;

use super::driver::Browser;
use super::{Server, api, enter, fits, with_browser};

/// A machine is added with a form, on a phone, and is a host soon after.
pub async fn a_machine_that_is_added_becomes_a_host(server: &Server) {
    with_browser(async |page| {
        page.resize(390, 844).await;
        enter(page, server).await;
        page.press("Hosts").await;
        page.press("Add a machine").await;
        page.until_at("dialog", "logs in over SSH").await;
        fits(page, "the form").await;
        page.fill("name", "barn").await;
        page.fill("address", "192.0.2.7").await;
        page.paste("dialog [name=key]", "no key, and not sent").await;
        let shown =
            |name: &str| format!("document.querySelector('[name={name}]').checkVisibility()");
        assert_eq!(page.value(&shown("password")).await, json!(false));
        page.press_at("dialog [name=proof][value=password]").await;
        page.until("the password is asked for", &shown("password")).await;
        assert_eq!(page.value(&shown("key")).await, json!(false));
        page.fill("password", "grass").await;
        page.press_at("dialog [data-confirm]").await;
        page.until_at("[data-host='192.0.2.7'] .badge", "active").await;
        page.until("the form is gone", "!document.querySelector('dialog')").await;
        fits(page, "the hosts").await;
        only_the_chosen_login_is_sent(page).await;

        let hosts = api(page, "GET", "hosts?name=barn", "undefined").await;
        let config = &hosts["data"][0]["genericConfig"];
        assert_eq!(
            (&config["address"], &config["sshUser"], &config["sshPort"]),
            (&json!("192.0.2.7"), &json!("root"), &json!(22))
        );
        assert!(!hosts.to_string().contains("grass"), "{hosts}");
    })
    .await;
}

/// What is sent for what was typed: nothing of the ways to log in that were not chosen.
async fn only_the_chosen_login_is_sent(page: &Browser) {
    for (given, sent) in [
        (
            "{address: ' barn ', port: '22', user: 'root', proof: 'key', key: 'K\\n\\n', password: 'x'}",
            json!({"address": "barn", "sshPort": 22, "sshUser": "root", "sshKey": "K\n"}),
        ),
        (
            "{address: 'h', port: '22', user: 'ada', proof: 'password', key: 'K', password: ' p '}",
            json!({"address": "h", "sshPort": 22, "sshUser": "ada", "sshPassword": " p "}),
        ),
        (
            "{address: 'h', port: '22', user: 'ada', proof: 'own', key: 'K', install: 'yes'}",
            json!({"address": "h", "sshPort": 22, "sshUser": "ada", "installDocker": true}),
        ),
    ] {
        let module = "import('/static/js/machine.js')";
        let script = format!("{module}.then((m) => m.hostOf({given}).genericConfig)");
        assert_eq!(page.value(&script).await, sent, "{given}");
    }
}

/// A machine that cannot be reached says why on its card, and can be given up.
pub async fn a_machine_that_cannot_be_reached_says_why(server: &Server) {
    // Port 1 is `tcpmux`, which nobody has run for decades.
    with_browser(async |page| {
        enter(page, server).await;
        page.press("Hosts").await;
        page.press("Add a machine").await;
        page.fill("name", "away").await;
        page.fill("address", "127.0.0.1").await;
        page.fill("port", "1").await;
        page.press_at("dialog [name=proof][value=password]").await;
        page.fill("password", "grass").await;
        page.press_at("dialog [data-confirm]").await;
        page.until_at("[data-host=away]", "connection refused").await;
        page.press("Remove away").await;
        page.until_at("dialog", "The machine itself stays as it is").await;
        page.press_at("dialog [data-confirm]").await;
        page.until("it is gone", "!document.querySelector('[data-host=away]')").await;
    })
    .await;
}
