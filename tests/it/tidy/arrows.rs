//! Which layer may use which, which crates each may know, and what pure layers must not contain.

use std::collections::BTreeMap;

use super::source::Source;
use super::{assert_none, sources};

/// Layers from the bottom up, each with the layers it may use. What is not here is forbidden, and
/// ARCHITECTURE.md shows the same table.
#[rustfmt::skip]
pub const EDGES: &[(&str, &[&str])] = &[
    ("nearest", &[]),
    ("model", &[]),
    ("scheduler", &["model"]),
    ("reconcile", &["model"]),
    ("compose", &["model", "nearest"]),
    ("balancer", &[]),
    ("certificate", &[]),
    ("clock", &[]),
    ("error", &[]),
    ("config", &["nearest"]),
    ("events", &["model", "error"]),
    ("store", &["model", "clock", "error", "events"]),
    ("metrics", &["error"]),
    ("engine", &["model", "clock", "error"]),
    ("vault", &["clock", "error"]),
    ("outbound", &["clock"]),
    ("archive", &["clock", "outbound"]),
    ("acme", &["clock", "outbound"]),
    ("catalog", &["compose", "clock", "outbound"]),
    ("folder", &["compose", "clock"]),
    ("process", &["model", "scheduler", "balancer", "certificate", "clock", "error", "events", "store", "engine", "vault", "archive", "acme", "outbound", "folder"]),
    ("auth", &["model", "clock", "error", "events", "store", "process", "outbound"]),
    (
        "controller",
        &[
            "model",
            "scheduler",
            "reconcile",
            "compose",
            "balancer",
            "clock",
            "error",
            "events",
            "store",
            "engine",
            "vault",
            "folder",
            "process",
        ],
    ),
    ("network", &["model", "clock", "error", "events", "store"]),
    (
        "api",
        &[
            "model",
            "scheduler",
            "reconcile",
            "compose",
            "catalog",
            "certificate",
            "clock",
            "error",
            "config",
            "events",
            "metrics",
            "store",
            "engine",
            "vault",
            "folder",
            "auth",
            "process",
            "controller",
        ],
    ),
    ("server", EVERYTHING),
    ("cli", EVERYTHING),
    ("main", EVERYTHING),
    ("lib", EVERYTHING),
];

/// The composition root.
pub const EVERYTHING: &[&str] = &["*"];

/// Crates and words that only some places may know: (word, where it may stand, why).
const PLACES: &[(&str, &[&str], &str)] = &[
    ("rusqlite", &["src/store"], "only the store contains SQL"),
    ("refinery", &["src/store"], "only the store contains SQL"),
    (
        "actix_web",
        &["src/api", "src/server", "src/network/metadata.rs", "src/network/ears.rs"],
        "only the API and the metadata service know actix",
    ),
    ("hickory_server", &["src/network"], "only the names know DNS"),
    ("hickory_resolver", &["src/network"], "only the names know DNS"),
    ("actix_http", &["src/api", "src/server"], "only the API knows actix"),
    ("actix_ws", &["src/api", "src/server"], "only the API knows actix"),
    ("bollard", &["src/engine/docker"], "only the Docker engine knows bollard"),
    (
        "x509_parser",
        &["src/certificate.rs", "src/certificate"],
        "certificates are read in one place",
    ),
    ("russh", &["src/engine/docker/ssh"], "only the way to other machines knows SSH"),
    ("chacha20poly1305", &["src/vault.rs", "src/vault"], "secrets are encrypted in one place"),
    ("instant_acme", &["src/acme"], "only the client of ACME servers knows ACME"),
    (
        "rustls",
        &["src/acme", "src/api/streams/proxy/tls.rs", "src/cli/client", "src/outbound/mod.rs"],
        "whose certificates are believed is said in few places",
    ),
    ("inotify", &["src/folder"], "files are watched in one place"),
    ("argon2", &["src/auth"], "passwords are hashed in one place"),
    ("clap", &["src/cli", "src/main.rs"], "only the command line knows clap"),
    ("indicatif", &["src/cli"], "only the command line writes to the terminal"),
    ("println!", &["src/cli"], "only the command line writes to the terminal"),
    ("print!", &["src/cli"], "only the command line writes to the terminal"),
    ("eprintln!", &["src/cli"], "only the command line writes to the terminal"),
    ("SystemTime::now", &["src/clock.rs"], "time is a parameter"),
    ("Instant::now", &["src/clock.rs"], "time is a parameter"),
    ("getrandom", &["src/clock.rs"], "randomness is a parameter"),
    // A library wants it to read a key, and makes nothing of it.
    ("rand", &["src/clock.rs", "src/certificate.rs", "src/acme"], "randomness is a parameter"),
    ("RandomState", &["src/clock.rs"], "randomness is a parameter"),
];

/// Layers that are pure functions of their arguments (I1).
const PURE: &[&str] = &["model", "scheduler", "reconcile", "compose", "balancer", "certificate"];

/// What a pure layer does not contain. `std::time::Duration` is data and allowed.
const IMPURE: &[&str] = &[
    "async",
    "await",
    "tokio",
    "futures_util",
    "SystemTime",
    "Instant",
    "Clock",
    "Entropy",
    "reqwest",
    "tokio_tungstenite",
    "tracing",
    "std::env",
    "std::fs",
    "std::io",
    "std::net::TcpStream",
    "std::process",
    "std::thread",
    "Mutex",
    "static mut",
];

#[test]
fn every_layer_has_a_row() {
    let layers: Vec<&str> = EDGES.iter().map(|(layer, _)| *layer).collect();
    let mut missing = Vec::new();
    for source in sources() {
        if let Some(layer) = source.layer().filter(|layer| !layers.contains(layer)) {
            missing
                .push(format!("{}:1: layer `{layer}` has no row of allowed arrows", source.path));
        }
    }
    assert_none(missing);
}

#[test]
fn arrows_point_one_way() {
    let allowed: BTreeMap<&str, &[&str]> = EDGES.iter().copied().collect();
    let mut found = Vec::new();
    for source in sources() {
        let Some(layer) = source.layer() else { continue };
        let to = allowed.get(layer).copied().unwrap_or_default();
        if to == EVERYTHING {
            continue;
        }
        for (at, used) in uses(&source) {
            if used != layer && !to.contains(&used.as_str()) {
                let place = format!("{}:{}", source.path, source.line(at));
                found.push(format!("{place}: `{layer}` may not use `{used}`"));
            }
        }
    }
    assert_none(found);
}

/// The rows themselves have no cycle, so that "one way" means something.
#[test]
fn the_table_itself_points_one_way() {
    for (place, (layer, uses)) in EDGES.iter().enumerate() {
        for used in uses.iter().filter(|_| *uses != EVERYTHING) {
            let earlier = EDGES[..place].iter().any(|(other, _)| other == used);
            assert!(earlier, "`{layer}` uses `{used}`, which does not stand above it in the table");
        }
    }
}

#[test]
fn crates_and_words_stay_where_they_belong() {
    let mut found = Vec::new();
    for source in sources().iter().filter(|s| s.layer().is_some()) {
        let tests = source.tests();
        for (word, places, why) in PLACES {
            let inside = |place: &&&str| {
                source.path == **place
                    || source.path.starts_with(&format!("{place}/"))
                    || source.path == format!("{place}.rs")
            };
            if places.iter().find(inside).is_some() {
                continue;
            }
            for at in source.words(word) {
                if !tests.iter().any(|range| range.contains(&at)) {
                    let place = format!("{}:{}", source.path, source.line(at));
                    found.push(format!("{place}: `{word}`; {why}"));
                }
            }
        }
    }
    assert_none(found);
}

#[test]
fn pure_layers_are_pure() {
    let mut found = Vec::new();
    for source in sources().iter().filter(|s| s.layer().is_some_and(|l| PURE.contains(&l))) {
        let tests = source.tests();
        for word in IMPURE {
            for at in source.words(word) {
                if !tests.iter().any(|range| range.contains(&at)) {
                    let place = format!("{}:{}", source.path, source.line(at));
                    found.push(format!("{place}: `{word}` in a pure layer"));
                }
            }
        }
    }
    assert_none(found);
}

/// Every layer a file names, with the offset: `crate::x`, `crate::{x, y}` and `super::..::x` that
/// climbs to the root.
fn uses(source: &Source) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for at in source.words("crate") {
        if let Some(rest) = source.code[at..].strip_prefix("crate::") {
            found.extend(names(rest).into_iter().map(|name| (at, name)));
        }
    }
    let inline = source.inline_modules();
    let mut climbing = 0..0;
    for at in source.words("super") {
        if climbing.contains(&at) {
            continue;
        }
        let mut rest = &source.code[at..];
        let mut up = 0;
        while let Some(further) = rest.strip_prefix("super::") {
            (rest, up) = (further, up + 1);
        }
        climbing = at..source.code.len() - rest.len();
        let depth = source.module().len() + inline.iter().filter(|m| m.contains(&at)).count();
        if up >= depth {
            found.extend(names(rest).into_iter().map(|name| (at, name)));
        }
    }
    found
}

/// The first names of a path or of a braced list of paths.
fn names(rest: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let Some(list) = rest.strip_prefix('{') else { return vec![word(rest)] };
    let mut names = Vec::new();
    let mut depth = 0;
    let mut item = 0;
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                names.push(word(&list[item..at]));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(word(&list[item..at]));
                item = at + 1;
            }
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

#[test]
fn every_way_of_naming_a_layer_is_seen() {
    let check = |path: &str, text: &str, expect: &[&str]| {
        let found: Vec<String> =
            uses(&Source::new(path, text)).into_iter().map(|(_, name)| name).collect();
        assert_eq!(found, expect, "of {text}");
    };
    check("src/model/a.rs", "use crate::store::X;", &["store"]);
    check(
        "src/model/a.rs",
        "use crate::{store::{A, B}, error, clock::C,\n};",
        &["store", "error", "clock"],
    );
    check("src/model/a.rs", "let x = crate::store::open(); // crate::api", &["store"]);
    check("src/model/a.rs", "use super::b; use super::super::store;", &["store"]);
    check("src/model/mod.rs", "use super::store;", &["store"]);
    check(
        "src/model/a.rs",
        "mod t { use super::super::b; use super::super::super::api; }",
        &["api"],
    );
}
