//! A service is upgraded in a real browser, and a host emptied; rows of services on windows of every width.

use serde_json::json;

use super::{Server, apply_elsewhere, enter, look, with_browser};

/// Buttons of services that are not wholly inside of the list, and those that lie over another.
const HIDDEN: &str = "(() => {
    const list = document.querySelector('.services').getBoundingClientRect();
    const all = [...document.querySelectorAll('.service-main button, .service-main a')].filter((one) => one.checkVisibility());
    const covered = (one) => {
        const box = one.getBoundingClientRect();
        one.scrollIntoView({ block: 'center' });
        const now = one.getBoundingClientRect();
        const top = document.elementFromPoint(now.left + now.width / 2, now.top + now.height / 2);
        return box.right > list.right + 1 || !one.contains(top);
    };
    return all.filter(covered).map((one) => one.getAttribute('aria-label') || one.innerText);
})()";

/// Another image, what the upgrade waits for in words, and the end of it.
pub async fn a_service_is_upgraded_from_its_row(server: &Server) {
    with_browser(async |page| {
        enter(page, server).await;
        apply_elsewhere(page, "shop").await;
        page.press("shop").await;
        page.until_at("[data-service=web]", "1 of 1 running").await;
        page.press("Upgrade web").await;
        page.fill("image", "sim/web:2").await;
        page.press_at("dialog [data-confirm]").await;
        page.until_at("[data-service=web] .badge", "upgraded").await;
        page.until_at("[data-service=web] .service-upgrade", "kept until the upgrade is finished")
            .await;
        for (width, height) in [(1280, 900), (1120, 900), (900, 900), (390, 844)] {
            page.resize(width, height).await;
            assert_eq!(page.value(HIDDEN).await, json!([]), "at {width} pixels");
        }
        look(page, "upgraded-narrow").await;
        page.resize(1280, 900).await;
        page.press("Finish upgrade web").await;
        page.until_at("[data-service=web] .badge", "active").await;
        page.until_at("[data-service=web] .service-image", "sim/web:2").await;
        page.press("History of web").await;
        page.until_at("[data-version='2'] .version-what", "image sim/web:2 instead of sim/web:1")
            .await;
        let said = page.text("[data-version='2'] .version-what").await;
        assert_eq!(said, "image sim/web:2 instead of sim/web:1");
    })
    .await;
}

/// A host takes no new containers, gives up those that it has, and comes back.
pub async fn a_host_is_emptied_and_taken_back(server: &Server) {
    with_browser(async |page| {
        enter(page, server).await;
        page.press("Hosts").await;
        page.until("a host", "document.querySelector('[data-host]')").await;
        let host = page.value("document.querySelector('[data-host]').dataset.host").await;
        let name = host.as_str().expect("a name");
        page.press(&format!("Evacuate {name}")).await;
        page.until_at("dialog", "It takes no new ones").await;
        page.press_at("dialog [data-confirm]").await;
        page.until_at(&format!("[data-host='{name}'] .badge"), "inactive").await;
        page.press(&format!("Activate {name}")).await;
        page.until_at(&format!("[data-host='{name}'] .badge"), "active").await;
        page.until(
            "it may be deactivated",
            &format!(
                "document.querySelector(\"[data-host='{name}']\").innerText.includes('Deactivate')"
            ),
        )
        .await;
    })
    .await;
}
