//! What containers and hosts use: an array of samples, about once a second.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::web;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream, SelectAll};
use serde_json::Value;

use super::frames;
use super::line::{Failed, Frames};
use crate::api::ApiState;
use crate::engine::{Engine, Stats};
use crate::error::Result;
use crate::model::resource::Resource;
use crate::model::{id, registry};
use crate::process::instance::engine_ref;
use crate::store::{Query, Read};

/// How often a sample is sent.
const EVERY_MS: i64 = 1_000;
/// How often the containers of a service are looked up again, in samples.
const LOOK_EVERY: u32 = 5;
/// Containers or hosts in one stream at most.
const MOST: usize = 200;

/// The id of a row in the API.
fn api_id(ty: &str, id: i64) -> String {
    id::format(registry::lookup(ty).map_or("", |entry| entry.prefix.as_str()), id)
}

fn frame(samples: impl IntoIterator<Item = Value>) -> String {
    samples.into_iter().collect::<Value>().to_string()
}

/// The frames of one container; they end when it stops.
pub fn container(engine: &Arc<dyn Engine>, row: &Resource) -> Frames {
    let id = api_id("instance", row.id);
    engine
        .stats(&engine_ref(row))
        .map(move |sample| match sample {
            Ok(stats) => Ok(frame([frames::container(&id, &stats)])),
            Err(error) => Err(Failed { frame: String::new(), why: error.to_string() }.into()),
        })
        .boxed()
}

/// The frames of some hosts; they go on.
pub fn hosts(
    state: &web::Data<ApiState>,
    find: impl Fn(&Read<'_>) -> Result<Vec<i64>> + Send + 'static,
) -> Frames {
    let state = Arc::clone(state);
    let next_ms = state.clock.now_ms();
    stream::unfold((state, find, next_ms), |(state, find, next_ms)| async move {
        let mut next_ms = next_ms;
        loop {
            state.clock.sleep_until(next_ms).await;
            let now_ms = state.clock.now_ms();
            next_ms = now_ms.saturating_add(EVERY_MS);
            let ids = state.store.read(&find).unwrap_or_default();
            let samples: Vec<Value> = ids
                .into_iter()
                .take(MOST)
                .filter_map(|id| {
                    let sample = state.streams.samples.of(&state.site.engines, id, now_ms)?;
                    Some(frames::host(&api_id("host", id), sample.at_ms, &sample.stats))
                })
                .collect();
            if !samples.is_empty() {
                return Some((Ok(frame(samples)), (state, find, next_ms)));
            }
        }
    })
    .boxed()
}

/// The hosts of an environment.
pub fn hosts_of(read: &Read<'_>, project: i64) -> Result<Vec<i64>> {
    let query = Query { ty: "host", account_id: Some(project), limit: MOST, ..Query::default() };
    Ok(read.list(&query)?.iter().map(|host| host.id).collect())
}

/// The frames of some containers, as they come and go; they go on.
pub fn containers(
    state: &web::Data<ApiState>,
    find: impl Fn(&Read<'_>) -> Result<Vec<Resource>> + Send + 'static,
) -> Frames {
    let members = Members {
        state: Arc::clone(state),
        find: Box::new(find),
        samples: SelectAll::new(),
        latest: BTreeMap::new(),
        next_ms: state.clock.now_ms(),
        sent: 0,
    };
    stream::unfold(members, |mut members| async move {
        let frame = members.next().await;
        Some((Ok(frame), members))
    })
    .boxed()
}

/// A sample, or that there will be no more.
type Told = (i64, Option<Stats>);

/// Finds the containers that are to be listened to.
type Find = Box<dyn Fn(&Read<'_>) -> Result<Vec<Resource>> + Send>;

struct Members {
    state: Arc<ApiState>,
    find: Find,
    samples: SelectAll<BoxStream<'static, Told>>,
    /// Containers that are listened to, with what was last heard and not yet sent.
    latest: BTreeMap<i64, Option<Stats>>,
    next_ms: i64,
    sent: u32,
}

impl Members {
    async fn next(&mut self) -> String {
        loop {
            if self.sent.is_multiple_of(LOOK_EVERY) {
                self.look();
            }
            self.listen().await;
            self.sent = self.sent.wrapping_add(1);
            self.next_ms = self.state.clock.now_ms().saturating_add(EVERY_MS);
            let heard: Vec<Value> = self
                .latest
                .iter_mut()
                .filter_map(|(id, latest)| {
                    Some(frames::container(&api_id("instance", *id), &latest.take()?))
                })
                .collect();
            if !heard.is_empty() {
                return frame(heard);
            }
        }
    }

    /// Collects samples until it is time to send.
    async fn listen(&mut self) {
        loop {
            tokio::select! {
                biased;
                () = self.state.clock.sleep_until(self.next_ms) => return,
                Some((id, sample)) = self.samples.next() => match sample {
                    Some(sample) => {
                        self.latest.insert(id, Some(sample));
                    }
                    // It may start again, and is then found again.
                    None => {
                        self.latest.remove(&id);
                    }
                },
            }
        }
    }

    /// Listens to containers that were not there before.
    fn look(&mut self) {
        let rows = self.state.store.read(|read| (self.find)(read));
        for row in rows.unwrap_or_default() {
            if self.latest.len() >= MOST || self.latest.contains_key(&row.id) {
                continue;
            }
            let engine = row.int("hostId").and_then(|host| self.state.site.engines.get(host));
            let Some(host) = engine else { continue };
            let id = row.id;
            let samples = host
                .engine
                .stats(&engine_ref(&row))
                .take_while(|sample| std::future::ready(sample.is_ok()))
                .map(move |sample| (id, sample.ok()))
                .chain(stream::iter([(id, None)]));
            self.latest.insert(id, None);
            self.samples.push(samples.boxed());
        }
    }
}

/// The running containers on a host.
pub fn containers_on(read: &Read<'_>, host: i64) -> Result<Vec<Resource>> {
    let rows = read.referrers("instance", "hostId", host)?;
    Ok(rows.into_iter().filter(|row| row.state == "running").collect())
}

/// The running containers of a service.
pub fn containers_of(read: &Read<'_>, service: i64) -> Result<Vec<Resource>> {
    let mut rows = Vec::new();
    for map in read.referring("serviceExposeMap", "serviceId", &[service])? {
        let Some(id) = map.int("instanceId") else { continue };
        rows.extend(read.get(id)?.filter(|row| row.state == "running"));
    }
    Ok(rows)
}
