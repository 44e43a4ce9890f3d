//! Label selectors of services (`selectorLink`, `selectorContainer`): constraints joined by commas.
//!
//! Grammar: `k=v`, `k!=v`, `k in (a,b)`, `k notin (a,b)`, `k`; a comma means "and". Keys and values
//! compare without regard to case. As in Rancher, every form asks that the key is there at all, so
//! `k!=v` does not match an object that lacks `k`, and nothing matches an object without labels.

use std::fmt;
use std::str::FromStr;

/// A parsed selector: every constraint must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    constraints: Vec<Constraint>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Constraint {
    /// Lower-case.
    key: String,
    test: Test,
}

/// What is asked of the label's value; values are lower-case.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    Present,
    Equal(String),
    NotEqual(String),
    In(Vec<String>),
    NotIn(Vec<String>),
}

/// Why a selector does not parse; the API answers 422 `InvalidFormat`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// A constraint without a key, as in `=v` or `a,,b`.
    #[error("selector constraint `{0}` has no key")]
    KeyMissing(String),
    /// A key with a blank in it.
    #[error("selector key `{0}` contains a space")]
    KeyWithSpace(String),
    /// `in` or `notin` without a list in parentheses.
    #[error("selector constraint `{0}` needs a list in parentheses")]
    ListMissing(String),
    /// Parentheses that do not pair.
    #[error("selector `{0}` has an unbalanced parenthesis")]
    Unbalanced(String),
}

impl SelectorError {
    /// The error code of the Rancher API.
    pub fn code(&self) -> &'static str {
        "InvalidFormat"
    }
}

impl Selector {
    /// Whether an object with these labels is selected. An empty selector selects nothing.
    pub fn matches<'a>(&self, labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> bool {
        let labels: Vec<(String, String)> = labels
            .into_iter()
            .map(|(key, value)| (key.to_lowercase(), value.to_lowercase()))
            .collect();
        !self.constraints.is_empty()
            && self.constraints.iter().all(|constraint| {
                labels
                    .iter()
                    .any(|(key, value)| *key == constraint.key && constraint.test.holds(value))
            })
    }

    /// Whether the selector has no constraint (and so selects nothing).
    pub fn is_empty(&self) -> bool {
        self.constraints.is_empty()
    }
}

impl Test {
    fn holds(&self, value: &str) -> bool {
        match self {
            Self::Present => true,
            Self::Equal(wanted) => value == wanted,
            Self::NotEqual(unwanted) => value != unwanted,
            Self::In(wanted) => wanted.iter().any(|one| one == value),
            Self::NotIn(unwanted) => unwanted.iter().all(|one| one != value),
        }
    }
}

impl FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let constraints = split_outside_parentheses(text)?
            .into_iter()
            .map(constraint_parse)
            .collect::<Result<_, _>>()?;
        Ok(Self { constraints })
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Constraint { key, test }) in self.constraints.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            match test {
                Test::Present => write!(f, "{key}")?,
                Test::Equal(value) => write!(f, "{key}={value}")?,
                Test::NotEqual(value) => write!(f, "{key}!={value}")?,
                Test::In(values) => write!(f, "{key} in ({})", values.join(","))?,
                Test::NotIn(values) => write!(f, "{key} notin ({})", values.join(","))?,
            }
        }
        Ok(())
    }
}

fn split_outside_parentheses(text: &str) -> Result<Vec<&str>, SelectorError> {
    let unbalanced = || SelectorError::Unbalanced(text.to_owned());
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        let Some(comma_or_open) = rest.find([',', '(', ')']) else {
            parts.push(rest);
            return Ok(parts);
        };
        let end = match rest.as_bytes().get(comma_or_open) {
            Some(b',') => comma_or_open,
            Some(b'(') => {
                let list = rest.get(comma_or_open + 1..).unwrap_or_default();
                let close =
                    list.find(['(', ')']).filter(|at| list.as_bytes().get(*at) == Some(&b')'));
                let after = comma_or_open + 1 + close.ok_or_else(unbalanced)? + 1;
                let tail = rest.get(after..).unwrap_or_default();
                match tail.find([',', '(', ')']) {
                    None => rest.len(),
                    Some(at) if tail.as_bytes().get(at) == Some(&b',') => after + at,
                    Some(_) => return Err(unbalanced()),
                }
            }
            _ => return Err(unbalanced()),
        };
        parts.push(rest.get(..end).unwrap_or_default());
        match rest.get(end + 1..) {
            Some(after_comma) => rest = after_comma,
            None => return Ok(parts),
        }
    }
}

fn constraint_parse(text: &str) -> Result<Constraint, SelectorError> {
    let text = text.trim();
    let (key, test) = if let Some((head, list)) = text.split_once('(') {
        let values = list_parse(text, list)?;
        match head.trim_end().rsplit_once(char::is_whitespace) {
            Some((key, word)) if word.eq_ignore_ascii_case("in") => (key, Test::In(values)),
            Some((key, word)) if word.eq_ignore_ascii_case("notin") => (key, Test::NotIn(values)),
            _ => return Err(SelectorError::ListMissing(text.to_owned())),
        }
    } else if let Some((key, value)) = text.split_once("!=") {
        (key, Test::NotEqual(value.trim().to_lowercase()))
    } else if let Some((key, value)) = text.split_once('=') {
        (key, Test::Equal(value.trim().to_lowercase()))
    } else {
        (text, Test::Present)
    };
    let key = key.trim();
    if key.is_empty() {
        return Err(SelectorError::KeyMissing(text.to_owned()));
    }
    if key.contains(char::is_whitespace) {
        return Err(SelectorError::KeyWithSpace(key.to_owned()));
    }
    Ok(Constraint { key: key.to_lowercase(), test })
}

fn list_parse(whole: &str, list: &str) -> Result<Vec<String>, SelectorError> {
    let inner = list
        .trim_end()
        .strip_suffix(')')
        .ok_or_else(|| SelectorError::ListMissing(whole.to_owned()))?;
    Ok(inner.split(',').map(|value| value.trim().to_lowercase()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `labels` is `k=v k2=v2`; `expect` is `yes`, `no`, or the error.
    fn check(selector: &str, labels: &str, expect: &str) {
        let shown = match selector.parse::<Selector>() {
            Ok(parsed) => {
                let labels = labels.split_whitespace().filter_map(|label| label.split_once('='));
                let back: Selector = parsed.to_string().parse().expect("what was shown");
                assert_eq!(back, parsed, "selector `{selector}`");
                if parsed.matches(labels) { "yes".to_owned() } else { "no".to_owned() }
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expect, "selector `{selector}` on `{labels}`");
    }

    #[test]
    fn equality() {
        check("tier=web", "tier=web", "yes");
        check("tier = Web", "TIER=WEB", "yes");
        check("tier=web", "tier=db", "no");
        check("tier=web", "", "no");
        check("tier=", "tier=", "yes");
        check("tier!=web", "tier=db", "yes");
        check("tier!=web", "tier=Web", "no");
        check("tier!=web", "zone=a", "no");
        check("tier!=web", "", "no");
    }

    #[test]
    fn sets_and_presence() {
        check("tier in (web, db)", "tier=DB", "yes");
        check("tier in (web,db)", "tier=cache", "no");
        check("tier in(web)", "tier=web", "yes");
        check("tier notin (web,db)", "tier=cache", "yes");
        check("tier NOTIN (web,db)", "tier=web", "no");
        check("tier notin (web)", "zone=a", "no");
        check("tier", "tier=anything", "yes");
        check("tier", "zone=a", "no");
    }

    #[test]
    fn comma_means_and() {
        check("tier=web,zone in (a,b),gpu", "tier=web zone=b gpu=1", "yes");
        check("tier=web,zone in (a,b),gpu", "tier=web zone=c gpu=1", "no");
        check("zone in (a,b) , tier!=db", "tier=web zone=a", "yes");
        check("", "tier=web", "no");
    }

    #[test]
    fn refusals() {
        check("my key=web", "", "selector key `my key` contains a space");
        check("my key in (a)", "", "selector key `my key` contains a space");
        check("a b", "", "selector key `a b` contains a space");
        check("=web", "", "selector constraint `=web` has no key");
        check("a,,b", "", "selector constraint `` has no key");
        check("tier (a)", "", "selector constraint `tier (a)` needs a list in parentheses");
        check(
            "tier in (a) x",
            "",
            "selector constraint `tier in (a) x` needs a list in parentheses",
        );
        check("tier in (a", "", "selector `tier in (a` has an unbalanced parenthesis");
        check("tier in (a))", "", "selector `tier in (a))` has an unbalanced parenthesis");
        check("tier)", "", "selector `tier)` has an unbalanced parenthesis");
    }
}
