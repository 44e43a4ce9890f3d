//! Who may do what: logins, keys, members and their roles.

use expect_test::expect;
use serde_json::{Value, json};

use super::site::{Client, Site};

#[actix_web::test]
async fn nobody_gets_nothing_but_the_login() {
    let ((site, code), _) = Site::without_administrator().await;
    let nobody = site.nobody();
    let refused = nobody.get("/stacks").await;
    assert_eq!(refused.status, 401);
    assert_eq!(
        refused.header("www-authenticate"),
        "Basic realm=\"Enter API access key and secret key as username and password\""
    );
    let quiet = nobody.request("GET", "/stacks").header("x-api-no-challenge", "true");
    assert_eq!(super::site::answer(quiet).await.header("www-authenticate"), "");
    let root = nobody.at(site.url.clone());
    assert_eq!(root.get("/setup").await.ok(200), json!({"needed": true}));
    let bad = json!({"code": "nonsense", "username": "root", "password": "long enough"});
    assert_eq!(root.post("/setup", bad).await.status, 401);
    let good = json!({"code": code, "username": "root", "password": "long enough"});
    let login = root.post("/setup", good).await;
    assert!(login.header("set-cookie").starts_with("token="), "{login:?}");
    let token = login.ok(201);
    assert_eq!(token["type"], "token");
    assert_eq!(root.get("/setup").await.ok(200), json!({"needed": false}));
    let status = nobody.get("/token").await.ok(200);
    assert_eq!(status["data"][0]["security"], true);
    for (body, expect) in [
        (json!({}), 400),
        (json!({"code": "root"}), 403),
        (json!({"code": "root:wrong"}), 401),
        (json!({"code": "root:long enough"}), 201),
    ] {
        assert_eq!(nobody.post("/token", body.clone()).await.status, expect, "{body}");
    }
    let form = nobody
        .request("POST", "/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .body("code=root%3Along+enough");
    let key = super::site::answer(form).await.ok(201)["jwt"].as_str().expect("a key").to_owned();
    let caller = Client { bearer: Some(key), ..nobody.clone() };
    caller.get("/stacks").await.ok(200);
    assert_eq!(caller.delete("/token/current").await.status, 204);
    assert_eq!(caller.get("/stacks").await.status, 401);
}

#[actix_web::test]
async fn an_api_key_is_shown_once() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let key = owner.post("/apikeys", json!({"name": "k"})).await.ok(201);
    let secret = key["secretValue"].as_str().expect("a secret").to_owned();
    let access = key["publicValue"].as_str().expect("a key").to_owned();
    assert_eq!((secret.len(), access.len()), (40, 20));
    assert_eq!((&key["baseType"], &key["accountId"]), (&json!("credential"), &json!("1a5")));
    let id = key["id"].as_str().expect("an id");
    let again = owner.get(&format!("/apikeys/{id}")).await.ok(200);
    assert_eq!(again["secretValue"], Value::Null);
    assert!(!again.to_string().contains(&secret));

    let program = Client { bearer: None, basic: Some((access.clone(), secret)), ..site.nobody() };
    let projects = program.get("/projects").await.ok(200);
    assert_eq!(projects["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(program.post("/projects", json!({"name": "p"})).await.status, 403);
    program.post("/stacks", json!({"name": "web"})).await.ok(201);
    let twice = owner.post("/apikeys", json!({"publicValue": access})).await;
    assert_ne!(twice.json()["publicValue"], access, "owners may not choose access keys");
    let admin = site.admin().await;
    let twice = admin.post("/apikeys", json!({"publicValue": access})).await;
    assert!(twice.fault().starts_with("422 NotUnique publicValue"), "{}", twice.text);
}

#[actix_web::test]
async fn environments_belong_to_their_members() {
    let site = Site::start().await;
    let (alice, alice_id) = site.person("alice").await;
    let (bob, bob_id) = site.person("bob").await;
    let project = alice.post("/projects", json!({"name": "hers"})).await.ok(201);
    let id = project["id"].as_str().expect("an id").to_owned();
    assert_eq!((&project["type"], &project["baseType"]), (&json!("project"), &json!("account")));
    let base = format!("{}/v2-beta/projects/{id}", site.url);
    assert_eq!(project["links"]["services"], format!("{base}/services"));
    assert_eq!(bob.get(&format!("/projects/{id}")).await.status, 404);
    assert_eq!(bob.get(&format!("/projects/{id}/stacks")).await.status, 403);

    let number: i64 = id.trim_start_matches("1a").parse().expect("a number");
    site.store
        .write(move |tx| {
            tx.update(number, |row| {
                row.state = "active".to_owned();
                Ok(())
            })
        })
        .await
        .expect("written");
    let members = json!({"members": [
        {"externalId": alice_id, "externalIdType": "rancher_id", "role": "owner"},
        {"externalId": bob_id, "externalIdType": "rancher_id", "role": "readonly"},
    ]});
    let set = alice.post(&format!("/projects/{id}?action=setmembers"), members).await.ok(200);
    assert_eq!(set["data"].as_array().map(Vec::len), Some(2));
    let listed = bob.get(&format!("/projects/{id}/projectmembers")).await.ok(200);
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(2), "{listed}");

    let reader = bob.at(base.clone());
    reader.get("/stacks").await.ok(200);
    assert_eq!(reader.post("/stacks", json!({"name": "web"})).await.status, 405);
    let shown = reader.get(&format!("{}/v2-beta/projects/{id}", site.url)).await.ok(200);
    assert_eq!(shown["actions"], json!({}), "{shown}");
    let mut found = String::new();
    for (method, path, body) in [
        ("PUT", format!("/projects/{id}"), json!({"name": "his"})),
        ("DELETE", format!("/projects/{id}"), Value::Null),
    ] {
        let answer = bob.send(method, &path, Some(body)).await;
        found.push_str(&format!("{method} {}\n", answer.fault()));
    }
    expect![[r#"
        PUT 403 Forbidden -: You must be a project owner to update the name or description.
        DELETE 403 Forbidden -: only an owner may remove the environment `hers`
    "#]]
    .assert_eq(&found);
    let ownerless = json!({"members": [
        {"externalId": bob_id, "externalIdType": "rancher_id", "role": "member"},
    ]});
    let refused = alice.post(&format!("/projects/{id}?action=setmembers"), ownerless).await;
    expect!["400 InvalidFormat -: Members list does not have an owner"].assert_eq(&refused.fault());
    let removed = alice.delete(&format!("/projects/{id}")).await.ok(200);
    assert_eq!(removed["data"][0]["state"], "deactivating");
}

#[actix_web::test]
async fn people_see_what_is_theirs() {
    let site = Site::start().await;
    let (alice, id) = site.person("alice").await;
    let accounts = alice.get("/accounts").await.ok(200);
    assert_eq!(accounts["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(accounts["data"][0]["id"], id);
    assert_eq!(alice.get("/accounts/1a1").await.status, 404);
    assert_eq!(alice.post("/accounts", json!({"name": "x"})).await.status, 405);
    let found = alice.get("/identities?name=alice").await.ok(200);
    assert_eq!(found["data"][0]["externalId"], id);
    assert_eq!(found["data"][0]["id"], format!("1i!rancher_id:{id}"));
    let passwords = alice.get("/passwords").await.ok(200);
    let own = passwords["data"][0]["id"].as_str().expect("an id");
    let wrong = json!({"oldSecret": "no", "newSecret": "another one"});
    let refused = alice.post(&format!("/passwords/{own}?action=changesecret"), wrong).await;
    assert!(refused.fault().starts_with("400 InvalidOldPassword"), "{}", refused.text);
    let right = json!({"oldSecret": "alice-secret", "newSecret": "another one"});
    alice.post(&format!("/passwords/{own}?action=changesecret"), right).await.ok(200);
    assert_eq!(alice.get("/projects").await.status, 401, "every session ends with the password");
    let alice = site.login("alice:another one").await;

    let admin = site.admin().await;
    let last = admin.post("/accounts/1a1?action=deactivate", json!({})).await;
    assert!(last.fault().starts_with("405 LastAdminAccount"), "{}", last.text);
    let private: Vec<String> = alice.get("/settings").await.ok(200)["data"]
        .as_array()
        .expect("data")
        .iter()
        .filter_map(|setting| setting["id"].as_str().map(str::to_owned))
        .filter(|name| name.starts_with("api.auth.jwt"))
        .collect();
    assert!(private.is_empty());
}

#[actix_web::test]
async fn memberships_end_by_who_may_set_members_and_an_owner_stays() {
    let site = Site::start().await;
    let admin = site.admin().await;
    let (alice, alice_id) = site.person("alice").await;
    let (bob, bob_id) = site.person("bob").await;
    let (_, carol_id) = site.person("carol").await;
    let member = |id: &str, role: &str| json!({"externalId": id, "externalIdType": "rancher_id", "role": role});
    let members = json!({"members": [
        member("1a1", "owner"),
        member(&alice_id, "owner"),
        member(&bob_id, "member"),
        member(&carol_id, "readonly"),
    ]});
    let set = admin.post("/projects/1a5?action=setmembers", members).await.ok(200);
    let of = |id: &str| {
        let rows = set["data"].as_array().expect("members").iter();
        let mut rows = rows.filter(|row| row["externalId"] == id);
        rows.next().expect("a member")["id"].as_str().expect("an id").to_owned()
    };
    let inside = format!("{}/v2-beta/projects/1a5", site.url);
    let outside = format!("{}/v2-beta", site.url);
    let (ids, mut found) = ([of(&alice_id), of(&bob_id), of(&carol_id)], String::new());
    for base in [&inside, &outside] {
        for id in &ids {
            for action in ["deactivate", "remove", "update"] {
                let path = format!("{outside}/projectmembers/{id}?action={action}");
                let caller = bob.at(base.clone());
                let request = caller.request("POST", &path).header("x-api-project-id", "1a5");
                let answer = super::site::answer(request).await;
                found.push_str(&format!("{}\n", answer.fault()));
            }
        }
    }
    assert!(found.lines().all(|line| line.starts_with("422 ActionNotAvailable")), "{found}");
    let made = bob.post("/projectmembers", member(&bob_id, "owner")).await;
    assert_eq!(made.status, 405, "{}", made.text);
    // An owner ends others' memberships, and the last owner's is nobody's to end.
    let end = |id: String| format!("/projectmembers/{id}?action=deactivate");
    alice.post(&end(of(&bob_id)), json!({})).await.ok(202);
    alice.post(&end(of("1a1")), json!({})).await.ok(202);
    let last = alice.post(&end(of(&alice_id)), json!({})).await;
    assert_eq!(last.fault(), "400 InvalidFormat -: Members list does not have an owner");
    let last = admin.post(&end(of(&alice_id)), json!({})).await;
    assert_eq!(last.status, 400, "{}", last.text);
}

#[actix_web::test]
async fn processes_are_told_only_what_an_action_says_it_takes() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let stack = owner.post("/stacks", json!({"name": "web"})).await.ok(201);
    let path = format!("/stacks/{}?action=remove", stack["id"].as_str().expect("an id"));
    let body = json!({"volumes": true, "settled": true, "remove": true, "then": "error"});
    owner.post(&path, body).await.ok(202);
    let number: i64 = stack["id"].as_str().expect("an id")[3..].parse().expect("a number");
    let process = site.store.read(|read| read.open_process(number)).expect("read");
    let process = process.expect("a process");
    assert_eq!(process.name, "stack.remove");
    assert_eq!(Value::Object(process.data), json!({"volumes": true}));
}
