//! Events over a websocket: pings, changes, and the end of a session.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use super::site::{Client, Site};

pub type Socket =
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

pub async fn subscribe(client: &Client, query: &str) -> Socket {
    let url = format!("{}/subscribe?{query}", client.base).replace("http://", "ws://");
    let mut request = url.into_client_request().expect("a request");
    let proof = match (&client.bearer, &client.basic) {
        (Some(key), _) => format!("Bearer {key}"),
        (None, basic) => {
            let (name, secret) = basic.as_ref().expect("a proof");
            format!("Basic {}", STANDARD.encode(format!("{name}:{secret}")))
        }
    };
    request.headers_mut().insert("authorization", HeaderValue::from_str(&proof).expect("a header"));
    connect_async(request).await.expect("a websocket").0
}

/// The next message that is no ping; `None` at the end.
async fn next(socket: &mut Socket) -> Option<Value> {
    while let Some(Ok(frame)) = socket.next().await {
        let Ok(text) = frame.into_text() else { continue };
        let Ok(message) = serde_json::from_str::<Value>(&text) else { continue };
        if message["name"] != "ping" {
            return Some(message);
        }
    }
    None
}

#[actix_web::test]
async fn changes_are_told_of_as_the_caller_sees_them() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let mut socket = subscribe(&owner, "eventNames=resource.change&limit=-1&sockId=1").await;
    let first = socket.next().await.expect("a frame").expect("a frame").into_text().expect("text");
    let first: Value = serde_json::from_str(&first).expect("JSON");
    assert_eq!(first["name"], "ping");
    let stack = owner.post("/stacks", json!({"name": "web"})).await.ok(201);
    let message = next(&mut socket).await.expect("a change");
    assert_eq!(message["name"], "resource.change");
    assert_eq!(message["resourceType"], "stack");
    assert_eq!(message["resourceId"], stack["id"]);
    assert_eq!(message["data"]["resource"], stack);

    // Another environment's changes are nobody else's business; the next message is our own.
    let admin = site.admin().await;
    admin.post("/projects", json!({"name": "other"})).await.ok(201);
    owner
        .put(
            &format!("/stacks/{}", stack["id"].as_str().expect("an id")),
            json!({"description": "d"}),
        )
        .await
        .ok(200);
    let message = next(&mut socket).await.expect("a change");
    assert_eq!(message["resourceId"], stack["id"]);
    assert_eq!(message["data"]["resource"]["description"], "d");
}

#[actix_web::test]
async fn a_session_that_ends_takes_its_websockets_along() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let mut socket = subscribe(&owner, "eventNames=resource.change").await;
    let root = owner.at(format!("{}/v2-beta", site.url));
    assert_eq!(root.delete("/token/current").await.status, 204);
    assert_eq!(next(&mut socket).await, Some(json!({"name": "logout"})));
    assert_eq!(next(&mut socket).await, None);
}

#[actix_web::test]
async fn strangers_are_refused_before_the_upgrade() {
    let site = Site::start().await;
    let url = format!("{}/v2-beta/subscribe?eventNames=resource.change", site.url);
    let error = connect_async(url.replace("http://", "ws://")).await.expect_err("refused");
    assert!(error.to_string().contains("401"), "{error}");
}
