//! Secrets and certificates through the API: what is refused, what is shown, and what is kept.

use serde_json::{Value, json};

use super::site::{Client, Site};

const CERT: &str = include_str!("../../../src/certificate/fixtures/rsa.pem");
const KEY: &str = include_str!("../../../src/certificate/fixtures/rsa.key");
const CHAIN: &str = include_str!("../../../src/certificate/fixtures/between.pem");
const OTHER: &str = include_str!("../../../src/certificate/fixtures/ec.pem");
const OTHER_KEY: &str = include_str!("../../../src/certificate/fixtures/ec.key");

/// Characters of a key that are in no certificate.
fn digits(key: &str) -> &str {
    key.lines().rfind(|line| !line.starts_with('-')).expect("a line")
}

/// Lets what was made become active: processes stand still here.
async fn settle(site: &Site, ty: &'static str, name: &'static str) {
    let write = site.store.write(move |tx| {
        let id = tx.by_name(ty, Some(5), name)?.remove(0).id;
        tx.process_supersede(id)?;
        tx.update(id, |row| {
            row.state = "active".to_owned();
            Ok(())
        })
    });
    write.await.expect("settled");
}

#[actix_web::test]
async fn the_private_part_of_an_ssh_key_is_shown_by_its_link_alone() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let above = Client { basic: Some(site.superadmin().await), ..site.nobody() };
    let made = above.post("/sshkeys", json!({ "name": "the barn's", "accountId": "1a5" })).await;
    assert!(!made.text.contains("PRIVATE"), "{}", made.text);
    let made = made.ok(201);
    let public = made["publicValue"].as_str().expect("a public key");
    assert!(public.starts_with("ssh-ed25519 "), "{public}");
    let link = made["links"]["pem"].as_str().expect("a link").to_owned();
    let file = above.get(&link).await;
    assert_eq!(file.status, 200);
    assert!(file.header("content-disposition").contains("the_barn_s.pem"));
    assert!(file.text.starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\n"), "not a key");
    assert_eq!(above.get(&link).await.text, file.text);

    // One that somebody brings, and changes.
    let brought =
        json!({ "accountId": "1a5", "publicValue": "ssh-rsa A", "secretValue": "hush-1" });
    let brought = above.post("/sshkeys", brought).await.ok(201);
    assert_eq!(
        (&brought["publicValue"], &brought["secretValue"]),
        (&json!("ssh-rsa A"), &Value::Null)
    );
    let link = brought["links"]["pem"].as_str().expect("a link");
    let file = above.get(link).await;
    assert_eq!(file.text, "hush-1");
    let id = brought["id"].as_str().expect("an id");
    assert!(file.header("content-disposition").contains(&format!("id_rsa_{id}.pem")));
    above.put(&format!("/sshkeys/{id}"), json!({ "secretValue": "hush-2" })).await;
    assert_eq!(above.get(link).await.text, "hush-2");
    let without = json!({ "accountId": "1a5", "publicValue": "ssh-rsa B" });
    let without = above.post("/sshkeys", without).await.ok(201);
    assert_eq!(without["links"].get("pem"), None);

    // Nobody else sees so much as the type, and nothing is kept or logged in clear.
    for path in [format!("/sshkeys/{id}/pem"), format!("/credentials/{id}/pem")] {
        assert_eq!(owner.get(&path).await.status, 404, "{path}");
    }
    let log = site.admin().await.get("/auditlogs?limit=-1").await.text;
    assert!(!log.contains("hush-") && !log.contains("OPENSSH"), "{log}");
    let number = ranchette::model::id::parse(id).expect("a number");
    let kept = site.store.read(|read| read.require("credential", number)).expect("a row");
    assert!(!format!("{kept:?}").contains("hush-"), "{kept:?}");
}

#[actix_web::test]
async fn a_secrets_value_is_shown_once() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let refused = async |body: Value| owner.post("/secrets", body).await.fault();
    assert_eq!(
        refused(json!({ "name": "a" })).await,
        "422 EmptySecret value: secret `a` has no value; give it in base64"
    );
    assert_eq!(
        refused(json!({ "name": "a", "value": "not base64!" })).await,
        "422 InvalidBase64 value: the value of secret `a` is not base64"
    );
    let body = json!({ "name": "a", "value": "aHVzaC1odXNo", "description": "first" });
    let made = owner.post("/secrets", body.clone()).await.ok(201);
    assert_eq!(made["value"], "aHVzaC1odXNo");
    let path = format!("/secrets/{}", made["id"].as_str().expect("an id"));
    assert_eq!(owner.get(&path).await.ok(200)["value"], Value::Null);
    assert!(owner.post("/secrets", body).await.fault().starts_with("422 NotUnique name"));
    owner.put(&path, json!({ "value": "bW9v", "description": "second" })).await;
    let stored = site.store.read(|read| Ok(read.by_name("secret", Some(5), "a")?.remove(0)));
    let stored = stored.expect("the secret");
    assert_eq!(stored.data.get("value"), None);
    let sealed = stored.str("sealedValue").expect("sealed");
    assert!(sealed.starts_with("v1:") && !sealed.contains("aHVzaC1odXNo"), "{sealed}");
    let log = site.admin().await.get("/auditlogs?limit=-1").await.text;
    assert!(log.contains("api.secret.create") && !log.contains("aHVzaC1odXNo"), "{log}");
}

#[actix_web::test]
async fn the_password_of_a_registry_is_shown_to_nobody() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let registry = owner.post("/registries", json!({ "serverAddress": "quay.io" })).await.ok(201);
    let body = json!({
        "name": "quay", "registryId": registry["id"], "publicValue": "bob",
        "secretValue": "hush-of-quay",
    });
    let made = owner.post("/registrycredentials", body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let path = format!("/registrycredentials/{}", made.json()["id"].as_str().expect("an id"));
    settle(&site, "credential", "quay").await;
    let changed = owner.put(&path, json!({ "secretValue": "hush-of-now" })).await;
    assert_eq!(changed.json()["state"], "updating-active", "it is asked again");
    for text in [made.text, changed.text, owner.get(&path).await.text] {
        assert!(text.contains("\"secretValue\":null") && !text.contains("hush"), "{text}");
    }
    let stored = site.store.read(|read| Ok(read.by_name("credential", Some(5), "quay")?.remove(0)));
    let stored = stored.expect("the credential");
    let sealed = stored.str("sealedSecret").expect("sealed");
    assert!(sealed.starts_with("v1:"), "{sealed}");
    assert!(!format!("{:?}", stored.data).contains("hush"), "{:?}", stored.data);
    let processes = site.admin().await.get("/processinstances?limit=-1").await.text;
    assert!(!processes.contains("hush"), "{processes}");
    let log = site.admin().await.get("/auditlogs?limit=-1").await.text;
    assert!(log.contains("api.registryCredential.update") && !log.contains("hush"), "{log}");
}

#[actix_web::test]
async fn a_reference_to_a_secret_is_checked_before_anything_is_made() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let made = owner.post("/secrets", json!({ "name": "a", "value": "bW9v" })).await.ok(201);
    let id = made["id"].clone();
    let container = async |reference: Value| {
        let body =
            json!({ "imageUuid": "docker:a", "startOnCreate": false, "secrets": [reference] });
        owner.post("/containers", body).await
    };
    assert_eq!(
        container(json!({ "secretId": id, "mode": "rw" })).await.fault(),
        "422 InvalidFormat mode: `rw` is not an octal mode such as 0440 for the file of a secret"
    );
    assert_eq!(
        container(json!({ "secretId": id, "name": "../key" })).await.fault(),
        "422 InvalidFormat name: `../key` is not the name of a file for a secret"
    );
    let fault = container(json!({ "secretId": "1se999999" })).await.fault();
    assert!(fault.starts_with("422 InvalidReference secretId"), "{fault}");
    let reference =
        json!({ "secretId": id, "name": "key", "uid": "7", "gid": "8", "mode": "0400" });
    let made = container(reference.clone()).await.ok(201);
    for (field, value) in reference.as_object().expect("an object") {
        assert_eq!(&made["secrets"][0][field], value, "{field}");
    }
}

#[actix_web::test]
async fn certificates_are_checked_and_say_what_they_are() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let refused = async |body: Value| owner.post("/certificates", body).await.fault();
    assert_eq!(
        refused(json!({ "name": "a", "cert": CERT, "key": OTHER_KEY })).await,
        "422 InvalidFormat key: field `key` is not the key of the certificate, in certificate `a`"
    );
    let fault = refused(json!({ "name": "a", "cert": "moo", "key": KEY })).await;
    assert!(fault.starts_with("422 InvalidFormat cert: "), "{fault}");
    let fault = refused(json!({ "name": "a", "cert": CERT, "key": KEY, "certChain": OTHER })).await;
    assert!(fault.starts_with("422 InvalidFormat certChain: "), "{fault}");

    let body = json!({ "name": "a", "cert": CERT, "key": KEY, "certChain": CHAIN });
    let made = owner.post("/certificates", body.clone()).await.ok(201);
    let path = format!("/certificates/{}", made["id"].as_str().expect("an id"));
    assert!(owner.post("/certificates", body).await.fault().starts_with("422 NotUnique name"));
    let shown = owner.get(&path).await.ok(200);
    for (field, value) in [
        ("CN", json!("cow.example")),
        ("algorithm", json!("SHA256WITHECDSA")),
        ("issuer", json!("O=Ranch, CN=Ranch Between")),
        ("keySize", json!(2048)),
        ("serialNumber", json!("123456789012345678901234")),
        ("version", json!("3")),
        ("key", Value::Null),
        (
            "subjectAlternativeNames",
            json!(["cow.example", "*.cow.example", "10.0.0.7", "2001:db8::7"]),
        ),
    ] {
        assert_eq!(shown[field], value, "{field}");
    }
    assert_eq!(shown["certFingerprint"].as_str().map_or(0, str::len), 59);
    for field in ["expiresAt", "issuedAt"] {
        assert!(shown[field].as_str().is_some_and(|date| date.contains(" UTC 2")), "{field}");
    }
    settle(&site, "certificate", "a").await;
    let fault = owner.put(&path, json!({ "cert": OTHER })).await.fault();
    assert!(fault.starts_with("422 InvalidFormat key: "), "{fault}");
    let change = json!({ "cert": OTHER, "key": OTHER_KEY, "certChain": null });
    let changed = owner.put(&path, change).await.ok(200);
    assert_eq!((&changed["CN"], &changed["keySize"]), (&json!("ec.example"), &json!(256)));

    let log = site.admin().await.get("/auditlogs?limit=-1").await.text;
    let rows =
        site.store.read(|read| Ok(format!("{:?}", read.by_name("certificate", Some(5), "a")?)));
    for key in [digits(KEY), digits(OTHER_KEY)] {
        assert!(!log.contains(key) && !rows.as_ref().expect("rows").contains(key), "{key}");
    }
}

#[actix_web::test]
async fn a_certificate_that_a_balancer_serves_stays() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let made = owner.post("/certificates", json!({ "name": "a", "cert": CERT, "key": KEY })).await;
    let certificate = made.ok(201)["id"].clone();
    let path = format!("/certificates/{}", certificate.as_str().expect("an id"));
    let stack = owner.post("/stacks", json!({ "name": "s" })).await.ok(201)["id"].clone();
    let balancer = json!({
        "name": "front", "stackId": stack, "launchConfig": { "imageUuid": "docker:haproxy" },
        "lbConfig": { "portRules": [], "certificateIds": [certificate] },
    });
    let balancer = owner.post("/loadbalancerservices", balancer).await.ok(201);
    settle(&site, "certificate", "a").await;
    assert_eq!(
        owner.delete(&path).await.fault(),
        "405 InvalidAction -: certificate `a` is used by load balancer `front`"
    );
    settle(&site, "service", "front").await;
    let own = format!("/loadbalancerservices/{}", balancer["id"].as_str().expect("an id"));
    let change = json!({ "lbConfig": { "portRules": [], "certificateIds": [] } });
    owner.put(&own, change).await.ok(200);
    owner.delete(&path).await.ok(200);
}
