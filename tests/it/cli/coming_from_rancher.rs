//! `docs/coming-from-rancher.md` keeps its word: its files are written as it says, and its requests and commands
//! are made in its order, against a server on a simulated host.

use reqwest::StatusCode;
use serde_json::Value;

use super::desk::Desk;

const PAGE: &str = include_str!("../../../docs/coming-from-rancher.md");

/// The fenced parts in a language, each with the line of text before it.
fn fenced(language: &str) -> Vec<(&'static str, &'static str)> {
    let fence = format!("```{language}\n");
    let mut found = Vec::new();
    let mut rest = PAGE;
    while let Some((before, after)) = rest.split_once(&fence) {
        let (text, next) = after.split_once("```").expect("an end of the fence");
        let title = before.trim_end().lines().next_back().unwrap_or("");
        found.push((title, text));
        rest = next;
    }
    found
}

/// The files of the page by path: what follows a path in backquotes and a colon.
fn files() -> Vec<(&'static str, &'static str)> {
    let path = |title: &'static str| title.strip_prefix('`')?.strip_suffix("`:");
    fenced("yaml").into_iter().filter_map(|(title, text)| Some((path(title)?, text))).collect()
}

/// The commands of the page, those over several lines put together.
fn commands() -> Vec<String> {
    let joined =
        fenced("sh").into_iter().map(|(_, text)| text.replace("\\\n", " ").replace("|\n", "| "));
    let lines = joined.map(|text| text.lines().map(str::trim).map(str::to_owned).collect());
    lines.collect::<Vec<Vec<String>>>().concat()
}

/// What `curl` is told: method, path below `$URL`, and body.
fn request(command: &str) -> Option<(&'static str, &str, Option<Value>)> {
    let told = command.strip_prefix("curl ")?;
    let path = told.split_once("$URL")?.1.split_whitespace().next()?;
    let body = told.split_once("-d '").and_then(|(_, rest)| rest.split_once('\''));
    let body = body.map(|(text, _)| serde_json::from_str(text).expect("a body in JSON"));
    let method = match (told.contains("-X PUT"), body.is_some()) {
        (true, _) => "PUT",
        (false, true) => "POST",
        (false, false) => "GET",
    };
    Some((method, path, body))
}

#[actix_web::test]
async fn what_the_page_says_is_done_and_works() {
    let desk = Desk::logged_in().await;
    let files = files();
    assert_eq!(files.len(), 2, "{files:?}");
    for (path, text) in files {
        let path = desk.home_path(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder");
        std::fs::write(path, text).expect("the file");
    }
    let root = format!("{}/v2-beta", desk.place.site.url);
    let admin = desk.place.site.admin().await.at(root);
    let host = ranchette::model::id::format("h", desk.place.host);
    let (mut asked, mut ran) = (0, Vec::new());
    let mut registry = String::new();
    for command in commands() {
        if let Some((method, path, body)) = request(&command) {
            let path = path.replace("HOSTID", &host);
            let text = body.map(|body| body.to_string().replace("REGISTRYID", &registry));
            let body = text.map(|text| serde_json::from_str(&text).expect("JSON"));
            let answer = admin.send(method, &path, body).await;
            let status = StatusCode::from_u16(answer.status).expect("a status");
            assert!(status.is_success(), "{command}\n{}", answer.text);
            if path.ends_with("/registries") {
                registry = answer.json()["id"].as_str().expect("an id").to_owned();
            }
            asked += 1;
        } else if let Some(words) = command.strip_prefix("ranchette ") {
            let words: Vec<&str> = words.split_whitespace().collect();
            // The server is there already.
            if words != ["serve"] {
                desk.run(&words).await.ok();
                ran.push(words.join(" "));
            }
        }
    }
    assert_eq!(asked, 7);
    let last = ["stop shop/web", "start shop/web"];
    assert_eq!(ran.len(), 5, "{ran:?}");
    assert!(ran[0].ends_with("--dry-run") && ran[3..] == last, "{ran:?}");
    let services = desk.run(&["ps", "--json"]).await.records();
    let mut seen: Vec<String> = services
        .iter()
        .map(|service| format!("{} {}", service["service"], service["state"]).replace('"', ""))
        .collect();
    seen.sort();
    assert_eq!(seen, ["db active", "front active", "web active"], "{services:#?}");
    desk.place.stop().await;
}
