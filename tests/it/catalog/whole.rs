//! Every template of a folder, launched on simulated hosts: by hand, on catalogs that are not ours.
//!
//! ```text
//! RANCHETTE_TEST_CATALOG=/path/to/community-catalog \
//!     cargo test --test it -- --ignored --nocapture every_template_of_a_folder
//! ```

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::launched::stack;
use super::{inside, offer, text};
use crate::streams::place::{Place, number};

/// How long a stack may take before it counts as one that does not launch.
const PATIENCE: Duration = Duration::from_secs(55);

/// An answer that a question takes.
fn answer(question: &Value) -> String {
    let option = question["options"][0].as_str().unwrap_or_default();
    let least = question["min"].as_i64().unwrap_or(0).max(1);
    match text(question, "type") {
        "int" => least.to_string(),
        "enum" => option.to_owned(),
        "boolean" => "false".to_owned(),
        "service" => "given/web".to_owned(),
        "certificate" => "given".to_owned(),
        _ if text(question, "variable").to_ascii_lowercase().contains("port") => "8181".to_owned(),
        _ => "answer".to_owned(),
    }
}

/// Answers to what has no default: everything, since templates depend on more than what they require.
fn answers(version: &Value) -> Map<String, Value> {
    let questions = version["questions"].as_array().expect("questions").iter();
    let open = questions.filter(|question| {
        text(question, "default").is_empty()
            && (question["required"] == true || text(question, "type") == "service")
    });
    open.map(|question| (text(question, "variable").to_owned(), answer(question).into())).collect()
}

/// Launches a version and gives what kept it from becoming active.
async fn launch(place: &Place, version: &Value) -> Option<String> {
    let mut body = stack("tried", version);
    if body["dockerCompose"].as_str().is_none_or(|text| text.trim().is_empty()) {
        return Some("it has no compose file".to_owned());
    }
    body["environment"] = answers(version).into();
    let made = place.owner.post("/stacks", body).await;
    if made.status != 201 {
        return Some(made.fault());
    }
    let id = text(&made.json(), "id").to_owned();
    let row = number(&id);
    let over = place.until("over", |read| {
        let stack = read.get(row)?;
        Ok(stack.filter(|stack| {
            stack.state == "active"
                || stack.state == "error"
                || stack.flag("failed")
                || stack.str("transitioning") == Some("error")
        }))
    });
    let state = match tokio::time::timeout(PATIENCE, over).await {
        Ok(stack) => stack.state,
        Err(_) => String::new(),
    };
    let shown = place.owner.get(&format!("/stacks/{id}")).await.ok(200);
    let why = (state != "active").then(|| shown["transitioningMessage"].to_string());
    place.owner.delete(&format!("/stacks/{id}")).await;
    let gone = place.until("gone", |read| {
        let live = read.by_name("stack", Some(5), "tried")?;
        Ok(live.is_empty().then_some(()))
    });
    if tokio::time::timeout(PATIENCE, gone).await.is_err() {
        return Some("it cannot be removed".to_owned());
    }
    why
}

#[actix_web::test]
#[expect(clippy::print_stdout, reason = "whoever runs it by hand wants to read it")]
#[ignore = "for catalogs that are not ours: RANCHETTE_TEST_CATALOG names a folder"]
async fn every_template_of_a_folder() {
    let folder = std::env::var("RANCHETTE_TEST_CATALOG").expect("a folder");
    let place = Place::start().await;
    offer(&place.site, "tried", Path::new(&folder)).await;
    let given = json!({ "name": "given", "dockerCompose": "version: '2'\nservices: {web: {image: nginx}}\n" });
    place.owner.post("/stacks", given).await.ok(201);
    let catalog = inside(&place.owner, &place.site);
    let home = catalog.get("/catalogs/tried").await.ok(200);
    let mut counts: BTreeMap<String, [usize; 4]> = BTreeMap::new();
    let list = catalog.get("/templates?catalogId=tried").await.ok(200);
    let mut why = Vec::new();
    for template in list["data"].as_array().expect("templates") {
        let base = text(template, "templateBase").to_owned();
        let default = text(template, "defaultTemplateVersionId").to_owned();
        let count = counts.entry(base.clone()).or_default();
        count[0] += 1;
        for (_, link) in template["versionLinks"].as_object().expect("versions") {
            let version = catalog.get(link.as_str().expect("a link")).await.ok(200);
            count[1] += 1;
            count[2] += version["questions"].as_array().expect("questions").len();
            let own = text(&version, "id").to_owned();
            if !["", "infra"].contains(&base.as_str()) {
                continue;
            }
            match launch(&place, &version).await {
                None => count[3] += usize::from(own == default),
                Some(reason) => {
                    why.push(format!("{}{own}: {reason}", if own == default { "* " } else { "  " }))
                }
            }
        }
    }
    println!("kind: templates, versions, questions, templates whose first version launches");
    for (base, counts) in counts {
        println!("{base:12} {counts:?}");
    }
    println!("left out:\n{:#}", home["problems"]);
    println!("not launched:\n{}", why.join("\n"));
    place.stop().await;
}
