//! Access control off and on, the providers of logins, rules for passwords, and sessions as rows.

use std::sync::Arc;
use std::sync::Mutex;

use actix_web::{App, HttpResponse, HttpServer, web};
use serde_json::{Value, json};

use super::site::{Client, PASSWORD, Site, answer};

async fn state(client: &Client) -> Value {
    let list = client.get("/localauthconfig").await.ok(200);
    let rows = list["data"].as_array().expect("data");
    assert_eq!((rows.len(), &list["pagination"]), (1, &Value::Null), "{list}");
    rows[0].clone()
}

#[actix_web::test]
async fn access_control_is_switched_on_through_the_api() {
    let site = Site::open().await;
    let nobody = site.nobody();
    assert_eq!(nobody.at(site.url.clone()).get("/setup").await.ok(200), json!({"needed": false}));
    let answered = nobody.get("/accounts/1a1").await;
    let headers = ["x-api-user-id", "x-api-account-id", "x-api-account-kind"];
    assert_eq!(headers.map(|name| answered.header(name)), ["1a1", "1a1", "admin"]);
    let inside = nobody.request("GET", "/stacks").header("x-api-project-id", "1a5");
    assert_eq!(answer(inside).await.header("x-api-account-id"), "1a5");
    let projects = nobody.get("/projects").await.ok(200);
    assert_eq!(projects["data"][0]["uuid"], "adminProject");
    let enforced = nobody.request("GET", "/stacks").header("x-enforce-authentication", "true");
    let enforced = answer(enforced).await;
    assert_eq!((enforced.status, enforced.header("www-authenticate")), (401, ""));
    let other = nobody.request("POST", "/projects").header("origin", "http://evil.example");
    assert_eq!(answer(other).await.status, 401);
    let rebound = nobody.request("GET", "/stacks").header("host", "evil.example");
    assert_eq!(answer(rebound).await.status, 401);
    let setting = async |client: &Client, name: &str| {
        client.get(&format!("/settings/{name}")).await.ok(200)["activeValue"].clone()
    };
    assert_eq!(setting(&nobody, "api.security.enabled").await, "false");
    let before = state(&nobody).await;
    assert_eq!(
        (&before["enabled"], &before["accessMode"]),
        (&json!(false), &json!("unrestricted"))
    );

    let config = json!({"username": "root", "password": "secret", "name": "Root", "enabled": true});
    for missing in ["username", "password"] {
        let mut body = config.clone();
        body.as_object_mut().expect("an object").remove(missing);
        let fault = nobody.post("/localauthconfig", body).await.fault();
        assert!(fault.starts_with(&format!("422 MissingRequired {missing}")), "{fault}");
    }
    let mode = json!({"username": "", "password": "x", "accessMode": "odd"});
    let fault = nobody.post("/localauthconfig", mode).await.fault();
    assert!(fault.starts_with("422 InvalidOption accessMode"), "{fault}");
    let set = nobody.post("/localauthconfig", config.clone()).await.ok(201);
    assert_eq!((&set["type"], &set["enabled"]), (&json!("localAuthConfig"), &json!(true)));
    assert_eq!(
        (&set["username"], &set["password"], &set["name"]),
        (&json!(""), &Value::Null, &json!(""))
    );

    let refused = nobody.get("/accounts/1a1").await;
    assert_eq!(refused.status, 401);
    assert!(refused.header("www-authenticate").starts_with("Basic realm="));
    let admin = site.login("root:secret").await;
    assert_eq!(admin.get("/accounts/1a1").await.ok(200)["name"], "Root");
    assert_eq!(setting(&admin, "api.security.enabled").await, "true");
    assert_eq!(setting(&admin, "api.auth.provider.configured").await, "localAuthConfig");
    assert_eq!(state(&admin).await["enabled"], true);
    let token = nobody.get("/token").await.ok(200)["data"][0].clone();
    assert_eq!(
        (&token["security"], &token["authProvider"]),
        (&json!(true), &json!("localAuthConfig"))
    );
    let wrong = json!({"username": "root", "password": "guess", "enabled": true});
    let fault = admin.post("/localauthconfig", wrong).await.fault();
    assert!(fault.starts_with("401 IncorrectPassword"), "{fault}");

    // The configuration lets it be off, so an administrator may switch it off again.
    let off = json!({"username": "root", "password": "secret", "enabled": false});
    admin.post("/localauthconfig", off).await.ok(201);
    nobody.get("/accounts/1a1").await.ok(200);
    let log = nobody.get("/auditlogs?eventType=api.localAuthConfig.create").await.text;
    assert!(!log.contains("secret"), "{log}");
}

#[actix_web::test]
async fn access_control_stays_on_where_the_configuration_says_so() {
    let site = Site::start().await;
    let admin = site.admin().await;
    let (alice, _) = site.person("alice").await;
    assert_eq!(alice.get("/localauthconfig").await.status, 404);
    assert_eq!(state(&admin).await["enabled"], true);
    let off = json!({"username": "root", "password": PASSWORD, "enabled": false});
    let fault = admin.post("/localauthconfig", off).await.fault();
    assert!(fault.starts_with("403 Forbidden"), "{fault}");
    let fault =
        admin.put("/settings/api.security.enabled", json!({"value": "false"})).await.fault();
    assert!(fault.starts_with("403 Forbidden"), "{fault}");
    let shown = admin.delete("/settings/api.security.enabled").await.ok(200);
    assert_eq!(
        (&shown["activeValue"], &shown["source"]),
        (&json!("true"), &json!("Configuration File"))
    );
    assert_eq!(site.nobody().get("/stacks").await.status, 401);
}

#[actix_web::test]
async fn other_providers_can_be_read_and_not_enabled() {
    let site = Site::start().await;
    let admin = site.admin().await;
    let v1 = admin.at(format!("{}/v1", site.url));
    for (client, ty, code) in [
        (&admin, "openldapconfig", "OpenLDAPConfig"),
        (&admin, "azureadconfig", "AzureNotConfigured"),
        (&v1, "ldapconfig", "LdapDown"),
        (&v1, "githubconfig", "NotConfigured"),
    ] {
        let list = client.get(&format!("/{ty}")).await.ok(200);
        let config = &list["data"][0];
        assert_eq!((&config["type"], &config["enabled"]), (&json!(ty), &json!(false)), "{list}");
        assert_eq!(config["accessMode"], "unrestricted");
        let given = json!({
            "enabled": true, "accessMode": "unrestricted", "domain": "dc=x", "server": "ldap.x",
            "serviceAccountUsername": "u", "serviceAccountPassword": "p", "tls": false,
            "loginDomain": "x", "name": "x",
        });
        let fault = client.post(&format!("/{ty}"), given.clone()).await.fault();
        assert!(fault.starts_with(&format!("503 {code} -")), "{fault}");
        let mut off = given;
        off["enabled"] = json!(false);
        let answered = client.post(&format!("/{ty}"), off).await.ok(201);
        assert_eq!(answered["enabled"], false, "{answered}");
    }
    let list = admin.get("/openldapconfigs").await.ok(200);
    assert_eq!(
        (&list["data"][0]["port"], &list["data"][0]["userLoginField"]),
        (&json!(389), &json!("uid"))
    );
}

#[actix_web::test]
async fn rules_for_passwords_are_somebody_else_s() {
    let seen: Arc<Mutex<Vec<Value>>> = Arc::default();
    let kept = web::Data::from(Arc::clone(&seen));
    let rule = |kept: web::Data<Mutex<Vec<Value>>>, body: web::Json<Value>| async move {
        let good = body["secret"].as_str().is_some_and(|secret| secret.len() > 10);
        kept.lock().expect("kept").push(body.into_inner());
        if good { HttpResponse::Ok().finish() } else { HttpResponse::NotAcceptable().finish() }
    };
    let server = HttpServer::new(move || {
        App::new().app_data(kept.clone()).route("/rule", web::post().to(rule))
    });
    let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).expect("a port");
    let url = format!("http://{}/rule", server.addrs().first().expect("an address"));
    let server = server.run();
    let handle = server.handle();
    actix_web::rt::spawn(server);

    let site = Site::start().await;
    let admin = site.admin().await;
    admin.put("/settings/api.auth.local.validate.url", json!({"value": url})).await.ok(200);
    let rules = json!({"value": "more than ten letters"});
    admin.put("/settings/api.auth.local.validate.description", rules).await.ok(200);
    let account = admin.post("/accounts", json!({"name": "eve", "kind": "user"})).await.ok(201);
    let login = |secret: &str| json!({"publicValue": "eve", "secretValue": secret, "accountId": account["id"]});
    // This machine is called when an administrator says so.
    let early = admin.post("/passwords", login("long enough, but nobody is asked")).await;
    assert!(early.fault().starts_with("500 AuthError"), "{}", early.text);
    admin.put("/settings/outbound.allow", json!({"value": "127.0.0.1"})).await.ok(200);
    let refused = admin.post("/passwords", login("short")).await;
    assert_eq!((refused.status, &refused.json()["detail"]), (406, &json!("more than ten letters")));
    let made = admin.post("/passwords", login("long enough it is")).await.ok(201);
    let path = format!("/passwords/{}?action=changesecret", made["id"].as_str().expect("an id"));
    let change = json!({"oldSecret": "", "newSecret": "short too"});
    assert_eq!(admin.post(&path, change).await.status, 406);
    let asked = seen.lock().expect("seen").clone();
    let expect =
        ["short", "long enough it is", "short too"].map(|secret| json!({"secret": secret}));
    assert_eq!(asked, expect);
    handle.stop(false).await;
    let gone = admin.post("/passwords", login("long enough it is, too")).await;
    assert!(gone.fault().starts_with("500 AuthError"), "{}", gone.text);
}

#[actix_web::test]
async fn sessions_are_rows_without_their_keys() {
    let site = Site::start().await;
    let admin = site.admin().await;
    let key = admin.bearer.clone().expect("a key");
    assert_eq!(admin.get("/authtokens").await.status, 404, "only the superadmin sees them");
    let (access, secret) = site.superadmin().await;
    let root = Client { basic: Some((access, secret)), ..site.nobody() };
    let list = root.get("/authtokens").await;
    assert!(!list.text.contains(&key));
    let rows = list.ok(200)["data"].as_array().expect("data").clone();
    assert_eq!(rows.len(), 2, "the claim of the set-up and the login");
    let path = format!("/authtokens/{}", rows[1]["id"].as_str().expect("an id"));
    let one = root.get(&path).await.ok(200);
    assert_eq!((&one["accountId"], &one["provider"]), (&json!("1a1"), &json!("localAuthConfig")));
    assert_eq!((&one["key"], &one["value"]), (&Value::Null, &Value::Null));
    assert_eq!(root.get("/authtokens/0000").await.status, 404);
}
