//! Plays a story: asks what the client asked, and looks whether what it depends on is in the answers.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use futures_util::{SinkExt as _, StreamExt as _};
use ranchette::clock::Clock;
use serde_json::Value;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use super::pattern::{Names, filled, meets};
use super::story::{Heard, Step, Story, Verb};
use crate::streams::place::Socket;

/// Longest a test waits for something that ought to happen: a failure, not a pace.
const DEADLINE: Duration = Duration::from_secs(120);

pub struct Player {
    pub names: Names,
    root: String,
    key: (String, String),
    http: reqwest::Client,
    sockets: BTreeMap<String, Socket>,
}

impl Player {
    /// Of a server at a URL, with an API key as clients have it.
    pub fn new(root: &str, key: (String, String)) -> Self {
        let names = [("root".to_owned(), root.to_owned())].into();
        let http = reqwest::Client::new();
        Self { names, root: root.to_owned(), key, http, sockets: BTreeMap::new() }
    }

    /// Plays it to its end, or up to what is not as it should be.
    pub async fn play(&mut self, story: &Story) -> Result<(), String> {
        for step in &story.steps {
            let done = tokio::time::timeout(DEADLINE, self.step(step));
            let done = done.await.unwrap_or_else(|_| Err("nothing within the deadline".to_owned()));
            done.map_err(|why| {
                format!("{}:{}: {:?} {}: {why}", story.name, step.line, step.verb, step.to)
            })?;
        }
        self.sockets.clear();
        Ok(())
    }

    async fn step(&mut self, step: &Step) -> Result<(), String> {
        match &step.verb {
            Verb::Ask(method) => self.ask(method, step).await,
            Verb::Until => self.until(step).await,
            Verb::Open(name) => self.open(name, &step.to).await,
            Verb::Say => {
                let text = filled(&step.body, &self.names)?;
                let frame = base64::engine::general_purpose::STANDARD.encode(text + "\n");
                let sent = self.socket(&step.to)?.send(Message::text(frame)).await;
                sent.map_err(|error| error.to_string())
            }
            Verb::Hear => self.hear(step).await,
        }
    }

    async fn ask(&mut self, method: &str, step: &Step) -> Result<(), String> {
        let to = filled(&step.to, &self.names)?;
        let url = if to.starts_with("http") { to } else { format!("{}{to}", self.root) };
        let method = method.parse().map_err(|_| "no method".to_owned())?;
        let mut request = self.http.request(method, url);
        request = request.basic_auth(&self.key.0, Some(&self.key.1));
        if !step.body.is_empty() {
            let body = filled(&step.body, &self.names)?;
            request = request.header("content-type", "application/json").body(body);
        }
        let answer = request.send().await.map_err(|error| error.to_string())?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await.map_err(|error| error.to_string())?;
        if status != step.status {
            return Err(format!("answered by {status}: {text}"));
        }
        for (name, wanted) in &step.headers {
            let found = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
            let (wanted, found) = (Value::from(wanted.as_str()), Value::from(found));
            meets(&wanted, &found, &mut self.names).map_err(|why| format!("{name}: {why}"))?;
        }
        match &step.answer {
            Heard::Nothing => Ok(()),
            Heard::Json(pattern) => {
                let found = serde_json::from_str(&text).map_err(|_| format!("no JSON: {text}"))?;
                meets(pattern, &found, &mut self.names)
                    .map_err(|why| format!("{why}\nin {found:#}"))
            }
            Heard::Text(wanted) if text.trim() == filled(wanted, &self.names)? => Ok(()),
            Heard::Part(wanted) if text.contains(&filled(wanted, &self.names)?) => Ok(()),
            Heard::Text(_) | Heard::Part(_) | Heard::Base64(_) => {
                Err(format!("answered by {text:?}"))
            }
        }
    }

    async fn until(&mut self, step: &Step) -> Result<(), String> {
        let deadline_ms = Clock::System.now_ms() + 60_000;
        loop {
            match self.ask("GET", step).await {
                Ok(()) => return Ok(()),
                Err(why) if Clock::System.now_ms() > deadline_ms => {
                    return Err(format!("not within a minute: {why}"));
                }
                Err(_) => Clock::System.sleep_ms(100).await,
            }
        }
    }

    async fn open(&mut self, name: &str, url: &str) -> Result<(), String> {
        let url = filled(url, &self.names)?;
        let url = if url.starts_with('/') { format!("{}{url}", self.root) } else { url };
        let mut request = url
            .replacen("http", "ws", 1)
            .into_client_request()
            .map_err(|error| error.to_string())?;
        let key = format!("{}:{}", self.key.0, self.key.1);
        let key = base64::engine::general_purpose::STANDARD.encode(key);
        let key = format!("Basic {key}").parse().map_err(|_| "no header".to_owned())?;
        request.headers_mut().insert("authorization", key);
        let (socket, _) = connect_async(request).await.map_err(|error| error.to_string())?;
        self.sockets.insert(name.to_owned(), socket);
        Ok(())
    }

    fn socket(&mut self, name: &str) -> Result<&mut Socket, String> {
        self.sockets.get_mut(name).ok_or_else(|| format!("no websocket is called `{name}`"))
    }

    /// Reads messages until one is what is wanted, or all of them together hold it.
    async fn hear(&mut self, step: &Step) -> Result<(), String> {
        let mut so_far = String::new();
        let mut why = "no message".to_owned();
        let end = tokio::time::Instant::now() + Duration::from_secs(60);
        loop {
            let names = self.names.clone();
            let next = tokio::time::timeout_at(end, self.socket(&step.to)?.next()).await;
            let text = match next {
                Ok(Some(Ok(Message::Text(text)))) => text.to_string(),
                Ok(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => continue,
                Ok(other) => return Err(format!("the websocket ends: {other:?}; last: {why}")),
                Err(_) => return Err(format!("not heard within a minute; last: {why}")),
            };
            let is_met = match &step.answer {
                Heard::Json(pattern) => {
                    let found: Value = serde_json::from_str(&text).unwrap_or_default();
                    match meets(pattern, &found, &mut self.names) {
                        Ok(()) => true,
                        Err(reason) => {
                            why = reason;
                            false
                        }
                    }
                }
                Heard::Text(wanted) => {
                    why.clone_from(&text);
                    text.trim_end() == filled(wanted, &names)?
                }
                Heard::Part(wanted) => {
                    why.clone_from(&text);
                    text.contains(&filled(wanted, &names)?)
                }
                Heard::Base64(wanted) => {
                    let bytes = base64::engine::general_purpose::STANDARD.decode(&text);
                    let bytes = bytes.map_err(|error| format!("{text:?} is no base64: {error}"))?;
                    so_far.push_str(&String::from_utf8_lossy(&bytes));
                    why.clone_from(&so_far);
                    so_far.contains(&filled(wanted, &names)?)
                }
                Heard::Nothing => return Err("nothing is expected".to_owned()),
            };
            if is_met {
                return Ok(());
            }
        }
    }
}
