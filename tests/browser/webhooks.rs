//! Webhooks in a real browser: made, tested, and told once more; what fails says why.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::{Server, api, enter, with_browser};

/// Somebody who is told: takes the first call, and has trouble with all others. What it heard.
async fn receiver() -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address");
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = Vec::new();
            while !asked.ends_with(b"}") && stream.read_buf(&mut asked).await.unwrap_or(0) > 0 {}
            let first = {
                let mut heard = told.lock().expect("what was heard");
                heard.push(String::from_utf8_lossy(&asked).to_ascii_lowercase());
                heard.len() == 1
            };
            let status = if first { "204 Thanks" } else { "500 Trouble" };
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
            // Whoever has read the status hangs up.
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (at, heard)
}

/// A webhook is made and tested, and what was told is told once more.
pub async fn a_webhook_is_tested_and_told_once_more(server: &Server) {
    let (at, heard) = receiver().await;
    with_browser(async |page| {
        enter(page, server).await;
        page.press("Webhooks").await;
        page.until_says("No webhooks").await;
        page.press("New webhook").await;
        page.fill("name", "bell").await;
        page.fill("url", &format!("http://{at}/hook")).await;
        page.fill("secret", "hush").await;
        page.press_at("dialog [data-confirm]").await;
        page.until_at("dialog .field-error", "is a loopback address and is not called").await;
        // Nothing of this machine is called unless an administrator allows it.
        api(page, "PUT", "../../settings/outbound.allow", "{ value: '127.0.0.1' }").await;
        page.press_at("dialog [data-confirm]").await;
        page.until_at("[data-webhook=bell] .badge", "active").await;
        page.until_at("[data-webhook=bell]", "signed").await;
        page.until_at("[data-webhook=bell]", "all events").await;
        page.until_says("Nothing has been told yet").await;

        page.press("Test bell").await;
        page.until_at("[data-delivery=test]", "delivered").await;
        page.until_at("[data-delivery=test]", "webhook `bell` is tested").await;
        page.press("Replay").await;
        page.until_at("[data-delivery=test]", "it answered 500").await;
        page.until(
            "both are shown",
            "document.querySelectorAll('[data-delivery=test]').length === 2",
        )
        .await;

        page.press("Deactivate bell").await;
        page.until_at("[data-webhook=bell] .badge", "inactive").await;
        page.press("Remove bell").await;
        page.press_at("dialog [data-confirm]").await;
        page.until_says("No webhooks").await;
    })
    .await;
    let heard = heard.lock().expect("what was heard").clone();
    let [first, second, ..] = heard.as_slice() else { panic!("{heard:?}") };
    let line = |call: &str, name: &str| {
        let start = format!("{name}: ");
        call.lines().find_map(|line| line.strip_prefix(&start)).map(str::to_owned)
    };
    assert!(
        line(first, "x-ranchette-signature").is_some_and(|line| line.starts_with("t=")),
        "{first}"
    );
    let ids = (line(first, "x-ranchette-delivery"), line(second, "x-ranchette-delivery"));
    assert!(ids.0.is_some() && ids.0 != ids.1, "{ids:?}");
    let body = |call: &str| call.split("\r\n\r\n").nth(1).map(str::to_owned);
    assert_eq!(body(first), body(second), "it is the same event");
}
