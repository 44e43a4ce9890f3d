//! The audit log and secrets in a real browser.

use super::{Server, apply_elsewhere, enter, fits, look, with_browser};

/// Who did what is there to be read, filtered and opened.
pub async fn the_audit_log_says_who_did_what(server: &Server) {
    with_browser(async |page| {
        enter(page, server).await;
        apply_elsewhere(page, "shop").await;
        page.press("Audit log").await;
        page.until_at("[data-entry='api.stackPlan.create']", "shop").await;
        page.until_at("[data-entry='api.stackPlan.create']", "ada").await;
        page.paste("[data-filter]", "nothing of this name").await;
        page.until_says("matches “nothing of this name”").await;
        page.paste("[data-filter]", "plan applied").await;
        page.press_at("[data-entry='api.stackPlan.create'] button").await;
        page.until_at(".audit-inside", "\"name\": \"shop\"").await;
        look(page, "audit").await;
        page.resize(390, 844).await;
        fits(page, "the audit log").await;
        look(page, "audit-narrow").await;
    })
    .await;
}

/// A secret is kept, is not shown again, and goes.
pub async fn a_secret_is_kept_and_never_shown(server: &Server) {
    with_browser(async |page| {
        enter(page, server).await;
        page.press("Secrets").await;
        page.until_says("No secrets").await;
        page.press("New secret").await;
        page.fill("name", "db-password").await;
        page.paste("dialog [name=value]", "not to be seen").await;
        page.press_at("dialog [data-confirm]").await;
        page.until_at("[data-secret-name=db-password]", "created").await;
        assert!(!page.text("body").await.contains("not to be seen"));
        page.press("New secret").await;
        page.fill("name", "db-password").await;
        page.paste("dialog [name=value]", "another").await;
        page.press_at("dialog [data-confirm]").await;
        page.until("why not", "document.querySelector('dialog .field-error')?.innerText").await;
        look(page, "secret-twice").await;
        page.press("Cancel").await;
        page.press("Remove db-password").await;
        page.press_at("dialog [data-confirm]").await;
        page.until_says("No secrets").await;
    })
    .await;
}
