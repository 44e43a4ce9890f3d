//! Lists: filters, order, pages, links and what is embedded.

use expect_test::expect;
use serde_json::{Value, json};

use super::site::{Client, Site};

/// The names in a list.
async fn names(client: &Client, path: &str) -> String {
    let list = client.get(path).await.ok(200);
    let data = list["data"].as_array().expect("data");
    let names: Vec<&str> = data.iter().map(|row| row["name"].as_str().unwrap_or("-")).collect();
    names.join(" ")
}

async fn stacks(client: &Client, names: &[&str]) -> Vec<String> {
    let mut ids = Vec::new();
    for name in names {
        let stack = client.post("/stacks", json!({ "name": name })).await.ok(201);
        ids.push(stack["id"].as_str().expect("an id").to_owned());
    }
    ids
}

#[actix_web::test]
async fn filters_order_and_pages() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let ids = stacks(&owner, &["b", "a", "c", "Ab"]).await;
    for (query, expect) in [
        ("", "b a c Ab"),
        ("name=A", "a"),
        ("name_prefix=a", "a Ab"),
        ("name_like=%25b", "b Ab"),
        ("name_ne=a&name_ne=c", "b Ab"),
        ("sort=name", "a Ab b c"),
        ("sort=name&order=desc", "c b Ab a"),
        ("order=desc", "Ab c a b"),
        ("system=false&limit=2", "b a"),
        ("limit=2&marker=m2", "c Ab"),
        ("limit=-2&removed_null=%3Cnil%3E", "b a c Ab"),
        ("state=active", ""),
        ("state=activating&nothing=1", "b a c Ab"),
        ("description_notnull", ""),
    ] {
        assert_eq!(names(&owner, &format!("/stacks?{query}")).await, expect, "{query}");
    }
    let page = owner.get("/stacks?limit=3&name_ne=x").await.ok(200);
    assert_eq!(page["pagination"]["partial"], true);
    let next = page["pagination"]["next"].as_str().expect("a URL");
    assert_eq!(names(&owner, next).await, "Ab");
    assert_eq!(page["filters"]["name"], json!([{"value": "x", "modifier": "ne"}]));
    assert_eq!(page["filters"]["state"], Value::Null);
    let sorted = page["sortLinks"]["name"].as_str().expect("a URL");
    assert_eq!(names(&owner, sorted).await, "a Ab b");
    assert_eq!(page["resourceType"], "stack");
    let kinds: Vec<&String> = page["createTypes"].as_object().expect("an object").keys().collect();
    assert_eq!(kinds, ["stack", "composeProject", "kubernetesStack"]);
    owner.delete(&format!("/stacks/{}", ids[0])).await.ok(200);
    assert_eq!(names(&owner, "/stacks?state_ne=removing").await, "a c Ab");
}

/// Follows a list from page to page; `between` runs after the first one.
async fn paged(client: &Client, path: &str, between: impl AsyncFnOnce()) -> String {
    let mut between = Some(between);
    let mut found = Vec::new();
    let mut next = Some(path.to_owned());
    while let Some(url) = next {
        let page = client.get(&url).await.ok(200);
        let data = page["data"].as_array().expect("data");
        found.extend(data.iter().map(|row| row["name"].as_str().unwrap_or("-").to_owned()));
        next = page["pagination"]["next"].as_str().map(str::to_owned);
        assert_eq!(page["pagination"]["partial"], next.is_some(), "{url}");
        if let Some(between) = between.take() {
            between().await;
        }
    }
    found.join(" ")
}

#[actix_web::test]
async fn pages_stay_where_they_are_while_rows_come_and_go() {
    for (query, expect) in [
        // What is gone before the page shifts nothing, what is new behind it is seen.
        ("limit=2", "b a c Ab d new"),
        ("limit=2&order=desc", "d Ab c"),
        ("limit=2&sort=name", "a Ab c d new"),
        ("limit=2&sort=name&order=desc", "d c Ab"),
        // Nobody has a description but `b`: nulls come first, then last.
        ("limit=2&sort=description", "a c Ab d new"),
        ("limit=3&sort=description&order=desc", "b d Ab c"),
        ("limit=2&sort=system&order=asc", "b a c Ab d new"),
    ] {
        let site = Site::start().await;
        let owner = site.owner().await;
        let made = owner.post("/stacks", json!({"name": "b", "description": "x"})).await.ok(201);
        let ids = stacks(&owner, &["a", "c", "Ab", "d"]).await;
        let path = format!("/stacks?{query}");
        let pages = paged(&owner, &path, async || {
            for id in [made["id"].as_str().expect("an id"), &ids[0]] {
                owner.delete(&format!("/stacks/{id}")).await.ok(200);
                // The row leaves the list when its process is over; here nothing runs processes.
                let id: i64 = id.trim_start_matches("1st").parse().expect("a number");
                let gone = site.store.write(move |tx| {
                    tx.update(id, |row| {
                        row.removed = Some(1);
                        Ok(())
                    })
                });
                gone.await.expect("removed");
            }
            stacks(&owner, &["new"]).await;
        });
        assert_eq!(pages.await, expect, "{query}");
    }
}

#[actix_web::test]
async fn rows_that_are_not_in_the_table_have_pages_too() {
    let site = Site::start().await;
    let owner = site.owner().await;
    stacks(&owner, &["a", "b", "c", "d", "e"]).await;
    let admin = site.admin().await;
    let whole = |list: Value| -> Vec<String> {
        let data = list["data"].as_array().expect("data");
        data.iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect()
    };
    for path in [
        "/processinstances?processName=stack.create",
        "/processinstances?sort=id&order=desc",
        "/processdefinitions?x=1",
        "/processinstances?sort=processName",
    ] {
        let all = whole(admin.get(&format!("{path}&limit=-1")).await.ok(200));
        assert!(all.len() > 4, "{path}");
        let mut found = Vec::new();
        let mut next = Some(format!("{path}&limit=2"));
        while let Some(url) = next {
            let page = admin.get(&url).await.ok(200);
            next = page["pagination"]["next"].as_str().map(str::to_owned);
            found.extend(whole(page));
        }
        assert_eq!(found, all, "{path}");
    }
}

#[actix_web::test]
async fn links_lead_on_and_may_be_embedded() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let ids = stacks(&owner, &["one", "two"]).await;
    let launch = json!({"imageUuid": "docker:nginx"});
    let made = owner
        .post(
            &format!("/stacks/{}/services", ids[0]),
            json!({"name": "app", "launchConfig": launch}),
        )
        .await
        .ok(201);
    assert_eq!(made["stackId"], ids[0]);
    let link = owner.get(&format!("/stacks/{}/services", ids[0])).await.ok(200);
    assert_eq!(link["data"][0]["name"], "app");
    assert_eq!(link["createDefaults"], json!({"stackId": ids[0]}));
    let service = made["id"].as_str().expect("an id");
    let stack = owner.get(&format!("/services/{service}/stack")).await.ok(200);
    assert_eq!(stack["name"], "one");
    let nothing = owner.get(&format!("/services/{service}/nothing")).await;
    expect!["404 Not Found -: service 1s11 has no link `nothing`"].assert_eq(&nothing.fault());
    let instances = owner.get(&format!("/services/{service}/instances")).await.ok(200);
    assert_eq!(instances["data"], json!([]));

    let with = owner.get("/stacks?include=services").await.ok(200);
    let embedded: Vec<usize> = with["data"]
        .as_array()
        .expect("data")
        .iter()
        .map(|stack| stack["services"].as_array().expect("services").len())
        .collect();
    assert_eq!(embedded, [1, 0]);
    let with = owner.get("/services?include=stack").await.ok(200);
    assert_eq!(with["data"][0]["stack"]["name"], "one");
}

#[actix_web::test]
async fn the_root_and_the_schemas() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let root = owner.get("/stacks").await;
    assert_eq!(root.status, 200, "{}", root.text);
    let url = format!("{}/v2-beta/projects/1a5", site.url);
    assert_eq!(root.header("x-api-schemas"), format!("{url}/schemas"));
    // A client that was given the environment's own URL goes on inside it.
    let anywhere = owner.at(site.url.clone());
    for (path, schemas) in [
        ("/v2-beta", "/v2-beta/schemas"),
        ("/v2-beta/projects", "/v2-beta/schemas"),
        ("/v2-beta/projects/1a5", "/v2-beta/projects/1a5/schemas"),
        ("/V1/Projects/1a5/", "/v1/projects/1a5/schemas"),
        ("/v2-beta/projects/1a5/projects/1a5", "/v2-beta/projects/1a5/schemas"),
    ] {
        let seen = anywhere.get(path).await;
        assert_eq!(seen.status, 200, "{path}: {}", seen.text);
        assert_eq!(seen.header("x-api-schemas"), format!("{}{schemas}", site.url), "{path}");
    }
    assert_eq!(root.header("x-api-account-id"), "1a5");
    assert_eq!(root.header("x-api-account-kind"), "admin");
    assert_eq!(root.header("x-api-user-id"), "1a1");
    assert_eq!(root.header("x-rancher-version"), "v1.6.30");

    let schemas = owner.get("/schemas").await.ok(200);
    assert_eq!(schemas["links"]["self"], format!("{url}/schemas"));
    let ids: Vec<&str> =
        schemas["data"].as_array().expect("data").iter().filter_map(|s| s["id"].as_str()).collect();
    assert!(ids.is_sorted() && ids.contains(&"service") && !ids.contains(&"processInstance"));
    let service = owner.get("/schemas/Services").await.ok(200);
    assert_eq!(service["links"]["collection"], format!("{url}/services"));
    assert_eq!(service["resourceFields"]["stackId"]["type"], "reference[stack]");
    assert_eq!(service["resourceFields"]["scale"]["default"], 1);
    assert_eq!(service["collectionMethods"], json!(["GET", "POST"]));
    assert_eq!(service["resourceActions"]["restart"]["input"], "serviceRestart");
    // The Rancher CLI asks for this, and gives up without it.
    assert_eq!(owner.get("/schemas/schemas").await.ok(200)["id"], "schema");
    owner.get("/schemas/nothing").await.ok(404);
}

#[actix_web::test]
async fn settings_processes_and_the_audit_log() {
    let site = Site::start().await;
    let admin = site.admin().await;
    let settings = admin.get("/settings").await.ok(200);
    assert_eq!(settings["pagination"], Value::Null);
    let made = admin.put("/settings/api.host", json!({"value": "http://h"})).await.ok(200);
    assert_eq!((&made["id"], &made["type"]), (&json!("api.host"), &json!("activeSetting")));
    assert_eq!((&made["baseType"], &made["inDb"]), (&json!("setting"), &json!(true)));
    assert_eq!(made["links"]["self"], format!("{}/v2-beta/settings/api.host", site.url));
    let gone = admin.delete("/settings/api.host").await.ok(200);
    assert_eq!((&gone["value"], &gone["inDb"]), (&Value::Null, &json!(false)));
    let bad = admin.put("/settings/api.auth.jwt.token.expiry", json!({"value": "soon"})).await;
    expect!["422 InvalidFormat value: setting `api.auth.jwt.token.expiry` takes a whole number, not `soon`"]
        .assert_eq(&bad.fault());
    assert_eq!(admin.get("/settings/no.such").await.ok(200)["value"], Value::Null);

    let owner = site.owner().await;
    stacks(&owner, &["web"]).await;
    let processes = admin.get("/processinstances?sort=id&order=desc&limit=1").await.ok(200);
    assert_eq!(processes["data"][0]["processName"], "stack.create");
    assert_eq!(processes["data"][0]["resourceType"], "stack");
    let id = processes["data"][0]["id"].as_str().expect("an id");
    let link = admin.get(&format!("/processinstances/{id}/processexecutions")).await.ok(200);
    assert_eq!(link["type"], "collection");
    let definitions = admin.get("/processdefinitions?limit=-1").await.ok(200);
    let names: Vec<&str> = definitions["data"]
        .as_array()
        .expect("data")
        .iter()
        .filter_map(|definition| definition["name"].as_str())
        .collect();
    assert!(names.contains(&"service.activate") && names.contains(&"host.create"));
}
