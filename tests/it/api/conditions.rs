//! What a request says about the whole of it: entity tags, `If-Match`, `Idempotency-Key`, `dryRun`, and
//! what pages of other sites may do.

use expect_test::expect;
use serde_json::{Value, json};

use ranchette::api::ApiConfig;
use ranchette::clock::{Clock, Entropy};
use ranchette::server::core::Core;

use super::site::{Answer, Client, Site, answer};

async fn with(client: &Client, method: &str, path: &str, header: (&str, &str)) -> Answer {
    answer(client.request(method, path).header(header.0, header.1)).await
}

async fn with_body(
    client: &Client,
    (method, path): (&str, &str),
    header: (&str, &str),
    body: &Value,
) -> Answer {
    let request = client.request(method, path).header(header.0, header.1);
    answer(request.header("content-type", "application/json").body(body.to_string())).await
}

#[actix_web::test]
async fn what_a_client_has_is_not_sent_again() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let stack = owner.post("/stacks", json!({"name": "web"})).await;
    let id = stack.json()["id"].as_str().expect("an id").to_owned();
    let path = format!("/stacks/{id}");
    for path in [path.as_str(), "/stacks", "/schemas", "/schemas/stack", "/settings"] {
        let first = owner.get(path).await;
        let tag = first.header("etag").to_owned();
        assert!(tag.starts_with('"'), "{path}: {tag}");
        assert_eq!(first.header("cache-control"), "private, no-cache");
        for _ in 0..2 {
            let again = with(&owner, "GET", path, ("if-none-match", &tag)).await;
            assert_eq!((again.status, again.text.as_str()), (304, ""), "{path}");
            assert_eq!(again.header("etag"), tag);
        }
        let weak = format!("\"x\", W/{tag}");
        assert_eq!(with(&owner, "HEAD", path, ("if-none-match", &weak)).await.status, 304);
        assert_eq!(with(&owner, "GET", path, ("if-none-match", "\"x\"")).await.status, 200);
    }
    let before = owner.get(&path).await.header("etag").to_owned();
    let list = owner.get("/stacks").await.header("etag").to_owned();
    let changed = owner.put(&path, json!({"description": "new"})).await;
    assert_ne!(changed.header("etag"), before);
    assert_eq!(with(&owner, "GET", &path, ("if-none-match", &before)).await.status, 200);
    assert_eq!(with(&owner, "GET", "/stacks", ("if-none-match", &list)).await.status, 200);
    // Another caller's answer differs, and a page for people is made anew each time.
    let page = with(&owner, "GET", &path, ("accept", "text/html")).await;
    assert!(page.headers.get("etag").is_some(), "JSON without a browser");
    let html = owner.get(&format!("{path}?_format=html")).await;
    assert!(html.headers.get("etag").is_none());
    assert_eq!(html.header("cache-control"), "no-store");
}

#[actix_web::test]
async fn nobody_changes_what_they_have_not_seen() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let made = owner.post("/stacks", json!({"name": "web"})).await;
    let path = format!("/stacks/{}", made.json()["id"].as_str().expect("an id"));
    let seen = made.header("etag").to_owned();
    let put = |tag: String, text: &'static str| {
        let (owner, path) = (owner.clone(), path.clone());
        async move {
            let body = json!({ "description": text });
            with_body(&owner, ("PUT", &path), ("if-match", &tag), &body).await
        }
    };
    let first = put(seen.clone(), "one").await;
    assert_eq!(first.clone().ok(200)["description"], "one");
    let late = put(seen.clone(), "two").await;
    expect!["412 Precondition Failed -: the stack is no longer what If-Match names; it is at 2; read it again"]
        .assert_eq(&late.fault());
    assert_eq!(owner.get(&path).await.ok(200)["description"], "one");
    for (method, path) in [("DELETE", path.clone()), ("POST", format!("{path}/?action=remove"))] {
        assert_eq!(with(&owner, method, &path, ("if-match", &seen)).await.status, 412, "{method}");
    }
    // The revision alone, any, and one of several are enough.
    let now = first.header("etag").trim_matches('"').to_owned();
    let revision = now.split('-').next().expect("a revision").to_owned();
    put(format!("\"{revision}\""), "three").await.ok(200);
    put("*".to_owned(), "four").await.ok(200);
    let tag = owner.get(&path).await.header("etag").to_owned();
    put(format!("\"0-0\", {tag}"), "five").await.ok(200);
    assert!(put("five".to_owned(), "six").await.fault().starts_with("400 Bad Request -"));
    assert_eq!(owner.get(&path).await.ok(200)["description"], "five");

    let admin = site.admin().await;
    let setting = "/settings/api.host";
    let seen = admin.get(setting).await.header("etag").to_owned();
    let body = json!({"value": "http://a"});
    with_body(&admin, ("PUT", setting), ("if-match", &seen), &body).await.ok(200);
    let late = with_body(&admin, ("PUT", setting), ("if-match", &seen), &body).await;
    assert_eq!(late.status, 412, "{}", late.text);
}

#[actix_web::test]
async fn a_create_with_a_key_is_done_once() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let key = ("idempotency-key", "order-66");
    let post = async |client: &Client, path: &str, key: (&str, &str), body: Value| {
        with_body(client, ("POST", path), key, &body).await
    };
    let body = json!({"name": "web", "description": "d"});
    let first = post(&owner, "/stacks", key, body).await;
    assert!(first.headers.get("idempotency-replayed").is_none());
    let made = first.clone().ok(201);
    // The order of names says nothing; that the stack has changed since, neither.
    let path = format!("/stacks/{}", made["id"].as_str().expect("an id"));
    owner.put(&path, json!({"description": "changed"})).await.ok(200);
    let again = post(&owner, "/stacks", key, json!({"description": "d", "name": "web"})).await;
    assert_eq!((again.status, &again.text), (201, &first.text));
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(owner.get("/stacks").await.ok(200)["data"].as_array().map(Vec::len), Some(1));

    let other = post(&owner, "/stacks", key, json!({"name": "db"})).await;
    expect!["422 InvalidFormat Idempotency-Key: Idempotency-Key `order-66` was used for another request; take a new one"]
        .assert_eq(&other.fault());
    let other = post(&owner, "/services", key, json!({"description": "d", "name": "web"})).await;
    assert_eq!(other.status, 422, "another path: {}", other.text);
    for bad in ["", &"x".repeat(256)] {
        let bad = post(&owner, "/stacks", ("idempotency-key", bad), json!({"name": "x"})).await;
        assert!(bad.fault().starts_with("422 InvalidFormat Idempotency-Key: "), "{}", bad.text);
    }
    // What fails is not remembered.
    let failing = ("idempotency-key", "second");
    assert_eq!(post(&owner, "/stacks", failing, json!({"name": "web"})).await.status, 422);
    post(&owner, "/stacks", failing, json!({"name": "third"})).await.ok(201);
    // Another account's key is another key.
    let (person, _) = site.person("ann").await;
    let own = post(&person, "/apikeys", key, json!({"name": "web"})).await;
    let secret = own.clone().ok(201)["secretValue"].as_str().expect("a secret").to_owned();
    assert_eq!(post(&person, "/apikeys", key, json!({"name": "web"})).await.text, own.text);
    // The secret is not to be read from the database.
    let folder = site.folder();
    for file in std::fs::read_dir(folder).expect("a folder") {
        let bytes = std::fs::read(file.expect("a file").path()).expect("bytes");
        let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "the secret is stored");
    }
}

#[actix_web::test]
async fn a_key_outlives_the_server_and_ends_with_its_time() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = folder.path().join("db");
    let (clock, hands) = Clock::manual(1_700_000_000_000);
    let core = Core::open(&path, clock, Entropy::System, crate::world::limits()).expect("a core");
    let config = ApiConfig { keep_answers_s: 100, ..ApiConfig::default() };
    let ((site, code), _) = Site::configured(&core, folder, config).await;
    site.claim(&code).await;
    let owner = site.owner().await;
    let key = ("idempotency-key", "k");
    let first = with_body(&owner, ("POST", "/stacks"), key, &json!({"name": "a"})).await;
    let count = || {
        let over = site.store.read(|read| read.has_answer_over(hands.now_ms())).expect("read");
        usize::from(over)
    };
    let clean = async || {
        let mut tasks = ranchette::process::tasks::tasks().into_iter();
        let task = tasks.find(|task| task.name == "cleanup.kept.answers");
        (task.expect("a task").run)(std::sync::Arc::clone(&core.site)).await.expect("a run");
    };
    hands.advance(99_000);
    let again = with_body(&owner, ("POST", "/stacks"), key, &json!({"name": "a"})).await;
    assert_eq!(again.text, first.text);
    assert_eq!(count(), 0);
    hands.advance(2_000);
    assert_eq!(count(), 1);
    let over = with_body(&owner, ("POST", "/stacks"), key, &json!({"name": "b"})).await;
    assert_eq!(over.clone().ok(201)["name"], "b");
    clean().await;
    hands.advance(101_000);
    assert_eq!(count(), 1);
    clean().await;
    assert_eq!(count(), 0);
}

#[actix_web::test]
async fn other_sites_may_do_nothing_unless_they_are_named() {
    let preflight = async |owner: &Client, origin: &str| {
        let request = owner
            .request("OPTIONS", "/stacks")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type,if-match");
        answer(request).await
    };
    let allowed = |answer: &Answer| {
        let header = answer.headers.get("access-control-allow-origin");
        header.and_then(|value| value.to_str().ok()).map(str::to_owned)
    };
    let site = Site::start().await;
    let owner = site.owner().await;
    let named = "https://app.example";
    assert_eq!(allowed(&preflight(&owner, named).await), None);
    assert_eq!(allowed(&with(&owner, "GET", "/stacks", ("origin", named)).await), None);

    let folder = tempfile::TempDir::new().expect("a folder");
    let core = Core::open(
        &folder.path().join("db"),
        Clock::System,
        Entropy::System,
        crate::world::limits(),
    );
    let config = ApiConfig { cors_origins: vec![named.to_owned()], ..ApiConfig::default() };
    let ((site, code), _) = Site::configured(&core.expect("a core"), folder, config).await;
    site.claim(&code).await;
    let owner = site.owner().await;
    let asked = preflight(&owner, named).await;
    assert_eq!((asked.status, allowed(&asked).as_deref()), (200, Some(named)));
    assert!(asked.headers.get("access-control-allow-credentials").is_none());
    let got = with(&owner, "GET", "/stacks", ("origin", named)).await;
    assert_eq!((got.status, allowed(&got).as_deref()), (200, Some(named)));
    assert!(got.header("access-control-expose-headers").contains("etag"));
    assert_eq!(allowed(&preflight(&owner, "https://other.example").await), None);
    let other = with(&owner, "GET", "/stacks", ("origin", "https://other.example")).await;
    assert_eq!(allowed(&other), None);
}

#[actix_web::test]
async fn a_url_says_which_methods_it_knows() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let stack = owner.post("/stacks", json!({"name": "web"})).await.ok(201);
    let id = stack["id"].as_str().expect("an id");
    let version = format!("{}/v2-beta", site.url);
    for (path, allow) in [
        (version.as_str(), "GET, HEAD, OPTIONS"),
        ("/stacks", "GET, HEAD, POST, OPTIONS"),
        ("/schemas", "GET, HEAD, OPTIONS"),
        (&format!("/stacks/{id}"), "GET, HEAD, POST, PUT, DELETE, OPTIONS"),
        (&format!("/stacks/{id}/services"), "GET, HEAD, POST, OPTIONS"),
        (&format!("/stacks/{id}/account"), "GET, HEAD, OPTIONS"),
    ] {
        let options = answer(owner.request("OPTIONS", path)).await;
        assert_eq!((options.status, options.header("allow")), (204, allow), "{path}");
    }
    let refused = owner.put("/stacks", json!({})).await;
    assert_eq!((refused.status, refused.header("allow")), (405, "GET, HEAD, POST, OPTIONS"));
}
