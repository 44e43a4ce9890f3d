//! Containers that do one thing for us and go: labelled as ours, known to nobody else, and never shown.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;

use crate::clock::Clock;
use crate::engine::spec::LABEL_UUID;
use crate::engine::{ContainerSpec, Engine, EngineError, Follow, LogOptions, RemoveVolumes};

/// Label of containers and volumes that are only for this.
pub const LABEL: &str = "io.ranchette.helper";
/// How often it is asked whether a container has ended, in milliseconds.
const ENDED_MS: u64 = 50;
/// How much of what a container writes is kept, in bytes.
const WORDS: usize = 16 * 1024;

/// What a container came to.
pub struct Ended {
    /// Exit code.
    pub code: i64,
    /// The beginning of what it wrote.
    pub said: String,
}

/// The name of the container of whoever has this token.
pub fn name(token: &str) -> String {
    format!("ranchette-{token}")
}

/// The labels of the container of whoever has this token, by what it is for.
pub fn labels(token: &str, purpose: &str) -> BTreeMap<String, String> {
    [(LABEL_UUID, token), (LABEL, purpose)]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

/// Runs a container to its end and removes it. What an earlier run of the same has left goes first.
///
/// # Errors
/// Those of the engine; the container is removed all the same.
pub async fn run(
    engine: &Arc<dyn Engine>,
    clock: &Clock,
    spec: &ContainerSpec,
    files: Option<Bytes>,
) -> Result<Ended, EngineError> {
    engine.remove(&spec.name, RemoveVolumes::None).await?;
    engine.create(spec).await?;
    let ended = async {
        if let Some(files) = files {
            engine.upload(&spec.name, "/", files).await?;
        }
        engine.start(&spec.name).await?;
        ended(engine, clock, &spec.name).await
    };
    let ended = ended.await;
    engine.remove(&spec.name, RemoveVolumes::Anonymous).await?;
    ended
}

/// Waits for the end of a container.
async fn ended(
    engine: &Arc<dyn Engine>,
    clock: &Clock,
    container: &str,
) -> Result<Ended, EngineError> {
    let options = LogOptions { follow: Follow::Yes, ..LogOptions::default() };
    let mut lines = engine.logs(container, &options);
    let mut said = Vec::new();
    while let Some(chunk) = lines.next().await {
        let chunk = chunk?;
        let room = WORDS.saturating_sub(said.len()).min(chunk.bytes.len());
        said.extend_from_slice(chunk.bytes.get(..room).unwrap_or_default());
    }
    loop {
        let Some(found) = engine.inspect(container).await? else {
            return Err(EngineError::NoSuchContainer { container: container.to_owned() });
        };
        if !found.is_running() {
            let code = found.exit_code.unwrap_or(-1);
            return Ok(Ended { code, said: String::from_utf8_lossy(&said).into_owned() });
        }
        clock.sleep_ms(ENDED_MS).await;
    }
}
