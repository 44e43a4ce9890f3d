//! Rancher's rule for service names, and how names that break it are made to follow it.

use std::collections::{BTreeMap, HashMap};

use super::context::Context;
use super::node::{Entry, View};

/// Longest service name.
const MAX_NAME: usize = 63;

/// Names in the file to valid names.
#[derive(Default)]
pub(super) struct Names {
    map: HashMap<String, String>,
}

impl Names {
    /// Finds a valid name for every service. Mapped names are warned about; names that collide or
    /// cannot be mapped are errors, and such services are left out.
    pub fn of(context: &Context<'_>, path: &str, services: &[Entry]) -> Names {
        let mut map = HashMap::new();
        let mut taken: BTreeMap<String, &str> = BTreeMap::new();
        for entry in services {
            let view = View::of_entry(path, entry);
            let name = match valid_name(&entry.key) {
                Ok(name) => name,
                Err(message) => {
                    context.error(&view, message);
                    continue;
                }
            };
            if let Some(other) = taken.insert(name.to_ascii_lowercase(), &entry.key) {
                let key = &entry.key;
                let message = format!("services `{other}` and `{key}` would share one name");
                context.error(&view, message);
                continue;
            }
            if name != entry.key {
                context.warning(&view, format!("the service is called `{name}` here"));
            }
            map.insert(entry.key.clone(), name);
        }
        Names { map }
    }

    /// The valid name of a service of the file.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.map.get(key).map(String::as_str)
    }

    /// The valid name of a service if it is one of the file, else the text itself.
    pub fn rename<'t>(&'t self, key: &'t str) -> &'t str {
        self.get(key).unwrap_or(key)
    }
}

/// Follows Rancher's rule: letters, digits and single `-` inside, 1 to 63 of them.
pub(super) fn valid_name(key: &str) -> Result<String, String> {
    if let Some(bad) = key
        .chars()
        .find(|letter| !letter.is_ascii_alphanumeric() && !matches!(letter, '-' | '_' | '.'))
    {
        return Err(format!("a service name cannot hold `{}`", bad.escape_default()));
    }
    let parts = key.split(['-', '_', '.']).filter(|part| !part.is_empty());
    let name = parts.collect::<Vec<_>>().join("-");
    match name.len() {
        0 => Err("a service needs a name of letters and digits".to_owned()),
        1..=MAX_NAME => Ok(name),
        _ => Err(format!("a service name has at most {MAX_NAME} characters")),
    }
}

/// The name that a service of a compose file has here; none if its own makes none.
pub fn service_name(key: &str) -> Option<String> {
    valid_name(key).ok()
}

/// A stack name from any text: lower case, `-` for anything a stack name cannot hold.
pub fn stack_name(text: &str) -> String {
    let letter = |letter: char| match letter.to_ascii_lowercase() {
        letter if letter.is_ascii_alphanumeric() => letter,
        _ => '-',
    };
    let name: String = text.chars().map(letter).collect();
    let name = name.trim_end_matches('-');
    match name.starts_with('-') {
        true => format!("x{name}"),
        false => name.to_owned(),
    }
}
