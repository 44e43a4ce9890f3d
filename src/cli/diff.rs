//! `diff`: what differs between a stack as it is and the files here, line by line.

mod mask;

use clap::Args;
use serde_json::{Map, Value, json};
use similar::TextDiff;

use super::Result;
use super::args::{Connection, Files};
use super::client::Client;
use super::failure::Exit;
use super::output::{Output, Style};
use super::project;
use super::settings::Settings;
use super::up::{self, plan};
use crate::compose::emit;

/// Arguments of `diff`.
///
/// Both sides are shown as the server understands them, in one order, whatever the files look like.
/// Values that look like passwords, keys and tokens are hidden; that one changed is said.
#[derive(Clone, Debug, Default, Args)]
pub struct DiffArgs {
    /// As `up --remove-orphans` would do
    #[arg(long)]
    remove_orphans: bool,
    /// Lines shown around each difference
    #[arg(long, short = 'U', value_name = "N", default_value_t = 3)]
    unified: usize,
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    connection: Connection,
}

/// Runs the verb.
///
/// # Errors
/// When the files cannot be deployed, or the server refuses.
pub async fn run(settings: &Settings, out: &Output, args: &DiffArgs) -> Result<Exit> {
    let loaded = project::load(settings, &args.files)?;
    loaded.report(out)?;
    let client = Client::connect(settings, &args.connection).await?;
    let mut body = plan::request(&loaded, true, args.remove_orphans);
    body["contents"] = true.into();
    let (answer, told) = up::ask(&client, out, &loaded, &body).await?;
    let found = differences(&loaded.name, &told["before"], &told["after"], args.unified);
    for one in &found {
        out.record(&json!({ "type": "difference", "file": one.file, "diff": one.text }));
        one.text.lines().for_each(|line| out.line(painted(out, line)));
    }
    let (name, settled) = (&loaded.name, answer.is_settled());
    let same = found.is_empty() && settled;
    out.record(&json!({ "type": "stack", "stack": name, "id": answer.stack_id,
        "result": if same { "same" } else { "different" } }));
    match (found.is_empty(), settled) {
        (true, true) => out.note(format!("stack {name} is what the files here say")),
        (true, false) => out.note(format!(
            "no contents differ; `ranchette plan` shows what `up` would still do with stack {name}"
        )),
        (false, _) => {}
    }
    Ok(if same { Exit::Ok } else { Exit::Changes })
}

fn painted(out: &Output, line: &str) -> String {
    let style = match line.as_bytes() {
        [b'+', b'+', b'+', ..] | [b'-', b'-', b'-', ..] => Style::Bold,
        [b'+', ..] => Style::Good,
        [b'-', ..] => Style::Bad,
        [b'@', ..] => Style::Dim,
        _ => return line.to_owned(),
    };
    out.paint(style, line)
}

/// The difference of one file.
#[derive(Debug)]
struct Difference {
    file: String,
    text: String,
}

/// What differs, file by file; nothing for files that are the same.
fn differences(stack: &str, before: &Value, after: &Value, around: usize) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut compare = |file: String, old: &str, new: &str| {
        if old != new {
            let diff = TextDiff::from_lines(old, new);
            let text = diff
                .unified_diff()
                .context_radius(around)
                .missing_newline_hint(false)
                .header(&format!("{file} (now)"), &format!("{file} (the files here)"))
                .to_string();
            found.push(Difference { file, text });
        }
    };
    let (old, new) = mask::documents(&document(before), &document(after));
    compare(format!("{stack}/compose.yaml"), &written(&old), &written(&new));
    let (none, configs) = (Map::new(), |side: &Value| side["configs"].as_object().cloned());
    let (old, new) = (configs(before).unwrap_or_default(), configs(after).unwrap_or(none));
    let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let text = |side: &Map<String, Value>| side.get(name)?.as_str().map(str::to_owned);
        let (old, new) =
            mask::texts(&text(&old).unwrap_or_default(), &text(&new).unwrap_or_default());
        compare(format!("{stack}/{name}"), &old, &new);
    }
    found
}

/// Both compose files of a side as one, in the order of the alphabet.
fn document(side: &Value) -> Value {
    let mut whole = side["docker"].clone();
    for (name, more) in side["rancher"]["services"].as_object().into_iter().flatten() {
        let more = more.as_object().cloned().unwrap_or_default();
        match whole["services"].get_mut(name).and_then(Value::as_object_mut) {
            Some(service) => service.extend(more),
            None if more.is_empty() => {}
            None => whole["services"][name] = more.into(),
        }
    }
    sorted(&whole)
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().map(|(key, value)| (key, sorted(value))).collect();
            entries.sort_by_key(|entry| entry.0);
            let entries = entries.into_iter().map(|(key, value)| (key.clone(), value));
            Value::Object(entries.collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn written(document: &Value) -> String {
    let text = document.as_object().map(emit::document).unwrap_or_default();
    text.replace("\r\n", "\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn side(image: &str, password: &str, scale: u32) -> Value {
        json!({
            "docker": { "version": "2", "services": { "web": {
                "image": image,
                "environment": { "LEVEL": "info", "DB_PASSWORD": password,
                    "URL": format!("postgres://shop:{password}@db/shop") },
            } } },
            "rancher": { "version": "2", "services": { "web": { "scale": scale } } },
            "configs": { "web:/etc/app.conf": format!("port=80\npassword = {password}\n") },
        })
    }

    #[test]
    fn what_differs_is_shown_and_what_is_secret_is_not() {
        let check = |before: Value, after: Value, expect: Expect| {
            let found = differences("shop", &before, &after, 1);
            let texts: Vec<&str> = found.iter().map(|one| one.text.as_str()).collect();
            let text = texts.concat();
            assert!(!text.contains("moo"), "{text}");
            expect.assert_eq(&text);
        };
        check(side("a:1", "moo1", 1), side("a:1", "moo1", 1), expect![""]);
        check(
            side("a:1", "moo1", 1),
            side("a:2", "moo1", 3),
            expect![[r#"
                --- shop/compose.yaml (now)
                +++ shop/compose.yaml (the files here)
                @@ -6,4 +6,4 @@
                       URL: postgres://shop:(hidden)@db/shop
                -    image: a:1
                -    scale: 1
                +    image: a:2
                +    scale: 3
                 version: '2'
            "#]],
        );
        check(
            side("a:1", "moo1", 1),
            side("a:1", "moo2", 1),
            expect![[r#"
                --- shop/compose.yaml (now)
                +++ shop/compose.yaml (the files here)
                @@ -3,5 +3,5 @@
                     environment:
                -      DB_PASSWORD: (hidden)
                +      DB_PASSWORD: (hidden, changed)
                       LEVEL: info
                -      URL: postgres://shop:(hidden)@db/shop
                +      URL: postgres://shop:(hidden)@db/shop (what is hidden changed)
                     image: a:1
                --- shop/web:/etc/app.conf (now)
                +++ shop/web:/etc/app.conf (the files here)
                @@ -1,2 +1,2 @@
                 port=80
                -password = (hidden)
                +password = (hidden) (what is hidden changed)
            "#]],
        );
        check(
            Value::Null,
            json!({ "docker": { "services": { "web": { "image": "a:1" } } }, "rancher": {}, "configs": {} }),
            expect![[r#"
                --- shop/compose.yaml (now)
                +++ shop/compose.yaml (the files here)
                @@ -0,0 +1,3 @@
                +services:
                +  web:
                +    image: a:1
            "#]],
        );
    }
}
