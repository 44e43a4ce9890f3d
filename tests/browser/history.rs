//! The history of a service in a real browser: every change is a version, and one press leads back to one.

use serde_json::json;

use super::{COMPOSE, Server, api, apply_elsewhere, enter, fits, look, with_browser};

/// A service is changed, goes back to its first version, and says so.
pub async fn a_service_goes_back_to_an_earlier_version(server: &Server) {
    with_browser(async |page| {
        enter(page, server).await;
        apply_elsewhere(page, "shop").await;
        page.until_says("shop").await;
        page.press("shop").await;
        page.until_at("[data-service=web]", "1 of 1 running").await;
        let changed = COMPOSE.replace("sim/web:1", "sim/web:2");
        let plan = json!({ "name": "shop", "dockerCompose": changed, "dryRun": false });
        let answer = api(page, "POST", "stackplans", &plan.to_string()).await;
        assert!(answer["stackId"].is_string(), "the stack is applied: {answer}");
        page.until_at("[data-service=web] .service-image", "sim/web:2").await;
        page.until_at("[data-service=web] .badge", "active").await;
        page.press("History of web").await;
        page.until_at("[data-version='2']", "image sim/web:2 instead of sim/web:1").await;
        page.until_at(".back", "shop").await;
        page.until_at("[data-version='2'] .tag", "now").await;
        // Which images ran is known when the containers have started.
        page.until("both images", "document.querySelectorAll('.version-images code').length >= 2")
            .await;
        look(page, "history").await;
        page.press("Back to version 1").await;
        page.until_at("dialog", "with the very images that ran then").await;
        look(page, "question").await;
        page.press_at("dialog [data-confirm]").await;
        page.until_at("[data-version='3']", "back to version 1: image").await;
        page.until_at(".page-head .badge", "upgraded").await;
        page.press("Finish upgrade web").await;
        page.until_at(".page-head .badge", "active").await;
        page.until_at("[data-version='3'] .tag", "now").await;
        look(page, "back").await;
        page.resize(390, 844).await;
        fits(page, "a history").await;
        look(page, "narrow").await;
    })
    .await;
}
