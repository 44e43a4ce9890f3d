//! Secrets: sealed before they reach the database, shown once, and named by containers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::{Creation, Ctx, Hook};
use crate::error::{Error, Result};
use crate::process::secrets;

/// `secret`.
pub const HOOK: Hook = Hook { create: Some(create), ..Hook::of("secret") };

fn create(ctx: &mut Ctx<'_, '_>, creation: &mut Creation) -> Result<()> {
    let row = &mut creation.row;
    let name = row.name.clone().unwrap_or_default();
    let value = row.data.shift_remove("value");
    let text = value.as_ref().and_then(Value::as_str).filter(|text| !text.is_empty());
    let Some(text) = text else {
        return Err(Error::field("EmptySecret", "value")
            .message(format!("secret `{name}` has no value; give it in base64")));
    };
    // Some clients break the text into lines.
    let whole: String = text.split_ascii_whitespace().collect();
    let bytes = STANDARD.decode(whole).map_err(|_| {
        Error::field("InvalidBase64", "value")
            .message(format!("the value of secret `{name}` is not base64"))
    })?;
    let sealed = secrets::seal(ctx.vault, "secret", &row.uuid, &bytes)?;
    row.data.insert(secrets::VALUE.to_owned(), sealed.into());
    creation.reveal.insert("value".to_owned(), text.into());
    Ok(())
}

/// Checks what a launch configuration says of the files of its secrets.
pub(super) fn check_references(config: &Map<String, Value>) -> Result<()> {
    let references = config.get("secrets").and_then(Value::as_array);
    for reference in references.into_iter().flatten().filter_map(Value::as_object) {
        secrets::reference(reference)?;
    }
    Ok(())
}
