//! Certificates and network policies in a real browser: what expires is told, who may speak to whom is edited.

use std::process::Command;

use serde_json::json;

use super::{Server, api, enter, with_browser};

/// A certificate of its own authority that is good for so many days; the texts of it and of its key.
fn certificate(days: &str) -> (String, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let (cert, key) = (path("cert.pem"), path("key.pem"));
    let output = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
        .args(["-days", days, "-subj", "/CN=shop.test", "-out", &cert, "-keyout", &key])
        .output()
        .expect("`openssl` starts; install package openssl");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read = |path: &str| std::fs::read_to_string(path).expect("a file");
    (read(&cert), read(&key))
}

/// One that expires soon has a badge, also beside the page's name; one that has expired is told of first.
pub async fn certificates_that_expire_are_told_of(server: &Server) {
    with_browser(async |page| {
        enter(page, server).await;
        page.press("Balancers").await;
        page.until_says("No balancers").await;
        let (cert, key) = certificate("20");
        page.press("New certificate").await;
        page.fill("name", "shop").await;
        page.paste("dialog [name=cert]", &cert).await;
        page.paste("dialog [name=key]", "no key").await;
        page.press_at("dialog [data-confirm]").await;
        page.until_at("dialog .field-error", "key").await;
        page.paste("dialog [name=key]", &key).await;
        page.press_at("dialog [data-confirm]").await;
        page.until_at("[data-certificate=shop] .badge", "expires in 20 d").await;
        page.until_at("[data-certificate=shop]", "for shop.test").await;
        page.until_at(".notice.warn", "shop expires in 20 d").await;
        let mark = "document.querySelector('.nav .here [role=img]')";
        page.until("a mark in the navigation", &format!("{mark}?.title.includes('expires in')"))
            .await;

        // Nobody can store one that has expired, but each will.
        let found = api(page, "GET", "certificates", "undefined").await;
        let id =
            found["data"][0]["id"].as_str().and_then(|id| id.strip_prefix("1c")).expect("an id");
        let id: i64 = id.parse().expect("a number");
        let aged = server.site.store.write(move |tx| {
            tx.update(id, |row| {
                row.set("expiresAt", "Fri Feb 03 17:59:21 UTC 2017");
                Ok(())
            })
        });
        aged.await.expect("it is aged");
        page.until_at("[data-certificate=shop] .badge", "expired").await;
        page.until_at(".notice.bad", "shop has expired").await;
        page.until("the mark is red", &format!("{mark}?.classList.contains('bad')")).await;

        let (cert, key) = certificate("400");
        page.press("Replace shop").await;
        page.paste("dialog [name=cert]", &cert).await;
        page.paste("dialog [name=key]", &key).await;
        page.press_at("dialog [data-confirm]").await;
        page.until_at("[data-certificate=shop] .badge", "valid for").await;
        page.until("no mark", &format!("!{mark}")).await;
    })
    .await;
}

/// Rules are added, ordered, saved and shown in words; one that cannot be enforced is told of.
pub async fn a_policy_is_edited_and_says_when_it_is_not_enforced(server: &Server) {
    with_browser(async |page| {
        enter(page, server).await;
        page.press("Network").await;
        page.until_says("There is no policy").await;
        let kinds = [
            ("stack", None, "containers of one stack"),
            ("linked", None, "a service and those it is linked to"),
            ("service", None, "containers of one service"),
            ("label", Some("com.example.team"), "the same value of the label com.example.team"),
        ];
        for (at, (kind, label, words)) in kinds.into_iter().enumerate() {
            page.press("Add a rule").await;
            choose(page, "kind", kind).await;
            if let Some(label) = label {
                page.fill("label", label).await;
                page.fill("ports", "5432, 53/udp").await;
            }
            page.press_at("dialog [data-confirm]").await;
            page.until_at(&format!("[data-rule='{}']", at + 1), words).await;
        }
        page.press("Move rule 4 up").await;
        page.until_at("[data-rule='3']", "on 5432, 53/udp").await;
        page.press("Change rule 1").await;
        choose(page, "action", "deny").await;
        page.press_at("dialog [data-confirm]").await;
        page.until_at("[data-rule='1'] .badge", "denied").await;
        page.press("Remove rule 4").await;
        page.press_at("[name=default][value=deny] + span").await;
        page.until_says("Not saved yet.").await;
        page.press("Save").await;
        page.until("it is saved", "!document.querySelector('.rule-save')").await;
        let found = api(page, "GET", "networks?name=managed", "undefined").await;
        let network = &found["data"][0];
        assert_eq!(network["defaultPolicyAction"], "deny");
        let policy =
            network["policy"].as_array().expect("rules").iter().map(bare).collect::<Vec<_>>();
        let expected = [
            json!({ "action": "deny", "within": "stack" }),
            json!({ "action": "allow", "within": "linked" }),
            json!({
                "action": "allow",
                "between": { "groupBy": "com.example.team" },
                "ports": ["5432", "53/udp"],
            }),
        ];
        assert_eq!(policy, expected);

        unenforced(page, server, network["id"].as_str().expect("an id")).await;
    })
    .await;
}

/// A rule that nobody can give is told of by what enforces the others.
async fn unenforced(page: &super::Browser, server: &Server, id: &str) {
    let id: i64 = id.strip_prefix("1n").expect("a network").parse().expect("a number");
    page.until_at(".page-head .badge", "active").await;
    let write = server.site.store.write(move |tx| {
        tx.update(id, |row| {
            row.set("policy", json!([{ "action": "allow" }]));
            Ok(())
        })
    });
    write.await.expect("it is written");
    page.until_at(".notice.bad", "the policy is not enforced: rule 1 of the policy").await;
    page.until_at(".notice.bad", "may speak to each other there").await;
}

/// Chooses from a list of a dialog, as a person would.
async fn choose(page: &super::Browser, name: &str, value: &str) {
    page.press_at(&format!("dialog [name={name}] option[value={value}]")).await;
}

/// A value without the types that the API says of its objects.
fn bare(value: &serde_json::Value) -> serde_json::Value {
    let Some(map) = value.as_object() else { return value.clone() };
    let own = map.iter().filter(|(key, _)| *key != "type");
    own.map(|(key, value)| (key.clone(), bare(value))).collect()
}
