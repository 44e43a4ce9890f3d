//! `ranchette webhooks`: made, tested, listed with what came of it, told once more, removed.

use serde_json::json;

use super::desk::Desk;
use crate::streams::place::number;
use crate::webhooks::receiver::{Receiver, Says};

#[actix_web::test]
async fn webhooks_are_made_tested_and_removed() {
    let desk = Desk::logged_in().await;
    let allow = json!({ "value": "127.0.0.1" });
    desk.place.site.admin().await.put("/settings/outbound.allow", allow).await.ok(200);
    let receiver = Receiver::new([Says::Status(200), Says::Status(404)]).await;
    let (key, url) = (desk.file("key", "hush\n"), receiver.url());
    let made =
        ["webhooks", "create", "bell", &url, "--event", "backup.failed", "--secret-file", &key];
    assert_eq!(desk.run(&made).await.ok(), "webhook bell is told from now on\n");
    let wrong = desk.run(&["webhooks", "create", "other", &url, "--event", "moo"]).await;
    assert_eq!(
        (wrong.code, wrong.err.contains("must be one of backup.done")),
        (1, true),
        "{wrong:?}"
    );
    let rows = desk.run(&["webhooks", "--json"]).await.records();
    assert_eq!(
        (&rows[0]["events"], &rows[0]["hasSecret"]),
        (&json!(["backup.failed"]), &json!(true))
    );
    desk.place.state(rows[0]["id"].as_str().expect("an id"), "active").await;

    let tested = desk.run(&["webhooks", "test", "bell", "--json"]).await.records();
    let id = tested[0]["id"].as_str().expect("an id").to_owned();
    let arrived = |id: &str| {
        let number = number(id);
        move |read: &ranchette::store::Read<'_>| {
            let row = read.get(number)?;
            Ok(row.filter(|row| !row.list("attempts").is_empty()).map(|_| ()))
        }
    };
    desk.place.until("it was told", arrived(&id)).await;
    assert!(receiver.calls()[0].header("x-ranchette-signature").starts_with("t="));
    let again = desk.run(&["webhooks", "replay", &id, "--json"]).await.records();
    desk.place.until("it was told again", arrived(again[0]["id"].as_str().expect("an id"))).await;
    let shown = desk.run(&["webhooks", "deliveries", "bell"]).await.ok();
    for part in ["delivered", "waiting", "webhook `bell` is tested", "it answered 404"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    desk.run(&["webhooks", "rm", "bell", "--yes"]).await.ok();
    let near = desk.run(&["webhooks", "test", "bel"]).await;
    assert_eq!(near.code, 1, "{near:?}");
    desk.place.stop().await;
}
