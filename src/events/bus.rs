//! Named events between this program and others: what is published, who listens, and replies to calls.
//!
//! Nothing here is stored: an event that nobody hears is gone. Whoever needs an answer calls, waits for
//! it, and decides what its absence means. Times and ids come from the caller.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};
use tokio::sync::{broadcast, mpsc};

/// Events a slow listener may lag behind before it loses some.
const BACKLOG: usize = 1024;
/// What the names of replies begin with.
pub const REPLY: &str = "reply.";

/// An event in Rancher's words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Event {
    /// What happened or is asked for; `;` and what it is qualified by may follow.
    pub name: String,
    /// Uuid.
    pub id: String,
    /// Unix milliseconds.
    pub time: i64,
    /// The name that answers are to have.
    pub reply_to: Option<String>,
    /// Display type of the resource it is about.
    pub resource_type: Option<String>,
    /// Its formatted id.
    pub resource_id: Option<String>,
    /// Contents.
    pub data: Value,
    /// Everything else that was said: `previousIds`, `transitioning` and so on.
    pub more: Map<String, Value>,
}

impl Event {
    /// An event of this name.
    pub fn new(name: impl Into<String>, id: String, time: i64) -> Self {
        Self { name: name.into(), id, time, ..Self::default() }
    }

    /// Out of the body of a `publish`.
    pub fn of(mut fields: Map<String, Value>, id: String, time: i64) -> Self {
        let mut text = |field: &str| match fields.shift_remove(field) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let name = text("name").unwrap_or_default();
        let id = text("id").filter(|id| !id.is_empty()).unwrap_or(id);
        let (reply_to, resource_type, resource_id) =
            (text("replyTo"), text("resourceType"), text("resourceId"));
        let data = fields.shift_remove("data").unwrap_or_default();
        fields.shift_remove("time");
        fields.retain(|_, value| !value.is_null());
        Self { name, id, time, reply_to, resource_type, resource_id, data, more: fields }
    }

    /// As a message, under the name that the listener knows it by.
    pub fn message(&self, name: &str) -> Value {
        let mut fields = Map::new();
        let mut set = |field: &str, value: Value| fields.insert(field.to_owned(), value);
        set("name", name.into());
        set("id", self.id.clone().into());
        set("time", self.time.into());
        set("resourceType", self.resource_type.clone().into());
        set("resourceId", self.resource_id.clone().into());
        if let Some(reply_to) = &self.reply_to {
            set("replyTo", reply_to.clone().into());
        }
        set("data", self.data.clone());
        fields.extend(self.more.clone());
        Value::Object(fields)
    }

    /// A word of what else was said.
    pub fn word(&self, field: &str) -> Option<&str> {
        self.more.get(field).and_then(Value::as_str)
    }
}

/// Whether an event's name is one that a listener asked for: `*` at the end, or before what the name is
/// qualified by, stands for anything.
pub fn matches(wanted: &str, name: &str) -> bool {
    let like = |wanted: &str, name: &str| {
        wanted == name || wanted.strip_suffix('*').is_some_and(|start| name.starts_with(start))
    };
    match (wanted.split_once(';'), name.split_once(';')) {
        (Some((wanted, qualifier)), Some((name, own))) => qualifier == own && like(wanted, name),
        (Some(_), None) => false,
        (None, _) => like(wanted, name),
    }
}

/// The bus; cheap to clone.
#[derive(Clone)]
pub struct Bus {
    inner: Arc<Inner>,
}

struct Inner {
    sender: broadcast::Sender<Arc<Event>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Calls by the name their replies have.
    calls: HashMap<String, mpsc::UnboundedSender<Event>>,
    /// How many listen for a name.
    listeners: HashMap<String, usize>,
}

impl Default for Bus {
    fn default() -> Self {
        let sender = broadcast::channel(BACKLOG).0;
        Self { inner: Arc::new(Inner { sender, state: Mutex::default() }) }
    }
}

impl Bus {
    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a reply to whoever waits for it, and every other event to whoever listens.
    pub fn publish(&self, event: Event) {
        if event.name.starts_with(REPLY) {
            let call = self.state().calls.get(&event.name).cloned();
            if let Some(call) = call {
                // The caller may have given up just now.
                let _ = call.send(event);
            }
            return;
        }
        // The only failure is that nobody listens.
        let _ = self.inner.sender.send(Arc::new(event));
    }

    /// Listens for events of these names from now on.
    pub fn listen(&self, names: Vec<String>) -> Listener {
        let feed = self.inner.sender.subscribe();
        let mut state = self.state();
        for name in &names {
            *state.listeners.entry(name.clone()).or_default() += 1;
        }
        drop(state);
        Listener { names, feed, bus: self.clone() }
    }

    /// Whether anybody listens for events of this name.
    pub fn is_heard(&self, name: &str) -> bool {
        let state = self.state();
        state.listeners.contains_key(name)
            || state.listeners.keys().any(|wanted| matches(wanted, name))
    }

    /// Publishes an event whose answer is wanted; it is given a name for its replies.
    pub fn call(&self, mut event: Event) -> Call {
        let name = format!("{REPLY}{}", event.id);
        let (sender, replies) = mpsc::unbounded_channel();
        self.state().calls.insert(name.clone(), sender);
        event.reply_to = Some(name.clone());
        let call = Call { name, replies, bus: self.clone() };
        self.publish(event);
        call
    }
}

/// Someone who listens.
pub struct Listener {
    names: Vec<String>,
    feed: broadcast::Receiver<Arc<Event>>,
    bus: Bus,
}

impl Listener {
    /// The next event; `None` when some were lost.
    pub async fn next(&mut self) -> Option<Arc<Event>> {
        loop {
            let event = self.feed.recv().await.ok()?;
            if self.names.iter().any(|wanted| matches(wanted, &event.name)) {
                return Some(event);
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut state = self.bus.state();
        for name in &self.names {
            let left = state.listeners.get(name).map_or(0, |count| count.saturating_sub(1));
            if left == 0 {
                state.listeners.remove(name);
            } else {
                state.listeners.insert(name.clone(), left);
            }
        }
    }
}

/// A call under way.
pub struct Call {
    name: String,
    replies: mpsc::UnboundedReceiver<Event>,
    bus: Bus,
}

impl Call {
    /// The next reply; waits as long as it takes.
    pub async fn reply(&mut self) -> Option<Event> {
        self.replies.recv().await
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.bus.state().calls.remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(name: &str) -> Event {
        Event::new(name, format!("id of {name}"), 5)
    }

    #[tokio::test]
    async fn listeners_hear_what_they_asked_for() {
        let bus = Bus::default();
        let mut one = bus.listen(vec!["ping;agent=1".to_owned(), "config.*".to_owned()]);
        for name in ["ping;agent=2", "ping;agent=1", "other", "config.update"] {
            bus.publish(event(name));
        }
        assert_eq!(one.next().await.map(|event| event.name.clone()).unwrap(), "ping;agent=1");
        assert_eq!(one.next().await.map(|event| event.name.clone()).unwrap(), "config.update");
        for (name, heard) in [("ping;agent=1", true), ("config.x", true), ("ping", false)] {
            assert_eq!(bus.is_heard(name), heard, "{name}");
        }
        for (wanted, name, is) in [
            ("*;agent=1", "ping;agent=1", true),
            ("*;agent=1", "ping;agent=2", false),
            ("*;agent=1", "ping", false),
            ("*", "ping;agent=2", true),
            ("ping", "ping;agent=2", false),
            ("start;handler=a", "start;handler=a", true),
        ] {
            assert_eq!(matches(wanted, name), is, "{wanted} {name}");
        }
        drop(one);
        assert!(!bus.is_heard("ping;agent=1") && !bus.is_heard("config.x"));
    }

    #[tokio::test]
    async fn replies_reach_the_call_and_nobody_else() {
        let bus = Bus::default();
        let mut all = bus.listen(vec!["*".to_owned()]);
        let mut call = bus.call(event("ping"));
        let asked = all.next().await.unwrap();
        let reply_to = asked.reply_to.clone().unwrap();
        assert_eq!(reply_to, "reply.id of ping");
        bus.publish(Event { data: json!({"a": 1}), ..event(&reply_to) });
        assert_eq!(call.reply().await.unwrap().data, json!({"a": 1}));
        drop(call);
        bus.publish(event(&reply_to));
        bus.publish(event("last"));
        assert_eq!(all.next().await.unwrap().name, "last", "a late reply is dropped");
    }

    #[test]
    fn events_come_from_bodies_and_go_out_as_messages() {
        let body = json!({
            "name": "reply.1", "previousIds": ["2"], "data": {"x": true}, "time": 1, "publisher": null,
            "resourceType": "host", "resourceId": "1h5", "transitioning": "error",
        });
        let Value::Object(body) = body else { panic!("an object") };
        let event = Event::of(body, "own".to_owned(), 7);
        assert_eq!(event.word("transitioning"), Some("error"));
        assert_eq!(
            event.message("shown"),
            json!({
                "name": "shown", "id": "own", "time": 7, "resourceType": "host", "resourceId": "1h5",
                "data": {"x": true}, "previousIds": ["2"], "transitioning": "error",
            })
        );
    }
}
