//! The paths of a document: what can be asked of each type, and what is answered.

use serde_json::{Map, Value, json};

use super::shapes::{DRY_RUN, Shapes, reference};
use super::sight::{Seen, Sight};
use crate::api::input::Purpose;
use crate::api::{deploy, hooks};
use crate::auth::policy::Verb;
use crate::model::registry;
use crate::model::schema::{Link, Source};

/// Sources whose resources are gone at once when they are removed: nothing is left to be answered.
const GONE_AT_ONCE: &[&str] = &["tokens"];

/// The paths so far.
pub struct Paths<'a> {
    sight: &'a Sight,
    paths: Map<String, Value>,
    /// Parameters by which lists are filtered, by name: the same name means the same everywhere.
    filters: Map<String, Value>,
}

/// JSON of a schema.
pub fn content(schema: &Value) -> Value {
    json!({"application/json": {"schema": schema}})
}

fn parameter(name: &str) -> Value {
    json!({"$ref": format!("#/components/parameters/{name}")})
}

fn any_of(schemas: &[Value]) -> Value {
    match schemas {
        [one] => one.clone(),
        several => json!({"anyOf": several}),
    }
}

fn response(description: &str, schema: &Value) -> Value {
    json!({"description": description, "content": content(schema)})
}

/// Answers by status, and an error for every other one.
fn responses<const N: usize>(answers: [(&str, Value); N]) -> Value {
    let mut all: Map<String, Value> =
        answers.into_iter().map(|(status, answer)| (status.to_owned(), answer)).collect();
    all.insert("default".to_owned(), json!({"$ref": "#/components/responses/error"}));
    Value::Object(all)
}

/// An operation of a type.
struct Operation(Map<String, Value>);

impl Operation {
    fn new(seen: &Seen, verb: &str, summary: &str) -> Self {
        Self(Map::from_iter([
            ("operationId".to_owned(), format!("{}_{verb}", seen.name).into()),
            ("summary".to_owned(), summary.into()),
            ("tags".to_owned(), json!([seen.name])),
        ]))
    }

    fn with(mut self, key: &str, value: Value) -> Self {
        self.0.insert(key.to_owned(), value);
        self
    }

    fn parameters(self, names: &[&str]) -> Self {
        let parameters = names.iter().map(|name| parameter(name)).collect();
        self.with("parameters", parameters)
    }

    fn body(self, schema: Option<Value>) -> Self {
        match schema {
            Some(schema) => self.with("requestBody", json!({"content": content(&schema)})),
            None => self,
        }
    }

    fn answers<const N: usize>(self, answers: [(&str, Value); N]) -> Value {
        Value::Object(self.with("responses", responses(answers)).0)
    }
}

impl<'a> Paths<'a> {
    /// None yet.
    pub fn new(sight: &'a Sight) -> Self {
        Self { sight, paths: Map::new(), filters: Map::new() }
    }

    /// The paths, and the parameters that they refer to.
    pub fn finish(self) -> (Map<String, Value>, Map<String, Value>) {
        (self.paths, self.filters)
    }

    /// Adds the paths of a type.
    pub fn add(&mut self, shapes: &mut Shapes<'_>, seen: &Seen) {
        if seen.entry.ty.source == Source::Value {
            return;
        }
        let collection = self.collection(shapes, seen);
        if !collection.is_empty() {
            self.paths.insert(format!("/{}", seen.path), Value::Object(collection));
        }
        let mut resource = self.resource(shapes, seen);
        if !resource.is_empty() {
            resource.insert("parameters".to_owned(), json!([parameter("id")]));
            self.paths.insert(format!("/{}/{{id}}", seen.path), Value::Object(resource));
            self.links(shapes, seen);
        }
    }

    fn collection(&mut self, shapes: &mut Shapes<'_>, seen: &Seen) -> Map<String, Value> {
        let mut item = Map::new();
        if self.sight.may(seen, Verb::List) {
            let parameters = self.list_parameters(seen);
            let get = Operation::new(seen, "list", &format!("Lists {}", seen.plural))
                .with("parameters", parameters)
                .answers([("200", response("A page", &shapes.list(seen)))]);
            item.insert("get".to_owned(), get);
        }
        if self.sight.may(seen, Verb::Create) {
            item.insert("post".to_owned(), creation(shapes, seen));
        }
        item
    }

    /// The parameters of a list.
    fn list_parameters(&mut self, seen: &Seen) -> Value {
        let mut parameters: Vec<Value> =
            ["limit", "marker", "order"].into_iter().map(parameter).collect();
        let mut choice = |name: &str, words: Vec<&str>| {
            if !words.is_empty() {
                let schema = json!({"type": "string", "enum": words});
                parameters.push(json!({"name": name, "in": "query", "schema": schema}));
            }
        };
        choice("sort", seen.filters.iter().map(|filter| filter.name).collect());
        choice("include", includeable(seen));
        for filter in &seen.filters {
            for modifier in filter.kind.modifiers() {
                let name = match *modifier {
                    "eq" => filter.name.to_owned(),
                    other => format!("{}_{other}", filter.name),
                };
                let key = format!("filter.{name}");
                parameters.push(parameter(&key));
                let schema = json!({"type": "string"});
                self.filters.insert(key, json!({"name": name, "in": "query", "schema": schema}));
            }
        }
        Value::Array(parameters)
    }

    fn resource(&self, shapes: &mut Shapes<'_>, seen: &Seen) -> Map<String, Value> {
        let mut item = Map::new();
        let one = shapes.answer(seen);
        if self.sight.may(seen, Verb::Get) {
            let get = Operation::new(seen, "show", &format!("Shows one of {}", seen.plural));
            let get = match includeable(seen) {
                words if words.is_empty() => get,
                words => get.with(
                    "parameters",
                    json!([{
                        "name": "include",
                        "in": "query",
                        "schema": {"type": "string", "enum": words},
                    }]),
                ),
            };
            item.insert("get".to_owned(), get.answers([("200", response("It", &one))]));
        }
        let or_plan = any_of(&[one.clone(), reference(DRY_RUN)]);
        if self.sight.may(seen, Verb::Update) {
            let put = Operation::new(seen, "update", "Changes the fields that are given")
                .parameters(&["dryRun", "If-Match"])
                .body(shapes.input(seen.entry, Purpose::Update))
                .answers([("200", response("Changed", &or_plan))]);
            item.insert("put".to_owned(), put);
        }
        if self.sight.may(seen, Verb::Delete) {
            item.insert("delete".to_owned(), removal(shapes, seen, or_plan));
        }
        if !seen.actions.is_empty() {
            item.insert("post".to_owned(), self.action(shapes, seen, one));
        }
        item
    }

    /// All actions of a resource share its URL and differ by a parameter.
    fn action(&self, shapes: &mut Shapes<'_>, seen: &Seen, one: Value) -> Value {
        let names: Vec<&str> = seen.actions.iter().map(|own| own.action.name).collect();
        let mut inputs = Vec::new();
        let mut outputs = vec![one.clone(), reference(DRY_RUN)];
        for own in &seen.actions {
            let input = own.action.input.and_then(registry::lookup);
            if let Some(input) = input.and_then(|entry| shapes.input(entry, Purpose::Create))
                && !inputs.contains(&input)
            {
                inputs.push(input);
            }
            let output = own.action.output.and_then(|ty| self.sight.of_type(ty));
            if let Some(output) = output.map(|seen| shapes.answer(seen))
                && !outputs.contains(&output)
            {
                outputs.push(output);
            }
        }
        // Those that are told nothing take no body, or an empty one.
        inputs.push(json!({"type": "object"}));
        let mut done = content(&any_of(&outputs));
        if let Value::Object(done) = &mut done {
            // Some answer with a file.
            done.insert("text/*".to_owned(), json!({"schema": {"type": "string"}}));
        }
        Operation::new(seen, "act", "Begins an action")
            .with(
                "parameters",
                json!([
                    {
                        "name": "action",
                        "in": "query",
                        "required": true,
                        "schema": {"type": "string", "enum": names},
                    },
                    parameter("dryRun"),
                    parameter("If-Match"),
                ]),
            )
            .body(Some(any_of(&inputs)))
            .answers([
                ("200", json!({"description": "Done", "content": done})),
                ("202", response("Begun", &one)),
            ])
    }

    fn links(&mut self, shapes: &mut Shapes<'_>, seen: &Seen) {
        let sight = self.sight;
        for link in &seen.links {
            // What follows an environment's id may be a type: then it is the list of it inside.
            let inside = sight.by_path(&link.path).filter(|_| seen.links_every_type);
            let usual = |shapes: &mut Shapes<'_>| match link.link {
                Link::Ref { to, .. } => sight.of_type(to).map(|to| shapes.answer(to)),
                Link::Child { of: ty, .. }
                | Link::Map { to: ty, .. }
                | Link::Many { to: ty, .. } => sight.of_type(ty).map(|ty| shapes.list(ty)),
                Link::Computed { .. } => None,
            };
            let target = match inside {
                Some(listed) => Some(shapes.list(listed)),
                None => usual(shapes),
            };
            let verb = format!("{}_link", link.name);
            let get = Operation::new(seen, &verb, &format!("Follows {}", link.name));
            let answer = match target {
                Some(target) => response("What it leads to", &target),
                None => json!({
                    "description": "What it leads to",
                    "content": {
                        "application/json": {"schema": {"type": "object"}},
                        "application/*": {},
                    },
                }),
            };
            let get = get.answers([("200", answer)]);
            self.paths.insert(
                format!("/{}/{{id}}/{}", seen.path, link.path),
                json!({"parameters": [parameter("id")], "get": get}),
            );
        }
    }
}

/// The links of a type that can be included.
fn includeable(seen: &Seen) -> Vec<&str> {
    let stored = seen.links.iter().filter(|link| !matches!(link.link, Link::Computed { .. }));
    stored.map(|link| link.name).collect()
}

fn creation(shapes: &mut Shapes<'_>, seen: &Seen) -> Value {
    let summary = format!("Creates one of {}", seen.plural);
    let post =
        Operation::new(seen, "create", &summary).body(shapes.input(seen.entry, Purpose::Create));
    if deploy::COMMANDS.iter().any(|command| command.0 == seen.entry.ty.name) {
        // It does something and makes nothing of its own.
        let done = response("What was done", &json!({"type": "object"}));
        return post.answers([("200", done.clone()), ("201", done)]);
    }
    let mut made = vec![shapes.answer(seen)];
    if seen.entry.field("count").is_some() {
        made.push(shapes.list(seen));
    }
    post.parameters(&["dryRun", "Idempotency-Key"]).answers([
        ("200", response("What would be made", &reference(DRY_RUN))),
        ("201", response("Made", &any_of(&made))),
    ])
}

fn removal(shapes: &mut Shapes<'_>, seen: &Seen, or_plan: Value) -> Value {
    let delete = Operation::new(seen, "delete", "Removes it").parameters(&["dryRun", "If-Match"]);
    if matches!(seen.entry.ty.source, Source::Computed(name) if GONE_AT_ONCE.contains(&name)) {
        return delete.answers([("204", json!({"description": "Gone"}))]);
    }
    let removed = if hooks::hooks(seen.entry).any(|hook| hook.lists_removed) {
        any_of(&[shapes.list(seen), reference(DRY_RUN)])
    } else {
        or_plan
    };
    delete.answers([("200", response("Being removed", &removed))])
}
