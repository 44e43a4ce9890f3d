//! Balancers: HAProxy in the containers of a `loadBalancerService`.
//!
//! A container starts with the configuration of that moment; afterwards `instance.update` brings it a
//! new one, which HAProxy itself has to find valid first: a wrong one is refused with its own words, and
//! the old one keeps running. HAProxy takes a new configuration over without dropping a connection.

mod facts;
mod trial;

pub use trial::{Trial, refusal};

pub use facts::{balancer, balancers, forget, is_balanced, is_balancer, with_certificate};

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::configs::{Item, Status};
use super::instance::engine_of;
use super::secrets;
use super::step::{Failure, Next, Outcome, StepFuture, Work};
use crate::balancer::{self, CERTIFICATES};
use crate::engine::error::Transient;
use crate::engine::{Engine, EngineError, ExecSpec, SecretFile};
use crate::error::Result;
use crate::model::id;
use crate::model::launch::bare;
use crate::model::resource::Resource;
use crate::store::{Query, Read};
use crate::vault::Vault;

/// The setting that names the image of balancers whose service asks for one of Rancher's own.
const IMAGE_SETTING: &str = "lb.haproxy.image";
/// Images of Rancher's balancers: a program around HAProxy that asks a server of Rancher's.
pub const RANCHERS: &[&str] = &["rancher/lb-service-", "rancher/load-balancer-service"];
/// Where the configuration is in the container.
const FOLDER: &str = "ranchette";
/// The file with the configuration that HAProxy runs with.
const APPLIED_FILE: &str = "haproxy.cfg";
/// The field that remembers which configuration a container has.
const HASH: &str = "lbHash";
/// The field that remembers the frame of the last one that HAProxy found valid.
const FRAME: &str = "lbFrame";
/// The field that remembers when it got it.
pub(super) const APPLIED: &str = "lbApplied";
/// The file that says which certificates there are.
const LIST: &str = "list.txt";
/// How much of HAProxy's words is kept, in bytes.
const WORDS: usize = 2000;

/// Adds the check that Rancher gives balancers which bring none: HAProxy answers on port 42.
pub fn default_check(launch: &mut Map<String, Value>) {
    if launch.get("healthCheck").is_some_and(|check| !check.is_null()) {
        return;
    }
    let check = json!({
        "port": 42, "interval": 2000, "responseTimeout": 2000,
        "healthyThreshold": 2, "unhealthyThreshold": 3,
        "initializingTimeout": 60_000, "reinitializingTimeout": 60_000,
    });
    launch.insert("healthCheck".to_owned(), check);
}

/// What tells one configuration from another.
pub fn hash(configuration: &str) -> String {
    hex::encode(Sha256::digest(configuration))
}

/// HAProxy's configuration for a container of a balancer, as its targets are now.
///
/// # Errors
/// When the database fails.
pub fn configuration(read: &Read<'_>, service: &Resource, container: &Resource) -> Result<String> {
    Ok(balancer::configuration(&wanted(read, service, container)?))
}

/// A balancer as one of its containers ought to be.
fn wanted(read: &Read<'_>, service: &Resource, container: &Resource) -> Result<balancer::Balancer> {
    facts::balancer_at(read, service, facts::place(service, container))
}

/// Hashes of the configurations that the containers of a balancer ought to have, each worked out once.
pub struct Hashes<'a> {
    read: &'a Read<'a>,
    service: &'a Resource,
    known: HashMap<Option<i64>, String>,
}

impl<'a> Hashes<'a> {
    /// Of a balancer as it is now.
    pub fn of(read: &'a Read<'a>, service: &'a Resource) -> Self {
        Self { read, service, known: HashMap::new() }
    }

    /// That of one of its containers.
    ///
    /// # Errors
    /// When the database fails.
    pub fn wanted(&mut self, container: &Resource) -> Result<&str> {
        let hash = match self.known.entry(facts::place(self.service, container)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                new.insert(hash(&configuration(self.read, self.service, container)?))
            }
        };
        Ok(hash)
    }
}

/// Whether a container has another configuration than this.
pub fn differs(container: &Resource, hash: &str) -> bool {
    container.str(HASH) != Some(hash)
}

/// The service a container balances for, if it does.
pub(super) fn service_of(read: &Read<'_>, container: &Resource) -> Result<Option<Resource>> {
    let Some(id) = container.int("serviceId") else { return Ok(None) };
    Ok(read.get(id)?.filter(is_balancer))
}

/// What a balancer's container is launched with besides what its service says.
pub(super) struct Launch {
    /// Configuration.
    pub text: String,
    /// Image, if another than the service's.
    pub image: Option<String>,
}

/// The files with a balancer's certificates, keys and all, and one that says which there are: it is
/// always there, so that certificates can come later.
///
/// # Errors
/// When the database fails, or a key cannot be opened.
pub(super) fn certificate_files(
    read: &Read<'_>,
    vault: &Vault,
    service: &Resource,
) -> Result<Vec<SecretFile>> {
    let file = |name: &str, content: Vec<u8>| SecretFile {
        path: format!("{CERTIFICATES}/{name}"),
        uid: 0,
        gid: 0,
        // HAProxy may run as another user, and nobody else is in its container.
        mode: 0o444,
        content,
    };
    let mut files = Vec::new();
    let mut names = String::new();
    for certificate in facts::certificates(read, service)? {
        let text = |field: &str| certificate.str(field).unwrap_or_default().trim().to_owned();
        let key = secrets::unseal(vault, &certificate, secrets::KEY)?;
        let content = [text("cert").as_bytes(), text("certChain").as_bytes(), &key].join(&b'\n');
        let name = facts::file_name(&certificate);
        names.push_str(&format!("{name} {}\n", certificate.display_name()));
        files.push(file(&name, content));
    }
    files.push(file(LIST, names.into_bytes()));
    Ok(files)
}

/// Whether files of a container hold secrets, and not only the list of a balancer that has none.
pub(super) fn holds_secrets(files: &[SecretFile]) -> bool {
    files.iter().any(|file| file.path != format!("{CERTIFICATES}/{LIST}"))
}

/// How the container of a balancer is launched.
pub(super) fn launch(read: &Read<'_>, service: &Resource, container: &Resource) -> Result<Launch> {
    let image = image(read, container.str("imageUuid").unwrap_or_default())?;
    Ok(Launch { text: configuration(read, service, container)?, image })
}

/// The image to take in the place of one of Rancher's own.
fn image(read: &Read<'_>, asked: &str) -> Result<Option<String>> {
    match RANCHERS.iter().any(|own| bare(asked).starts_with(own)) {
        true => Ok(read.setting(IMAGE_SETTING)?.map(|image| format!("docker:{image}"))),
        false => Ok(None),
    }
}

impl Launch {
    /// Changes a container's fields accordingly.
    pub(super) fn put(&self, fields: &mut Map<String, Value>) {
        if let Some(image) = &self.image {
            fields.insert("imageUuid".to_owned(), image.clone().into());
        }
        let command = ["haproxy", "-W", "-db", "-f", "/ranchette/haproxy.cfg"];
        fields.insert("command".to_owned(), json!(command));
    }

    /// The container's files, as entries of its field `files`.
    pub(super) fn files(&self) -> Value {
        use base64::Engine as _;
        let content = base64::engine::general_purpose::STANDARD.encode(&self.text);
        json!({ "path": format!("/{FOLDER}/{APPLIED_FILE}"), "content": content, "mode": 0o444 })
    }
}

/// What balancers' containers ought to have and have.
pub fn config_item() -> Item {
    Item { name: "haproxy", look: Arc::new(statuses) }
}

/// The version of a configuration with this hash.
fn version(hash: &str) -> i64 {
    id::of_text(&["haproxy", hash])
}

fn statuses(read: &Read<'_>) -> Result<Vec<Status>> {
    let kinds = vec!["loadBalancerService"];
    let query = Query { ty: "service", kinds, limit: usize::MAX >> 1, ..Query::default() };
    let mut found = Vec::new();
    for service in read.list(&query)? {
        let containers = read.referrers("instance", "serviceId", service.id)?;
        let mut hashes = Hashes::of(read, &service);
        for container in &containers {
            found.push(Status {
                applied: container.str(HASH).map(version),
                applied_at: container.int(APPLIED),
                ..Status::of(container, version(hashes.wanted(container)?))
            });
        }
    }
    Ok(found)
}

/// The step of `instance.update`: nothing to do but for a balancer with an old configuration.
pub(super) fn configure(work: Work) -> StepFuture {
    Box::pin(async move {
        let read = work.site.store.read(|read| {
            let Some(service) = service_of(read, &work.resource)? else { return Ok(None) };
            let balancer = wanted(read, &service, &work.resource)?;
            let files = certificate_files(read, &work.site.vault, &service)?;
            Ok(Some((service.id, balancer, files)))
        })?;
        let Some((service, balancer, files)) = read else { return Ok(Outcome::Pass) };
        let text = balancer::configuration(&balancer);
        let hash = hash(&text);
        let Some(container) = work.resource.str("externalId").map(str::to_owned) else {
            return Ok(Outcome::Pass);
        };
        if !differs(&work.resource, &hash) {
            return Ok(Outcome::Pass);
        }
        let frame = self::hash(&balancer::frame(&balancer));
        let is_known = work.resource.str(FRAME) == Some(frame.as_str());
        let host = engine_of(&work)?;
        if holds_secrets(&files) {
            host.engine.secrets_put(&work.resource.uuid, &files).await?;
        }
        let refusal = bring(&*host.engine, &container, &text, is_known).await?;
        let frame = refusal.is_none().then_some(frame);
        let complaint = refusal.or_else(|| balancer::unserved(&balancer));
        Outcome::commit(move |tx, work| {
            let now = tx.now;
            tx.update(work.resource.id, |row| {
                row.set(HASH, hash);
                row.set(FRAME, frame);
                row.set(APPLIED, now);
                Ok(())
            })?;
            tx.update(service, |row| {
                row.set("lbRefusal", complaint);
                Ok(())
            })?;
            Ok(Next::Finish)
        })
    })
}

/// Puts a configuration into a running container; HAProxy's words if it refuses it. It is not
/// asked if it knows all but the servers: a new one has to be known soon.
async fn bring(
    engine: &dyn Engine,
    container: &str,
    text: &str,
    is_known: bool,
) -> Result<Option<String>, Failure> {
    if !is_known {
        engine.upload(container, "/", archive("next.cfg", text)?).await?;
        let check = ["haproxy", "-c", "-f", "/ranchette/next.cfg"];
        if let Some(words) = failing(engine, container, &check).await? {
            return Ok(Some(words));
        }
    }
    engine.upload(container, "/", archive(APPLIED_FILE, text)?).await?;
    engine.kill(container, "SIGUSR2").await?;
    Ok(None)
}

fn archive(name: &str, text: &str) -> Result<Bytes, Failure> {
    let pack = || -> std::io::Result<Vec<u8>> {
        let mut archive = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o444);
        archive.append_data(&mut header, format!("{FOLDER}/{name}"), text.as_bytes())?;
        archive.into_inner()
    };
    pack().map(Bytes::from).map_err(|error| Failure {
        message: format!("cannot pack the balancer's configuration: {error}"),
        retry: super::step::Retry::Never,
    })
}

/// What a command in a container wrote, if it failed.
async fn failing(
    engine: &dyn Engine,
    container: &str,
    command: &[&str],
) -> Result<Option<String>, EngineError> {
    let command = command.iter().map(|word| (*word).to_owned()).collect();
    let mut session = engine.exec(container, &ExecSpec { command, ..ExecSpec::default() }).await?;
    let mut words = Vec::new();
    while let Some(chunk) = session.output.next().await {
        let chunk = chunk?;
        let room = WORDS.saturating_sub(words.len()).min(chunk.bytes.len());
        words.extend_from_slice(chunk.bytes.get(..room).unwrap_or_default());
    }
    match engine.exec_exit_code(&session.id).await? {
        Some(0) => Ok(None),
        Some(_) => Ok(Some(self::words(&String::from_utf8_lossy(&words)))),
        // Its output has ended, and the engine does not know yet how it went: no word of HAProxy's.
        None => Err(EngineError::Other {
            what: "the check of a balancer's configuration".to_owned(),
            detail: "how it ended is not known yet".to_owned(),
            transient: Transient::Yes,
        }),
    }
}

/// A refusal in HAProxy's own words.
fn words(said: &str) -> String {
    let end = said.floor_char_boundary(WORDS);
    format!("HAProxy refuses the configuration: {}", said.get(..end).unwrap_or_default().trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_missing_check_is_added() {
        let mut launch = Map::new();
        default_check(&mut launch);
        assert_eq!(launch["healthCheck"]["port"], 42);
        let own = json!({ "port": 80 });
        launch.insert("healthCheck".to_owned(), own.clone());
        default_check(&mut launch);
        assert_eq!(launch["healthCheck"], own);
    }
}
