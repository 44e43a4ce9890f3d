//! What a page's form sends, as the body it stands for: all is text there, and what is empty was not given.

use serde_json::{Map, Value};

use super::call::Call;
use super::dialect::Dialect;
use crate::error::{Error, Result};
use crate::model::registry::Entry;
use crate::model::schema::{Field, Kind};

/// The parameter that says so: it names the fields that were filled in when the page was made.
const FORM: &str = "_form";

/// Turns the texts of a form into the values of a body.
///
/// # Errors
/// 422 for a text that is not the JSON that the field takes.
pub fn read(call: &Call, entry: &'static Entry, fields: &mut Map<String, Value>) -> Result<()> {
    match call.params.get(FORM) {
        Some(filled) => values(call.dialect(), entry, filled, fields),
        None => Ok(()),
    }
}

fn values(
    dialect: &Dialect,
    entry: &'static Entry,
    filled: &str,
    fields: &mut Map<String, Value>,
) -> Result<()> {
    for (name, value) in std::mem::take(fields) {
        let Some(field) = field(dialect, entry, &name) else { continue };
        let Value::String(text) = value else {
            fields.insert(name, value);
            continue;
        };
        if !text.trim().is_empty() {
            let value = given(field, &name, text)?;
            fields.insert(name, value);
        } else if filled.split(',').any(|filled| filled == name) {
            // It was emptied.
            let value = if field.nullable { Value::Null } else { text.into() };
            fields.insert(name, value);
        }
    }
    Ok(())
}

fn field(dialect: &Dialect, entry: &'static Entry, name: &str) -> Option<&'static Field> {
    let words = dialect.words(entry.ty.name);
    let also = words.and_then(|words| words.also.iter().find(|also| also.0 == name));
    entry.field(also.map_or(name, |also| also.1))
}

fn given(field: &Field, name: &str, text: String) -> Result<Value> {
    match field.kind {
        Kind::Array(_) | Kind::Map(_) | Kind::Object(_) | Kind::Json => serde_json::from_str(&text)
            .map_err(|error| {
                Error::field("InvalidFormat", name)
                    .message(format!("field `{name}` must hold JSON: {error}"))
            }),
        // Browsers send every line break as two letters.
        Kind::String | Kind::Blob | Kind::Password => Ok(text.replace("\r\n", "\n").into()),
        Kind::Int | Kind::Float | Kind::Boolean | Kind::Date | Kind::Enum | Kind::Reference(_) => {
            Ok(text.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::dialect::Version;
    use crate::model::registry;

    fn check(filled: &str, sent: Value, expect: &str) {
        let Value::Object(mut fields) = sent else { panic!("an object") };
        let entry = registry::lookup("service").expect("services");
        let dialect = Version::V2Beta.dialect();
        let found = match values(dialect, entry, filled, &mut fields) {
            Ok(()) => Value::Object(fields).to_string(),
            Err(error) => format!("{} {:?}: {error}", error.code, error.field),
        };
        assert_eq!(found, expect);
    }

    #[test]
    fn texts_become_values() {
        check(
            "",
            json!({"name": "", "scale": " ", "description": "a\r\nb"}),
            r#"{"description":"a\nb"}"#,
        );
        check("name,scale", json!({"name": "", "description": ""}), r#"{"name":null}"#);
        check(
            "",
            json!({"launchConfig": "{\"imageUuid\": \"a\"}", "metadata": "{}", "scale": "3"}),
            r#"{"launchConfig":{"imageUuid":"a"},"metadata":{},"scale":"3"}"#,
        );
        check(
            "",
            json!({"launchConfig": "{"}),
            "InvalidFormat Some(\"launchConfig\"): field `launchConfig` must hold JSON: \
             EOF while parsing an object at line 1 column 1",
        );
        check("", json!({"nothing": "1"}), "{}");
    }
}
