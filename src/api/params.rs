//! Query and form parameters: decoded pairs, in the order given.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Map, Value};

/// Parameters that steer a request rather than fill its fields.
const RESERVED: &[&str] = &[
    "CSRF",
    "action",
    "dryRun",
    "include",
    "limit",
    "marker",
    "order",
    "projectId",
    "sort",
    "token",
];

/// Decoded parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params {
    pairs: Vec<(String, String)>,
}

/// What stays as it is in a query string.
const KEPT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'!').remove(b'*');

/// Decodes `%41` and `+` of a query or form; what is no valid UTF-8 becomes U+FFFD.
fn decode(text: &str) -> String {
    decode_segment(&text.replace('+', " "))
}

/// Decodes `%41` of a path.
pub fn decode_segment(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Encodes a value for a query string.
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, KEPT).to_string()
}

impl Params {
    /// Takes a query string or a form body apart.
    pub fn parse(query: &str) -> Self {
        let pairs = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (decode(name), decode(value))
            })
            .collect();
        Self { pairs }
    }

    /// Takes what the filter form of a page sends: what is empty says nothing, and `_field`, `_modifier` and
    /// `_value` stand for one filter.
    pub fn of_filter_form(&mut self) {
        let (field, modifier, value) =
            (self.get("_field"), self.get("_modifier"), self.get("_value"));
        let filter = field.filter(|field| !field.is_empty()).map(|field| {
            let name = match modifier {
                None | Some("" | "eq") => field.to_owned(),
                Some(modifier) => format!("{field}_{modifier}"),
            };
            (name, value.unwrap_or("").to_owned())
        });
        let steers = ["_field", "_modifier", "_value"];
        self.pairs.retain(|(name, value)| {
            let says = !value.is_empty() || name.starts_with('_') || name.ends_with("null");
            says && !steers.contains(&name.as_str())
        });
        self.pairs.extend(filter);
    }

    /// Adds a pair.
    pub fn push(&mut self, name: String, value: String) {
        self.pairs.push((name, value));
    }

    /// The first value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|pair| pair.0 == name).map(|pair| pair.1.as_str())
    }

    /// Every value of a parameter.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |pair| pair.0 == name).map(|pair| pair.1.as_str())
    }

    /// Whether a parameter says yes.
    pub fn flag(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1")
    }

    /// Every pair.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }

    /// The query string without some parameters, encoded, with more added.
    pub fn query(&self, without: &[&str], add: &[(&str, &str)]) -> String {
        let kept =
            self.pairs.iter().map(|pair| (pair.0.as_str(), pair.1.as_str())).filter(|(name, _)| {
                !without.contains(name) && !add.iter().any(|added| added.0 == *name)
            });
        let parts: Vec<String> = kept
            .chain(add.iter().copied())
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
            .collect();
        parts.join("&")
    }

    /// Adds the parameters that may be fields to a body that lacks them.
    pub fn merge_into(&self, body: &mut Map<String, Value>) {
        let mut added: Map<String, Value> = Map::new();
        for (name, value) in &self.pairs {
            let steers = name.starts_with('_') || RESERVED.contains(&name.as_str());
            if steers || body.contains_key(name) {
                continue;
            }
            match added.get_mut(name) {
                None => {
                    added.insert(name.clone(), Value::String(value.clone()));
                }
                Some(Value::Array(values)) => values.push(Value::String(value.clone())),
                Some(first) => {
                    let values = vec![first.clone(), Value::String(value.clone())];
                    *first = Value::Array(values);
                }
            }
        }
        body.extend(added);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_and_written_back() {
        let params = Params::parse("name=a%20b+c&x=%zz&&flag&state_ne=%C3%A9&limit=5");
        assert_eq!(params.get("name"), Some("a b c"));
        assert_eq!(params.get("x"), Some("%zz"));
        assert_eq!(params.get("flag"), Some(""));
        assert_eq!(params.get("state_ne"), Some("é"));
        assert_eq!(
            params.query(&["x", "flag"], &[("limit", "9")]),
            "name=a%20b%20c&state_ne=%C3%A9&limit=9"
        );
    }

    #[test]
    fn a_filter_form_says_what_is_filled_in() {
        for (form, query) in [
            ("name=&state=active&_field=&_modifier=eq&_value=&sort=", "state=active"),
            ("_field=name&_modifier=like&_value=a%25", "name_like=a%25"),
            ("_field=removed&_modifier=notnull&_value=&_removed", "_removed=&removed_notnull="),
            ("_field=id&_modifier=eq&_value=5", "id=5"),
        ] {
            let mut params = Params::parse(form);
            params.of_filter_form();
            assert_eq!(params.query(&[], &[]), query);
        }
    }

    #[test]
    fn a_body_wins_over_parameters() {
        let mut body = Map::new();
        body.insert("name".to_owned(), "own".into());
        Params::parse("name=x&description=d&ports=1&ports=2&_method=put&action=stop")
            .merge_into(&mut body);
        assert_eq!(
            Value::Object(body).to_string(),
            r#"{"name":"own","description":"d","ports":["1","2"]}"#
        );
    }
}
