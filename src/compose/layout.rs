//! Which files of a folder make a project: the names that Docker Compose and Rancher look for.

/// Names of the compose file, the preferred one first.
pub const COMPOSE: [&str; 4] =
    ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
/// Names of the file that is laid over it.
pub const OVERRIDES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];
/// Names of Rancher's own file beside it.
pub const RANCHER: [&str; 2] = ["rancher-compose.yml", "rancher-compose.yaml"];
/// Where the variables are that every compose file sees.
pub const DOTENV: &str = ".env";

/// The compose files of a folder that has the files that `has` says; none without a compose file.
pub fn compose_files(has: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let first = |names: &[&'static str]| names.iter().copied().find(|name| has(name));
    match first(&COMPOSE) {
        Some(main) => std::iter::once(main).chain(first(&OVERRIDES)).collect(),
        None => Vec::new(),
    }
}

/// Rancher's own file of a folder.
pub fn rancher_file(has: impl Fn(&str) -> bool) -> Option<&'static str> {
    RANCHER.into_iter().find(|name| has(name))
}

/// Whether a file is one that is looked for by its name.
pub fn is_known(name: &str) -> bool {
    name == DOTENV
        || COMPOSE.contains(&name)
        || OVERRIDES.contains(&name)
        || RANCHER.contains(&name)
}
