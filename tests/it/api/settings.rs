//! Settings through the API: where a value comes from, who sees it, and that it acts.

use ranchette::model::settings::Layer;
use serde_json::{Value, json};

use super::site::{Client, Site};

async fn names(client: &Client, query: &str) -> Vec<String> {
    let list = client.get(&format!("/settings{query}")).await.ok(200);
    let rows = list["data"].as_array().expect("data").iter();
    rows.filter_map(|row| row["id"].as_str().map(str::to_owned)).collect()
}

/// `source inDb value active` of a setting.
fn line(setting: &Value) -> String {
    let text = |field: &str| setting[field].to_string();
    let source = setting["source"].as_str().unwrap_or("-");
    format!("{source}; {} {} {}", text("inDb"), text("value"), text("activeValue"))
}

#[actix_web::test]
async fn a_value_comes_from_the_strongest_layer() {
    let site = Site::start().await;
    let admin = site.admin().await;
    let path = "/settings/lb.instance.image";
    let packaged = r#""rancher/lb-service-haproxy:v0.9.14""#;
    let check = async |client: &Client, expect: String| {
        assert_eq!(line(&client.get(path).await.ok(200)), expect);
    };
    check(&admin, format!("Code Packaged Defaults; false {packaged} {packaged}")).await;
    let body = json!({"name": "lb.instance.image", "value": "mine"});
    let made = admin.post("/settings", body).await.ok(201);
    assert_eq!(line(&made), r#"Database; true "mine" "mine""#);
    let again = admin.post("/settings", json!({"name": "lb.instance.image", "value": "b"})).await;
    assert_eq!(line(&again.ok(201)), r#"Database; true "b" "b""#);
    admin.put(path, json!({"value": "c"})).await.ok(200);
    check(&admin, r#"Database; true "c" "c""#.to_owned()).await;
    let referring = admin.get("/settings/lb.instance.image.uuid").await.ok(200);
    assert_eq!(referring["activeValue"], "docker:c");
    assert_eq!(referring["value"], "docker:${lb.instance.image}");

    let given = [("lb.instance.image".to_owned(), "env".to_owned())];
    let layer = |layer| {
        let given = given.clone();
        site.store.write(move |tx| tx.set_setting_layer(layer, &given))
    };
    layer(Layer::Environment).await.expect("written");
    check(&admin, r#"Environment Variables; true "c" "env""#.to_owned()).await;
    let gone = admin.delete(path).await.ok(200);
    assert_eq!(line(&gone), r#"Environment Variables; false null "env""#);
    site.store.write(|tx| tx.set_setting_layer(Layer::Environment, &[])).await.expect("written");
    layer(Layer::DefaultEnvironment).await.expect("written");
    check(&admin, format!(r#"Default Environment Variables; false {packaged} "env""#)).await;
}

#[actix_web::test]
async fn the_whole_table_is_listed_by_name_and_the_rest_has_no_value() {
    let site = Site::start().await;
    let admin = site.admin().await;
    let all = names(&admin, "").await;
    assert!(all.len() > 600 && all.is_sorted(), "{}", all.len());
    assert_eq!(names(&admin, "?name=api.host").await, all, "there is no filter by name");
    let public = names(&admin, "?all=false").await;
    assert!(public.len() == 31 && public.contains(&"api.host".to_owned()), "{public:?}");

    admin.put("/settings/my.own", json!({"value": "x"})).await.ok(200);
    admin.put("/settings/MY_OWN", json!({"value": "x"})).await.ok(200);
    let all = names(&admin, "").await;
    assert!(all.contains(&"my.own".to_owned()) && !all.contains(&"MY_OWN".to_owned()));
    for name in ["MY_OWN", "no.such"] {
        let unknown = admin.get(&format!("/settings/{name}")).await.ok(200);
        assert_eq!((&unknown["value"], &unknown["id"]), (&Value::Null, &json!(name)));
    }
    let nameless = admin.post("/settings", json!({"value": "x"})).await;
    assert!(nameless.fault().starts_with("422 MissingRequired name"), "{}", nameless.text);
    let long = admin.put(&format!("/settings/{}", "a".repeat(256)), json!({"value": "x"})).await;
    assert!(long.fault().starts_with("422 MaxLengthExceeded name"), "{}", long.text);
}

#[actix_web::test]
async fn people_see_what_is_public_and_change_nothing() {
    let site = Site::start().await;
    let (alice, _) = site.person("alice").await;
    let admin = site.admin().await;
    assert_eq!(names(&alice, "").await.len(), 31);
    let host = alice.get("/settings/rancher.server.version").await.ok(200);
    assert_eq!(host["activeValue"], "v1.6.30");
    assert_eq!((&host["source"], &host["inDb"]), (&Value::Null, &Value::Null));
    for name in ["api.auth.jwt.token.expiry", "no.such"] {
        let kept = alice.get(&format!("/settings/{name}")).await.ok(200);
        assert_eq!((&kept["value"], &kept["activeValue"]), (&Value::Null, &Value::Null), "{name}");
    }
    assert_eq!(alice.put("/settings/api.host", json!({"value": "x"})).await.status, 405);
    assert_eq!(alice.delete("/settings/api.host").await.status, 405);
    let more = json!({"value": "api.host, api.auth.jwt.token.expiry"});
    admin.put("/settings/settings.public", more).await.ok(200);
    assert_eq!(names(&alice, "").await, ["api.auth.jwt.token.expiry", "api.host"]);

    let secret = "/settings/api.auth.ldap.service.account.password";
    let stored = admin.put(secret, json!({"value": "hidden"})).await.ok(200);
    assert_eq!((&stored["value"], &stored["inDb"]), (&Value::Null, &json!(true)));
    assert!(!admin.get("/settings").await.text.contains("hidden"));
}

#[actix_web::test]
async fn settings_act_as_soon_as_they_are_stored() {
    let site = Site::start().await;
    let admin = site.admin().await;
    let version = async || site.nobody().get("/token").await.header("x-rancher-version").to_owned();
    assert_eq!(version().await, "v1.6.30");
    admin.put("/settings/rancher.server.version", json!({"value": "v9"})).await.ok(200);
    assert_eq!(version().await, "v9");

    let range = json!({"value": "50000-50010"});
    admin.put("/settings/environment.services.port.range", range).await.ok(200);
    admin.put("/settings/account.version", json!({"value": "7"})).await.ok(200);
    let project = admin.post("/projects", json!({"name": "p"})).await.ok(201);
    assert_eq!(project["servicesPortRange"]["startPort"], 50_000);
    assert_eq!(project["servicesPortRange"]["endPort"], 50_010);
    assert_eq!(project["version"], "7");
    let bad = json!({"value": "10-5"});
    let bad = admin.put("/settings/environment.services.port.range", bad).await;
    assert!(bad.fault().starts_with("422 PortRangeWrongFormat value"), "{}", bad.text);
}
