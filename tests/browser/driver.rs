//! A headless Chromium under WebDriver, with one small verb for each thing a person does.

use std::panic::AssertUnwindSafe;
use std::process::Stdio;
use std::time::Duration;

use fantoccini::wd::{Capabilities, TimeoutConfiguration};
use fantoccini::{Client, ClientBuilder, Locator};
use futures_util::FutureExt;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// Longest anything on a page may take to appear: a failure, not a pace.
const DEADLINE: Duration = Duration::from_secs(90);
const FLAGS: &[&str] = &[
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1280,900",
];

/// One browser window on a profile of its own.
pub struct Browser {
    client: Client,
    driver_url: String,
    _driver: Child,
    _profile: TempDir,
}

/// Runs `story` in a fresh browser, then checks that the page complained about nothing. The browser
/// is closed even when the story fails, because a killed driver would leave it behind.
pub async fn with_browser(story: impl AsyncFnOnce(&Browser)) {
    let browser = Browser::start().await;
    let outcome = AssertUnwindSafe(async {
        story(&browser).await;
        let complaints = browser.complaints().await;
        assert!(complaints.is_empty(), "the page complained: {complaints:#?}");
    })
    .catch_unwind()
    .await;
    let last = browser.text("body").await;
    let closed = browser.client.clone().close().await;
    if let Err(panic) = outcome {
        eprintln!("the page then said:\n{last}");
        std::panic::resume_unwind(panic);
    }
    closed.expect("the browser closes");
}

impl Browser {
    async fn start() -> Self {
        let (driver, driver_url) = start_driver().await;
        let profile = TempDir::new().expect("temporary folder");
        let mut flags: Vec<String> = FLAGS.iter().map(|&flag| flag.to_owned()).collect();
        flags.push(format!("--user-data-dir={}", profile.path().display()));
        let wanted = json!({
            "browserName": "chrome",
            "goog:chromeOptions": { "args": flags },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let wanted: Capabilities = serde_json::from_value(wanted).expect("capabilities");
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(wanted)
            .connect(&driver_url)
            .await
            .expect("Chromium starts");
        let patience = DEADLINE + Duration::from_secs(30);
        client
            .update_timeouts(TimeoutConfiguration::new(Some(patience), None, None))
            .await
            .expect("timeouts");
        Self { client, driver_url, _driver: driver, _profile: profile }
    }

    /// Opens an address.
    pub async fn open(&self, url: &str) {
        self.client.goto(url).await.unwrap_or_else(|error| panic!("{url} opens: {error}"));
    }

    /// Gives the page the size of a phone's or a desk's screen, in CSS pixels.
    pub async fn resize(&self, width: u32, height: u32) {
        // A window has a least width, so the size is given to the page itself.
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// Presses the button, link or summary that a person would call `label`.
    pub async fn press(&self, label: &str) {
        let quoted = format!("\"{label}\"");
        let path = format!(
            "//*[self::button or self::a or self::summary or @role='tab'][normalize-space(.)={quoted} or @aria-label={quoted}]"
        );
        self.click(Locator::XPath(&path), label).await;
    }

    /// Presses what a CSS selector finds.
    pub async fn press_at(&self, css: &str) {
        self.click(Locator::Css(css), css).await;
    }

    /// Presses what leads to another page, and waits until that one is there.
    pub async fn follow(&self, label: &str) {
        let origin = self.value("performance.timeOrigin").await;
        self.press(label).await;
        let arrived =
            format!("performance.timeOrigin !== {origin} && document.readyState === 'complete'");
        self.until(&format!("the page that `{label}` leads to"), &arrived).await;
    }

    async fn click(&self, locator: Locator<'_>, what: &str) {
        let element = self
            .client
            .wait()
            .at_most(DEADLINE)
            .for_element(locator)
            .await
            .unwrap_or_else(|error| panic!("there is no `{what}`: {error}"));
        element.click().await.unwrap_or_else(|error| panic!("`{what}` cannot be pressed: {error}"));
    }

    /// Types into the field with this `name`, replacing what it holds.
    pub async fn fill(&self, name: &str, text: &str) {
        let css = format!("[name='{name}']");
        let element = self
            .client
            .wait()
            .at_most(DEADLINE)
            .for_element(Locator::Css(&css))
            .await
            .unwrap_or_else(|error| panic!("there is no field `{name}`: {error}"));
        element.clear().await.expect("the field clears");
        element.send_keys(text).await.expect("the field takes text");
    }

    /// Pastes into the element a CSS selector finds, replacing what it holds.
    pub async fn paste(&self, css: &str, text: &str) {
        self.until(css, &format!("document.querySelector({})", json!(css))).await;
        let script =
            "const field = document.querySelector(arguments[0]); field.focus(); field.select();
            document.execCommand('insertText', false, arguments[1]);";
        self.client.execute(script, vec![json!(css), json!(text)]).await.expect("pasting works");
    }

    /// Waits until `expression`, evaluated in the page again and again, is true.
    pub async fn until(&self, what: &str, expression: &str) {
        let deadline = DEADLINE.as_millis();
        let script = format!(
            "const done = arguments[arguments.length - 1];
             const end = performance.now() + {deadline};
             const look = () => {{
                 let found = false;
                 try {{ found = Boolean({expression}); }} catch (error) {{ found = false; }}
                 if (found || performance.now() > end) done(found);
                 else setTimeout(look, 20);
             }};
             look();"
        );
        // A page that is left while it is looked at takes the look along.
        let mut last = None;
        let look = async {
            loop {
                match self.client.execute_async(&script, vec![]).await {
                    Ok(found) => return found,
                    Err(error) => last = Some(error),
                }
            }
        };
        let found = tokio::time::timeout(DEADLINE * 2, look).await;
        let is_there = found.is_ok_and(|found| found == Value::Bool(true));
        assert!(is_there, "waited {deadline} ms for: {what}; {last:?}");
    }

    /// Waits until the page says `text` somewhere.
    pub async fn until_says(&self, text: &str) {
        let quoted = json!(text);
        self.until(text, &format!("document.body.innerText.includes({quoted})")).await;
    }

    /// Waits until what the CSS selector finds says `text`.
    pub async fn until_at(&self, css: &str, text: &str) {
        let expression = format!(
            "[...document.querySelectorAll({})].some((el) => el.innerText.includes({}))",
            json!(css),
            json!(text)
        );
        self.until(&format!("`{css}` says `{text}`"), &expression).await;
    }

    /// The value of an expression in the page.
    pub async fn value(&self, expression: &str) -> Value {
        let script = format!("return {expression};");
        self.client.execute(&script, vec![]).await.expect("the page answers")
    }

    /// What the first element a CSS selector finds says; empty without one.
    pub async fn text(&self, css: &str) -> String {
        let expression = format!("document.querySelector({})?.innerText ?? ''", json!(css));
        let value = self.value(&expression).await;
        value.as_str().unwrap_or_default().to_owned()
    }

    /// The page as a person sees it, as PNG.
    pub async fn picture(&self) -> Vec<u8> {
        self.client.screenshot().await.expect("a picture")
    }

    /// Errors and warnings of the browser's console since it was last asked: exceptions, violations
    /// of the content policy, files that are missing. An answer of the API that says no is not one, nor
    /// is what the browser itself let go of when the machine's network changed.
    pub async fn complaints(&self) -> Vec<String> {
        let entries = self.command("se/log", json!({ "type": "browser" })).await;
        let entries = entries.as_array().cloned().unwrap_or_default();
        entries
            .iter()
            .filter(|entry| matches!(entry["level"].as_str(), Some("SEVERE" | "WARNING")))
            .filter_map(|entry| entry["message"].as_str())
            .filter(|message| !message.contains("net::ERR_NETWORK_CHANGED"))
            .filter(|message| !(message.contains("/v2-beta/") && message.contains("status of 4")))
            .map(str::to_owned)
            .collect()
    }

    async fn devtools(&self, command: &str, params: Value) {
        self.command("goog/cdp/execute", json!({ "cmd": command, "params": params })).await;
    }

    /// A command of Chromium's own, which WebDriver does not know.
    async fn command(&self, path: &str, body: Value) -> Value {
        let session = self.client.session_id().await.expect("session").expect("session");
        let url = format!("{}/session/{session}/{path}", self.driver_url);
        let answer = reqwest::Client::new().post(url).json(&body).send().await.expect("driver");
        let mut answer: Value = answer.json().await.expect("the driver answers JSON");
        answer["value"].take()
    }
}

/// Starts the driver on a port of its own choice and reads from it which. It ends at once when the port
/// that was free for one family of addresses is taken in the other; then it is started again.
async fn start_driver() -> (Child, String) {
    const TRIES: usize = 5;
    for _ in 0..TRIES {
        if let Some(started) = try_driver().await {
            return started;
        }
    }
    panic!("chromedriver ended {TRIES} times before it listened");
}

async fn try_driver() -> Option<(Child, String)> {
    let mut driver = Command::new("chromedriver")
        .arg("--port=0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("chromedriver starts (Debian: chromium-driver)");
    let out = driver.stdout.take().expect("piped");
    let mut lines = BufReader::new(out).lines();
    while let Some(line) = lines.next_line().await.expect("chromedriver speaks") {
        if let Some((_, port)) = line.split_once("successfully on port ") {
            let port: u16 = port.trim_end_matches('.').parse().expect("a port");
            return Some((driver, format!("http://127.0.0.1:{port}")));
        }
    }
    None
}
