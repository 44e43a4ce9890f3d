//! Registration tokens, scripts, registrations, and what the agents' keys open.

use expect_test::expect;
use ranchette::clock::Clock;
use serde_json::{Value, json};

use super::place::{Beside, Place, number};
use crate::api::site::Client;

#[actix_web::test]
async fn a_token_comes_with_the_commands_it_is_part_of() {
    let place = Place::start(Clock::System, Beside::Off).await;
    let (token, registrar) = place.registrar().await;
    let text = |field: &str| token[field].as_str().unwrap_or("-");
    let url = format!("{}/v1/scripts/{}", place.site.url, text("token"));
    assert_eq!(text("registrationUrl"), url);
    assert!(text("image").starts_with("rancher/agent:"), "{token}");
    let command = text("command");
    assert!(command.starts_with("sudo docker run --rm --privileged -v /var/run/docker.sock"));
    assert_eq!(command.rsplit(' ').next(), Some(url.as_str()));
    assert!(text("windowsCommand").ends_with(&url), "{token}");
    assert!(token["links"]["registrationUrl"].is_string());
    for hidden in ["publicValue", "secretValue", "registrationSecret"] {
        assert_eq!(token.get(hidden), None, "{hidden}");
    }
    place.setting("api.host", "https://ranch.example").await;
    let owner = place.site.owner().await;
    let list = owner.get("/registrationtokens").await.ok(200);
    let shown = list["data"][0]["registrationUrl"].as_str().expect("a URL");
    assert!(shown.starts_with("https://ranch.example/v1/scripts/"), "{shown}");

    // The token's holder registers hosts, and sees nothing else.
    let schemas = registrar.get("/schemas").await.ok(200);
    let names: Vec<_> = schemas["data"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|schema| schema["id"].as_str())
        .collect();
    assert_eq!(names, ["register", "schema"]);
    assert_eq!(registrar.get("/hosts").await.status, 404);
    assert_eq!(registrar.get("/registrationtokens").await.status, 404);
}

#[actix_web::test]
async fn roles_without_a_say_over_the_infrastructure_see_no_tokens() {
    let place = Place::start(Clock::System, Beside::Off).await;
    place.registrar().await;
    let owner = place.site.owner().await;
    let (_, id) = place.site.person("ann").await;
    let login = || async { place.site.login("ann:ann-secret").await };
    let root = json!({"externalId": "1a1", "externalIdType": "rancher_id", "role": "owner"});
    let admin = place.site.admin().await;
    for (role, status) in [("member", 200), ("restricted", 404), ("readonly", 404)] {
        let ann = json!({"externalId": id, "externalIdType": "rancher_id", "role": role});
        let members = json!({"members": [root, ann]});
        admin.post("/projects/1a5?action=setmembers", members).await.ok(200);
        let ann = login().await.at(format!("{}/v2-beta/projects/1a5", place.site.url));
        assert_eq!(ann.get("/registrationtokens").await.status, status, "{role}");
    }
    place.setting("modify.infrastructure.roles", "admin").await;
    let list = owner.get("/registrationtokens").await.ok(200);
    assert_eq!(list["data"], json!([]));
    assert_eq!(owner.post("/registrationtokens", json!({})).await.status, 403);
}

#[actix_web::test]
async fn scripts_need_no_login_but_a_token() {
    let place = Place::start(Clock::System, Beside::Off).await;
    let (token, _) = place.registrar().await;
    let root = place.site.nobody().at(place.site.url.clone());
    let token = token["token"].as_str().expect("a token");
    for version in ["v1", "v2-beta"] {
        let script = root.get(&format!("/{version}/scripts/{token}")).await;
        assert_eq!(script.status, 200);
        assert_eq!(script.header("content-type"), "text/plain; charset=utf-8");
        assert!(script.text.starts_with("#!/bin/sh"), "{}", script.text);
        for line in [
            format!("CATTLE_URL='{}/v1'", place.site.url),
            "CATTLE_REGISTRATION_ACCESS_KEY='registrationToken'".to_owned(),
            format!("CATTLE_REGISTRATION_SECRET_KEY='{token}'"),
            "DETECTED_CATTLE_AGENT_IP='127.0.0.1'".to_owned(),
        ] {
            assert!(script.text.lines().any(|own| own == line), "{line}\n{}", script.text);
        }
        assert!(!script.text.contains("=@"), "{}", script.text);
    }
    let bootstrap = root.get("/v1/scripts/bootstrap").await;
    assert_eq!(bootstrap.status, 200);
    assert!(bootstrap.text.starts_with("#!/bin/sh"));
    for wrong in ["x", "a:1:b"] {
        assert_eq!(root.get(&format!("/v1/scripts/{wrong}")).await.status, 404, "{wrong}");
    }
}

#[actix_web::test]
async fn the_script_registers_and_the_bootstrap_accepts_the_keys() {
    let place = Place::start(Clock::System, Beside::Off).await;
    let (token, _) = place.registrar().await;
    let root = place.site.nobody().at(place.site.url.clone());
    let folder = tempfile::TempDir::new().expect("temporary folder");
    let token = token["token"].as_str().expect("a token");
    let script = root.get(&format!("/v1/scripts/{token}")).await.text;
    let run = |text: String, variables: Vec<(&'static str, String)>| {
        tokio::process::Command::new("sh")
            .arg("-c")
            .arg(text)
            .envs(variables)
            .kill_on_drop(true)
            .output()
    };
    let state = folder.path().to_string_lossy().into_owned();
    let variables =
        || vec![("CATTLE_STATE_DIR", state.clone()), ("CATTLE_REGISTER_ONLY", "true".to_owned())];
    let first = run(script.clone(), variables()).await.expect("sh");
    let text = String::from_utf8_lossy(&first.stdout).trim().to_owned();
    assert!(first.status.success(), "{first:?}");
    let (access, secret) = text.split_once(' ').expect("two keys");
    let again = run(script, variables()).await.expect("sh");
    assert_eq!(String::from_utf8_lossy(&again.stdout).trim(), text, "the same agent");
    let bootstrap = root.get("/v1/scripts/bootstrap").await.text;
    let keys = |secret: &str| {
        vec![
            ("CATTLE_URL", format!("{}/v1", place.site.url)),
            ("CATTLE_ACCESS_KEY", access.to_owned()),
            ("CATTLE_SECRET_KEY", secret.to_owned()),
        ]
    };
    assert!(run(bootstrap.clone(), keys(secret)).await.expect("sh").status.success());
    assert!(!run(bootstrap, keys("wrong")).await.expect("sh").status.success());
}

#[actix_web::test]
async fn who_registers_again_with_a_key_is_the_same_agent() {
    let place = Place::start(Clock::System, Beside::Off).await;
    let (_, registrar) = place.registrar().await;
    let made = registrar.post("/register", json!({"key": "k1"})).await.ok(201);
    assert_eq!((&made["accessKey"], &made["secretKey"]), (&Value::Null, &Value::Null));
    let (row, agent) = place.agent(&registrar, "k1").await;
    assert_eq!(row["id"], made["id"]);
    let again = registrar.post("/register", json!({"key": "k1"})).await.ok(201);
    assert_eq!(again["id"], made["id"]);
    let (other, _) = place.agent(&registrar, "k2").await;
    assert_ne!(other["accessKey"], row["accessKey"]);
    // Without the key, no keys.
    let list = registrar.get("/register").await.ok(200);
    let shown = list["data"].as_array().expect("rows");
    assert_eq!(shown.len(), 2);
    assert!(shown.iter().all(|row| row["secretKey"].is_null()), "{list}");
    let missing = registrar.post("/register", json!({})).await;
    expect!["422 MissingRequired key: field `key` of a register is required"]
        .assert_eq(&missing.fault());

    let answer = agent.get("/agents").await;
    assert_eq!(answer.header("x-api-account-kind"), "agent");
    let own = answer.ok(200);
    assert_eq!(own["data"].as_array().map(Vec::len), Some(1), "{own}");
    let admin = place.site.admin().await;
    let agents = admin.get("/agents?uri=event://k1").await.ok(200);
    let found = &agents["data"][0];
    assert_eq!((&found["id"], &found["state"]), (&own["data"][0]["id"], &json!("activating")));
    assert!(found["transitioningMessage"].as_str().is_some_and(|text| text.contains("listen")));
    assert_eq!(found["agentResourcesAccountId"], "1a5");

    // The agent that is removed takes its registration and its keys along.
    let id = found["id"].as_str().expect("an id");
    admin.delete(&format!("/agents/{id}")).await.ok(200);
    place.state(&found["id"], "removed").await;
    assert_eq!(agent.get("/agents").await.status, 401);
    let list = registrar.get("/register?key=k1").await.ok(200);
    assert_eq!(list["data"], json!([]));
    let (anew, _) = place.agent(&registrar, "k1").await;
    assert_ne!(anew["id"], row["id"]);
}

#[actix_web::test]
async fn agents_of_administrators_have_keys_and_addresses_of_their_own() {
    let place = Place::start(Clock::System, Beside::Off).await;
    let admin = place.site.admin().await;
    let body = json!({"uri": "event://a", "agentResourcesAccountId": "1a5"});
    let made = admin.post("/agents", body.clone()).await.ok(201);
    let text = |field: &str| made[field].as_str().expect("a key").to_owned();
    let agent =
        Client { basic: Some((text("publicValue"), text("secretValue"))), ..place.site.nobody() };
    assert_eq!(agent.get("/agents").await.ok(200)["data"][0]["id"], made["id"]);
    let shown = admin.get(&format!("/agents/{}", text("id"))).await.ok(200);
    assert_eq!(shown["secretValue"], Value::Null);
    let mut faults = String::new();
    for (client, body) in
        [(&admin, body), (&admin, json!({"uri": "sim://x"})), (&agent, json!({"uri": "event://b"}))]
    {
        faults.push_str(&client.post("/agents", body).await.fault());
        faults.push('\n');
    }
    expect![[r#"
        422 NotUnique uri: agent 16 has the address `event://a` already
        422 InvalidOption uri: simulated agents are off; `sim.agents = true` in the configuration switches them on
        405 Method not allowed -: agents cannot be used in this way by you
    "#]]
    .assert_eq(&faults);
    assert!(number(&made["id"]) > 0);
}

#[actix_web::test]
async fn agents_learn_that_no_tunnel_is_needed() {
    let place = Place::start(Clock::System, Beside::RealHosts).await;
    let body = json!({"uri": "sim://one", "agentResourcesAccountId": "1a5"});
    let made = place.site.admin().await.post("/agents", body).await.ok(201);
    let text = |field: &str| made[field].as_str().expect("a key").to_owned();
    let agent =
        Client { basic: Some((text("publicValue"), text("secretValue"))), ..place.site.nobody() };
    let id = number(&made["id"]);
    let uuid = place.until("its host", |read| {
        let hosts = read.referrers("host", "agentId", id)?;
        Ok(hosts.iter().find_map(|host| host.str("reportedUuid").map(str::to_owned)))
    });
    let mut faults = String::new();
    for uuid in [uuid.await.as_str(), "of-nobody"] {
        let asked = agent.post("/hostapiproxytokens", json!({"reportedUuid": uuid})).await;
        faults.push_str(&asked.fault());
        faults.push('\n');
    }
    expect![[r#"
        501 HostApiProxyDisabled -: agents need no tunnel: the server reaches their hosts itself
        422 InvalidReference reportedUuid: agent has no host that reported `of-nobody`
    "#]]
    .assert_eq(&faults);
    assert_eq!(agent.get("/hostapiproxytokens").await.ok(200)["data"], json!([]));
}
