//! Where simulated hosts pull from: a registry that has every image, unless told otherwise.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::engine::{EngineError, PullProgress, RegistryAuth};

/// The registry of a fleet.
#[derive(Debug, Default)]
pub struct SimRegistry {
    rules: Mutex<Rules>,
}

#[derive(Debug, Default)]
struct Rules {
    missing: BTreeSet<String>,
    private: BTreeMap<String, (String, String)>,
    /// How often each image was published anew under its name.
    published: BTreeMap<String, u32>,
    withdrawn: BTreeSet<String>,
}

/// Contents from a registry have numbers from here on; what is built on a host counts below it.
const PULLED: u64 = 1 << 32;

impl SimRegistry {
    /// `image` does not exist.
    pub fn mark_missing(&self, image: &str) {
        self.lock().missing.insert(normal(image));
    }

    /// `image` is published anew: from now on its name means another content.
    pub fn publish(&self, image: &str) {
        *self.lock().published.entry(normal(image)).or_default() += 1;
    }

    /// The registry deletes a content, `name@sha256:..`.
    pub fn withdraw(&self, digest: &str) {
        self.lock().withdrawn.insert(digest.to_owned());
    }

    /// The number of the content that a name means now.
    pub(super) fn content(&self, image: &str) -> u64 {
        if let Some((_, digits)) = image.split_once("@sha256:") {
            let digits = digits.get(..16).unwrap_or(digits);
            return u64::from_str_radix(digits, 16).unwrap_or(PULLED);
        }
        let name = normal(image);
        let published = self.lock().published.get(&name).copied().unwrap_or(0);
        let letters = name.bytes().fold(u64::from(published), |sum, byte| {
            sum.wrapping_mul(1_099_511_628_211).wrapping_add(u64::from(byte))
        });
        PULLED + letters % PULLED
    }

    /// `image` exists again.
    pub fn mark_present(&self, image: &str) {
        self.lock().missing.remove(&normal(image));
    }

    /// Images whose name begins with `prefix` need these credentials.
    pub fn require_login(&self, prefix: &str, username: &str, password: &str) {
        let login = (username.to_owned(), password.to_owned());
        self.lock().private.insert(prefix.to_owned(), login);
    }

    /// Whether a registry lets somebody in. One that asks for no login lets everybody in.
    pub(super) fn login(&self, auth: &RegistryAuth) -> Result<(), EngineError> {
        let rules = self.lock();
        let of = |prefix: &str| prefix.split('/').next() == Some(auth.server.as_str());
        let private = rules.private.iter().find(|(prefix, _)| of(prefix));
        match private {
            Some((_, (username, password)))
                if auth.username != *username || auth.password != *password =>
            {
                Err(EngineError::LoginRefused {
                    server: auth.server.clone(),
                    username: auth.username.clone(),
                    detail: "unauthorized: authentication required".to_owned(),
                })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Whether a pull is answered with layers.
    pub(super) fn check(
        &self,
        image: &str,
        auth: Option<&RegistryAuth>,
    ) -> Result<(), EngineError> {
        let rules = self.lock();
        let private = rules.private.iter().find(|(prefix, _)| image.starts_with(prefix.as_str()));
        if let Some((_, (username, password))) = private
            && !auth.is_some_and(|auth| auth.username == *username && auth.password == *password)
        {
            let detail = "unauthorized: authentication required".to_owned();
            return Err(EngineError::PullDenied { image: image.to_owned(), detail });
        }
        if rules.missing.contains(&normal(image)) || rules.withdrawn.contains(image) {
            let detail = format!("manifest for {image} not found: manifest unknown");
            return Err(EngineError::ImageNotFound { image: image.to_owned(), detail });
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `nginx` and `nginx:latest` are the same image.
pub(super) fn normal(image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or(image);
    if last.contains([':', '@']) { image.to_owned() } else { format!("{image}:latest") }
}

/// The id of a content of an image.
pub(super) fn image_id(image: &str, content: u64) -> String {
    let name = hex::encode(repository(image).bytes().take(24).collect::<Vec<u8>>());
    format!("sha256:{content:016x}{name:0<48}")
}

/// The name by content of what came from a registry.
pub(super) fn digest(image: &str, content: u64) -> Option<String> {
    (content >= PULLED).then(|| format!("{}@sha256:{content:016x}{:048}", repository(image), 0))
}

/// A name without tag and digest.
fn repository(image: &str) -> &str {
    let name = image.split('@').next().unwrap_or(image);
    let after_host = name.rfind('/').map_or(0, |slash| slash + 1);
    match name.get(after_host..).and_then(|last| last.find(':')) {
        Some(colon) => name.get(..after_host + colon).unwrap_or(name),
        None => name,
    }
}

/// The steps of a pull. How large an image is follows from its name alone.
pub(super) fn steps(image: &str) -> impl Iterator<Item = PullProgress> {
    let image = image.to_owned();
    let letters = image.bytes().fold(7_u64, |sum, byte| sum * 31 % 9973 + u64::from(byte));
    let layers = 2 + usize::try_from(letters % 4).unwrap_or(0);
    let bytes = 1_000_000 + letters * 10_000;
    (0..=layers).map(move |layers_done| PullProgress {
        image: image.clone(),
        layers_done,
        layers,
        bytes_done: bytes * (layers_done as u64) / (layers as u64),
        bytes,
    })
}
