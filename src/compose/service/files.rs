//! `secrets` and `configs` of a service: files that appear in the container.

use super::super::document::Version;
use super::super::node::{Value, View};
use super::super::project::{FileDecl, FileKind, MountedFile};
use super::{Draft, Reader};

/// `secrets`: by default under `/run/secrets`.
pub(super) fn secrets(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    files(reader, view, FileKind::Secret, &reader.declared.secrets, draft);
}

/// `configs`: by default in the root directory.
pub(super) fn configs(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    files(reader, view, FileKind::Config, &reader.declared.configs, draft);
}

fn files(
    reader: &Reader<'_, '_>,
    view: &View<'_>,
    kind: FileKind,
    declared: &[FileDecl],
    draft: &mut Draft,
) {
    let context = reader.context;
    for item in context.list_items(view) {
        let mut file = MountedFile {
            kind,
            source: String::new(),
            target: String::new(),
            uid: None,
            gid: None,
            mode: None,
            sidekick: None,
        };
        match &item.node.value {
            Value::Map(_) => long(reader, &item, &mut file),
            Value::Null | Value::Scalar(_) | Value::List(_) => {
                file.source = context.word(&item).unwrap_or_default();
            }
        }
        if file.source.is_empty() {
            continue;
        }
        if !declared.iter().any(|known| known.key == file.source) {
            let (what, section) = match kind {
                FileKind::Secret => ("secret", "secrets"),
                FileKind::Config => ("config", "configs"),
            };
            let message = format!("{what} `{}` is not declared under `{section}`", file.source);
            match reader.version {
                Version::V1 | Version::Specification => context.error(&item, message),
                // Rancher looks for a secret of the environment by that name.
                Version::V2 => context.warning(&item, message),
            }
        }
        file.target = target(kind, &file);
        if draft.files.iter().any(|known| known.target == file.target && *known != file) {
            context.error(&item, format!("two files are mounted at `{}`", file.target));
            continue;
        }
        if !draft.files.contains(&file) {
            draft.files.push(file);
        }
    }
}

fn long(reader: &Reader<'_, '_>, item: &View<'_>, file: &mut MountedFile) {
    let context = reader.context;
    for (key, value) in context.known(item, &["gid", "mode", "source", "target", "uid"]) {
        match key {
            "source" => file.source = context.word(&value).unwrap_or_default(),
            // Rancher exports a target that nobody gave as an empty one.
            "target" => {
                file.target = context.text(&value).unwrap_or_default().trim().to_owned();
            }
            "uid" => file.uid = context.word(&value),
            "gid" => file.gid = context.word(&value),
            _ => file.mode = mode(reader, &value),
        }
    }
    if file.source.is_empty() {
        context.error(item, "lacks `source`, the name under which it is declared");
    }
}

/// A mode is octal, with or without a leading `0` or `0o`.
fn mode(reader: &Reader<'_, '_>, view: &View<'_>) -> Option<String> {
    let text = reader.context.word(view)?;
    let digits = text.trim_start_matches("0o");
    match u32::from_str_radix(digits, 8) {
        Ok(mode) if mode <= 0o7777 => Some(format!("{mode:04o}")),
        Ok(_) | Err(_) => {
            reader.context.error(view, format!("must be an octal mode such as 0440, not `{text}`"));
            None
        }
    }
}

fn target(kind: FileKind, file: &MountedFile) -> String {
    let name = if file.target.is_empty() { &file.source } else { &file.target };
    match (kind, name.starts_with('/')) {
        (_, true) => name.clone(),
        (FileKind::Secret, false) => format!("/run/secrets/{name}"),
        (FileKind::Config, false) => format!("/{name}"),
    }
}
