//! Who may dial what, and how often.

use ranchette::clock::{Clock, Entropy};
use ranchette::server::core::Core;
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use super::place::{Place, dial, refused, refused_access, text, within};
use crate::api::site::Site;

#[actix_web::test]
async fn a_token_is_good_once_and_only_where_it_was_meant_for() {
    let place = Place::start().await;
    let web = place.container("web", json!({})).await;
    let access = place.access(&web, "logs", Value::Null).await;
    assert_eq!(access["type"], "hostAccess");
    let url = access["url"].as_str().expect("a url");
    assert_eq!(url, format!("{}/v1/logs/", place.site.url.replace("http:", "ws:")));

    for bad in ["", "?token=", "?token=0123"] {
        assert_eq!(refused(&format!("{url}{bad}")).await, 401, "{bad}");
    }
    let mut socket = dial(&access).await;
    assert!(text(&mut socket).await.is_ok());
    assert_eq!(refused_access(&access).await, 401, "used");

    let mut elsewhere = place.access(&web, "logs", json!({})).await;
    elsewhere["url"] = url.replace("/logs/", "/exec/").into();
    assert_eq!(refused_access(&elsewhere).await, 401, "not for commands");
    elsewhere["url"] = url.into();
    assert_eq!(refused_access(&elsewhere).await, 401, "spent on the wrong door");

    let access = place.access(&web, "logs", json!({})).await;
    let mut request = url.into_client_request().expect("a request");
    let bearer = format!("Bearer {}", access["token"].as_str().expect("a token"));
    request.headers_mut().insert("authorization", HeaderValue::from_str(&bearer).expect("text"));
    let (mut socket, _) = within(connect_async(request)).await.expect("by header");
    assert!(text(&mut socket).await.is_ok());
    place.stop().await;
}

#[actix_web::test]
async fn a_token_is_for_one_container_and_is_good_for_a_while() {
    let place = Place::start().await;
    let web = place.container("web", json!({})).await;
    let other = place.container("other", json!({})).await;
    let stats = |id: &str| format!("/containers/{id}/containerstats");
    let mut own = place.owner.get(&stats(&web)).await.ok(200);
    let its = place.owner.get(&stats(&other)).await.ok(200);
    own["url"] = its["url"].clone();
    assert_eq!(refused_access(&own).await, 401, "for another container");
    place.stop().await;

    // Time that only this test moves; nothing runs that would wait for it.
    let folder = tempfile::TempDir::new().expect("a folder");
    let (clock, time) = Clock::manual(Clock::System.now_ms());
    let path = folder.path().join("db");
    let core = Core::open(&path, clock, Entropy::System, crate::world::limits()).expect("a core");
    let ((site, code), _) = Site::over(&core, folder).await;
    site.claim(&code).await;
    let admin = site.admin().await;
    let hosts = admin.get("/projects/1a5").await.ok(200)["links"]["hostStats"].clone();
    let link = hosts.as_str().expect("a link");
    let (early, late) = (admin.get(link).await.ok(200), admin.get(link).await.ok(200));
    time.advance(299_999);
    dial(&early).await;
    time.advance(1);
    assert_eq!(refused_access(&late).await, 401, "too old");
}

#[actix_web::test]
async fn a_session_that_ends_takes_its_streams_and_tokens_along() {
    let place = Place::start().await;
    let web = place.container("web", json!({})).await;
    let unused = place.access(&web, "logs", json!({})).await;
    let mut socket = dial(&place.access(&web, "logs", json!({})).await).await;
    assert!(text(&mut socket).await.is_ok());
    let root = place.owner.at(format!("{}/v2-beta", place.site.url));
    assert_eq!(root.delete("/token/current").await.status, 204);
    let end = text(&mut socket).await.expect_err("closed");
    assert_eq!(end.map(|frame| u16::from(frame.code)), Some(1008));
    assert_eq!(refused_access(&unused).await, 401);
    place.all_closed().await;
    place.stop().await;
}

#[actix_web::test]
async fn a_client_that_goes_away_leaves_nothing_behind() {
    let place = Place::start().await;
    let web = place.container("web", json!({})).await;
    let logs = place.access(&web, "logs", json!({})).await;
    let shell = place.access(&web, "execute", json!({"command": ["sh"]})).await;
    let mut polite = dial(&logs).await;
    assert!(text(&mut polite).await.is_ok());
    let mut rude = dial(&shell).await;
    assert!(text(&mut rude).await.is_ok());
    polite.close(None).await.expect("closed");
    drop(rude);
    place.all_closed().await;
    place.stop().await;
}

#[actix_web::test]
async fn roles_decide_who_gets_in() {
    let place = Place::start().await;
    let network = "managed";
    let plain = place.container("plain", json!({"networkMode": network})).await;
    let strong =
        place.container("strong", json!({"networkMode": network, "privileged": true})).await;
    let input = json!({"command": ["sh"]});
    for (role, plain_expect, strong_expect) in [
        ("member", (200, 200), (200, 200)),
        ("restricted", (200, 200), (200, 422)),
        ("readonly", (200, 422), (200, 422)),
    ] {
        let person = place.member(role).await;
        for (id, (logs, inside)) in [(&plain, plain_expect), (&strong, strong_expect)] {
            let shown = person.get(&format!("/containers/{id}")).await.ok(200);
            for (action, expect) in [("logs", logs), ("execute", inside), ("proxy", inside)] {
                let url = format!("/containers/{id}?action={action}");
                let answer = person.post(&url, input.clone()).await;
                assert_eq!(answer.status, expect, "{role} {action}: {}", answer.text);
                let offered = shown["actions"].get(action).is_some();
                assert_eq!(offered, expect == 200, "{role} {action}: {shown}");
            }
        }
    }
    place.stop().await;
}

#[actix_web::test]
async fn what_is_taken_away_is_lost_at_once() {
    let place = Place::start().await;
    let web = place.container("web", json!({})).await;
    let strong = place.container("strong", json!({"privileged": true})).await;
    let restricted = place.member("restricted").await;
    let execute = |id: &str| format!("/containers/{id}?action=execute");
    let input = json!({"command": ["sh"]});
    let unused = restricted.post(&execute(&web), input.clone()).await.ok(200);
    let used = restricted.post(&execute(&web), input.clone()).await.ok(200);
    let mut shell = dial(&used).await;
    assert!(text(&mut shell).await.is_ok());

    let setting = "/settings/allow.restricted.user.exec";
    let admin = place.site.admin().await;
    admin.put(setting, json!({"value": "true"})).await.ok(200);
    restricted.post(&execute(&strong), input.clone()).await.ok(200);
    admin.put(setting, json!({"value": "false"})).await.ok(200);
    assert_eq!(restricted.post(&execute(&strong), input).await.status, 422);

    place.set_members(&[]).await;
    assert_eq!(refused_access(&unused).await, 401);
    while text(&mut shell).await.is_ok() {}
    place.all_closed().await;
    place.stop().await;
}
