//! What is not shown of contents: values that look like passwords, keys and tokens.
//!
//! That a hidden value changed is said, without a trace of what it is: not even a checksum, from which a
//! short password could be guessed.

use serde_json::{Map, Value};

const HIDDEN: &str = "(hidden)";
const CHANGED: &str = "(hidden, changed)";
const PARTLY: &str = " (what is hidden changed)";

/// Parts of names whose values are secret, wherever they are in the name.
const PARTS: &[&str] = &[
    "passwd",
    "password",
    "passphrase",
    "secret",
    "token",
    "credential",
    "privatekey",
    "apikey",
    "accesskey",
    "basicauth",
];
/// The same as whole words of a name.
const WORDS: &[&str] = &["dsn", "key", "keys", "pass", "pw", "pwd", "salt"];
/// Names that end so say where a secret is.
const PLACES: &[&str] = &["_file", "_path", "_dir"];

/// Two documents as they may be shown.
pub fn documents(before: &Value, after: &Value) -> (Value, Value) {
    (masked(before, None), masked(after, Some(before)))
}

/// Two texts as they may be shown.
pub fn texts(before: &str, after: &str) -> (String, String) {
    let known: Vec<&str> = before.lines().collect();
    let mut old = String::new();
    let mut new = String::new();
    for line in &known {
        old.push_str(&line_masked(line));
        old.push('\n');
    }
    for line in after.lines() {
        new.push_str(&against(line, &known, &line_masked));
        new.push('\n');
    }
    (old, new)
}

/// Whether the value of such a name is hidden.
fn is_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    if PLACES.iter().any(|end| lower.ends_with(end)) {
        return false;
    }
    let bare: String = lower.chars().filter(char::is_ascii_alphanumeric).collect();
    let mut words = lower.split(|c: char| !c.is_ascii_alphanumeric());
    PARTS.iter().any(|part| bare.contains(part)) || words.any(|word| WORDS.contains(&word))
}

/// A value as it may be shown; `other` is what was there before.
fn masked(value: &Value, other: Option<&Value>) -> Value {
    match value {
        Value::Object(map) => {
            let entry = |(key, value): (&String, &Value)| {
                let other = other.and_then(|other| other.get(key));
                let shown = match (is_scalar(value) && is_secret(key), other) {
                    (true, Some(other)) if other != value => CHANGED.into(),
                    (true, _) => HIDDEN.into(),
                    (false, other) => masked(value, other),
                };
                (key.clone(), shown)
            };
            Value::Object(map.iter().map(entry).collect::<Map<_, _>>())
        }
        Value::Array(items) => {
            let known = other.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let texts: Vec<&str> = known.iter().filter_map(Value::as_str).collect();
            let mut flagged = false;
            let item = |(at, item): (usize, &Value)| {
                let follows = std::mem::replace(&mut flagged, is_flag(item));
                match item {
                    Value::String(_) if follows => HIDDEN.into(),
                    Value::String(text) => against(text, &texts, &text_masked).into(),
                    Value::Null
                    | Value::Bool(_)
                    | Value::Number(_)
                    | Value::Array(_)
                    | Value::Object(_) => masked(item, known.get(at)),
                }
            };
            Value::Array(items.iter().enumerate().map(item).collect())
        }
        Value::String(text) => {
            let known: Vec<&str> = other.and_then(Value::as_str).into_iter().collect();
            against(text, &known, &text_masked).into()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// Booleans say whether, which is no secret.
fn is_scalar(value: &Value) -> bool {
    value.is_number() || value.as_str().is_some_and(|text| !text.starts_with("/run/secrets/"))
}

/// `--password`, whose value is the next word of a command.
fn is_flag(item: &Value) -> bool {
    item.as_str().is_some_and(|text| {
        text.strip_prefix('-').is_some_and(|name| !name.contains('=') && is_secret(name))
    })
}

/// A text with what is hidden in it; says so when that is other than in the texts before that look the same.
fn against(text: &str, known: &[&str], mask: &dyn Fn(&str) -> String) -> String {
    let shown = mask(text);
    if shown == text || known.contains(&text) || !known.iter().any(|one| mask(one) == shown) {
        return shown;
    }
    shown + PARTLY
}

/// A line of a file: `name = value` and `name: value` are looked at as a whole.
fn line_masked(line: &str) -> String {
    let at = line.find(['=', ':']);
    if let Some((name, rest)) = at.map(|at| line.split_at(at)) {
        let name_only = name.trim().trim_matches(['"', '\'', '-', ' ']);
        let (sign, value) = rest.split_at(1);
        if is_secret(name_only) && !name_only.contains(' ') && !value.trim().is_empty() {
            let space = if value.starts_with(' ') { " " } else { "" };
            return format!("{name}{sign}{space}{HIDDEN}");
        }
    }
    text_masked(line)
}

/// A text without passwords of addresses, and without values that a secret's name is given.
fn text_masked(text: &str) -> String {
    let words = text.split_inclusive(char::is_whitespace);
    let mut flagged = false;
    words
        .map(|word| {
            let bare = word.trim_end();
            let end = word.get(bare.len()..).unwrap_or_default();
            let follows = std::mem::replace(&mut flagged, is_flag(&bare.into()));
            let shown = match bare.split_once('=') {
                _ if follows => HIDDEN.to_owned(),
                Some((name, value)) if !value.is_empty() && is_secret(last_word(name)) => {
                    format!("{name}={HIDDEN}")
                }
                _ => address_masked(bare),
            };
            format!("{shown}{end}")
        })
        .collect()
}

/// The name at the end of `--set db.password`, `"PASSWORD`.
fn last_word(name: &str) -> &str {
    name.rsplit(['"', '\'', ';', '&', '?', ',']).next().unwrap_or(name)
}

/// `scheme://user:password@host` without the password.
fn address_masked(word: &str) -> String {
    let Some((scheme, rest)) = word.split_once("://") else { return word.to_owned() };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.rsplit_once('@').map(|(who, host)| (who.split_once(':'), host)) {
        Some((Some((user, _)), host)) => {
            let path = rest.get(authority.len()..).unwrap_or_default();
            format!("{scheme}://{user}:{HIDDEN}@{host}{path}")
        }
        Some((None, _)) | None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_say_what_is_secret() {
        let check = |name: &str, expect: bool| assert_eq!(is_secret(name), expect, "{name}");
        for name in
            ["DB_PASSWORD", "apiKey", "SECRET", "AWS_ACCESS_KEY_ID", "sentry.dsn", "x-token"]
        {
            check(name, true);
        }
        for name in ["image", "KEYCLOAK_URL", "POSTGRES_PASSWORD_FILE", "MONKEY", "environment"] {
            check(name, false);
        }
    }

    #[test]
    fn what_is_secret_is_hidden_wherever_it_is() {
        let check = |value: Value, expect: Value| assert_eq!(masked(&value, None), expect);
        check(json!({"secrets": ["a"], "tty": true}), json!({"secrets": ["a"], "tty": true}));
        check(json!({"TOKEN": 5}), json!({"TOKEN": "(hidden)"}));
        check(
            json!(["--token", "moo", "--key=moo", "-v", "run --password moo --x y"]),
            json!(["--token", "(hidden)", "--key=(hidden)", "-v", "run --password (hidden) --x y"]),
        );
        check(
            json!("https://u:moo@h/p?q=1 amqp://h:5/"),
            json!("https://u:(hidden)@h/p?q=1 amqp://h:5/"),
        );
        check(json!({"PASSWORD": "/run/secrets/db"}), json!({"PASSWORD": "/run/secrets/db"}));
    }

    #[test]
    fn a_change_of_what_is_hidden_is_said() {
        let (old, new) = documents(
            &json!({"command": ["--key=a", "--key=b"], "KEY": "a", "SALT": "s"}),
            &json!({"command": ["--key=b", "--key=c"], "KEY": "b", "SALT": "s"}),
        );
        assert_eq!(old["command"], json!(["--key=(hidden)", "--key=(hidden)"]));
        let changed = "--key=(hidden) (what is hidden changed)";
        assert_eq!(new["command"], json!(["--key=(hidden)", changed]));
        assert_eq!((&new["KEY"], &new["SALT"]), (&json!(CHANGED), &json!(HIDDEN)));
    }
}
