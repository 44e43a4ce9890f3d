//! Pages for people, and the headers that protect them.

use std::collections::BTreeSet;

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

/// The names of the inputs in the form that makes something, if the page has one.
fn inputs(page: &str) -> Option<BTreeSet<String>> {
    let form = page.split("<summary>Create ").nth(1)?.split("</form>").next()?;
    let names = form.split(" name=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let hidden = ["CSRF", "_form"];
    Some(names.filter(|name| !hidden.contains(name)).map(str::to_owned).collect())
}

#[actix_web::test]
async fn forms_offer_what_the_schemas_do() {
    // What these take is not a row of theirs.
    const COMMANDS: [&str; 3] = ["adoption", "publish", "stackPlan"];
    let site = Site::start().await;
    let (person, _) = site.person("ann").await;
    let mut made = Vec::new();
    for caller in [site.admin().await, site.owner().await, person] {
        let mut forms = 0;
        let schemas = caller.get("/schemas").await.ok(200);
        for schema in schemas["data"].as_array().expect("schemas") {
            let Some(url) = schema["links"]["collection"].as_str() else { continue };
            let name = schema["id"].as_str().expect("a name");
            if url.ends_with("/projects/1a5/projectmembers") {
                // This is a link of the environment, and is not inside of it.
                continue;
            }
            let page = answer(caller.request("GET", url).header("user-agent", BROWSER)).await;
            let methods = schema["collectionMethods"].as_array().expect("methods");
            let is_made = methods.contains(&json!("POST")) && !COMMANDS.contains(&name);
            let fields = schema["resourceFields"].as_object().expect("fields");
            let given = fields.iter().filter(|(_, field)| field["create"] == true);
            let wanted = is_made.then(|| given.map(|(name, _)| name.clone()).collect());
            if page.status == 200 {
                assert_eq!(inputs(&page.text), wanted, "{name}: {}", page.text);
                forms += usize::from(is_made);
            }
            // In texts quotes are escaped.
            for wrong in ["<script", " style=\"", " onclick=\"", " onload=\"", "href=\"javascript:"]
            {
                assert!(!page.text.contains(wrong), "{name} has {wrong}: {}", page.text);
            }
        }
        made.push(forms);
    }
    assert!(made.iter().all(|forms| *forms > 5) && made[2] < made[0], "{made:?}");
}

#[actix_web::test]
async fn a_form_makes_changes_and_removes() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let cookie = format!("token={}; CSRF=AB", owner.bearer.clone().expect("a session"));
    let http = reqwest::Client::new();
    let send = async |url: &str, pairs: &[(&str, &str)]| {
        let request = http.post(url).header("user-agent", BROWSER).header("cookie", &cookie);
        answer(request.form(pairs)).await
    };
    let list = format!("{}/stacks", owner.base);
    let create = [
        ("_form", ""),
        ("name", "web"),
        ("description", ""),
        ("environment", "{\"A\": \"<b>\"}"),
        ("startOnCreate", ""),
    ];
    let refused = send(&list, &create).await;
    assert_eq!(refused.status, 403, "{}", refused.text);
    assert!(refused.text.contains("<h1>403 InvalidCSRFToken</h1>"), "{}", refused.text);

    let create: Vec<_> = create.into_iter().chain([("CSRF", "AB")]).collect();
    let made = send(&list, &create).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert!(made.text.contains("<h1>stack web</h1>"), "{}", made.text);
    let stacks = owner.get("/stacks").await.ok(200);
    let stack = &stacks["data"][0];
    assert_eq!(stack["environment"], json!({"A": "<b>"}));
    assert_eq!(stack["description"], json!(null));
    let own = stack["links"]["self"].as_str().expect("a link");

    let wrong = [("CSRF", "AB"), ("_form", ""), ("name", "x"), ("environment", "{")];
    let wrong = send(&list, &wrong).await;
    assert_eq!(wrong.status, 422, "{}", wrong.text);
    assert!(wrong.text.contains("field `environment` must hold JSON"), "{}", wrong.text);

    // What was filled in and comes back empty was emptied; what was not stays as it is.
    for (filled, text, expect) in
        [("", "new", json!("new")), ("", "", json!("new")), ("description", "", json!(null))]
    {
        let change = [
            ("CSRF", "AB"),
            ("_method", "PUT"),
            ("_form", filled),
            ("name", "web"),
            ("description", text),
        ];
        let changed = send(own, &change).await;
        assert_eq!(changed.status, 200, "{}", changed.text);
        assert_eq!(owner.get(own).await.ok(200)["description"], expect);
    }
    let page = answer(owner.request("GET", own).header("user-agent", BROWSER)).await;
    assert!(page.text.contains("<summary>Change</summary>"), "{}", page.text);
    assert!(page.text.contains("name=\"_form\" value=\"name"), "{}", page.text);

    let removed = send(own, &[("CSRF", "AB"), ("_method", "DELETE")]).await;
    assert_eq!(removed.status, 200, "{}", removed.text);
    assert_eq!(owner.get(own).await.ok(200)["state"], "removing");
}

#[actix_web::test]
async fn the_filter_form_filters() {
    let site = Site::start().await;
    let owner = site.owner().await;
    for name in ["web", "webs", "db"] {
        owner.post("/stacks", json!({ "name": name })).await.ok(201);
    }
    for (query, shown) in [
        ("name=&state=&_field=&_modifier=eq&_value=&sort=&order=&limit=100", 3),
        ("name=web&state=&sort=name&order=desc&limit=100", 1),
        ("name=&_field=name&_modifier=prefix&_value=web", 2),
        ("name=&_field=description&_modifier=notnull&_value=", 0),
    ] {
        let request = owner.request("GET", &format!("/stacks?{query}"));
        let page = answer(request.header("user-agent", BROWSER)).await;
        assert_eq!(page.status, 200);
        let rows = page.text.matches("<u>&quot;uuid&quot;</u>: <span>").count();
        assert_eq!(rows, shown, "{query}: {}", page.text);
    }
    // A program means what it says.
    let program = owner.get("/stacks?name=&state=").await.ok(200);
    assert_eq!(program["data"], json!([]));
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
async fn liveness_and_numbers() {
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
}
