//! A terminal in a real browser: a shell in a container, what it says, and how it ends.

use super::{Server, apply_elsewhere, enter, fits, look, with_browser};

/// A shell is spoken to, ends, and another command takes its place.
pub async fn a_shell_runs_in_the_page(server: &Server) {
    with_browser(async |page| {
        enter(page, server).await;
        apply_elsewhere(page, "talk").await;
        page.press("talk").await;
        page.until_at("[data-service=web]", "1 of 1 running").await;
        page.press("web").await;
        page.press("Terminal in talk-web-1").await;
        page.until_at("h1", "Terminal of talk-web-1").await;
        page.until_at(".terminal-row", "/ #").await;
        page.fill("keys", "echo here\n").await;
        let line = "[...document.querySelectorAll('.terminal-row')].some((row) => row.innerText.trim() === 'here')";
        page.until("the answer", line).await;
        look(page, "terminal").await;
        page.fill("keys", "exit 3\n").await;
        page.until_at(".notice", "ended with exit code 3").await;
        page.fill("command", "sh -c 'exit 127'").await;
        page.press("Run").await;
        page.until_at(".notice", "Is it in the image?").await;
        page.resize(390, 844).await;
        fits(page, "a terminal").await;
        look(page, "terminal-narrow").await;
    })
    .await;
}
