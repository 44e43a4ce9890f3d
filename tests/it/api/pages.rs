//! Pages for people, and the headers that protect them.

use serde_json::json;

use super::site::{Site, answer};

const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64)";

#[actix_web::test]
async fn browsers_get_pages_and_programs_json() {
    let site = Site::start().await;
    let owner = site.owner().await;
    owner.post("/stacks", json!({"name": "<b>web"})).await.ok(422);
    let stack = owner.post("/stacks", json!({"name": "web", "description": "<b>"})).await.ok(201);
    let path = format!("/stacks/{}", stack["id"].as_str().expect("an id"));
    let page = answer(owner.request("GET", &path).header("user-agent", BROWSER)).await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(page.header("content-security-policy").contains("script-src 'self'"));
    assert!(page.text.contains("&lt;b&gt;") && !page.text.contains("<b>\""), "{}", page.text);
    assert!(page.text.contains("?action=remove\""), "{}", page.text);
    assert!(!page.text.contains("<script") && !page.text.contains("style=\""));
    let csrf = page.header("set-cookie").to_owned();
    assert!(csrf.starts_with("CSRF="), "{csrf}");
    let value = csrf.trim_start_matches("CSRF=").split(';').next().expect("a value").to_owned();
    assert!(page.text.contains(&format!("name=\"CSRF\" value=\"{value}\"")));

    let json = owner.request("GET", &path).header("user-agent", BROWSER);
    let json = answer(json.header("accept", "application/json")).await;
    assert_eq!(json.header("content-type"), "application/json; charset=utf-8");
    let forced = owner.request("GET", &format!("{path}?_format=html"));
    assert_eq!(answer(forced).await.header("content-type"), "text/html; charset=utf-8");
    for header in ["x-content-type-options", "x-frame-options", "referrer-policy"] {
        assert!(!json.header(header).is_empty(), "{header}");
    }
    let list = owner.request("GET", "/stacks").header("user-agent", BROWSER);
    assert!(answer(list).await.text.contains("<form class=\"filters\""));
    let style = owner.at(site.url.clone()).get("/static/api.css").await;
    assert_eq!(style.header("content-type"), "text/css; charset=utf-8");
}

#[actix_web::test]
async fn a_cookie_alone_changes_nothing() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let key = owner.bearer.clone().expect("a session");
    let http = reqwest::Client::new();
    let post = |cookie: String, csrf: Option<&str>| {
        let request = http
            .post(format!("{}/stacks", owner.base))
            .header("user-agent", BROWSER)
            .header("accept", "application/json")
            .header("cookie", cookie)
            .header("content-type", "application/json")
            .body("{\"name\":\"web\"}");
        match csrf {
            Some(value) => request.header("x-api-csrf", value),
            None => request,
        }
    };
    let both = format!("token={key}; CSRF=ABCDEF0123");
    for (cookie, csrf) in
        [(format!("token={key}"), None), (both.clone(), None), (both.clone(), Some("other"))]
    {
        let refused = answer(post(cookie, csrf)).await;
        assert!(refused.fault().starts_with("403 InvalidCSRFToken"), "{}", refused.text);
    }
    answer(post(both, Some("ABCDEF0123"))).await.ok(201);
}

#[actix_web::test]
async fn urls_follow_a_trusted_proxy() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let request = owner
        .request("GET", "/stacks")
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-host", "Rancher.Example.org")
        .header("x-forwarded-port", "443")
        .header("x-forwarded-for", "192.0.2.7, 10.0.0.1");
    let proxied = answer(request).await;
    assert_eq!(proxied.header("x-api-client-ip"), "192.0.2.7");
    let base = "https://rancher.example.org/v2-beta/projects/1a5";
    assert_eq!(proxied.header("x-api-schemas"), format!("{base}/schemas"));
    assert_eq!(proxied.json()["links"]["self"], format!("{base}/stacks"));
    let other = owner.request("GET", "/stacks").header("x-forwarded-host", "\"><script>");
    assert!(
        answer(other).await.json()["links"]["self"]
            .as_str()
            .is_some_and(|url| url.starts_with(&site.url))
    );
}

#[actix_web::test]
async fn liveness_numbers_and_compression() {
    let site = Site::start().await;
    let root = site.nobody().at(site.url.clone());
    assert_eq!(root.get("/ping").await.text, "pong");
    assert_eq!(root.get("/healthz").await.text, "ok");
    let owner = site.owner().await;
    owner.post("/stacks", json!({"name": "web"})).await.ok(201);
    let text = root.get("/metrics").await.text;
    for line in [
        "ranchette_resources{type=\"stack\",state=\"activating\"} 1",
        "ranchette_processes_open{name=\"stack.create\"} 1",
        "ranchette_http_request_seconds_count{method=\"POST\",route=\"create\",status=\"2xx\"}",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let head = answer(owner.request("HEAD", "/stacks")).await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    let options = answer(owner.request("OPTIONS", "/stacks")).await;
    assert_eq!((options.status, options.header("allow").is_empty()), (204, false));
    let packed = owner.request("GET", "/schemas").header("accept-encoding", "gzip");
    let packed = packed.send().await.expect("an answer");
    assert_eq!(packed.headers()["content-encoding"], "gzip");
}
