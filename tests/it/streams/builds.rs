//! Builds of images over HTTP: what is built, what the audit log says of it, and what it is not told.

use serde_json::json;

use super::place::Place;
use crate::api::site::answer;

#[actix_web::test]
async fn builds_are_recorded_before_they_begin_and_their_secrets_are_not() {
    let place = Place::start().await;
    let query = "tag=app:1&buildargs=%7B%22KEY%22:%22hidden%22%7D&\
                 remote=https://me:hidden@git.example/x";
    let build = place.owner.request("POST", &format!("/imagebuilds?{query}"));
    let built = answer(build.header("content-type", "application/x-tar")).await;
    assert_eq!(built.status, 200, "{}", built.text);
    assert!(built.text.contains(r#"{"done":"app:1"}"#), "{}", built.text);
    let refused = answer(place.owner.request("POST", "/imagebuilds?squash=1")).await;
    assert_eq!(refused.status, 422, "{}", refused.text);

    let log = place.owner.get("/auditlogs?resourceType=imageBuild&order=asc").await;
    assert!(!log.text.contains("hidden"), "{}", log.text);
    let rows = log.ok(200)["data"].as_array().cloned().expect("entries");
    let told = |at: usize, field: &str| rows[at][field].clone();
    assert_eq!(rows.len(), 2, "{rows:?}");
    for (at, code) in [(0, 200), (1, 422)] {
        assert_eq!(told(at, "eventType"), "api.imageBuild.create");
        assert_eq!(told(at, "responseCode"), json!(code));
        assert_eq!(told(at, "authenticatedAsAccountId"), "1a1");
    }
    let asked = r#"{"tag":"app:1","buildargs":["KEY"],"remote":"https://git.example/x"}"#;
    assert_eq!(told(0, "requestObject"), asked);
    place.stop().await;
}
