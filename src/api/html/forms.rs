//! The forms of a page: to filter a list, to create, to change, to act and to remove.
//!
//! Each offers what the caller's schema does, and no more; the server checks all of it again.

use serde_json::{Map, Value};

use super::escape;
use super::inputs::{self, Given};
use crate::api::call::Call;
use crate::api::deploy;
use crate::api::input::Purpose;
use crate::api::views::{View, Views};
use crate::auth::policy::{self, Verb};
use crate::model::lifecycle::{PURGED, REMOVED};
use crate::model::registry;
use crate::model::schema::Source;

/// What forms are made for.
pub struct Forms<'a> {
    /// The request that is answered by the page.
    pub call: &'a Call,
    /// What the caller sees.
    pub views: &'static Views,
    /// The CSRF value that forms repeat.
    pub proof: Option<&'a str>,
}

/// Writes the forms for an answer.
pub fn write(out: &mut String, forms: &Forms<'_>, answer: &Map<String, Value>) {
    let text = |name: &str| answer.get(name).and_then(Value::as_str);
    if text("type") == Some("collection") {
        if let Some(view) = text("resourceType").and_then(|ty| forms.views.by_any_name(ty)) {
            forms.filters(out, view, answer);
            forms.create(out, view, answer);
        }
    } else if let Some(view) = text("type").and_then(|ty| forms.views.by_any_name(ty))
        && let Some(own) = own_url(answer)
        && answer.get("id").is_some_and(Value::is_string)
    {
        forms.actions(out, view, answer, own);
        forms.update(out, view, answer, own);
    }
}

fn own_url(answer: &Map<String, Value>) -> Option<&str> {
    answer.get("links").and_then(|links| links.get("self")).and_then(Value::as_str)
}

impl Forms<'_> {
    fn may(&self, view: &View, verb: Verb) -> bool {
        policy::may(self.views.role, view.entry, verb)
    }

    /// A form that filters, sorts and cuts the list.
    fn filters(&self, out: &mut String, view: &View, answer: &Map<String, Value>) {
        let filters = answer.get("filters").and_then(Value::as_object);
        if filters.is_none_or(Map::is_empty) {
            return;
        }
        let params = &self.call.params;
        let given = |name: &str| params.get(name).unwrap_or("");
        let names: Vec<&str> = view.filters.iter().map(|filter| filter.name).collect();
        out.push_str("<form class=\"filters\" method=\"get\"><fieldset><legend>Filter</legend>\n");
        for name in ["name", "state", "kind"].into_iter().filter(|name| names.contains(name)) {
            let value = escape(given(name));
            out.push_str(&format!(
                "<label>{name} <input name=\"{name}\" value=\"{value}\"></label>\n"
            ));
        }
        let mut modifiers: Vec<&str> =
            view.filters.iter().flat_map(|filter| filter.kind.modifiers()).copied().collect();
        modifiers.sort_unstable();
        modifiers.dedup();
        select(out, "field", "_field", &names, "");
        select(out, "comparison", "_modifier", &modifiers, "eq");
        out.push_str("<label>value <input name=\"_value\"></label>\n");
        select(out, "sort", "sort", &names, given("sort"));
        select(out, "order", "order", &["asc", "desc"], given("order"));
        out.push_str(&format!(
            "<label>limit <input name=\"limit\" type=\"number\" value=\"{}\"></label>\n",
            escape(params.get("limit").unwrap_or("100"))
        ));
        // Filters that have no input of their own stay.
        let shown = ["name", "state", "kind", "sort", "order", "limit", "marker"];
        for (name, value) in params.pairs().iter().filter(|pair| !shown.contains(&&*pair.0)) {
            hidden(out, name, value);
        }
        out.push_str("<button>Show</button> ");
        out.push_str(&format!("<a href=\"{}\">All</a>\n", escape(&self.call.url)));
        out.push_str("</fieldset></form>\n");
    }

    /// A form for something new, where the caller may make it.
    fn create(&self, out: &mut String, view: &View, answer: &Map<String, Value>) {
        let own_list = self.call.segments.len() == 1;
        let preset = answer.get("createDefaults").and_then(Value::as_object);
        let below = preset.is_some_and(|preset| !preset.is_empty());
        let is_made = self.may(view, Verb::Create)
            && view.entry.ty.source != Source::Value
            && deploy::command(view).is_none();
        if !is_made || !(own_list || below) {
            return;
        }
        let fields = inputs::of(self.views, view.entry, Purpose::Create);
        let (first, more): (Vec<_>, Vec<_>) = fields
            .into_iter()
            .filter(|input| !preset.is_some_and(|preset| preset.contains_key(input.name)))
            .partition(|input| input.is_first());
        out.push_str(&format!("<details><summary>Create {}</summary>\n", escape(view.name)));
        self.begin(out, &self.call.url, None);
        hidden(out, "_form", "");
        self.fieldset(out, &first, &more, &Given::default());
        out.push_str("<button>Create</button></form>\n</details>\n");
    }

    /// A form with what the caller may change, filled in.
    fn update(&self, out: &mut String, view: &View, answer: &Map<String, Value>, own: &str) {
        let state = answer.get("state").and_then(Value::as_str);
        if !self.may(view, Verb::Update) || state == Some(REMOVED) || state == Some(PURGED) {
            return;
        }
        let fields = inputs::of(self.views, view.entry, Purpose::Update);
        if fields.is_empty() {
            return;
        }
        let given = Given::of(answer, &fields);
        let (first, more): (Vec<_>, Vec<_>) =
            fields.into_iter().partition(|input| input.is_first() || given.has(input.name));
        out.push_str("<details><summary>Change</summary>\n");
        self.begin(out, own, Some("PUT"));
        hidden(out, "_form", &given.names());
        self.fieldset(out, &first, &more, &given);
        out.push_str("<button>Save</button></form>\n</details>\n");
    }

    /// A button for each action, with a form where it takes something, and one to remove the resource.
    fn actions(&self, out: &mut String, view: &View, answer: &Map<String, Value>, own: &str) {
        let actions = answer.get(self.call.actions_key).and_then(Value::as_object);
        let offered: Vec<(&str, &str)> = actions
            .into_iter()
            .flatten()
            .filter_map(|(name, url)| Some((name.as_str(), url.as_str()?)))
            .collect();
        let may_delete = self.may(view, Verb::Delete);
        if offered.is_empty() && !may_delete {
            return;
        }
        out.push_str("<div class=\"actions\">\n");
        let mut longer = String::new();
        for (name, url) in offered {
            let declared = view.actions.iter().find(|own| own.action.name == name);
            let input = declared.and_then(|own| own.action.input).and_then(registry::lookup);
            let fields = input
                .map(|entry| inputs::of(self.views, entry, Purpose::Create))
                .unwrap_or_default();
            if fields.is_empty() {
                self.button(out, url, name, None);
                continue;
            }
            let name = escape(name);
            longer.push_str(&format!("<details><summary>{name}</summary>\n"));
            self.begin(&mut longer, url, None);
            hidden(&mut longer, "_form", "");
            self.fieldset(&mut longer, &fields, &[], &Given::default());
            longer.push_str(&format!("<button>{name}</button></form>\n</details>\n"));
        }
        if may_delete {
            self.button(out, own, "delete", Some("DELETE"));
        }
        out.push_str("</div>\n");
        out.push_str(&longer);
    }

    fn button(&self, out: &mut String, url: &str, name: &str, method: Option<&str>) {
        self.begin(out, url, method);
        out.push_str(&format!("<button>{}</button></form>\n", escape(name)));
    }

    /// The beginning of a form that is sent with its CSRF value.
    fn begin(&self, out: &mut String, url: &str, method: Option<&str>) {
        out.push_str(&format!("<form method=\"post\" action=\"{}\">", escape(url)));
        if let Some(proof) = self.proof {
            hidden(out, "CSRF", proof);
        }
        if let Some(method) = method {
            hidden(out, "_method", method);
        }
    }

    fn fieldset(
        &self,
        out: &mut String,
        first: &[inputs::Input],
        more: &[inputs::Input],
        given: &Given,
    ) {
        out.push_str("<fieldset>\n");
        for input in first {
            input.write(out, given);
        }
        out.push_str("</fieldset>\n");
        if !more.is_empty() {
            out.push_str("<details><summary>More fields</summary>\n<fieldset>\n");
            for input in more {
                input.write(out, given);
            }
            out.push_str("</fieldset>\n</details>\n");
        }
    }
}

fn hidden(out: &mut String, name: &str, value: &str) {
    let (name, value) = (escape(name), escape(value));
    out.push_str(&format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">"));
}

/// A choice of words, or of none.
pub(super) fn select(out: &mut String, label: &str, name: &str, words: &[&str], chosen: &str) {
    out.push_str(&format!("<label>{} <select name=\"{}\">", escape(label), escape(name)));
    if !words.contains(&chosen) {
        out.push_str("<option value=\"\"></option>");
    }
    for word in words {
        let mark = if *word == chosen { " selected" } else { "" };
        out.push_str(&format!("<option{mark}>{}</option>", escape(word)));
    }
    out.push_str("</select></label>\n");
}
