//! What code of many layers reads off a launch configuration.

use serde_json::{Map, Value};

use super::names::NO_IMAGE;

/// What an image begins with in the API, and not in an engine.
const PREFIXES: &[&str] = &["docker:", "sim:"];

/// A field as text, if it is text.
pub fn text<'a>(config: &'a Map<String, Value>, field: &str) -> Option<&'a str> {
    config.get(field).and_then(Value::as_str)
}

/// The name of an image as engines know it.
pub fn bare(image: &str) -> &str {
    PREFIXES.iter().find_map(|prefix| image.strip_prefix(prefix)).unwrap_or(image)
}

/// The name of an image as people write it: what is simulated says so.
pub fn written(image: &str) -> &str {
    image.strip_prefix("docker:").unwrap_or(image)
}

/// Whether a value says nothing: null, false, 0 or empty.
pub fn is_unset(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

/// Whether a configuration stands for no containers of its own.
pub fn is_nothing(config: &Map<String, Value>) -> bool {
    text(config, "imageUuid").is_some_and(|image| bare(image) == NO_IMAGE)
}

#[cfg(test)]
mod tests {
    use super::{bare, written};

    #[test]
    fn names_of_images() {
        for (image, known, said) in [
            ("docker:nginx:1", "nginx:1", "nginx:1"),
            ("sim:nginx", "nginx", "sim:nginx"),
            ("registry:5000/app", "registry:5000/app", "registry:5000/app"),
            ("docker:", "", ""),
        ] {
            assert_eq!((bare(image), written(image)), (known, said), "{image}");
        }
    }
}
