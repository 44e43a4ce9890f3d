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

/// A password that somebody writes into everything that is sent in the course of a stack's life.
const WRITTEN: &str = "written-inline-7";

/// What the program logs on this thread, of every kind.
#[derive(Clone, Default)]
struct Logged(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("a log").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[actix_web::test]
async fn passwords_that_people_write_into_files_do_not_reach_the_log() {
    let logged = Logged::default();
    let own = logged.clone();
    let all = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE);
    let guard = tracing::subscriber::set_default(all.with_writer(move || own.clone()).finish());
    tracing::info!("it is listened to");
    let site = Site::start().await;
    let (admin, owner) = (site.admin().await, site.owner().await);
    let compose = format!(
        "services:\n  web:\n    image: nginx\n    environment: {{ PASSWORD: {WRITTEN} }}\n"
    );
    let rancher = format!("services:\n  web:\n    scale: 1\n    metadata: {{ pw: {WRITTEN} }}\n");
    let wrong = format!("services:\n  web:\n    environment: {{ PASSWORD: [{WRITTEN}] }}\n");
    let files = json!({ "pw.txt": WRITTEN, "pw.b64": "d3JpdHRlbi1pbmxpbmUtNw==" });
    let variables = json!({ "PW": WRITTEN });
    let plan = |more: Value| {
        let mut plan = json!({ "name": "web", "dockerCompose": compose, "rancherCompose": rancher,
            "environment": variables, "files": { "pw.txt": "d3JpdHRlbi1pbmxpbmUtNw==" } });
        plan.as_object_mut().expect("a map").extend(more.as_object().expect("a map").clone());
        plan
    };
    let overlays = json!([{ "name": "a.yaml", "text": "" }, { "name": "b.yaml", "text": compose }]);
    for (more, status) in [
        (json!({}), 200),
        (json!({ "composeFiles": overlays }), 200),
        (json!({ "type": "error" }), 200),
        (json!({ "dockerCompose": wrong }), 422),
        (json!({ "dockerCompose": compose.replace("nginx", "[]") }), 422),
        (json!({ "rancherCompose": rancher.replace("scale: 1", "scale: [") }), 422),
        (json!({ "files": files }), 422),
    ] {
        let sent = plan(more);
        let found = owner.post("/stackplans", sent.clone()).await;
        assert_eq!(found.status, status, "{sent}: {}", found.text);
    }
    let stack = json!({ "name": "shop", "dockerCompose": compose, "rancherCompose": rancher,
        "environment": variables, "answers": variables, "templates": files });
    let stack = owner.post("/stacks", stack).await.ok(201);
    let path =
        |action: &str| format!("/stacks/{}?action={action}", stack["id"].as_str().expect("an id"));
    let upgrade = json!({ "dockerCompose": compose, "rancherCompose": rancher,
        "environment": variables, "answers": variables, "templates": files });
    // Whatever comes of it: what is asked is in the log.
    owner.post(&path("upgrade"), upgrade).await;
    owner.post(&path("exportconfig"), json!({})).await.ok(200);
    let container = json!({ "imageUuid": "docker:nginx", "environment": variables });
    owner.post("/containers", container).await.ok(201);
    let template = json!({ "name": "t", "stacks": [{ "name": "s", "dockerCompose": compose,
        "rancherCompose": rancher, "answers": variables, "templateId": "x" }] });
    admin.post("/projecttemplates", template).await;

    what_was_written_is_summed_up(&owner, &compose).await;
    nothing_written_is_in_the_log(&[owner, admin]).await;
    drop(guard);
    let logged = logged.0.lock().expect("a log").clone();
    let logged = String::from_utf8_lossy(&logged);
    assert!(logged.contains("it is listened to"));
    assert!(!logged.contains(WRITTEN), "{logged}");
}

#[actix_web::test]
async fn a_plan_that_is_looked_at_is_no_deed() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let (reader, id) = site.person("reader").await;
    let members = json!({ "members": [
        { "role": "owner", "externalId": "1a1", "externalIdType": "rancher_id" },
        { "role": "readonly", "externalId": id, "externalIdType": "rancher_id" },
    ]});
    site.admin().await.post("/projects/1a5?action=setmembers", members).await.ok(200);
    let reader = reader.at(format!("{}/v2-beta/projects/1a5", site.url));
    let plan = |compose: &str, dry: bool| json!({ "name": "web", "dockerCompose": compose, "dryRun": dry });
    let right = "services:\n  web:\n    image: nginx\n";
    owner.post("/stackplans", plan(right, true)).await.ok(200);
    owner.post("/stackplans", plan("services: [", true)).await;
    owner.post("/adoptions", json!({ "dryRun": true })).await.ok(200);
    assert_eq!(reader.post("/stackplans", plan(right, true)).await.status, 405);
    owner.post("/stackplans", plan(right, false)).await.ok(200);
    // The last one is written last.
    let plans = entries(&owner, "eventType=api.stackPlan.create&order=asc", 2).await;
    let codes: Vec<&Value> = plans.iter().map(|entry| &entry["responseCode"]).collect();
    assert_eq!(codes, [405, 200]);
    entries(&owner, "eventType=api.adoption.create", 0).await;
    // Where nothing can be tried out, saying so hides nothing.
    owner.post("/stacks", json!({ "name": "shop", "dryRun": true })).await.ok(201);
    entries(&owner, "eventType=api.stack.create", 1).await;
}

/// What is left of plans, and of everything else that was asked.
async fn what_was_written_is_summed_up(owner: &Client, compose: &str) {
    let query = "eventType=api.stackPlan.create&order=asc";
    let plans = entries(owner, query, 7).await;
    let asked: Value =
        serde_json::from_str(plans[0]["requestObject"].as_str().expect("a body")).expect("JSON");
    assert_eq!(asked["environment"], json!(["PW"]));
    assert_eq!(asked["files"], json!(["pw.txt"]));
    let summary = asked["dockerCompose"].as_str().expect("a summary");
    assert!(summary.starts_with(&format!("{} bytes, sha256 ", compose.len())), "{summary}");
    let [_] = &entries(owner, "eventType=api.stack.action&description=upgrade", 1).await[..] else {
        panic!()
    };
}

async fn nothing_written_is_in_the_log(clients: &[Client]) {
    for client in clients {
        let log = client.get("/auditlogs?limit=-1").await.text;
        assert!(log.contains("api.stackPlan.create"), "{log}");
        for word in [WRITTEN, "d3JpdHRlbi1pbmxpbmUtNw"] {
            let at = log.find(word).map(|at| &log[at.saturating_sub(400)..at]);
            assert_eq!(at, None, "{word}");
        }
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
