//! Webhooks through the API: what is refused, what is never shown, and what is told once more.

use serde_json::{Value, json};

use super::receiver::{Receiver, Says};
use crate::streams::place::{Place, number};

/// A webhook, active.
async fn make(place: &Place, fields: Value) -> Value {
    let made = place.owner.post("/webhooks", fields).await.ok(201);
    place.state(made["id"].as_str().expect("an id"), "active").await;
    made
}

async fn allow(place: &Place) {
    let set = json!({ "value": "127.0.0.1" });
    place.site.admin().await.put("/settings/outbound.allow", set).await.ok(200);
}

/// Waits until a delivery has this status; how the API shows it.
async fn settled(place: &Place, delivery: &Value, status: &str) -> Value {
    let id = delivery["id"].as_str().expect("an id");
    place
        .until(status, |read| {
            let row = read.get(number(id))?;
            Ok(row.filter(|row| row.str("status") == Some(status)).map(|_| ()))
        })
        .await;
    place.owner.get(&format!("/webhookdeliveries/{id}")).await.ok(200)
}

#[actix_web::test]
async fn what_cannot_or_must_not_be_called_is_refused_at_once() {
    let place = Place::start().await;
    let refused = async |fields: Value| {
        let mut body = json!({ "name": "bell", "url": "https://ntfy.example/topic" });
        body.as_object_mut().expect("fields").extend(fields.as_object().cloned().expect("fields"));
        place.owner.post("/webhooks", body).await.fault()
    };
    for (fields, expect) in [
        (json!({ "url": "ftp://a" }), "422 InvalidFormat url: `ftp` cannot be called"),
        (
            json!({ "url": "http://127.0.0.1/a" }),
            "422 InvalidFormat url: http://127.0.0.1 is a loopback address",
        ),
        (
            json!({ "url": "http://2130706433/a" }),
            "422 InvalidFormat url: http://127.0.0.1 is a loopback address",
        ),
        (
            json!({ "url": "http://[::ffff:a9fe:a9fe]/" }),
            "422 InvalidFormat url: http://[::ffff:a9fe:a9fe] is the address of a metadata service",
        ),
        (
            json!({ "url": "http://me:hush@a/" }),
            "422 InvalidFormat url: `http://a` cannot be called: a name and a password",
        ),
        (json!({ "url": "" }), "422 MinLengthExceeded url"),
        (
            json!({ "events": ["moo"] }),
            "422 InvalidOption events: field `events` of a webhook is `moo`",
        ),
        (json!({ "format": "moo" }), "422 InvalidOption format"),
        (
            json!({ "selector": "=a" }),
            "422 InvalidFormat selector: selector constraint `=a` has no key",
        ),
        (json!({ "token": "a\nb" }), "422 InvalidCharacters token: a token has no spaces"),
        (json!({ "stackId": "1st999" }), "422 InvalidReference stackId"),
    ] {
        let said = refused(fields.clone()).await;
        assert!(said.starts_with(expect), "{fields}: {said}");
    }
    make(&place, json!({ "name": "bell", "url": "https://ntfy.example/topic" })).await;
    assert!(refused(json!({})).await.starts_with("422 NotUnique name"));
    let reader = place.member("readonly").await;
    assert_eq!(
        reader.post("/webhooks", json!({ "name": "b", "url": "http://a" })).await.status,
        405
    );
    let shown = reader.get("/webhooks").await.ok(200);
    assert_eq!(shown["data"][0]["actions"], json!({}), "{shown}");
    place.stop().await;
}

#[actix_web::test]
async fn secrets_of_a_webhook_are_shown_to_nobody_and_stay_with_its_address() {
    let place = Place::start().await;
    let fields = json!({
        "name": "bell", "url": "https://ntfy.example/topic-hush", "secret": "hush-1", "token": "hush-2",
    });
    let made = place.owner.post("/webhooks", fields).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let hook = made.json();
    assert_eq!((&hook["hasSecret"], &hook["hasToken"]), (&json!(true), &json!(true)));
    let id = hook["id"].as_str().expect("an id").to_owned();
    place.state(&id, "active").await;
    let path = format!("/webhooks/{id}");
    let changed = place.owner.put(&path, json!({ "secret": "hush-3" })).await;
    assert_eq!(changed.json()["hasSecret"], true, "{}", changed.text);
    let sealed = |field: &str| {
        let row = place.site.store.read(|read| read.require("webhook", number(&id)));
        let row = row.expect("a row");
        assert!(!format!("{:?}", row.data).replace("topic-hush", "").contains("hush"), "{row:?}");
        row.str(field).map(str::to_owned)
    };
    let first = sealed("sealedToken").expect("sealed");
    assert!(first.starts_with("v1:"), "{first}");
    let admin = place.site.admin().await;
    for text in [
        made.text,
        changed.text,
        place.owner.get(&path).await.text,
        place.owner.get("/webhooks").await.text,
        admin.get("/processinstances?limit=-1").await.text,
        admin.get("/auditlogs?limit=-1").await.text.replace("topic-hush", "topic"),
    ] {
        let text = text.replace("topic-hush", "topic");
        assert!(!text.contains("hush") && !text.contains("sealed"), "{text}");
    }

    // Nobody gets at the token by having it sent somewhere else.
    let moved = json!({ "url": "https://other.example/" });
    let moved = place.owner.put(&path, moved).await.ok(200);
    assert_eq!((&moved["hasSecret"], &moved["hasToken"]), (&json!(true), &json!(false)));
    assert_eq!(sealed("sealedToken"), None);
    let given = json!({ "url": "https://third.example/", "token": "hush-4", "secret": "" });
    let given = place.owner.put(&path, given).await.ok(200);
    assert_eq!((&given["hasSecret"], &given["hasToken"]), (&json!(false), &json!(true)));
    assert_eq!(sealed("sealedKey"), None);
    place.stop().await;
}

#[actix_web::test]
async fn a_webhook_is_tested_switched_off_and_told_once_more() {
    let place = Place::start().await;
    allow(&place).await;
    let receiver = Receiver::new([Says::Status(204), Says::Status(404)]).await;
    let hook = make(&place, json!({ "name": "bell", "url": receiver.url() })).await;
    let path = format!("/webhooks/{}", hook["id"].as_str().expect("an id"));
    let test = format!("{path}?action=test");
    let first = place.owner.post(&test, json!({})).await.ok(200);
    assert_eq!((&first["type"], &first["event"]), (&json!("webhookDelivery"), &json!("test")));
    let first = settled(&place, &first, "delivered").await;
    let attempt = &first["attempts"][0];
    assert_eq!((&attempt["statusCode"], &attempt["error"]), (&json!(204), &Value::Null), "{first}");
    assert_eq!(first["message"], "webhook `bell` is tested");

    let replay = first["actions"]["replay"].as_str().expect("offered").to_owned();
    let again = place.owner.post(&replay, json!({})).await.ok(200);
    assert_eq!((&again["replayOf"], &again["eventId"]), (&first["id"], &first["eventId"]));
    let what = "it was tried";
    let id = number(again["id"].as_str().expect("an id"));
    place.until(what, |read| Ok(read.get(id)?.filter(|row| row.list("attempts").len() == 1))).await;
    let waiting = format!("/webhookdeliveries/{}", again["id"].as_str().expect("an id"));
    let waiting = place.owner.get(&waiting).await.ok(200);
    assert_eq!(waiting["attempts"][0]["error"], "it answered 404");
    let early = waiting["actions"]["replay"].as_str().expect("offered");
    let said = place.owner.post(early, json!({})).await.fault();
    assert!(said.starts_with("409 "), "{said}");

    let linked = place.owner.get(&format!("{path}/deliveries")).await.ok(200);
    assert_eq!(linked["data"].as_array().map(Vec::len), Some(2), "{linked}");
    let listed = place.owner.get("/webhookdeliveries?status=delivered").await.ok(200);
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(1), "{listed}");

    place.owner.post(&format!("{path}?action=deactivate"), json!({})).await.ok(202);
    place.state(hook["id"].as_str().expect("an id"), "inactive").await;
    let said = place.owner.post(&test, json!({})).await.fault();
    assert!(said.starts_with("422 ActionNotAvailable"), "{said}");
    let said = place.owner.post(&replay, json!({})).await.fault();
    assert!(said.contains("webhook `bell` is inactive; activate it first"), "{said}");
    place.owner.delete(&path).await.ok(200);
    place.state(hook["id"].as_str().expect("an id"), "removed").await;
    assert_eq!(place.owner.get("/webhookdeliveries").await.ok(200)["data"], json!([]));
    place.stop().await;
}
