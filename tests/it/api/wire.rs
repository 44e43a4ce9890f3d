//! What HTTP itself has: `HEAD`, `OPTIONS`, and answers that are packed.

use std::io::Read as _;

use flate2::read::GzDecoder;
use serde_json::{Value, json};

use super::site::{Client, Site, answer};

/// The headers that are the same each time a thing is asked for.
const SAME: [&str; 8] = [
    "allow",
    "cache-control",
    "content-type",
    "etag",
    "vary",
    "www-authenticate",
    "x-api-account-id",
    "x-api-schemas",
];

#[actix_web::test]
async fn head_is_get_without_its_body() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let stack = owner.post("/stacks", json!({"name": "web"})).await.ok(201);
    let one = format!("/stacks/{}", stack["id"].as_str().expect("an id"));
    let root = owner.at(site.url.clone());
    for (client, path, status) in [
        (&owner, "/stacks", 200),
        (&owner, one.as_str(), 200),
        (&owner, &format!("{one}/services"), 200),
        (&owner, "/schemas", 200),
        (&owner, "/schemas/stack", 200),
        (&owner, "/stacks/1st999", 404),
        (&owner, "/nothing", 404),
        (&site.nobody(), "/stacks", 401),
        (&site.nobody(), "/token", 200),
        (&root, "/v2-beta", 200),
        (&root, "/", 200),
        (&root, "/ping", 200),
        (&root, "/healthz", 200),
        (&root, "/openapi.json", 200),
        (&root, "/v1/openapi.json", 200),
        (&root, "/static/api.css", 200),
        (&root, "/nowhere", 404),
    ] {
        let got = answer(client.request("GET", path)).await;
        let head = answer(client.request("HEAD", path)).await;
        assert_eq!((got.status, head.status), (status, status), "{path}: {}", got.text);
        assert_eq!(head.text, "", "{path}");
        for name in SAME {
            assert_eq!(head.header(name), got.header(name), "{path} {name}");
        }
    }
    let tag = answer(owner.request("HEAD", &one)).await.header("etag").to_owned();
    assert_ne!(tag, "");
    let again = answer(owner.request("HEAD", &one).header("if-none-match", tag)).await;
    assert_eq!(again.status, 304);
}

/// The methods of a schema's key, in the order of `Allow`.
fn methods(schema: &Value, key: &str) -> Vec<String> {
    let named = |name: &str| schema[key].as_array().is_some_and(|all| all.contains(&json!(name)));
    let acts = key == "resourceMethods"
        && schema["resourceActions"].as_object().is_some_and(|actions| !actions.is_empty());
    let order = [
        ("GET", named("GET")),
        ("HEAD", named("GET")),
        ("POST", named("POST") || acts),
        ("PUT", named("PUT")),
        ("DELETE", named("DELETE")),
        ("OPTIONS", true),
    ];
    order.iter().filter(|(_, is)| *is).map(|(name, _)| (*name).to_owned()).collect()
}

async fn allowed(client: &Client, url: &str) -> Vec<String> {
    let options = answer(client.request("OPTIONS", url)).await;
    assert_eq!((options.status, options.text.as_str()), (204, ""), "{url}");
    options.header("allow").split(", ").map(str::to_owned).collect()
}

#[actix_web::test]
async fn options_say_what_the_schemas_say() {
    let site = Site::start().await;
    let (person, _) = site.person("ann").await;
    for caller in [site.admin().await, person] {
        let schemas = caller.get("/schemas").await.ok(200);
        let mut seen = 0;
        for schema in schemas["data"].as_array().expect("schemas") {
            let Some(url) = schema["links"]["collection"].as_str() else { continue };
            if schema["id"] == "token" {
                // Logins are for everyone, whatever the role.
                continue;
            }
            assert_eq!(allowed(&caller, url).await, methods(schema, "collectionMethods"), "{url}");
            let one = format!("{url}/1x1");
            assert_eq!(allowed(&caller, &one).await, methods(schema, "resourceMethods"), "{one}");
            seen += 1;
        }
        assert!(seen > 10, "{seen} types");
    }
    let nobody = allowed(&site.nobody(), "/stacks").await;
    assert_eq!(nobody, ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]);
}

#[actix_web::test]
async fn answers_are_packed_for_whoever_unpacks_them() {
    let site = Site::start().await;
    let owner = site.owner().await;
    for path in ["/schemas", "/stacks", "/stacks/1st999", "/schemas?_format=html"] {
        let plain = answer(owner.request("GET", path)).await;
        assert_eq!(plain.header("content-encoding"), "", "{path}");
        for refused in ["identity", "gzip;q=0, identity"] {
            let request = owner.request("GET", path).header("accept-encoding", refused);
            assert_eq!(answer(request).await.header("content-encoding"), "", "{path} {refused}");
        }
        let request = owner.request("GET", path).header("accept-encoding", "br;q=0.5, gzip");
        let packed = request.send().await.expect("an answer");
        assert_eq!(packed.headers()["content-encoding"], "gzip", "{path}");
        let vary = packed.headers().get_all("vary").iter();
        let vary: Vec<&str> = vary.filter_map(|value| value.to_str().ok()).collect();
        assert!(vary.join(",").contains("accept-encoding"), "{path}: {vary:?}");
        let bytes = packed.bytes().await.expect("a body");
        let mut text = String::new();
        GzDecoder::new(&bytes[..]).read_to_string(&mut text).expect("gzip of text");
        // Errors have an id each, and pages a proof against forgery.
        if plain.status == 200 && !path.contains("html") {
            assert_eq!(text, plain.text, "{path}");
        } else {
            assert!(text.len() > 100, "{path}: {text}");
        }
        if path == "/schemas" {
            assert!(bytes.len() * 5 < text.len(), "{} of {}", bytes.len(), text.len());
        }
    }
}
