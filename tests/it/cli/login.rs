//! Logging in: keys of one's own, contexts, environments, and servers behind TLS.

use std::os::unix::fs::MetadataExt as _;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::desk::Desk;
use super::tls;
use crate::api::site::PASSWORD;

fn book(desk: &Desk) -> Value {
    let text = std::fs::read(desk.book()).expect("the file with the keys");
    serde_json::from_slice(&text).expect("JSON")
}

/// Logs in at a terminal; what it showed from the password on.
async fn log_in(desk: &Desk, args: &[&str], user: &str, password: &str) -> (String, i32) {
    let mut terminal = desk.terminal(args);
    terminal.until("Login: ").await;
    terminal.press(&format!("{user}\n")).await;
    terminal.until(&format!("Password of {user}: ")).await;
    terminal.press(&format!("{password}\n")).await;
    terminal.end().await
}

#[actix_web::test]
async fn a_password_becomes_a_key_that_logging_out_takes_back() {
    let desk = Desk::start().await;
    let url = desk.place.site.url.clone();
    let (shown, code) = log_in(&desk, &["login", &url], "root", "wrong horse").await;
    assert_eq!(code, 4, "{shown}");
    assert!(shown.contains("login or password of `root` is wrong"), "{shown}");
    assert!(!desk.book().exists());

    let login = ["login", &url, "--name", "farm", "-e", "Default"];
    let (shown, code) = log_in(&desk, &login, "root", PASSWORD).await;
    assert_eq!(code, 0, "{shown}");
    assert!(!shown.contains(PASSWORD), "{shown}");
    let known = book(&desk)["contexts"]["farm"].clone();
    let text = |field: &str| known[field].as_str().expect(field).to_owned();
    let (access, secret) = (text("accessKey"), text("secretKey"));
    assert!(!shown.contains(&secret) && !known.to_string().contains(PASSWORD), "{shown}");
    assert_eq!((text("url"), text("environment")), (url.clone(), "1a5".to_owned()));
    assert_eq!(std::fs::metadata(desk.book()).expect("a file").mode() & 0o777, 0o600);
    let tokens = desk.place.site.admin().await;
    let own = tokens.get(&format!("/apikeys?publicValue={access}")).await.ok(200);
    assert_eq!(own["data"][0]["accountId"], "1a1", "{own}");

    // The key is used from now on, without another word; a second login replaces it.
    assert!(desk.run(&["ps"]).await.ok().is_empty());
    let shown = desk.run(&["context", "show"]).await.ok();
    assert!(shown.contains(&access) && !shown.contains(&secret), "{shown}");
    let login = ["login", &url, "--name", "farm", "-u", "root"];
    desk.run_with(&login, &format!("{PASSWORD}\n")).await.ok();
    let now = book(&desk)["contexts"]["farm"]["accessKey"].clone();
    assert_ne!(now, json!(access));
    let basic = Some((access, secret));
    let old = crate::api::site::Client { basic, bearer: None, ..desk.place.site.nobody() };
    assert_eq!(old.get("/projects").await.status, 401);

    let logout = desk.run(&["logout", "--json"]).await.records();
    assert_eq!(logout, [json!({"type": "logout", "context": "farm", "url": url})]);
    assert_eq!(book(&desk), json!({"current": null, "contexts": {}}));
    let now = now.as_str().expect("a key");
    let own = tokens.get(&format!("/apikeys?publicValue={now}")).await.ok(200);
    assert!(own["data"][0]["state"].as_str().is_some_and(|s| s.contains("activ") && s != "active"));
    desk.place.stop().await;
}

#[actix_web::test]
async fn contexts_and_environments_are_chosen() {
    let desk = Desk::logged_in().await;
    let admin = desk.place.site.admin().await;
    let second = admin.post("/projects", json!({"name": "Second"})).await.ok(201);
    let url = desk.place.site.url.clone();
    let (access, secret) = desk.place.site.key_of(1).await;
    let login = ["login", &url, "--name", "other", "--access-key", &access];
    let wrong = desk.run_with(&login, "nonsense").await;
    assert_eq!(wrong.code, 4, "{wrong:?}");
    let several = desk.run_with(&login, &format!("{secret}\n")).await;
    assert!(several.err.contains("ranchette environment use NAME"), "{several:?}");
    assert!(!several.ok().contains(&secret));
    let names = desk.run(&["context", "ls", "--json"]).await.records();
    let names: Vec<_> = names.iter().map(|one| (&one["context"], &one["current"])).collect();
    assert_eq!(names, [(&json!("farm"), &json!(false)), (&json!("other"), &json!(true))]);

    let ps = desk.run(&["ps"]).await;
    assert_eq!(ps.code, 2, "{ps:?}");
    assert!(ps.err.contains("there are several environments"), "{}", ps.err);
    let used = desk.run(&["environment", "use", "Second"]).await.ok();
    assert_eq!(used, "other acts in Second\n");
    let listed = desk.run(&["environment", "ls", "--json"]).await.records();
    let current: Vec<&Value> = listed.iter().filter(|one| one["current"] == true).collect();
    assert_eq!(current.len(), 1, "{listed:?}");
    assert_eq!(current[0]["id"], second["id"]);
    desk.run(&["ps"]).await.ok();

    let away = desk.run(&["environment", "use", "Third"]).await;
    assert_eq!(away.code, 2, "{away:?}");
    assert!(away.err.contains("there is no environment `Third`"), "{}", away.err);
    desk.run(&["context", "use", "farm"]).await.ok();
    let away = desk.run(&["ps", "--context", "othr"]).await;
    assert!(away.err.contains("did you mean `other`?"), "{}", away.err);
    desk.run(&["context", "rm", "other"]).await.ok();
    let table = desk.run(&["context", "ls"]).await.ok();
    assert!(table.contains("*  farm") && !table.contains("other"), "{table}");
    // A data folder that is named means the server there.
    let local = desk.run(&["ps", "--data-dir", "none"]).await;
    assert_eq!(local.code, 3, "{local:?}");
    assert!(local.err.contains("ranchette login URL"), "{}", local.err);
    desk.run(&["context", "use", "-"]).await.ok();
    assert_eq!(book(&desk)["current"], Value::Null);
    desk.place.stop().await;
}

#[actix_web::test]
async fn a_server_behind_tls_is_trusted_by_its_authority_only() {
    let desk = Desk::start().await;
    let folder = TempDir::new().expect("temporary folder");
    let server = desk.place.site.url.trim_start_matches("http://");
    let end = tls::in_front_of(server, folder.path()).await;
    let url = format!("https://127.0.0.1:{}", end.port);
    let authority = end.authority.to_string_lossy().into_owned();
    let login = ["login", url.as_str(), "--name", "farm", "-u", "root", "-e", "1a5"];
    let stranger = desk.run_with(&login, PASSWORD).await;
    assert_eq!(stranger.code, 3, "{stranger:?}");
    assert!(stranger.err.contains("is not trusted: "), "{}", stranger.err);
    assert!(stranger.err.contains("--ca-file"), "{}", stranger.err);
    let other = format!("https://localhost:{}", end.port);
    let other = ["login", other.as_str(), "-u", "root", "--ca-file", &authority];
    let other = desk.run_with(&other, PASSWORD).await;
    assert_eq!(other.code, 3, "{other:?}");
    assert!(other.err.contains("is not trusted: "), "{}", other.err);
    let no_file = desk.run_with(&[&login[..], &["--ca-file", "none"]].concat(), PASSWORD).await;
    assert_eq!(no_file.code, 2, "{no_file:?}");

    let trusted = [&login[..], &["--ca-file", &authority]].concat();
    desk.run_with(&trusted, PASSWORD).await.ok();
    desk.place.container("web", json!({})).await;
    let listed = desk.run(&["ps", "-c", "--json"]).await.records();
    assert_eq!(listed[0]["container"], "web", "{listed:?}");
    // Logs come over a websocket, with the same trust.
    desk.run(&["logs", "web"]).await.ok();
    let logs = desk.run(&["logs", "web", "--context", "farm", "--json"]).await;
    assert_eq!((logs.code, logs.err.as_str()), (0, ""), "{logs:?}");
    drop(end);
    let gone = desk.run(&["ps"]).await;
    assert_eq!(gone.code, 3, "{gone:?}");
    assert!(gone.err.contains(&format!("no server answers at {url}")), "{}", gone.err);
    desk.place.stop().await;
}
