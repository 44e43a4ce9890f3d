//! The first version: stacks are environments, and newer types are not there.

use expect_test::expect;
use serde_json::{Value, json};

use super::site::Site;

#[actix_web::test]
async fn a_stack_is_an_environment_under_v1() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let base = format!("{}/v1/projects/1a5", site.url);
    let old = owner.at(base.clone());
    let environment = old.post("/environments", json!({"name": "web"})).await.ok(201);
    let id = environment["id"].as_str().expect("an id");
    assert!(id.starts_with("1e"), "{id}");
    for field in ["type", "kind", "baseType"] {
        assert_eq!(environment[field], "environment", "{field}");
    }
    assert_eq!(environment["links"]["self"], format!("{base}/environments/{id}"));
    let launch = json!({"imageUuid": "docker:nginx"});
    let body = json!({"name": "app", "environmentId": id, "launchConfig": launch});
    let service = old.post("/services", body).await.ok(201);
    assert_eq!(service["environmentId"], id);
    assert_eq!(service["stackId"], id.replace("1e", "1st"));
    assert!(service["links"].get("stack").is_none());
    let link = service["links"]["environment"].as_str().expect("a link");
    assert_eq!(old.get(link).await.ok(200)["name"], "web");
    let listed = old.get(&format!("/services?environmentId={id}")).await.ok(200);
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(old.get("/environments").await.ok(200)["resourceType"], "environment");

    assert_eq!(old.get("/stacks").await.status, 404);
    assert_eq!(old.get("/servicelogs").await.status, 404);
    let schema = old.get("/schemas/service").await.ok(200);
    assert_eq!(schema["resourceFields"]["environmentId"]["type"], "reference[environment]");
    assert_eq!(schema["resourceFields"]["stackId"], Value::Null);
    let new = owner.get(&format!("/stacks/{}", id.replace("1e", "1st"))).await.ok(200);
    assert_eq!(new["type"], "stack");
}

#[actix_web::test]
async fn openapi_describes_both() {
    let site = Site::start().await;
    let root = site.nobody().at(site.url.clone());
    let (new, old) = (("/stacks", "/environments"), ("/environments", "/stacks"));
    for (path, (there, missing)) in [
        ("/openapi.json", new),
        ("/openapi.json?dialect=v1", old),
        ("/v2-beta/openapi.json", new),
        ("/v1/openapi.json", old),
    ] {
        let document = root.get(path).await.ok(200);
        assert_eq!(document["openapi"], "3.1.0");
        assert!(document["paths"].get(there).is_some() && document["paths"].get(missing).is_none());
        let mut unknown = Vec::new();
        dangling(&document, &document, &mut unknown);
        assert_eq!(unknown, Vec::<String>::new());
    }
}

/// References that lead nowhere.
fn dangling(document: &Value, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(target) if name == "$ref" => {
                        let path = target.strip_prefix('#').unwrap_or(target);
                        if document.pointer(path).is_none() {
                            found.push(target.to_owned());
                        }
                    }
                    _ => dangling(document, value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| dangling(document, item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[actix_web::test]
async fn the_list_of_versions() {
    let site = Site::start().await;
    let root = site.nobody().at(site.url.clone());
    let versions = root.get("/").await.ok(200);
    let ids: Vec<&Value> =
        versions["data"].as_array().expect("data").iter().map(|version| &version["id"]).collect();
    assert_eq!(ids, ["v1", "v2-beta"]);
    assert_eq!(versions["links"]["latest"], format!("{}/v2-beta", site.url));
    let nothing = root.get("/nothing").await;
    expect!["404 Not Found -: nothing is at /nothing"].assert_eq(&nothing.fault());
}
