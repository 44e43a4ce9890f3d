//! The catalog in a real browser: an application is found, asked about, launched, upgraded and rolled back.

use super::{Server, enter, with_browser};

/// What a person does from the first look to the way back.
pub async fn an_application_is_launched_and_upgraded(server: &Server) {
    with_browser(async |page| {
        enter(page, server).await;
        page.press("Catalog").await;
        page.until_says("Uptime Kuma").await;
        page.until_says("Gitea").await;
        page.paste("[data-filter]", "kuma").await;
        let one = "document.querySelectorAll('[data-template]').length === 1";
        page.until("only one is left", one).await;
        let icon = "document.querySelector('[data-template] img')?.naturalWidth > 0";
        page.until("its picture", icon).await;
        page.press_at("[data-template='ranchette:uptime-kuma'] a").await;
        page.until_at("h1", "Uptime Kuma").await;

        // A wrong answer is said beside its question.
        page.fill("PUBLIC_PORT", "often").await;
        page.until_at(".field-error", "A whole number is needed.").await;
        page.fill("PUBLIC_PORT", "3055").await;
        let right = "!document.querySelector('.field-error')";
        page.until("nothing is wrong", right).await;
        page.value(
            "(() => {
                const choice = document.querySelector('[name=version]');
                choice.value = '1.23.13-1';
                choice.dispatchEvent(new Event('change', { bubbles: true }));
                return true;
            })()",
        )
        .await;
        page.until_at("aside", "1 service to create").await;
        let ready = "[...document.querySelectorAll('aside button')].some((b) => \
                     b.innerText.trim() === 'Launch' && !b.disabled)";
        page.until("the plan is made", ready).await;
        page.press("Launch").await;
        page.until_at("h1", "uptime-kuma").await;
        page.until_at("[data-service=uptime-kuma]", "1 of 1 running").await;
        page.until_at(".template-of", "1.23.13-1").await;

        page.press("Upgrade to 1.23.16-1").await;
        page.until_at("h1", "Upgrade uptime-kuma").await;
        let kept = "document.querySelector('[name=PUBLIC_PORT]')?.value === '3055'";
        page.until("the answer from before", kept).await;
        page.until_at("aside", "1 service to change").await;
        let ready = ready.replace("Launch", "Upgrade");
        page.until("the plan is made", &ready).await;
        page.press("Upgrade").await;
        page.until_at("[data-service=uptime-kuma]", "1.23.16").await;
        page.press("Roll back").await;
        page.until_at(".template-of", "1.23.13-1").await;
        page.until_at("[data-service=uptime-kuma]", "1.23.13").await;
    })
    .await;
}
