//! Catalogs, templates and their versions as JSON.

use serde_json::{Map, Value, json};

use crate::catalog::{Catalog, Scope, Template, Version};
use crate::compose::about::Question;
use crate::model::id;

/// What links and choices depend on.
pub struct View<'a> {
    /// The URL that everything is under.
    pub base: &'a str,
    /// The environment that the caller acts in, as an id.
    pub environment: Option<String>,
    /// The version of the server as the client gives it: what is not for it is left out.
    pub server: &'a str,
}

/// The id of a template.
pub fn template_id(catalog: &Catalog, template: &Template) -> String {
    format!("{}:{}", catalog.origin.name, template.key())
}

fn version_id(catalog: &Catalog, template: &Template, version: &Version) -> String {
    format!("{}:{}", template_id(catalog, template), version.key())
}

impl View<'_> {
    /// Where something of the collection `templates` is. Ids stay readable: only what ends a path is encoded.
    fn link(&self, id: &str) -> String {
        let mut link = format!("{}/templates/", self.base);
        for letter in id.chars() {
            match letter {
                ' ' => link.push_str("%20"),
                '%' => link.push_str("%25"),
                '?' => link.push_str("%3F"),
                '#' => link.push_str("%23"),
                other => link.push(other),
            }
        }
        link
    }

    /// A catalog.
    pub fn catalog(&self, catalog: &Catalog) -> Value {
        let origin = &catalog.origin;
        let own = format!("{}/catalogs/{}", self.base, origin.name);
        let environment = match origin.scope {
            Scope::Global => "global".to_owned(),
            Scope::Environment(account) => id::format("a", account),
        };
        let state = if catalog.failure.is_some() { "error" } else { "active" };
        json!({
            "id": origin.name,
            "type": "catalog",
            "baseType": "catalog",
            "links": { "self": own },
            "actions": {},
            "name": origin.name,
            "url": origin.place.to_string(),
            "branch": origin.place.branch(),
            "kind": "native",
            "commit": catalog.commit,
            "environmentId": environment,
            "state": state,
            "transitioning": if state == "error" { "error" } else { "no" },
            "transitioningMessage": catalog.failure,
            "templates": catalog.templates.len(),
            "problems": catalog.problems,
        })
    }

    /// A template; `None` when none of its versions is for the client's server.
    pub fn template(&self, catalog: &Catalog, template: &Template) -> Option<Value> {
        let id = template_id(catalog, template);
        let link_of = |version: &Version| self.link(&version_id(catalog, template, version));
        let visible = || template.versions.iter().filter(|version| version.suits(self.server));
        let versions: Map<String, Value> =
            visible().map(|version| (version.version.clone(), link_of(version).into())).collect();
        if versions.is_empty() {
            return None;
        }
        let own = self.link(&id);
        let mut links = Map::new();
        let mut put = |name: &str, link: String| links.insert(name.to_owned(), link.into());
        put("self", own.clone());
        put("icon", self.icon(&own));
        if template.readme.is_some() {
            put("readme", format!("{own}?readme"));
        }
        if !template.project_url.is_empty() {
            put("project", template.project_url.clone());
        }
        let default = template.default_version();
        if let Some(version) = default {
            put("defaultVersion", link_of(version));
        }
        let environment = match catalog.origin.scope {
            Scope::Global => "global".to_owned(),
            Scope::Environment(account) => id::format("a", account),
        };
        Some(json!({
            "id": id,
            "type": "template",
            "baseType": "template",
            "links": links,
            "actions": {},
            "name": template.name,
            "description": template.description,
            "category": template.categories.first().cloned().unwrap_or_default(),
            "categories": template.categories,
            "templateBase": template.base,
            "catalogId": catalog.origin.name,
            "environmentId": environment,
            "defaultVersion": default.map(|version| version.version.as_str()),
            "defaultTemplateVersionId":
                default.map(|version| version_id(catalog, template, version)),
            "folderName": template.folder,
            "iconFilename": template.icon.as_ref().map_or("", |icon| icon.name.as_str()),
            "isSystem": template.is_system,
            "labels": template.labels,
            "license": template.license,
            "maintainer": template.maintainer,
            "path": "",
            "projectURL": template.project_url,
            "upgradeFrom": "",
            "versionLinks": versions,
        }))
    }

    fn icon(&self, own: &str) -> String {
        format!("{own}?image&projectId={}", self.environment.as_deref().unwrap_or_default())
    }

    /// A version of a template.
    pub fn version(&self, catalog: &Catalog, template: &Template, version: &Version) -> Value {
        let id = version_id(catalog, template, version);
        let link_of = |version: &Version| self.link(&version_id(catalog, template, version));
        let whole = self.link(&template_id(catalog, template));
        let mut links = Map::new();
        let mut put = |name: &str, link: String| links.insert(name.to_owned(), link.into());
        put("self", self.link(&id));
        put("template", whole.clone());
        put("icon", self.icon(&whole));
        if version.readme.is_some() {
            put("readme", format!("{}?readme", self.link(&id)));
        } else if template.readme.is_some() {
            put("readme", format!("{whole}?readme"));
        }
        if !template.project_url.is_empty() {
            put("project", template.project_url.clone());
        }
        let upgrades: Vec<&Version> = template.upgrades(version, self.server).collect();
        let first = template.default_version().map(|default| default.version.as_str());
        let offered = upgrades.iter().find(|to| Some(to.version.as_str()) == first);
        if let Some(to) = offered.or(upgrades.last()) {
            put("defaultUpgradeVersion", link_of(to));
        }
        let upgrades: Map<String, Value> =
            upgrades.iter().map(|to| (to.version.clone(), link_of(to).into())).collect();
        json!({
            "id": id,
            "type": "templateVersion",
            "baseType": "templateVersion",
            "links": links,
            "actions": {},
            "version": version.version,
            "revision": version.revision,
            "files": version.files,
            "questions": version.questions.iter().map(question).collect::<Vec<_>>(),
            "bindings": {},
            "labels": version.labels,
            "templateId": template_id(catalog, template),
            "minimumRancherVersion": version.minimum_rancher_version,
            "maximumRancherVersion": version.maximum_rancher_version,
            "upgradeFrom": version.upgrade_from,
            "upgradeVersionLinks": upgrades,
        })
    }
}

/// Clients know a limit of 0 as none.
fn question(question: &Question) -> Value {
    json!({
        "variable": question.variable,
        "label": question.label,
        "description": question.description,
        "type": question.kind,
        "default": question.default,
        "required": question.required,
        "group": question.group,
        "min": question.min,
        "max": question.max,
        "minLength": question.min_length,
        "maxLength": question.max_length,
        "options": question.options,
        "validChars": question.valid_chars,
        "invalidChars": question.invalid_chars,
    })
}
