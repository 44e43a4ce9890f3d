//! `volumes`, `tmpfs`, `volumes_from` and `devices`.

use serde_json::{Map, Value as Json};

use super::super::context::Context;
use super::super::document::Version;
use super::super::node::{Value, View};
use super::super::source::join;
use super::{Draft, Reader, Shared};

/// Mount options of the short form that Docker knows for binds and volumes.
const MODES: &[&str] = &[
    "rw",
    "ro",
    "z",
    "Z",
    "cached",
    "delegated",
    "consistent",
    "nocopy",
    "copy",
    "private",
    "rprivate",
    "rshared",
    "rslave",
    "shared",
    "slave",
];

/// `volumes` of a service.
pub(super) fn volumes(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    let context = reader.context;
    for item in context.list_items(view) {
        let volume = match &item.node.value {
            Value::Map(_) => long(reader, &item, draft),
            Value::Null | Value::Scalar(_) | Value::List(_) => {
                context.word(&item).and_then(|text| short(reader, &item, &text))
            }
        };
        if let Some(volume) = volume {
            draft.extend("dataVolumes", vec![volume]);
        }
    }
}

/// `[source:]target[:mode]`.
fn short(reader: &Reader<'_, '_>, item: &View<'_>, text: &str) -> Option<String> {
    let context = reader.context;
    let letters = text.as_bytes();
    if let (Some(drive), Some(b':'), Some(b'\\')) =
        (letters.first(), letters.get(1), letters.get(2))
        && drive.is_ascii_alphabetic()
    {
        context.error(item, format!("`{text}`: paths of Windows are not supported"));
        return None;
    }
    let mut parts = text.split(':');
    let (source, path, mode) = match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(path), None, ..) => (None, path, None),
        (Some(source), Some(path), None, _) => (Some(source), path, None),
        (Some(source), Some(path), Some(mode), None) => (Some(source), path, Some(mode)),
        _ => {
            context.error(item, format!("`{text}` must be `source:target:mode`"));
            return None;
        }
    };
    let path = target(context, item, path)?;
    if let Some(bad) =
        mode.into_iter().flat_map(|mode| mode.split(',')).find(|m| !MODES.contains(m))
    {
        context.error(item, format!("`{bad}` in `{text}` is not a mount option such as `ro`"));
        return None;
    }
    let mode = mode.map(|mode| format!(":{mode}")).unwrap_or_default();
    match source {
        None => Some(path),
        Some("") => {
            context.error(item, format!("`{text}` lacks a source before `:`"));
            None
        }
        Some(source) => Some(format!("{}:{path}{mode}", self::source(reader, item, source)?)),
    }
}

/// A path in the container.
fn target(context: &Context<'_>, item: &View<'_>, path: &str) -> Option<String> {
    if path.starts_with('/') {
        return Some(join("/", path));
    }
    context.error(item, format!("`{path}` must be an absolute path in the container"));
    None
}

/// A host path made absolute, or the real name of a volume.
fn source(reader: &Reader<'_, '_>, item: &View<'_>, source: &str) -> Option<String> {
    match source.starts_with(['/', '.', '~']) {
        true => host_path(reader, item, source),
        false => volume_name(reader, item, source),
    }
}

fn host_path(reader: &Reader<'_, '_>, item: &View<'_>, path: &str) -> Option<String> {
    let context = reader.context;
    if path.starts_with('/') {
        return Some(join("/", path));
    }
    if let Some(rest) = path.strip_prefix('~') {
        let Some(home) = context
            .variable(reader.scope, "HOME")
            .filter(|_| rest.starts_with('/') || rest.is_empty())
        else {
            let message =
                format!("`{path}` needs a home directory, and variable `HOME` is not set");
            context.error(item, message);
            return None;
        };
        return Some(join(&home, rest.trim_start_matches('/')));
    }
    let Some(directory) = context.project_dir.filter(|directory| directory.starts_with('/')) else {
        let message = format!(
            "`{path}` is relative to the project's directory on the host, which is not known here; \
             write an absolute path or use a named volume"
        );
        context.error(item, message);
        return None;
    };
    Some(join(directory, &join(&item.node.at.source.base, path)))
}

fn volume_name(reader: &Reader<'_, '_>, item: &View<'_>, key: &str) -> Option<String> {
    let context = reader.context;
    if let Some(volume) = reader.declared.volumes.iter().find(|volume| volume.key == key) {
        return Some(volume.name.clone());
    }
    match reader.version {
        // Such files could not declare volumes.
        Version::V1 => {}
        Version::V2 => {
            context.warning(item, format!("volume `{key}` is not declared under `volumes`"))
        }
        Version::Specification => {
            let message = format!(
                "volume `{key}` is not declared under `volumes`; a directory begins with `./` or `/`"
            );
            context.error(item, message);
            return None;
        }
    }
    Some(key.to_owned())
}

/// The long form. A tmpfs goes to the draft's `tmpfs`, anything else is returned.
fn long(reader: &Reader<'_, '_>, item: &View<'_>, draft: &mut Draft) -> Option<String> {
    const KEYS: &[&str] = &[
        "bind",
        "consistency",
        "image",
        "read_only",
        "source",
        "target",
        "tmpfs",
        "type",
        "volume",
    ];
    let context = reader.context;
    context.known(item, KEYS);
    let text = |key: &str| item.get(key).and_then(|view| context.word(&view));
    let Some(path) = text("target") else {
        context.error(item, "the volume lacks `target`, its path in the container");
        return None;
    };
    let path = target(context, item, &path)?;
    let kind = text("type").unwrap_or_else(|| "volume".to_owned());
    let mut modes = Vec::new();
    if let Some(read_only) = item.get("read_only") {
        modes.push(if context.flag(&read_only)? { "ro" } else { "rw" }.to_owned());
    }
    let source = item.get("source");
    match (kind.as_str(), source) {
        ("tmpfs", _) => {
            let options = tmpfs_options(context, item, &modes);
            add_tmpfs(draft, &path, &options);
            None
        }
        ("bind", Some(source)) => {
            modes.extend(bind_options(context, item));
            let text = context.word(&source)?;
            // In the long form a bind may well be written without `./`.
            let text = if text.starts_with(['/', '.', '~']) { text } else { format!("./{text}") };
            Some(compose(&host_path(reader, &source, &text)?, &path, &modes))
        }
        ("volume", Some(source)) => {
            modes.extend(volume_options(context, item));
            let name = volume_name(reader, &source, &context.word(&source)?)?;
            Some(compose(&name, &path, &modes))
        }
        ("volume", None) => Some(path),
        ("bind", None) => {
            context.error(item, "the bind mount lacks `source`, the path on the host");
            None
        }
        (kind, _) => {
            context
                .error(item, format!("type `{kind}` is not supported; use volume, bind or tmpfs"));
            None
        }
    }
}

fn compose(source: &str, target: &str, modes: &[String]) -> String {
    match modes {
        [] => format!("{source}:{target}"),
        modes => format!("{source}:{target}:{}", modes.join(",")),
    }
}

fn bind_options(context: &Context<'_>, item: &View<'_>) -> Vec<String> {
    let Some(bind) = item.get("bind") else { return Vec::new() };
    let mut modes = Vec::new();
    for (key, view) in
        context.known(&bind, &["create_host_path", "propagation", "recursive", "selinux"])
    {
        match key {
            "propagation" | "selinux" => match context.word(&view) {
                Some(mode) if MODES.contains(&mode.as_str()) => modes.push(mode),
                Some(mode) => context.error(&view, format!("`{mode}` is not a mount option")),
                None => {}
            },
            // Docker creates it, as this asks for.
            "create_host_path" if context.flag(&view) != Some(false) => {}
            _ => context.warning(&view, "has no effect"),
        }
    }
    modes
}

fn volume_options(context: &Context<'_>, item: &View<'_>) -> Vec<String> {
    let Some(volume) = item.get("volume") else { return Vec::new() };
    let mut modes = Vec::new();
    for (key, view) in context.known(&volume, &["labels", "nocopy", "subpath"]) {
        match key {
            "nocopy" if context.flag(&view) == Some(true) => modes.push("nocopy".to_owned()),
            "nocopy" => {}
            "subpath" => context.error(&view, "a part of a volume cannot be mounted"),
            _ => context.warning(&view, "has no effect"),
        }
    }
    modes
}

fn tmpfs_options(context: &Context<'_>, item: &View<'_>, modes: &[String]) -> String {
    let mut options = modes.to_vec();
    let Some(tmpfs) = item.get("tmpfs") else { return options.join(",") };
    for (key, view) in context.known(&tmpfs, &["mode", "size"]) {
        match key {
            "size" => options.extend(context.bytes(&view).map(|bytes| format!("size={bytes}"))),
            _ => options.extend(
                context.word(&view).map(|mode| format!("mode={}", mode.trim_start_matches("0o"))),
            ),
        }
    }
    options.join(",")
}

fn add_tmpfs(draft: &mut Draft, path: &str, options: &str) {
    let mounts = draft.launch.entry("tmpfs").or_insert_with(|| Json::Object(Map::new()));
    if let Json::Object(mounts) = mounts {
        mounts.insert(path.to_owned(), Json::from(options));
    }
}

/// `tmpfs`: paths with options, `/run:size=64m`.
pub(super) fn tmpfs(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    for (text, item) in reader.context.text_views(view) {
        let (path, options) = text.split_once(':').unwrap_or((&text, ""));
        if let Some(path) = target(reader.context, &item, path) {
            add_tmpfs(draft, &path, options);
        }
    }
}

/// `volumes_from`: all volumes of another service of the unit.
pub(super) fn volumes_from(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    let context = reader.context;
    for (text, item) in context.text_views(view) {
        let text = text.strip_prefix("container:").unwrap_or(&text);
        let (service, mode) = text.split_once(':').unwrap_or((text, "rw"));
        match mode {
            "rw" => {}
            "ro" => context.warning(&item, "the volumes are mounted as the service mounts them"),
            _ => context.error(&item, format!("`{mode}` is not a mount option such as `ro`")),
        }
        draft.shares.push(((&item).into(), service.to_owned(), Shared::Volumes));
    }
}

/// `devices`: `host:container:permissions` or the same as a mapping.
pub(super) fn devices(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    let context = reader.context;
    for item in context.list_items(view) {
        let parts = match &item.node.value {
            Value::Map(_) => {
                context.known(&item, &["permissions", "source", "target"]);
                let text = |key: &str| item.get(key).and_then(|view| context.word(&view));
                let Some(source) = text("source") else {
                    context.error(&item, "the device lacks `source`, its path on the host");
                    continue;
                };
                (source, text("target"), text("permissions"))
            }
            Value::Null | Value::Scalar(_) | Value::List(_) => {
                let Some(text) = context.word(&item) else { continue };
                let mut parts = text.split(':').map(str::to_owned);
                let parsed = (parts.next().unwrap_or_default(), parts.next(), parts.next());
                if parts.next().is_some() {
                    context.error(&item, format!("`{text}` must be `host:container:permissions`"));
                    continue;
                }
                parsed
            }
        };
        let (source, target, permissions) = parts;
        if !source.starts_with('/') {
            let message =
                format!("device `{source}` is not a path on the host and is not supported");
            context.error(&item, message);
            continue;
        }
        let target = target.unwrap_or_else(|| source.clone());
        let permissions = permissions.unwrap_or_else(|| "rwm".to_owned());
        if permissions.contains(|letter| !matches!(letter, 'r' | 'w' | 'm')) {
            context.error(&item, format!("`{permissions}` is not made of `r`, `w` and `m`"));
            continue;
        }
        draft.extend("devices", vec![format!("{source}:{target}:{permissions}")]);
    }
}
