//! OpenAPI 3.1 of a dialect, out of the same declarations that the handlers go by.
//!
//! A type has up to three schemas: `stack` is what answers show, `stack.create` and `stack.update` are what
//! a create and a change may bring. [`shapes`] makes these, [`paths`] says where they are used.

mod paths;
mod shapes;
mod sight;

use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use super::dialect::Version;
use super::respond::Bytes;
use paths::Paths;
use shapes::Shapes;
use sight::Sight;

/// The document as it is sent. It depends on nothing but the program.
pub fn text(version: Version) -> Bytes {
    static WRITTEN: [OnceLock<Bytes>; Version::ALL.len()] =
        [const { OnceLock::new() }; Version::ALL.len()];
    let write = || Bytes::from(document(version).to_string());
    WRITTEN.get(version.index()).map_or_else(write, |text| text.get_or_init(write).clone())
}

/// The document: what an administrator sees, which is all that people see.
fn document(version: Version) -> Value {
    let sight = Sight::new(version);
    let mut shapes = Shapes::new(&sight);
    let mut paths = Paths::new(&sight);
    for seen in sight.types() {
        shapes.answer(seen);
        paths.add(&mut shapes, seen);
    }
    let (paths, mut parameters) = paths.finish();
    parameters.extend(fixed_parameters());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Ranchette",
            "summary": "The Rancher 1.6 API",
            "description": "Every path is also there below /projects/{id}, as the environment of that \
                id; the header X-API-Project-Id and the parameter projectId do the same.",
            "version": env!("CARGO_PKG_VERSION"),
        },
        "servers": [{"url": format!("/{}", version.path())}],
        "security": [{"key": []}, {"session": []}],
        "paths": paths,
        "components": {
            "schemas": shapes.finish(),
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "An API key's access key and secret key",
                },
                "session": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The jwt of a token",
                },
            },
            "responses": {
                "error": {
                    "description": "What went wrong",
                    "content": paths::content(&shapes::reference(shapes::ERROR)),
                },
            },
            "parameters": parameters,
        },
    })
}

/// Parameters that mean the same everywhere.
fn fixed_parameters() -> Map<String, Value> {
    let of = |name: &str, place: &str, about: &str, schema: Value| {
        let parameter = json!({
            "name": name,
            "in": place,
            "required": place == "path",
            "description": about,
            "schema": schema,
        });
        (name.to_owned(), parameter)
    };
    let text = || json!({"type": "string"});
    Map::from_iter([
        of("id", "path", "An id as answers show it", text()),
        of(
            "dryRun",
            "query",
            "Says what would come of it, and changes nothing",
            json!({"type": "boolean"}),
        ),
        of("If-Match", "header", "Entity tags of what the caller has seen", text()),
        of("Idempotency-Key", "header", "Makes the same create happen once", text()),
        of(
            "limit",
            "query",
            "Resources on a page; 0 or less for as many as there may be",
            json!({"type": "integer", "default": 100, "maximum": 3000}),
        ),
        of("marker", "query", "Where the page begins: from `pagination.next`", text()),
        of("order", "query", "Direction of `sort`", json!({"enum": ["asc", "desc"]})),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_and_what_is_shown_are_told_apart() {
        let document = document(Version::V2Beta);
        let field = |schema: &str, field: &str| {
            let path = format!("/components/schemas/{schema}/properties/{field}");
            document.pointer(&path).map_or_else(|| "-".to_owned(), Value::to_string)
        };
        let shown = [
            field("stack", "name"),
            field("stack.create", "name"),
            field("stack", "state"),
            field("stack.create", "state"),
            field("stack", "createdTS"),
            field("service.create", "launchConfig"),
            field("service", "launchConfig"),
            field("service.create", "scale"),
        ];
        expect_test::expect![[r##"
            {"type":["string","null"]}
            {"type":["string","null"],"minLength":1,"maxLength":63,"pattern":"^[a-zA-Z0-9-]*$"}
            {"type":"string"}
            -
            {"type":["integer","null"],"format":"int64"}
            {"anyOf":[{"$ref":"#/components/schemas/launchConfig.create"},{"type":"null"}]}
            {"anyOf":[{"$ref":"#/components/schemas/launchConfig"},{"type":"null"}]}
            {"type":"integer","format":"int64","minimum":0,"default":1}
        "##]]
        .assert_eq(&(shown.join("\n") + "\n"));
    }
}
