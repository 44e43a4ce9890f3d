//! The audit log as it is seen through the API: who did what, who was refused, and what is kept back.

use ranchette::store::AuditFilter;
use serde_json::{Value, json};

use super::site::{Client, Site};

/// The entries a list asks for, once there are so many: they are written after the answer.
async fn entries(client: &Client, query: &str, count: usize) -> Vec<Value> {
    loop {
        let log = client.get(&format!("/auditlogs?{query}")).await.ok(200);
        let rows = log["data"].as_array().cloned().unwrap_or_default();
        assert!(rows.len() <= count, "{query}: {log}");
        if rows.len() == count {
            return rows;
        }
        tokio::task::yield_now().await;
    }
}

#[actix_web::test]
async fn a_change_is_recorded_with_who_what_and_where_from() {
    let site = Site::start().await;
    let (admin, owner) = (site.admin().await, site.owner().await);
    let stack = owner.post("/stacks", json!({"name": "web"})).await.ok(201);
    let id = stack["id"].as_str().expect("an id");
    let [entry] = &entries(&owner, "eventType=api.stack.create", 1).await[..] else { panic!() };
    for (field, value) in [
        ("type", json!("auditLog")),
        ("accountId", json!("1a5")),
        ("authenticatedAsAccountId", json!("1a1")),
        ("authenticatedAsIdentityId", json!("1i!rancher_id:1a1")),
        ("authType", json!("TokenAuth")),
        ("clientIp", json!("127.0.0.1")),
        ("resourceType", json!("stack")),
        ("resourceId", json!(id)),
        ("responseCode", json!(201)),
        ("requestObject", json!("{\"name\":\"web\"}")),
    ] {
        assert_eq!(entry[field], value, "{field}");
    }
    let answer = entry["responseObject"].as_str().expect("text");
    assert!(answer.contains(&format!("\"id\":\"{id}\"")), "{answer}");

    // The same resource by any action, and failures too.
    owner.put(&format!("/stacks/{id}"), json!({"description": "x"})).await.ok(200);
    assert_eq!(owner.post("/stacks", json!({"name": "-"})).await.status, 422);
    entries(&owner, &format!("resourceId={id}"), 2).await;
    entries(&owner, &format!("resourceId={}&eventType_ne=api.stack.create", &id[3..]), 1).await;
    entries(&owner, "resourceId=1st99", 0).await;
    let failed = entries(&owner, "resourceId_null&eventType=api.stack.create", 1).await;
    assert_eq!(failed[0]["responseCode"], 422);

    // The person's own account when the environment is made, by the newer name of its type.
    let project = admin.post("/projects", json!({"name": "p"})).await.ok(201);
    let [made] = &entries(&admin, "eventType=api.environment.create", 1).await[..] else {
        panic!()
    };
    assert_eq!((&made["accountId"], &made["resourceType"]), (&json!("1a1"), &json!("project")));
    assert_eq!(made["resourceId"], project["id"]);
    entries(&admin, "accountId=1a5&resourceType=stack", 3).await;
    entries(&admin, "created_gt=2999-01-01T00:00:00Z", 0).await;
    entries(&admin, "created_lt=1980-01-01T00:00:00Z", 0).await;
}

#[actix_web::test]
async fn people_see_what_concerns_them() {
    let site = Site::start().await;
    let (alice, id) = site.person("alice").await;
    let own = entries(&alice, "", 1).await;
    assert_eq!(
        (&own[0]["accountId"], &own[0]["description"]),
        (&json!(id), &json!("login `alice`"))
    );
    let foreign = entries(&site.admin().await, "resourceType=password", 1).await;
    let path = format!("/auditlogs/{}", foreign[0]["id"].as_str().expect("an id"));
    assert_eq!(alice.get(&path).await.status, 404);
    assert_eq!(alice.post("/auditlogs", json!({})).await.status, 405);
}

#[actix_web::test]
async fn secrets_do_not_reach_the_log() {
    let site = Site::start().await;
    let (admin, owner) = (site.admin().await, site.owner().await);
    site.person("alice").await;
    let key = owner.post("/apikeys", json!({"name": "k"})).await.ok(201);
    let secret = key["secretValue"].as_str().expect("a secret");
    let launch = json!({
        "name": "s", "stackId": owner.post("/stacks", json!({"name": "w"})).await.ok(201)["id"],
        "launchConfig": {"imageUuid": "docker:x", "environment": {"PASSWORD": "hunter2"}},
    });
    owner.post("/services", launch).await.ok(201);
    let own = admin.get("/passwords").await.ok(200)["data"][0]["id"].clone();
    let path = format!("/passwords/{}?action=changesecret", own.as_str().expect("an id"));
    let change = json!({"oldSecret": super::site::PASSWORD, "newSecret": "much more secret"});
    admin.post(&path, change).await.ok(200);
    let admin = site.login("root:much more secret").await;
    entries(&admin, "eventType=api.password.action", 1).await;
    entries(&admin, "eventType=api.service.create", 1).await;
    entries(&admin, "eventType=api.apiKey.create", 1).await;
    let log = admin.get("/auditlogs?limit=-1").await.text;
    for word in [secret, "hunter2", super::site::PASSWORD, "much more secret", "alice-secret"] {
        assert!(!log.contains(word), "{word}");
    }
}

#[actix_web::test]
async fn logins_logouts_and_refused_calls_are_recorded() {
    let site = Site::start().await;
    let admin = site.admin().await;
    let events = async |client: &Client, count| {
        let rows = entries(client, "resourceType=token&order=desc", count).await;
        rows[0]["description"].as_str().unwrap_or_default().to_owned()
    };
    // The claim of the set-up and the login just now.
    assert_eq!(events(&admin, 2).await, "login `root`");
    assert_eq!(site.nobody().post("/token", json!({"code": "root:no"})).await.status, 401);
    assert_eq!(events(&admin, 3).await, "refused login `root`: wrong login or password");
    let stranger = Client { basic: Some(("A".repeat(20), "secret".to_owned())), ..site.nobody() };
    assert_eq!(stranger.get("/stacks?token=hidden").await.status, 401);
    let refused = events(&admin, 4).await;
    assert_eq!(
        refused,
        format!("refused `{}` for GET /v2-beta/stacks: Unauthorized", "A".repeat(20))
    );
    assert_eq!(site.nobody().get("/stacks").await.status, 401);
    assert_eq!(site.nobody().delete("/stacks/1st1").await.status, 401);
    assert_eq!(
        events(&admin, 5).await,
        "refused nobody for DELETE /v2-beta/stacks/1st1: Unauthorized"
    );
    let (alice, _) = site.person("alice").await;
    assert_eq!(
        alice.at(format!("{}/v2-beta/projects/1a5", site.url)).get("/stacks").await.status,
        403
    );
    // Between them: the login of the administrator who made her, and her own.
    assert_eq!(
        events(&admin, 8).await,
        "refused a session key for GET /v2-beta/projects/1a5/stacks: Forbidden"
    );
    assert_eq!(alice.delete("/token/current").await.status, 204);
    assert_eq!(events(&admin, 9).await, "logout");
}

#[actix_web::test]
async fn refusals_are_recorded_before_they_are_answered() {
    let site = Site::start().await;
    let owner = site.owner().await;
    assert_eq!(owner.post("/stacks", json!({"name": "-"})).await.status, 422);
    assert_eq!(owner.delete("/stacks/1st999").await.status, 404);
    let count = |event: &str| {
        let event = Some(event.to_owned());
        let filter = AuditFilter { event, limit: 9, ..AuditFilter::default() };
        site.store.read(|read| read.audit(&filter)).expect("read").len()
    };
    assert_eq!((count("api.stack.create"), count("api.stack.delete")), (1, 1));
}

#[actix_web::test]
async fn a_change_is_recorded_with_it() {
    let site = Site::start().await;
    let owner = site.owner().await;
    owner.post("/stacks", json!({"name": "web"})).await.ok(201);
    // Either the complete entry or the one that the change has brought along is there by now: a server that
    // starts from here has one of them in the end, and only one.
    let recover = |tx: &mut ranchette::store::Tx<'_>| tx.audit_recover(i64::MAX, 9);
    let recovered = site.store.write(recover).await.expect("written");
    let rows = entries(&owner, "eventType=api.stack.create", 1).await;
    let description = rows[0]["description"].as_str().unwrap_or("");
    assert_eq!(recovered == 1, description.contains("before its answer"), "{rows:?}");
}
