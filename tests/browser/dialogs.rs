//! What must not get lost, in a real browser: what is typed into dialogs and files, and what is shown once.

use serde_json::json;

use super::{Server, api, apply_elsewhere, enter, with_browser};

/// Presses the mouse at a place of the page.
const PRESS: &str = "((x, y) => {
    const at = document.elementFromPoint(x, y);
    const init = { bubbles: true, clientX: x, clientY: y };
    at.dispatchEvent(new PointerEvent('pointerdown', init));
    return at.tagName;
})";

/// A form stays where its edge or the page behind it is pressed, and is sent once.
pub async fn a_form_is_not_lost_and_sent_once(server: &Server) {
    with_browser(async |page| {
        enter(page, server).await;
        page.press("API keys").await;
        page.press("New key").await;
        page.fill("name", "a script").await;
        let edge = "(() => { const box = document.querySelector('dialog').getBoundingClientRect(); \
                    return [box.left + 4, box.top + box.height / 2]; })()";
        for place in [edge, "[2, 2]"] {
            page.value(&format!("{PRESS}(...{place})")).await;
        }
        page.until_at("dialog", "Description").await;
        let twice = "(() => { const form = document.querySelector('dialog form'); \
                     form.requestSubmit(); form.requestSubmit(); return true; })()";
        page.value(twice).await;
        page.until_at("dialog", "not shown again").await;
        // Only its button closes what is shown once.
        page.value(&format!("{PRESS}(2, 2)")).await;
        let without = "(() => { Object.defineProperty(navigator, 'clipboard', { value: undefined }); return true; })()";
        page.value(without).await;
        page.press("Copy Secret key").await;
        page.until_at("dialog .toast", "Copied").await;
        page.press("I have kept it").await;
        page.until_at("[data-key='a script']", "active").await;
        let keys = page.value("document.querySelectorAll(\"[data-key='a script']\").length").await;
        assert_eq!(keys, json!(1), "one key is made");
        page.press("Remove a script").await;
        page.until("the question", "document.querySelector('dialog')").await;
        page.value(&format!("{PRESS}(2, 2)")).await;
        page.until("the answer is no", "!document.querySelector('dialog')").await;
    })
    .await;
}

/// Who would rather stay keeps the page and the environment.
pub async fn unsaved_files_are_asked_about(server: &Server) {
    with_browser(async |page| {
        enter(page, server).await;
        apply_elsewhere(page, "shop").await;
        let made = api(page, "POST", "../../projects", "{ name: 'Staging' }").await;
        assert_eq!(made["name"], "Staging", "{made}");
        page.open(&format!("{}/#/keys", server.url)).await;
        page.open(&format!("{}/#/stacks", server.url)).await;
        page.value("(location.reload(), true)").await;
        page.until("two environments", "document.querySelectorAll('.environment option').length === 2").await;
        page.press("shop").await;
        page.press("Edit").await;
        page.until("the editor", "document.querySelector('[data-editor]')").await;
        page.paste("[data-editor]", "services: {}\n").await;
        let answers = "(() => { window.asked = []; window.confirm = (text) => { asked.push(text); return false; }; return true; })()";
        page.value(answers).await;
        let other = "(() => { const choice = document.querySelector('.environment select'); \
                     choice.value = [...choice.options].find((one) => one.text === 'Staging').value; \
                     choice.dispatchEvent(new Event('change', { bubbles: true })); \
                     return choice.selectedOptions[0].text; })()";
        assert_eq!(page.value(other).await, json!("Default"));
        page.press("Log out").await;
        page.press("Hosts").await;
        page.until("three questions", "asked.length === 3").await;
        let typed = "document.querySelector('[data-editor]')?.value === 'services: {}\\n'";
        page.until("the text", typed).await;
        page.value("(window.confirm = () => { asked.push('yes'); return true; }, true)").await;
        page.value(other).await;
        page.until_says("No stacks yet").await;
        page.until("one question", "asked.length === 4").await;
    })
    .await;
}
