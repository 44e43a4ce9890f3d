//! `build`: where the image comes from when it is not pulled.

use super::super::node::{Node, Value, View};
use super::super::project::Build;
use super::super::source::join;
use super::{Draft, Reader, network};

/// Keys of `build` without a counterpart in Docker's classic builder.
const NO_EFFECT: &[&str] = &[
    "additional_contexts",
    "cache_to",
    "entitlements",
    "isolation",
    "privileged",
    "provenance",
    "sbom",
    "secrets",
    "ssh",
    "ulimits",
];

const KEYS: &[&str] = &[
    "args",
    "cache_from",
    "context",
    "dockerfile",
    "dockerfile_inline",
    "extra_hosts",
    "labels",
    "network",
    "no_cache",
    "platforms",
    "pull",
    "shm_size",
    "tags",
    "target",
];

/// `build`: a context, or a mapping.
pub(super) fn build(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    let context = reader.context;
    let mut build = draft.build.take().unwrap_or_default();
    if let Value::Map(_) = view.node.value {
        for (key, value) in context.known(view, &[KEYS, NO_EFFECT].concat()) {
            setting(reader, key, &value, &mut build);
        }
        if build.context.is_empty() && build.dockerfile_inline.is_none() {
            build.context = join(&view.node.at.source.base, ".");
        }
        if build.dockerfile.is_some() && build.dockerfile_inline.is_some() {
            context.error(view, "has both `dockerfile` and `dockerfile_inline`");
        }
    } else if let Some(text) = context.word(view) {
        build.context = location(view.node, &text);
    }
    draft.build = Some(build);
}

/// `dockerfile` of version 1, beside `build`.
pub(super) fn dockerfile(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    let path = reader.context.word(view);
    draft.build.get_or_insert_with(Build::default).dockerfile = path;
}

fn setting(reader: &Reader<'_, '_>, key: &str, view: &View<'_>, build: &mut Build) {
    let context = reader.context;
    match key {
        "args" => {
            for pair in context.pairs(view) {
                // An argument without value takes the caller's variable, if it is set.
                let value = pair.value.or_else(|| context.variable(reader.scope, &pair.name));
                build.args.extend(value.map(|value| (pair.name, value)));
            }
        }
        "cache_from" => build.cache_from = context.texts(view),
        "context" => {
            build.context =
                context.word(view).map(|text| location(view.node, &text)).unwrap_or_default();
        }
        "dockerfile" => build.dockerfile = context.word(view),
        "dockerfile_inline" => build.dockerfile_inline = context.text(view),
        "extra_hosts" => build.extra_hosts = network::hosts(context, view),
        "labels" => {
            let pairs = context.pairs(view).into_iter();
            build.labels.extend(pairs.map(|pair| (pair.name, pair.value.unwrap_or_default())));
        }
        "network" => build.network = context.word(view),
        "no_cache" => build.no_cache = context.flag(view).unwrap_or(false),
        "platforms" => match context.texts(view).as_slice() {
            [platform] => build.platform = Some(platform.clone()),
            _ => context.warning(view, "the image is built for the platform of the host"),
        },
        "pull" => build.pull = context.flag(view).unwrap_or(false),
        "shm_size" => build.shm_size = context.bytes(view),
        "tags" => build.extra_tags = context.texts(view),
        "target" => build.target = context.word(view),
        _ => context.warning(view, "has no effect on how the image is built"),
    }
}

/// A directory relative to the project, or a remote as it is.
fn location(node: &Node, text: &str) -> String {
    let remote =
        text.contains("://") || text.starts_with("git@") || text.starts_with("github.com/");
    if remote { text.to_owned() } else { join(&node.at.source.base, text) }
}
