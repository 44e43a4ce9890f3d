//! Environments through the API: their members, what others see of them, links, templates, and the kinds
//! of accounts that act in them.

use serde_json::{Value, json};

use super::site::{Client, Site};

fn id(row: &Value) -> String {
    row["id"].as_str().unwrap_or_else(|| panic!("no id: {row}")).to_owned()
}

/// Sets the state of a row: processes stand still here.
async fn set_state(site: &Site, id: &str, state: &'static str) {
    let number = ranchette::model::id::parse(id).expect("an id");
    let write = move |tx: &mut ranchette::store::Tx<'_>| {
        tx.update(number, |row| {
            row.state = state.to_owned();
            Ok(())
        })
    };
    site.store.write(write).await.expect("written");
}

async fn project(site: &Site, client: &Client, body: Value) -> String {
    let project = id(&client.post("/projects", body).await.ok(201));
    set_state(site, &project, "active").await;
    project
}

fn member(account: &str, role: &str) -> Value {
    json!({"externalId": account, "externalIdType": "rancher_id", "role": role})
}

async fn listed(client: &Client, query: &str) -> Vec<String> {
    let list = client.get(&format!("/projects{query}")).await.ok(200);
    list["data"].as_array().expect("data").iter().map(id).collect()
}

#[actix_web::test]
async fn members_see_active_environments_and_owners_all_of_theirs() {
    let site = Site::start().await;
    let admin = site.admin().await;
    let (alice, alice_id) = site.person("alice").await;
    let (bob, bob_id) = site.person("bob").await;
    let members = json!([member(&alice_id, "owner"), member(&bob_id, "member")]);
    let hers = project(&site, &alice, json!({"name": "Hers", "members": members})).await;
    let own = listed(&bob, "").await;
    assert!(own.contains(&hers), "{own:?}");
    assert_eq!(listed(&alice, "?name=hers").await, [hers.as_str()], "in any letter case");
    assert_eq!(listed(&bob, "?name=none").await, Vec::<String>::new());
    assert_eq!(listed(&bob, "?all=true").await, own, "for administrators only");
    assert!(!listed(&admin, "").await.contains(&hers), "an administrator is no member");
    assert!(listed(&admin, "?all=true").await.contains(&hers));
    admin.get(&format!("/projects/{hers}")).await.ok(200);

    let inside = bob.at(format!("{}/v2-beta/projects/{hers}", site.url));
    inside.get("/stacks").await.ok(200);
    set_state(&site, &hers, "inactive").await;
    assert_eq!(inside.get("/stacks").await.status, 403);
    assert_eq!(bob.get(&format!("/projects/{hers}")).await.status, 404);
    assert!(!listed(&bob, "").await.contains(&hers));
    let shown = alice.get(&format!("/projects/{hers}")).await.ok(200);
    assert!(shown["actions"]["activate"].is_string(), "{shown}");
    alice.post(&format!("/projects/{hers}?action=activate"), json!({})).await.ok(202);
}

#[actix_web::test]
async fn an_environment_is_selected_in_every_way_there_is() {
    let site = Site::start().await;
    let (alice, _) = site.person("alice").await;
    let hers = project(&site, &alice, json!({"name": "hers"})).await;
    let base = format!("{}/v2-beta", site.url);
    let key = alice.at(format!("{base}/projects/{hers}")).post("/apikeys", json!({})).await.ok(201);
    let token = alice.bearer.clone().expect("a key");
    let account = |request: reqwest::RequestBuilder| async {
        let answer = super::site::answer(request).await;
        (answer.status, answer.header("x-api-account-id").to_owned())
    };
    let inside = (200, hers.clone());
    let stacks = || alice.request("GET", "/stacks");
    let public = key["publicValue"].as_str().expect("a key").to_owned();
    for request in [
        stacks().header("x-api-project-id", &hers),
        alice.request("GET", &format!("/stacks?projectId={hers}")),
        alice.request("GET", &format!("/projects/{hers}/stacks")),
        stacks().header("x-api-client-access-key", &public),
        site.nobody()
            .http
            .get(format!("{base}/stacks"))
            .basic_auth(format!("X-API-Bearer={hers}"), Some(&token)),
    ] {
        assert_eq!(account(request).await, inside);
    }
    assert_eq!(account(stacks().header("x-api-project-id", "1a5")).await.0, 403);
    assert_eq!(account(stacks().header("x-api-project-id", "1a999")).await.0, 403);
    assert_eq!(account(stacks().header("x-api-project-id", "nonsense")).await.0, 400);

    // The environment's own key is the environment, while it is active and the key is.
    let secret = key["secretValue"].as_str().expect("a secret").to_owned();
    let program = Client { bearer: None, basic: Some((public, secret)), ..site.nobody() };
    assert_eq!(listed(&program, "").await, [hers.as_str()]);
    let path = format!("/projects/{hers}/apikeys/{}", id(&key));
    set_state(&site, &id(&key), "active").await;
    assert_eq!(alice.delete(&path).await.status, 405, "an active key is deactivated first");
    alice.post(&format!("{path}?action=deactivate"), json!({})).await.ok(202);
    assert_eq!(program.get("/stacks").await.status, 401);
    set_state(&site, &id(&key), "inactive").await;
    alice.post(&format!("{path}?action=activate"), json!({})).await.ok(202);
    program.get("/stacks").await.ok(200);
    set_state(&site, &hers, "inactive").await;
    assert_eq!(program.get("/stacks").await.status, 401);
}

#[actix_web::test]
async fn who_sets_members_a_setting_says_and_only_owners_change_owners() {
    let site = Site::start().await;
    let admin = site.admin().await;
    let (alice, alice_id) = site.person("alice").await;
    let (bob, bob_id) = site.person("bob").await;
    let members = json!([member(&alice_id, "owner"), member(&bob_id, "member")]);
    let hers = project(&site, &alice, json!({"name": "hers", "members": members})).await;
    let set = async |client: &Client, members: Value| {
        let path = format!("/projects/{hers}?action=setmembers");
        client.post(&path, json!({"members": members})).await
    };
    let both = json!([member(&alice_id, "owner"), member(&bob_id, "readonly")]);
    assert!(set(&bob, both.clone()).await.fault().starts_with("422 ActionNotAvailable action"));
    let roles = json!({"value": "owner,member"});
    admin.put("/settings/project.set.member.roles", roles).await.ok(200);
    let taken = set(&bob, json!([member(&bob_id, "owner")])).await.fault();
    assert_eq!(taken, "400 InvalidFormat -: only an owner may change who the owners are");
    set(&bob, both).await.ok(200);
    let listed = alice.get(&format!("/projects/{hers}/projectmembers")).await.ok(200);
    let roles: Vec<&str> = listed["data"]
        .as_array()
        .expect("data")
        .iter()
        .filter_map(|m| m["role"].as_str())
        .collect();
    assert_eq!(roles, ["owner", "readonly"]);
    for (members, expect) in [
        (json!([member(" ", "owner")]), "400 InvalidFormat"),
        (json!([{"role": "owner"}]), "400 InvalidFormat"),
        (json!([member(&alice_id, "janitor")]), "422 InvalidOption"),
        (json!([member("1a999", "owner")]), "400 InvalidFormat"),
        (json!([]), "422"),
    ] {
        let said = set(&alice, members.clone()).await.fault();
        assert!(said.starts_with(expect), "{members}: {said}");
    }
    let lone = member(&bob_id, "owner");
    let refused = alice.at(format!("{}/v2-beta", site.url)).post("/projectmembers", lone).await;
    assert_eq!(refused.status, 405, "members are set all at once");
    // Administrators always may, whatever the setting says.
    admin.put("/settings/project.set.member.roles", json!({"value": ""})).await.ok(200);
    assert!(set(&alice, json!([member(&alice_id, "owner")])).await.fault().starts_with("422"));
    set(&admin, json!([member(&bob_id, "owner")])).await.ok(200);
    assert_eq!(alice.get(&format!("/projects/{hers}")).await.status, 404);
}

#[actix_web::test]
async fn environments_have_ports_versions_and_links() {
    let site = Site::start().await;
    let admin = site.admin().await;
    let turned = json!({"name": "p", "servicesPortRange": {"startPort": 9, "endPort": 8}});
    let fault = admin.post("/projects", turned).await.fault();
    assert!(fault.starts_with("422 PortRangeWrongFormat servicesPortRange"), "{fault}");
    let a = project(&site, &admin, json!({"name": "a"})).await;
    let b = project(&site, &admin, json!({"name": "b", "projectLinks": [a]})).await;
    let links = async || {
        let list = admin.get("/accountlinks").await.ok(200);
        let rows = list["data"].as_array().expect("data").clone();
        rows.iter().map(|row| format!("{}>{}", row["accountId"], row["state"])).collect::<Vec<_>>()
    };
    assert_eq!(links().await, [format!("\"{b}\">\"active\"")]);
    let path = format!("/projects/{b}");
    let fault = admin.put(&path, json!({"projectLinks": [b]})).await.fault();
    assert!(fault.starts_with("422 InvalidReference projectLinks"), "{fault}");
    admin.put(&path, json!({"projectLinks": [a, "1a5"]})).await.ok(200);
    assert_eq!(links().await.len(), 2);
    admin.put(&path, json!({"projectLinks": []})).await.ok(200);
    assert_eq!(links().await, Vec::<String>::new());

    set_state(&site, &b, "active").await;
    let upgrade = async || admin.get(&path).await.ok(200)["actions"]["upgrade"].is_string();
    assert!(!upgrade().await);
    admin.put("/settings/account.version", json!({"value": "3"})).await.ok(200);
    assert!(upgrade().await);
}

#[actix_web::test]
async fn templates_are_their_makers_or_everybody_s() {
    let site = Site::start().await;
    let admin = site.admin().await;
    let (alice, _) = site.person("alice").await;
    let (bob, _) = site.person("bob").await;
    let stack =
        json!({"name": "s", "dockerCompose": "services: {}", "templateVersionId": "l:infra*k8s:1"});
    for (stacks, expect) in [
        (json!([{"dockerCompose": "x"}]), "422 MissingRequired stacks"),
        (json!([{"name": "s"}]), "422 MissingRequired stacks"),
        (json!([stack, {"name": "S", "templateId": "x"}]), "422 NotUnique stacks"),
    ] {
        let fault =
            alice.post("/projecttemplates", json!({"name": "t", "stacks": stacks})).await.fault();
        assert!(fault.starts_with(expect), "{fault}");
    }
    let body = json!({"name": "hers", "stacks": [stack]});
    let hers = id(&alice.post("/projecttemplates", body.clone()).await.ok(201));
    let twice = alice.post("/projecttemplates", body).await.fault();
    assert!(twice.starts_with("422 NotUnique name"), "{twice}");
    let public = json!({"name": "Cattle", "isPublic": true, "stacks": []});
    let public = id(&admin.post("/projecttemplates", public).await.ok(201));
    let seen = async |client: &Client| {
        let list = client.get("/projecttemplates").await.ok(200);
        list["data"].as_array().expect("data").iter().map(id).collect::<Vec<_>>()
    };
    assert_eq!(seen(&alice).await, [hers.clone(), public.clone()]);
    assert_eq!((seen(&bob).await, seen(&admin).await.len()), (vec![public.clone()], 2));
    assert_eq!(bob.get(&format!("/projecttemplates/{hers}")).await.status, 404);
    let path = format!("/projecttemplates/{public}");
    assert_eq!(alice.put(&path, json!({"description": "x"})).await.status, 403);
    assert_eq!(alice.delete(&path).await.status, 403);
    alice.put(&format!("/projecttemplates/{hers}"), json!({"description": "x"})).await.ok(200);

    let by_default = alice.post("/projects", json!({"name": "a"})).await.ok(201);
    let shape =
        |project: &Value| (project["projectTemplateId"].clone(), project["orchestration"].clone());
    assert_eq!(shape(&by_default), (json!(public), json!("cattle")));
    let chosen = alice.post("/projects", json!({"name": "b", "projectTemplateId": hers})).await;
    assert_eq!(shape(&chosen.ok(201)), (json!(hers), json!("kubernetes")));
    let foreign =
        bob.post("/projects", json!({"name": "c", "projectTemplateId": hers})).await.fault();
    assert!(foreign.starts_with("422 InvalidReference projectTemplateId"), "{foreign}");
    admin.put("/settings/project.template.default.name", json!({"value": "hers"})).await.ok(200);
    let none = alice.post("/projects", json!({"name": "d"})).await.ok(201);
    assert_eq!(none["projectTemplateId"], Value::Null, "only a public one is everybody's default");
}

#[actix_web::test]
async fn accounts_have_kinds_and_one_administrator_stays() {
    let site = Site::start().await;
    let admin = site.admin().await;
    for kind in ["admin", "agent", "environment", "projectadmin", "readAdmin", "service", "user"] {
        let made = admin.post("/accounts", json!({"name": kind, "kind": kind})).await.ok(201);
        assert_eq!(made["kind"], kind);
        let key = admin.post("/apikeys", json!({"accountId": made["id"]})).await.ok(201);
        let text = |field: &str| key[field].as_str().expect("text").to_owned();
        let basic = Some((text("publicValue"), text("secretValue")));
        let caller = Client { bearer: None, basic, ..site.nobody() };
        let answer = caller.get("/schemas").await;
        assert_eq!((answer.status, answer.header("x-api-account-kind")), (200, kind));
        let expect = match kind {
            "admin" | "service" => 201,
            "agent" => 404,
            _ => 405,
        };
        let tried = caller.post("/accounts", json!({"name": "x"})).await;
        assert_eq!(tried.status, expect, "{kind}: {}", tried.text);
    }
    for kind in ["superadmin", "system", "token", "project", "root"] {
        let fault = admin.post("/accounts", json!({"name": "x", "kind": kind})).await.fault();
        assert!(fault.starts_with("422 InvalidOption kind"), "{kind}: {fault}");
    }
}

#[actix_web::test]
async fn preferences_are_one_s_own_and_their_names_are_used_once() {
    let site = Site::start().await;
    let admin = site.admin().await;
    let (alice, alice_id) = site.person("alice").await;
    let body = |value: &str| json!({"name": "theme", "value": value});
    let made = alice.post("/userpreferences", body("dark")).await.ok(201);
    assert_eq!((&made["accountId"], &made["value"]), (&json!(alice_id), &json!("dark")));
    let fault = alice.post("/userpreferences", body("light")).await.fault();
    assert!(fault.starts_with("422 NotUnique name"), "{fault}");
    let path = format!("/userpreferences/{}", id(&made));
    alice.put(&path, body("light")).await.ok(200);
    let other =
        alice.post("/userpreferences", json!({"name": "other", "value": "1"})).await.ok(201);
    let taken = alice.put(&format!("/userpreferences/{}", id(&other)), body("x")).await.fault();
    assert!(taken.starts_with("422 NotUnique name"), "{taken}");
    admin.post("/userpreferences", body("dark")).await.ok(201);
    let count = async |client: &Client, query: &str| {
        let list = client.get(&format!("/userpreferences{query}")).await.ok(200);
        list["data"].as_array().map_or(0, Vec::len)
    };
    assert_eq!((count(&alice, "").await, count(&alice, "?name=theme").await), (2, 1));
    assert_eq!((count(&admin, "").await, count(&admin, "?all=true").await), (1, 3));
    assert_eq!(count(&alice, "?all=true").await, 2, "for administrators only");
    let (bob, _) = site.person("bob").await;
    assert_eq!(bob.get(&path).await.status, 404);
    set_state(&site, &id(&made), "active").await;
    alice.delete(&path).await.ok(200);
}
