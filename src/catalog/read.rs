//! From the files of a catalog to its templates. What cannot be read is left out and said.

use std::collections::BTreeMap;

use super::template::{Icon, Template, Version};
use super::tree::Tree;
use super::version::compare;
use crate::compose::about::{self, About, Entries, Entry};

/// Versions of one template that are kept.
const MAX_VERSIONS: usize = 1_000;
/// Letters of a name of a template.
const MAX_NAME: usize = 128;

/// Whether a top-level folder holds templates: `templates`, `infra-templates`, ...
pub fn holds_templates(folder: &str) -> bool {
    base_of(folder).is_some()
}

/// What kind of stacks the templates of a folder are for; `None` for a folder without templates.
fn base_of(folder: &str) -> Option<&str> {
    match folder.strip_suffix("templates")? {
        "" => Some(""),
        base => base.strip_suffix('-').filter(|base| is_word(base)),
    }
}

/// Names become parts of ids, whose own signs they must not have.
fn is_word(name: &str) -> bool {
    let letters = |c: char| c.is_alphanumeric() || "-_.+~@ ()".contains(c);
    !name.is_empty()
        && name.chars().count() <= MAX_NAME
        && name.chars().all(letters)
        && !name.starts_with('.')
}

/// Files of a template: its own, and those of its versions.
#[derive(Default)]
struct Files<'a> {
    own: BTreeMap<&'a str, &'a [u8]>,
    versions: BTreeMap<&'a str, BTreeMap<&'a str, &'a [u8]>>,
}

/// The templates of a tree, sorted by kind and folder.
pub fn templates(tree: &Tree, problems: &mut Vec<String>) -> Vec<Template> {
    let mut found: BTreeMap<(&str, &str), Files<'_>> = BTreeMap::new();
    for (path, bytes) in &tree.files {
        let mut parts = path.splitn(4, '/');
        let (Some(top), Some(folder), Some(third)) = (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let Some(base) = base_of(top) else { continue };
        if !is_word(folder) {
            problems.push(format!("`{top}/{folder}`: a template cannot be called so"));
            continue;
        }
        let files = found.entry((base, folder)).or_default();
        match parts.next() {
            None => {
                files.own.insert(third, bytes);
            }
            Some(name) => {
                files.versions.entry(third).or_default().insert(name, bytes);
            }
        }
    }
    problems.dedup();
    let mut templates = Vec::new();
    for ((base, folder), files) in found {
        let template = template(base, folder, &files, problems);
        match template.versions.is_empty() {
            true => problems.push(format!("`{}` has no version", template.key())),
            false => templates.push(template),
        }
    }
    templates
}

fn template(base: &str, folder: &str, files: &Files<'_>, problems: &mut Vec<String>) -> Template {
    let mut template =
        Template { base: base.to_owned(), folder: folder.to_owned(), ..Template::default() };
    let config = ["config.yml", "config.yaml", "template.yml"]
        .iter()
        .find_map(|name| Some((*name, files.own.get(name)?)));
    if let Some((name, bytes)) = config {
        match about::entries(name, bytes) {
            Ok(entries) => describe(&mut template, &entries),
            Err(why) => problems.push(format!("`{}`: {why}", template.key())),
        }
    }
    if template.name.is_empty() {
        folder.clone_into(&mut template.name);
    }
    let is_icon = |name: &&&str| name.starts_with("catalogIcon") || name.starts_with("icon");
    template.icon = files
        .own
        .iter()
        .find(|file| is_icon(&file.0))
        .map(|(name, bytes)| Icon { name: (*name).to_owned(), bytes: bytes.to_vec() });
    template.readme = readme(&files.own);
    for (folder, files) in files.versions.iter().take(MAX_VERSIONS) {
        match version(folder, files) {
            Ok(version) => template.versions.extend(version),
            Err(why) => problems.push(format!("`{}:{folder}`: {why}", template.key())),
        }
    }
    template
        .versions
        .sort_by(|a, b| compare(&a.version, &b.version).then_with(|| a.revision.cmp(&b.revision)));
    template
}

fn describe(template: &mut Template, entries: &Entries) {
    let get = |key: &str| entries.get(key).map(|entry| entry.text().trim().to_owned());
    let text = |key: &str| get(key).unwrap_or_default();
    template.name = text("name");
    template.description = text("description");
    template.default = get("version").or_else(|| get("defaultVersion")).unwrap_or_default();
    template.license = text("license");
    template.maintainer = text("maintainer");
    template.project_url = get("projectURL")
        .or_else(|| get("project_url"))
        .filter(|url| is_link(url))
        .unwrap_or_default();
    template.is_system = get("isSystem").or_else(|| get("is_system")).unwrap_or_default();
    let list = |key: &str| entries.get(key).map(Entry::list).unwrap_or_default();
    template.categories = list("category");
    template.categories.extend(list("categories"));
    template.categories.dedup();
    if let Some(Entry::Map(labels)) = entries.get("labels") {
        template.labels.clone_from(labels);
    }
}

/// Whether an address is one that a page may lead to.
fn is_link(address: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| address.starts_with(scheme))
}

fn readme(files: &BTreeMap<&str, &[u8]>) -> Option<String> {
    let found = files.iter().find(|file| file.0.eq_ignore_ascii_case("readme.md"));
    found.map(|file| String::from_utf8_lossy(file.1).into_owned())
}

/// One version; nothing for a folder that is none.
fn version(folder: &str, files: &BTreeMap<&str, &[u8]>) -> Result<Option<Version>, String> {
    let revision = folder.parse::<u32>().ok();
    let is_version = folder.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit());
    if revision.is_none() && (!is_version || !is_word(folder)) {
        return Ok(None);
    }
    let about = about_of(files)?;
    let own = if revision.is_none() { folder } else { "" };
    let version = if about.version.trim().is_empty() { own } else { about.version.trim() };
    if version.is_empty() {
        return Err("it does not say which version it is".to_owned());
    }
    if version.contains([':', '/', '\\', '\0']) {
        return Err(format!("`{version}` is not a version"));
    }
    let texts = files.iter().filter_map(|(name, bytes)| {
        Some(((*name).to_owned(), std::str::from_utf8(bytes).ok()?.to_owned()))
    });
    Ok(Some(Version {
        revision,
        version: version.to_owned(),
        minimum_rancher_version: about.minimum_rancher_version,
        maximum_rancher_version: about.maximum_rancher_version,
        upgrade_from: about.upgrade_from,
        labels: about.labels,
        readme: readme(files),
        files: texts.collect(),
        questions: about.questions,
    }))
}

fn about_of(files: &BTreeMap<&str, &[u8]>) -> Result<About, String> {
    if let Some(bytes) = files.get("template-version.yml") {
        return about::about_alone("template-version.yml", bytes);
    }
    for name in ["rancher-compose.yml", "rancher-compose.yml.tpl", "compose.yml"] {
        if let Some(bytes) = files.get(name) {
            return about::about(name, bytes);
        }
    }
    Ok(About::default())
}
