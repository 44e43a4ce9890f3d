//! People and environments in a real browser: somebody is let in, and sees what they are a member of.

use serde_json::json;

use super::{Server, enter, fits, look, with_browser};

/// A person is made, becomes a member, logs in and is turned away again.
pub async fn a_person_is_let_into_an_environment(server: &Server) {
    with_browser(async |page| {
        enter(page, server).await;
        page.press("People").await;
        page.until_at("[data-person]", "you").await;
        page.press("New person").await;
        page.fill("login", "ada").await;
        page.fill("password", "bob's long secret").await;
        page.press_at("dialog [data-confirm]").await;
        page.until("why not", "document.querySelector('dialog .field-error')?.innerText").await;
        page.fill("login", "bob").await;
        page.press_at("dialog [data-confirm]").await;
        page.until_at("[data-person=bob]", "logs in as bob").await;
        let people = page.value("document.querySelectorAll('[data-person]').length").await;
        assert_eq!(people, json!(2), "a person whose login was refused is not there");

        page.press("New environment").await;
        page.fill("name", "Staging").await;
        page.press_at("dialog [data-confirm]").await;
        page.until_at("[data-environment=Staging] .badge", "active").await;
        let listed = "document.querySelectorAll('.environment option').length === 2";
        page.until("a choice of environments", listed).await;
        page.press("Members of Staging").await;
        let choose = "(() => { const field = [...document.querySelectorAll('dialog .field')]
            .find((one) => one.innerText.startsWith('bob')); field.querySelector('select').value = 'readonly'; return true; })()";
        page.value(choose).await;
        look(page, "members").await;
        page.press_at("dialog [data-confirm]").await;
        page.until_at("[data-environment=Staging]", "bob (readonly)").await;
        look(page, "people").await;
        page.resize(390, 844).await;
        fits(page, "people").await;
        page.resize(1280, 900).await;

        page.press("Log out").await;
        page.fill("username", "bob").await;
        page.fill("password", "bob's long secret").await;
        page.press("Log in").await;
        page.press("People").await;
        page.until_at("[data-environment=Staging]", "in use").await;
        let shown = page.value("document.querySelectorAll('[data-person]').length").await;
        assert_eq!(shown, json!(0), "people are for administrators to see");
        page.press("Log out").await;
        page.fill("username", "ada").await;
        page.fill("password", "a long enough: secret").await;
        page.press("Log in").await;
        page.press("People").await;
        page.press("Remove bob").await;
        page.press_at("dialog [data-confirm]").await;
        page.until("bob is gone", "!document.querySelector('[data-person=bob]')").await;
    })
    .await;
}
