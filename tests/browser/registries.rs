//! Registries in a real browser: a login that is refused says why, and is mended on the spot.

use super::{Server, enter, with_browser};

/// The registry of the stories lets `bob` in with the password `hush`.
pub async fn a_registry_says_whether_it_lets_us_in(server: &Server) {
    with_browser(async |page| {
        enter(page, server).await;
        page.press("Registries").await;
        page.until_says("No registries").await;
        page.press("New registry").await;
        page.fill("address", "private.test:5000").await;
        page.fill("user", "bob").await;
        page.fill("password", "guess").await;
        page.press_at("dialog [data-confirm]").await;
        page.until_at("[data-login=bob]", "refuses the login of `bob`").await;
        page.press("Change the password of bob").await;
        page.fill("password", "hush").await;
        page.press_at("dialog [data-confirm]").await;
        let badge = "document.querySelector('[data-login=bob] .badge')";
        page.until("it is let in", &format!("{badge}?.innerText.trim() === 'active'")).await;
        let words = page.text("[data-login=bob]").await;
        assert!(!words.contains("refuses"), "{words}");
        page.press("Remove private.test:5000").await;
        page.press_at("dialog [data-confirm]").await;
        page.until_says("No registries").await;
    })
    .await;
}
