//! What differs, what is taken back, and what is watched meanwhile; single containers.

use serde_json::{Value, json};

use super::desk::Desk;

const SHOP: &str = "\
services:
  web:
    image: nginx
    environment: {LEVEL: info, DB_PASSWORD: first-moo}
    deploy: {replicas: 2}
    configs: [{source: conf, target: /etc/web.conf}]
    secrets: [key]
  db: {image: postgres}
configs: {conf: {file: ./web.conf}}
secrets: {key: {file: ./key}}
";

async fn shop() -> (Desk, String) {
    let desk = Desk::logged_in().await;
    let file = desk.file("compose.yaml", SHOP);
    desk.file("web.conf", "port = 80\n");
    desk.file("key", "sealed-moo");
    (desk, file)
}

#[actix_web::test]
async fn contents_are_compared_and_secrets_are_not_shown() {
    let (desk, file) = shop().await;
    let diff = ["diff", "-f", &file, "-p", "shop"];
    let new = desk.run(&diff).await;
    assert_eq!(new.code, 6, "{new:?}");
    assert!(new.out.starts_with("--- shop/compose.yaml (now)\n"), "{}", new.out);
    assert!(new.out.contains("+      DB_PASSWORD: (hidden)\n"), "{}", new.out);
    assert!(new.out.contains("+port = 80\n"), "{}", new.out);
    let unknown = desk.run(&["ps", "shop"]).await;
    assert_eq!(unknown.code, 1, "a diff has made something: {unknown:?}");

    desk.run(&["up", "-f", &file, "-p", "shop"]).await.ok();
    let same = desk.run(&diff).await;
    assert_eq!((same.code, same.out.as_str()), (0, ""), "{same:?}");
    assert!(same.err.contains("stack shop is what the files here say"), "{}", same.err);

    let changed = SHOP.replace("image: nginx", "image: nginx:2").replace("first", "other");
    desk.file("compose.yaml", &changed);
    desk.file("web.conf", "port = 81\n");
    desk.file("key", "another-moo");
    let other = desk.run(&diff).await;
    assert_eq!(other.code, 6, "{other:?}");
    for line in [
        "-    image: nginx",
        "+    image: nginx:2",
        "+      DB_PASSWORD: (hidden, changed)",
        "--- shop/web:/etc/web.conf (now)",
        "-port = 80",
        "+port = 81",
    ] {
        assert!(other.out.lines().any(|shown| shown == line), "`{line}` in {}", other.out);
    }
    let told = desk.run(&[&diff[..], &["--json"]].concat()).await;
    assert_eq!(told.code, 6, "{told:?}");
    assert!(told.out.contains(r#""result":"different""#), "{}", told.out);
    let log = desk.place.owner.get("/auditlogs?resourceType=stackPlan").await.ok(200);
    for text in [new.out, other.out, told.out, log.to_string()] {
        // The stack's own file says the variable in clear, to the server as well; nothing else may.
        let text = text.replace("LEVEL: info, DB_PASSWORD: first-moo", "");
        let text = text.replace("LEVEL: info, DB_PASSWORD: other-moo", "");
        assert!(!text.contains("moo"), "{text}");
    }
    let image = desk.run(&["inspect", "shop/web", "-f", "launchConfig.imageUuid"]).await.ok();
    assert_eq!(image, "docker:nginx\n");

    let less = changed.replace("  db: {image: postgres}\n", "");
    desk.file("compose.yaml", &less);
    let kept = desk.run(&diff).await.out;
    assert!(!kept.contains("postgres"), "{kept}");
    let gone = desk.run(&[&diff[..], &["--remove-orphans"]].concat()).await.out;
    assert!(gone.contains("-    image: postgres\n"), "{gone}");
    desk.place.stop().await;
}

async fn field(desk: &Desk, name: &str, field: &str) -> String {
    desk.run(&["inspect", name, "-f", field]).await.ok().trim_end().to_owned()
}

#[actix_web::test]
async fn the_last_change_is_taken_back() {
    let (desk, file) = shop().await;
    let up = ["up", "-f", &file, "-p", "shop"];
    desk.run(&up).await.ok();
    let nothing = desk.run(&["undo", "shop/web"]).await;
    assert_eq!(nothing.code, 2, "{nothing:?}");
    assert!(nothing.err.contains("since it was made"), "{}", nothing.err);

    desk.run(&["scale", "shop/web=3"]).await.ok();
    let asked = desk.run(&["undo", "shop/web"]).await;
    assert_eq!(asked.code, 2, "nobody said yes: {asked:?}");
    let said = "shop/web: scale from 3 back to 2\n";
    assert_eq!(asked.out, said);
    assert_eq!(desk.run(&["undo", "shop/web", "--dry-run"]).await.ok(), said);
    assert_eq!(field(&desk, "shop/web", "scale").await, "3");
    desk.run(&["undo", "shop/web", "--yes"]).await.ok();
    assert_eq!(field(&desk, "shop/web", "scale").await, "2");
    desk.run(&["undo", "shop", "--yes"]).await.ok();
    assert_eq!(field(&desk, "shop/web", "scale").await, "3", "an undo is taken back, too");

    desk.run(&["upgrade", "shop/web", "--image", "nginx:2", "--interval", "100"]).await.ok();
    let back = desk.run(&["undo", "shop/web", "--yes"]).await.ok();
    assert!(back.contains("roll the upgrade back"), "{back}");
    assert_eq!(field(&desk, "shop/web", "launchConfig.imageUuid").await, "docker:nginx");

    desk.run(&["stop", "shop/db"]).await.ok();
    let back = desk.run(&["undo", "shop", "--yes"]).await.ok();
    assert_eq!(back, "shop/db: start it again\n");
    assert_eq!(field(&desk, "shop/db", "state").await, "active");

    // One `up` that changes one service, scales it, and makes another.
    let more = SHOP.replace("image: nginx", "image: nginx:3").replace("replicas: 2", "replicas: 1");
    desk.file(
        "compose.yaml",
        &format!("{more}\n").replace("  db:", "  cache: {image: redis}\n  db:"),
    );
    desk.run(&up).await.ok();
    let back = desk.run(&["undo", "shop", "--yes", "--json"]).await.records();
    let of = |one: &Value| (one["type"] == "step").then(|| one["of"].as_str().map(str::to_owned));
    let mut steps: Vec<String> = back.iter().filter_map(of).flatten().collect();
    steps.sort();
    assert_eq!(steps, ["shop/cache", "shop/web", "shop/web"], "{back:?}");
    assert_eq!(field(&desk, "shop/web", "scale").await, "3");
    let image = field(&desk, "shop/web", "launchConfig.imageUuid").await;
    assert!(image.starts_with("docker:nginx@") || image.starts_with("docker:sha256:"), "{image}");
    assert_eq!(desk.run(&["inspect", "shop/cache"]).await.code, 1);

    let unknown = desk.run(&["undo", "shpo", "--yes"]).await;
    assert_eq!(unknown.code, 1, "{unknown:?}");
    assert!(unknown.err.contains("did you mean `shop`?"), "{}", unknown.err);
    desk.place.stop().await;
}

#[actix_web::test]
async fn what_is_watched_is_told_when_it_changes() {
    let (desk, file) = shop().await;
    desk.run(&["up", "-f", &file, "-p", "shop"]).await.ok();
    let mut drawn = desk.terminal(&["ps", "shop/web", "--watch"]);
    drawn.until("SERVICE").await;
    drawn.until("2/2").await;
    let mut told = desk.terminal(&["ps", "shop/web", "--watch", "--json"]);
    told.until(r#""currentScale":2"#).await;
    desk.run(&["scale", "shop/web=3"]).await.ok();
    drawn.until("\u{1b}[H").await;
    drawn.until("3/3").await;
    told.until(r#""currentScale":3"#).await;
    for mut terminal in [drawn, told] {
        terminal.kill();
        terminal.end().await;
    }
    desk.place.stop().await;
}

#[actix_web::test]
async fn single_containers_come_and_go() {
    let desk = Desk::logged_in().await;
    let run = [
        "run",
        "--name",
        "lone",
        "--network",
        "none",
        "--env",
        "A=1",
        "-l",
        "tier=web",
        "--host",
        "host1",
        "nginx",
        "sleep",
        "9",
    ];
    let ran = desk.run(&run).await.ok();
    assert_eq!(ran, "container lone runs\n");
    assert_eq!(field(&desk, "lone", "environment.A").await, "1");
    assert_eq!(field(&desk, "lone", "command.1").await, "9");
    assert_eq!(field(&desk, "lone", "labels.tier").await, "web");
    let nowhere = desk.run(&["run", "--host", "moon", "nginx"]).await;
    assert_eq!((nowhere.code, nowhere.err.contains("no host `moon`")), (2, true), "{nowhere:?}");
    let wrong = desk.run(&["run", "-p", "many:80", "nginx"]).await;
    assert_eq!(wrong.code, 1, "{wrong:?}");

    let asked = desk.run(&["rm", "lone"]).await;
    assert_eq!((asked.code, asked.err.contains("say --yes")), (2, true), "{asked:?}");
    let gone = desk.run(&["rm", "lone", "--yes", "--json"]).await.records();
    assert_eq!((&gone[0]["container"], &gone[0]["removed"]), (&json!("lone"), &json!(true)));
    assert_eq!(desk.run(&["rm", "lone", "--yes"]).await.code, 1);
    desk.place.stop().await;
}

#[actix_web::test]
async fn a_removed_volume_is_brought_back() {
    let desk = Desk::logged_in().await;
    let setting = json!({ "value": "3600" });
    let admin = desk.place.site.admin().await;
    admin.put("/settings/volume.undo.seconds", setting).await.ok(200);
    let mount = json!({ "dataVolumes": ["data:/data"] });
    let container = desk.place.container("keeper", mount).await;
    let volumes = desk.place.owner.get("/volumes?name=data").await.ok(200);
    let id = volumes["data"][0]["id"].as_str().expect("a volume").to_owned();
    desk.run(&["rm", "keeper", "--yes"]).await.ok();
    desk.place.state(&container, "removed").await;
    desk.run(&["volumes", "rm", "data", "--yes"]).await.ok();
    desk.place.state(&id, "removed").await;
    let back = desk.run(&["undo", "data", "--yes"]).await.ok();
    assert!(back.contains("bring back volume data with what was in it"), "{back}");
    desk.place.state(&id, "detached").await;
    desk.place.stop().await;
}
