//! The images that containers of a version ran, and where they still are.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::super::site::{HostEngine, Site};
use super::super::step::Work;
use super::super::tasks::{Every, Found, Task};
use super::{VERSION, put};
use crate::error::Result;
use crate::model::launch::bare;
use crate::model::resource::Resource;
use crate::store::{After, Order, Query};

/// Number of the job.
const LOOK_ID: i64 = 32;
/// The setting: seconds between two looks.
const SCHEDULE: &str = "service.versions.images.schedule";
/// Versions that are read at a time.
const PAGE: usize = 200;
/// Most hosts that are named for an image.
const MOST_HOSTS: usize = 16;

/// What a container really runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ran {
    /// The engine's id of the image.
    pub image_id: String,
    /// Its name by content, `name@sha256:..`, if it came from a registry.
    pub digest: Option<String>,
}

/// An image of a version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// The launch configuration; `None` is the primary.
    pub config: Option<String>,
    /// The name that was asked for.
    pub image: String,
    /// What it was.
    pub ran: Ran,
    /// Hosts that have it.
    pub hosts: Vec<i64>,
}

impl Image {
    fn from(value: &Value) -> Option<Self> {
        let text = |field: &str| value.get(field).and_then(Value::as_str).map(str::to_owned);
        let hosts = value.get("hostIds").and_then(Value::as_array).into_iter().flatten();
        Some(Self {
            config: text("launchConfigName"),
            image: text("image")?,
            ran: Ran { image_id: text("imageId")?, digest: text("digest") },
            hosts: hosts.filter_map(Value::as_i64).collect(),
        })
    }

    /// Those of a version.
    pub fn all(version: &Resource) -> Vec<Self> {
        version.list("images").iter().filter_map(Self::from).collect()
    }

    /// As a version keeps them.
    pub fn list(images: Vec<Self>) -> Vec<Value> {
        let value = |image: Self| {
            json!({
                "launchConfigName": image.config,
                "image": image.image,
                "imageId": image.ran.image_id,
                "digest": image.ran.digest,
                "hostIds": image.hosts,
            })
        };
        images.into_iter().map(value).collect()
    }

    /// What an engine finds it by, whatever its name means by now.
    pub fn pinned(&self) -> &str {
        self.ran.digest.as_deref().unwrap_or(&self.ran.image_id)
    }
}

/// The images of one configuration of a version.
pub fn of_config(version: &Resource, config: Option<&str>) -> Vec<Image> {
    let mut images = Image::all(version);
    images.retain(|image| image.config.as_deref() == config);
    images
}

/// What an image that was seen means for a version.
#[derive(Debug, PartialEq, Eq)]
pub enum Noted {
    /// Nothing new.
    Same,
    /// The version knows more now.
    More(Vec<Image>),
    /// It is another image: a version of its own.
    Other {
        /// Its images.
        images: Vec<Image>,
        /// What differs.
        description: String,
    },
}

/// Notes the image of a container of a configuration that has started on a host. Pure.
pub fn note(known: &[Image], config: Option<&str>, image: &str, ran: &Ran, host: i64) -> Noted {
    let is_of = |one: &&Image| one.config.as_deref() == config;
    let new = || Image {
        config: config.map(str::to_owned),
        image: image.to_owned(),
        ran: ran.clone(),
        hosts: vec![host],
    };
    let Some(before) = known.iter().rfind(is_of) else {
        return Noted::More(known.iter().cloned().chain([new()]).collect());
    };
    if known.iter().any(|one| is_of(&one) && one.ran.image_id == ran.image_id) {
        let mut images = known.to_vec();
        for one in images.iter_mut().filter(|one| one.config.as_deref() == config) {
            if one.ran.image_id == ran.image_id {
                add(&mut one.hosts, host);
                one.ran.digest = one.ran.digest.take().or_else(|| ran.digest.clone());
            }
        }
        return if images == known { Noted::Same } else { Noted::More(images) };
    }
    let whose = config.map_or_else(String::new, |name| format!("sidekick {name}: "));
    let description = format!(
        "{whose}image {image} is another: {} instead of {}",
        short(&ran.image_id),
        short(&before.ran.image_id)
    );
    // Where other hosts still run the one before, it is part of this version, too.
    let mut images = known.to_vec();
    for one in images.iter_mut().filter(|one| one.config.as_deref() == config) {
        one.hosts.retain(|other| *other != host);
    }
    images.retain(|one| !is_of(&one) || !one.hosts.is_empty());
    images.push(new());
    Noted::Other { images, description }
}

/// The images of a version when a host is known to have one of them; `None` if that was known.
pub fn found_on(known: &[Image], image_id: &str, host: i64) -> Option<Vec<Image>> {
    let mut images = known.to_vec();
    for one in images.iter_mut().filter(|one| one.ran.image_id == image_id) {
        add(&mut one.hosts, host);
    }
    (images != known).then_some(images)
}

fn add(hosts: &mut Vec<i64>, host: i64) {
    if hosts.len() < MOST_HOSTS && !hosts.contains(&host) {
        hosts.push(host);
    }
}

/// The beginning of an id, as people know images by it.
pub fn short(image_id: &str) -> &str {
    let hex = image_id.strip_prefix("sha256:").unwrap_or(image_id);
    hex.get(..12).unwrap_or(hex)
}

/// Asks the engine what a container of a service runs. That it cannot say now must not keep the container from
/// running: the next start asks again.
pub async fn look(work: &Work, host: &HostEngine, container: &str) -> Option<Ran> {
    let service = work.resource.int("serviceId")?;
    let image_id = host.engine.inspect(container).await.ok()??.image_id;
    if image_id.is_empty() {
        return None;
    }
    let known = work.site.store.read(|read| super::kept(read, service)).ok()?;
    let mut known = known.iter().rev().flat_map(Image::all);
    if let Some(known) = known.find(|one| one.ran.image_id == image_id) {
        return Some(known.ran);
    }
    let digests = host.engine.image_digests(&image_id).await.unwrap_or_default();
    let asked = bare(work.resource.str("imageUuid").unwrap_or_default());
    Some(Ran { digest: digest_of(asked, digests), image_id })
}

/// The name by content that goes with a name: that of the same repository, else any.
fn digest_of(image: &str, digests: Vec<String>) -> Option<String> {
    let repository = repository(image);
    let own = digests.iter().find(|digest| digest.split('@').next() == Some(repository)).cloned();
    own.or_else(|| digests.into_iter().next())
}

/// A name without tag and digest.
fn repository(image: &str) -> &str {
    let name = image.split('@').next().unwrap_or(image);
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        Some(_) | None => name,
    }
}

/// The job that looks whether hosts still have the images of versions.
pub fn tasks() -> Vec<Task> {
    vec![Task::new(LOOK_ID, "service.versions.images", Every::Setting(SCHEDULE), look_for_them)]
}

async fn look_for_them(site: Arc<Site>) -> Result<Found> {
    let mut found = Found::Nothing;
    let mut there = BTreeMap::new();
    let mut after = None;
    loop {
        let page = Query {
            ty: VERSION,
            order: Order::Ascending,
            after: after.take(),
            limit: PAGE,
            ..Query::default()
        };
        let versions = site.store.read(|read| read.list(&page))?;
        let Some(last) = versions.last() else { return Ok(found) };
        after = Some(After { value: Value::Null, id: last.id.into() });
        for version in &versions {
            let known = Image::all(version);
            let images = still_there(&site, known.clone(), &mut there).await;
            if images != known {
                found = Found::Work;
                let (id, known) = (version.id, known);
                let changed = move |tx: &mut crate::store::Tx<'_>| match tx.get(id)? {
                    Some(row) if Image::all(&row) == known => put(tx, id, images),
                    Some(_) | None => Ok(()),
                };
                site.store.write(changed).await?;
            }
        }
    }
}

/// Images without the hosts that have them no more. A host that cannot be asked keeps what it had.
async fn still_there(
    site: &Site,
    mut images: Vec<Image>,
    there: &mut BTreeMap<(i64, String), bool>,
) -> Vec<Image> {
    for image in &mut images {
        let mut hosts = Vec::new();
        for host in &image.hosts {
            let key = (*host, image.ran.image_id.clone());
            let has = match there.get(&key) {
                Some(has) => *has,
                None => {
                    let has = match site.engines.get(*host) {
                        Some(host) => !matches!(host.engine.image_id(&key.1).await, Ok(None)),
                        None => true,
                    };
                    there.insert(key, has);
                    has
                }
            };
            if has {
                hosts.push(*host);
            }
        }
        image.hosts = hosts;
    }
    images
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(id: &str) -> Ran {
        Ran { image_id: id.to_owned(), digest: None }
    }

    fn image(config: Option<&str>, id: &str, hosts: &[i64]) -> Image {
        Image {
            config: config.map(str::to_owned),
            image: "web:1".to_owned(),
            ran: ran(id),
            hosts: hosts.to_vec(),
        }
    }

    #[test]
    fn the_first_container_fills_the_version_in_and_the_next_says_nothing_new() {
        let Noted::More(first) = note(&[], None, "web:1", &ran("a"), 1) else { panic!("more") };
        assert_eq!(first, [image(None, "a", &[1])]);
        assert_eq!(note(&first, None, "web:1", &ran("a"), 1), Noted::Same);
        let second = note(&first, None, "web:1", &ran("a"), 2);
        assert_eq!(second, Noted::More(vec![image(None, "a", &[1, 2])]));
    }

    #[test]
    fn another_image_under_the_name_is_a_version_of_its_own() {
        let known = [image(None, "a", &[1]), image(Some("logs"), "l", &[1])];
        let images = vec![image(Some("logs"), "l", &[1]), image(None, "b", &[1])];
        let description = "image web:1 is another: b instead of a".to_owned();
        let expect = Noted::Other { images, description };
        assert_eq!(note(&known, None, "web:1", &ran("b"), 1), expect);
    }

    #[test]
    fn hosts_with_different_images_do_not_take_turns() {
        let known = [image(None, "a", &[1, 2])];
        let Noted::Other { images, .. } = note(&known, None, "web:1", &ran("b"), 2) else {
            panic!("another image")
        };
        assert_eq!(images, [image(None, "a", &[1]), image(None, "b", &[2])]);
        assert_eq!(note(&images, None, "web:1", &ran("a"), 1), Noted::Same);
        assert_eq!(note(&images, None, "web:1", &ran("b"), 2), Noted::Same);
    }

    #[test]
    fn the_name_by_content_is_that_of_the_same_repository() {
        let digests = || vec!["other/web@sha256:1".to_owned(), "hub:5000/web@sha256:1".to_owned()];
        let check = |image, expect: &str| {
            assert_eq!(digest_of(image, digests()).as_deref(), Some(expect), "{image}");
        };
        check("hub:5000/web:2", "hub:5000/web@sha256:1");
        check("hub:5000/web", "hub:5000/web@sha256:1");
        check("hub:5000/web@sha256:1", "hub:5000/web@sha256:1");
        check("elsewhere", "other/web@sha256:1");
        assert_eq!(digest_of("web", Vec::new()), None);
    }

    #[test]
    fn ids_are_shortened() {
        assert_eq!(short("sha256:0123456789abcdef0123"), "0123456789ab");
        assert_eq!(short("sim:web:1"), "sim:web:1");
    }
}
