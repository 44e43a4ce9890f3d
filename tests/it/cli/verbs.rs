//! The other verbs: what they show, and what they end with.

use serde_json::{Value, json};

use super::desk::Desk;

const SHOP: &str = "services: { web: { image: nginx, deploy: { replicas: 2 } } }";

#[actix_web::test]
async fn a_plan_tells_by_its_exit_code_whether_there_is_something_to_do() {
    let desk = Desk::logged_in().await;
    let file = desk.file("compose.yaml", SHOP);
    let plan = ["plan", "-f", &file, "-p", "shop"];
    let first = desk.run(&plan).await;
    assert_eq!(first.code, 6, "{first:?}");
    assert!(first.out.starts_with("stack shop would be created:\n"), "{}", first.out);
    desk.run(&["up", "-f", &file, "-p", "shop"]).await.ok();
    assert_eq!(desk.run(&plan).await.ok(), "stack shop is up to date: 1 service\n");
    desk.file("compose.yaml", &SHOP.replace("nginx", "nginx:2"));
    let changed = desk.run(&[&plan[..], &["--json"]].concat()).await;
    assert_eq!(changed.code, 6, "{changed:?}");
    assert!(changed.out.contains(r#""result":"planned""#), "{}", changed.out);

    let waited = desk.run(&["wait", "shop", "--for", "healthy", "--json"]).await.records();
    let last = waited.last().expect("a record");
    assert_eq!(last, &json!({"type": "wait", "name": "shop", "state": "healthy"}));
    let late = desk.run(&["wait", "shop/web", "--for", "removed", "--timeout", "1"]).await;
    assert_eq!(late.code, 5, "{late:?}");
    let late = desk.run(&["wait", "shop-web-1", "--for", "stopped", "--timeout", "1"]).await;
    assert_eq!((late.code, late.err.contains("is still running")), (5, true), "{late:?}");
    let image = desk.run(&["inspect", "shop/web", "-f", "launchConfig.imageUuid"]).await.ok();
    assert_eq!(image, "docker:nginx\n");
    let odd = desk.run(&["inspect", "shop/web", "-f", "stat"]).await;
    assert_eq!(odd.code, 2, "{odd:?}");
    assert!(odd.err.contains("did you mean `state`?"), "{}", odd.err);
    desk.run(&["down", "shop", "--yes", "-d"]).await.ok();
    desk.run(&["wait", "shop", "--for", "removed"]).await.ok();
    desk.place.stop().await;
}

#[actix_web::test]
async fn events_are_told_as_they_happen() {
    let desk = Desk::logged_in().await;
    let mut terminal = desk.terminal(&["events", "--type", "container", "-n", "1"]);
    // What happens before the program listens is not told, so it happens until something is.
    let happen = async {
        for number in 0.. {
            desk.place.container(&format!("web{number}"), json!({})).await;
        }
    };
    let told = async {
        terminal.until("container    ").await;
        terminal.until("web").await;
        terminal.end().await
    };
    let (rest, code) = tokio::select! {
        end = told => end,
        () = happen => unreachable!("it goes on"),
    };
    assert_eq!(code, 0, "{rest}");
    desk.place.stop().await;
}

#[actix_web::test]
async fn usage_is_shown_once_or_live() {
    let desk = Desk::logged_in().await;
    assert!(desk.run(&["top"]).await.err.contains("no container runs"));
    desk.place.container("web", json!({})).await;
    let advance = async {
        // The containers' time goes on while the program looks, a second at a time.
        let mut ticks = tokio::time::interval(std::time::Duration::from_millis(50));
        loop {
            ticks.tick().await;
            desk.place.time.advance(1_000);
        }
    };
    let once = async {
        let mut shown = Vec::new();
        // On a busy machine two samples may take longer than the program waits for them.
        while !shown.first().is_some_and(|one: &Value| one["cpuPercent"].is_number()) {
            shown = desk.run(&["top", "--json"]).await.records();
        }
        let table = desk.run(&["top", "web"]).await.ok();
        let mut terminal = desk.terminal(&["top"]);
        terminal.until("CONTAINER").await;
        terminal.until(" %").await;
        terminal.kill();
        terminal.end().await;
        (shown, table)
    };
    let (shown, table) = tokio::select! {
        shown = once => shown,
        () = advance => unreachable!("it goes on"),
    };
    assert_eq!((&shown[0]["container"], shown.len()), (&json!("web"), 1), "{shown:?}");
    assert!(table.starts_with("CONTAINER") && table.contains("/s"), "{table}");
    desk.place.stop().await;
}

#[actix_web::test]
async fn hosts_volumes_and_secrets() {
    let desk = Desk::logged_in().await;
    let hosts = desk.run(&["hosts"]).await.ok();
    assert!(hosts.starts_with("HOST") && hosts.contains("host1"), "{hosts}");
    let unknown = desk.run(&["hosts", "deactivate", "hots1"]).await;
    assert_eq!(unknown.code, 1, "{unknown:?}");
    assert!(unknown.err.contains("did you mean `host1`?"), "{}", unknown.err);
    desk.run(&["hosts", "deactivate", "host1"]).await.ok();
    let id = format!("1h{}", desk.place.host);
    desk.place.state(&id, "inactive").await;
    desk.run(&["hosts", "activate", &id]).await.ok();
    desk.place.state(&id, "active").await;

    let made = desk.run_with(&["secrets", "create", "key", "--json"], "hidden words").await;
    assert!(!made.out.contains("hidden") && !made.err.contains("hidden"), "{made:?}");
    let made = made.records();
    assert_eq!(made[0]["secret"], "key", "{made:?}");
    let file = desk.file("secret", "more hidden words");
    let shown = desk.run(&["secrets", "create", "other", &file]).await.ok();
    assert_eq!(shown, "secret other is kept: 17 bytes\n");
    let again = desk.run_with(&["secrets", "create", "key"], "x").await;
    assert_eq!(again.code, 1, "{again:?}");
    let empty = desk.run(&["secrets", "create", "none"]).await;
    assert_eq!(empty.code, 2, "{empty:?}");
    let listed = desk.run(&["secrets", "--json"]).await.records();
    let names: Vec<&Value> = listed.iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["key", "other"]);
    assert!(!listed.iter().any(|one| one.to_string().contains("hidden")), "{listed:?}");
    let asked = desk.run(&["secrets", "rm", "key"]).await;
    assert_eq!((asked.code, asked.err.contains("say --yes")), (2, true), "{asked:?}");
    desk.run(&["secrets", "rm", "key", "--yes"]).await.ok();

    let volume =
        desk.place.owner.post("/volumes", json!({"name": "data", "driver": "local"})).await;
    volume.ok(201);
    assert!(desk.run(&["volumes"]).await.ok().contains("data"));
    let mut terminal = desk.terminal(&["volumes", "rm", "data"]);
    terminal.until("Remove volume data, with what is in it? [y/N] ").await;
    terminal.press("n\n").await;
    let (shown, code) = terminal.end().await;
    assert_eq!((code, shown.contains("nothing was removed")), (1, true), "{shown}");
    desk.run(&["volumes", "rm", "data", "--yes"]).await.ok();
    desk.place.stop().await;
}

#[actix_web::test]
async fn manuals_and_completions_are_written() {
    let desk = Desk::start().await;
    let pages = desk.run(&["man", "pages"]).await.ok();
    assert!(pages.contains("pages are in"), "{pages}");
    assert!(desk.run(&["man"]).await.ok().contains(".TH ranchette"));
    for shell in ["bash", "zsh", "fish"] {
        assert!(desk.run(&["completions", shell]).await.ok().contains("remove-orphans"), "{shell}");
    }
    let near = desk.run(&["scael"]).await;
    assert_eq!((near.code, near.err.contains("'scale'")), (2, true), "{near:?}");
    desk.place.stop().await;
}
