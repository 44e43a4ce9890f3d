//! Templates and their versions, as they were read.

use std::collections::BTreeMap;

use super::version::{between, compare, satisfies};
use crate::compose::about::Question;

/// A picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Icon {
    /// Its file's name.
    pub name: String,
    pub bytes: Vec<u8>,
}

impl Icon {
    /// The media type, by the end of the name.
    pub fn media(&self) -> &'static str {
        const MEDIA: &[(&str, &str)] = &[
            ("svg", "image/svg+xml"),
            ("png", "image/png"),
            ("jpg", "image/jpeg"),
            ("jpeg", "image/jpeg"),
            ("gif", "image/gif"),
            ("ico", "image/x-icon"),
            ("webp", "image/webp"),
        ];
        let end = self.name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
        MEDIA.iter().find(|row| row.0 == end).map_or("application/octet-stream", |row| row.1)
    }
}

/// A template: what is the same in all its versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    /// What kind of stack it is for: nothing for those of people, `infra`, `machine`, ...
    pub base: String,
    /// Its folder's name.
    pub folder: String,
    pub name: String,
    pub description: String,
    pub categories: Vec<String>,
    /// The version that is offered first, as the template says; see [`Template::default_version`].
    pub default: String,
    pub license: String,
    pub maintainer: String,
    pub project_url: String,
    pub is_system: String,
    pub labels: BTreeMap<String, String>,
    pub icon: Option<Icon>,
    pub readme: Option<String>,
    /// The oldest first.
    pub versions: Vec<Version>,
}

/// One version of a template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// The number that its folder is called by, for those that are.
    pub revision: Option<u32>,
    pub version: String,
    pub minimum_rancher_version: String,
    pub maximum_rancher_version: String,
    pub upgrade_from: String,
    pub labels: BTreeMap<String, String>,
    pub readme: Option<String>,
    /// Text by name.
    pub files: BTreeMap<String, String>,
    pub questions: Vec<Question>,
}

impl Template {
    /// What it is called inside its catalog: `gitea`, `infra*dns`.
    pub fn key(&self) -> String {
        if self.base.is_empty() {
            self.folder.clone()
        } else {
            format!("{}*{}", self.base, self.folder)
        }
    }

    /// The version that is offered first: the one the template names, else the greatest.
    pub fn default_version(&self) -> Option<&Version> {
        let named = self.versions.iter().find(|version| version.version == self.default);
        named.or_else(|| self.versions.last())
    }

    /// A version by its revision or its own name.
    pub fn version(&self, word: &str) -> Option<&Version> {
        match word.parse::<u32>() {
            Ok(number) => self.versions.iter().find(|version| version.revision == Some(number)),
            Err(_) => self.versions.iter().find(|version| version.version == word),
        }
    }

    /// The versions that a stack of one may be upgraded to on a server of this version.
    pub fn upgrades(&self, from: &Version, server: &str) -> impl Iterator<Item = &Version> {
        self.versions.iter().filter(move |to| {
            let allowed = to.upgrade_from.is_empty()
                || satisfies(&from.version, &to.upgrade_from) == Some(true);
            compare(&to.version, &from.version).is_gt() && to.suits(server) && allowed
        })
    }
}

impl Version {
    /// What it is called inside its template: the number of its folder, else the version.
    pub fn key(&self) -> String {
        self.revision.map_or_else(|| self.version.clone(), |number| number.to_string())
    }

    /// Whether it is for servers of this version.
    pub fn suits(&self, server: &str) -> bool {
        between(&self.minimum_rancher_version, server, &self.maximum_rancher_version)
    }

    /// The text of its compose file, whichever name it has.
    pub fn compose(&self) -> Option<&str> {
        const NAMES: &[&str] = &["docker-compose.yml", "docker-compose.yml.tpl", "compose.yml"];
        let text = |name: &&str| self.files.get(*name).map(String::as_str);
        NAMES.iter().filter_map(text).find(|text| !text.trim().is_empty())
    }
}

/// An id taken apart: catalog, key of the template, key of the version if it has one.
pub fn parse_id(id: &str) -> Option<(&str, &str, Option<&str>)> {
    let id = id.strip_prefix("catalog://").unwrap_or(id);
    let mut parts = id.splitn(3, ':');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(catalog), Some(template), version) if !catalog.is_empty() => {
            Some((catalog, template, version))
        }
        _ => None,
    }
}
