//! The `RANCHETTE_*` environment: `RANCHETTE_SERVER_LISTEN` sets `server.listen`.

use super::error::{Place, Problem};
use super::options::{self, OPTIONS};
use super::sections::Config;
use super::slot::Given;

const PREFIX: &str = "RANCHETTE_";

/// Variables that belong to the command line client or to the tests, not to the server.
const NOT_OPTIONS: [&str; 7] = [
    "RANCHETTE_ACCESS_KEY",
    "RANCHETTE_CA_FILE",
    "RANCHETTE_CONFIG",
    "RANCHETTE_CONTEXT",
    "RANCHETTE_ENVIRONMENT",
    "RANCHETTE_SECRET_KEY",
    "RANCHETTE_URL",
];

const TEST_PREFIX: &str = "RANCHETTE_TEST_";

/// The variable that sets an option.
pub fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "_").to_uppercase())
}

/// Applies every `RANCHETTE_*` variable; one that names no option is a problem, so that a typing
/// error is not silently without effect.
pub fn apply(config: &mut Config, env: &[(String, String)], problems: &mut Vec<Problem>) {
    for (name, value) in env.iter().filter(|(name, _)| is_option(name)) {
        match OPTIONS.iter().find(|o| variable(o.key) == *name) {
            Some(option) => {
                let place = Place::Variable { name: name.clone() };
                options::set(config, option.key, &Given::Words(value.clone()), place, problems);
            }
            None => problems.push(Problem::UnknownKey {
                place: Place::Variable { name: name.clone() },
                key: name.clone(),
                nearest: nearest(name),
            }),
        }
    }
}

/// The variable that was meant: one whose section is left out, or one that is spelled alike.
fn nearest(name: &str) -> Option<String> {
    let option = name.strip_prefix(PREFIX)?.to_lowercase();
    let bare = OPTIONS.iter().find(|o| o.name() == option).map(|o| variable(o.key));
    bare.or_else(|| options::nearest(name, OPTIONS.iter().map(|o| variable(o.key))))
}

fn is_option(name: &str) -> bool {
    name.starts_with(PREFIX) && !name.starts_with(TEST_PREFIX) && !NOT_OPTIONS.contains(&name)
}
