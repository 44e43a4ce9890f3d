//! A container's own pages through the server.

use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use super::place::{Place, refused, within};
use crate::api::site::{Answer, answer};
use crate::docker_support::docker;

fn text<'a>(access: &'a Value, field: &str) -> &'a str {
    access[field].as_str().expect(field)
}

/// Asks for a page with a token in the query, and with what would say who asks.
async fn ask(access: &Value, method: &str, page: &str, body: &str) -> Answer {
    let mark = if page.contains('?') { '&' } else { '?' };
    let url = format!("{}{page}{mark}token={}", text(access, "url"), text(access, "token"));
    let request = reqwest::Client::new()
        .request(method.parse().expect("a method"), url)
        .header("cookie", "token=mine")
        .header("x-own", "kept");
    let request = request.basic_auth("key", Some("mine")).body(body.to_owned());
    within(answer(request)).await
}

fn values(headers: &HeaderMap, name: &str) -> Vec<String> {
    headers.get_all(name).iter().map(|value| value.to_str().expect("text").to_owned()).collect()
}

#[actix_web::test]
async fn a_page_of_a_container_comes_through_and_nothing_of_ours_goes_out() {
    let place = Place::start().await;
    let web = place.container("web", json!({"networkMode": "managed"})).await;
    let access = place.access(&web, "proxy", json!({"port": 8000})).await;
    assert_eq!(access["type"], "hostAccess");
    assert_eq!(access["url"], format!("{}/v1/container-proxy/", place.site.url));

    let page = ask(&access, "GET", "a%20b/c?x=1", "").await;
    assert_eq!(page.status, 200, "{}", page.text);
    let lines: Vec<&str> = page.text.lines().collect();
    assert_eq!(lines[0], "GET /a%20b/c?x=1 HTTP/1.1");
    assert!(lines.contains(&"x-own: kept"), "{}", page.text);
    assert!(lines.iter().any(|line| line.starts_with("host: 10.42.")), "{}", page.text);
    assert!(lines.contains(&"x-forwarded-for: 127.0.0.1"), "{}", page.text);
    for ours in ["mine", "a2V5Om1pbmU", text(&access, "token"), "authorization", "cookie"] {
        assert!(!page.text.contains(ours), "{ours} reached the container: {}", page.text);
    }
    assert_eq!(values(&page.headers, "set-cookie"), [""; 0]);
    let box_of_it_own = &values(&page.headers, "content-security-policy")[0];
    assert!(box_of_it_own.starts_with("sandbox "), "{box_of_it_own}");
    assert!(!box_of_it_own.contains("allow-same-origin"), "{box_of_it_own}");

    let posted = ask(&access, "POST", "form", "one=1").await;
    assert!(posted.text.starts_with("POST /form HTTP/1.1"), "{}", posted.text);
    assert!(posted.text.ends_with("\r\n\r\none=1"), "{}", posted.text);
    let head = ask(&access, "HEAD", "", "").await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    assert_ne!(head.header("content-length"), "0", "the length of what a GET would bring");

    let bearer = reqwest::Client::new().get(text(&access, "url"));
    let bearer = within(answer(bearer.bearer_auth(text(&access, "token")))).await;
    assert_eq!(bearer.status, 200);
    assert!(bearer.text.starts_with("GET / HTTP/1.1"), "{}", bearer.text);
    place.stop().await;
}

#[actix_web::test]
async fn a_websocket_of_a_container_comes_through_until_the_session_ends() {
    let place = Place::start().await;
    let web = place.container("web", json!({"networkMode": "managed"})).await;
    let access = place.access(&web, "proxy", json!({})).await;
    let url = text(&access, "url").replace("http:", "ws:");
    let url = format!("{url}chat?token={}", text(&access, "token"));
    let (mut socket, _) = within(connect_async(&url)).await.expect("a websocket");
    for word in ["moo".to_owned(), "x".repeat(300_000)] {
        within(socket.send(Message::text(word.clone()))).await.expect("sent");
        let back = within(socket.next()).await.expect("an answer").expect("an answer");
        assert_eq!(back.into_text().expect("text").as_str(), word);
    }
    let root = place.owner.at(format!("{}/v2-beta", place.site.url));
    assert_eq!(root.delete("/token/current").await.status, 204);
    let end = within(socket.next()).await;
    assert!(!matches!(end, Some(Ok(Message::Text(_)))), "{end:?}");
    place.all_closed().await;
    assert_eq!(refused(&url).await, 401);
    assert_eq!(ask(&access, "GET", "", "").await.status, 401);
    place.stop().await;
}

#[actix_web::test]
async fn a_proxy_is_for_containers_that_run_and_have_an_address() {
    let place = Place::start().await;
    let apart = place.container("apart", json!({})).await;
    let web = place.container("web", json!({"networkMode": "managed"})).await;
    let quiet = json!({"networkMode": "managed", "command": ["sleep", "infinity"]});
    let quiet = place.container("quiet", quiet).await;
    let fault = async |id: &str, input: Value| {
        place.owner.post(&format!("/containers/{id}?action=proxy"), input).await.fault()
    };
    for (id, input, expect) in [
        (
            &apart,
            json!({}),
            "422 InvalidState -: container `apart` has no address of its own: it has no network, or that of its host",
        ),
        (&web, json!({"port": 0}), "422 MinLimitExceeded port: port 0 is less than 1"),
        (&web, json!({"port": 65536}), "422 MaxLimitExceeded port: port 65536 is more than 65535"),
    ] {
        assert_eq!(fault(id, input.clone()).await, expect, "{input}");
    }
    let nobody = place.access(&quiet, "proxy", json!({"port": 81})).await;
    let refused = ask(&nobody, "GET", "", "").await.fault();
    assert_eq!(
        refused,
        "503 Service Unavailable -: container `quiet` gives no answer at port 81: connection refused"
    );

    // A page in clear is none over TLS.
    let clear = place.access(&web, "proxy", json!({"scheme": "https", "port": 80})).await;
    let clear = ask(&clear, "GET", "", "").await.fault();
    let start = "503 Service Unavailable -: container `web` gives no answer at port 80: \
                 it does not speak TLS: ";
    assert!(clear.starts_with(start), "{clear}");

    let access = place.access(&web, "proxy", json!({})).await;
    place.owner.post(&format!("/containers/{web}?action=stop"), json!({})).await.ok(202);
    place.state(&web, "stopped").await;
    let shown = place.owner.get(&format!("/containers/{web}")).await.ok(200);
    assert_eq!(shown["actions"].get("proxy"), None, "{shown}");
    assert!(fault(&web, json!({})).await.starts_with("422 ActionNotAvailable action"));
    let silent = ask(&access, "GET", "", "").await.fault();
    assert_eq!(
        silent,
        "503 Service Unavailable -: container `web` is stopped; nobody answers in it"
    );
    place.stop().await;
}

/// Says what it was asked, and copies what it was sent.
const ECHO: &str = "mkdir -p /www/cgi-bin && echo moo > /www/index.html && \
    head -c 8388608 /dev/zero > /www/big && \
    printf '#!/bin/sh\nprintf \"Content-Type: text/plain\\r\\n\\r\\n\"\necho $REQUEST_METHOD $QUERY_STRING\nexec cat\n' \
    > /www/cgi-bin/echo && chmod +x /www/cgi-bin/echo && exec httpd -f -p 8000 -h /www";

#[actix_web::test]
async fn a_page_of_a_real_container_comes_through() {
    let docker = docker().await;
    let place = Place::on_docker(&docker.endpoint).await;
    let image = format!("docker:{}", docker.image);
    let name = format!("proxy-{}", std::process::id());
    let more = json!({"imageUuid": image, "networkMode": "bridge", "command": ["sh", "-c", ECHO]});
    let id = place.container(&name, more).await;
    let access = place.access(&id, "proxy", json!({"port": 8000})).await;
    // It listens a moment after it runs.
    let page = within(async {
        loop {
            let page = ask(&access, "GET", "", "").await;
            if page.status != 503 {
                return page;
            }
        }
    })
    .await;
    assert_eq!((page.status, page.text.as_str()), (200, "moo\n"));
    let body = "b".repeat(100_000);
    let echoed = ask(&access, "POST", "cgi-bin/echo?x=1", &body).await;
    assert_eq!(echoed.status, 200, "{}", echoed.text);
    assert!(echoed.text.starts_with("POST x=1\n") && echoed.text.ends_with(&body));
    let big = ask(&access, "GET", "big", "").await;
    assert_eq!((big.status, big.text.len()), (200, 8 << 20));
    assert_eq!(ask(&access, "GET", "nothing", "").await.status, 404);
    let closed = place.access(&id, "proxy", json!({"port": 9})).await;
    let closed = ask(&closed, "GET", "", "").await.fault();
    let start =
        format!("503 Service Unavailable -: container `{name}` gives no answer at port 9: ");
    assert!(closed.starts_with(&start), "{closed}");

    place.owner.delete(&format!("/containers/{id}")).await.ok(200);
    place.state(&id, "removed").await;
    place.stop().await;
}
