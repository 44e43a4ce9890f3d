//! Selectors: `k=v, k!=v, k in (a,b), k notin (a,b), k`, checked before they are kept.

use crate::error::{Error, Result};

/// Checks a selector's syntax.
///
/// # Errors
/// 422 `InvalidFormat`.
pub fn check(field: &'static str, text: &str) -> Result<()> {
    match parts(text).iter().find(|part| !is_sound(part)) {
        None => Ok(()),
        Some(part) => Err(Error::field("InvalidFormat", field).message(format!(
            "`{part}` is not a selector; write key=value, key!=value, key in (a,b), key notin (a,b) \
             or key"
        ))),
    }
}

/// The conditions, split at commas outside of brackets.
fn parts(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0usize;
    for letter in text.chars() {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(letter);
        }
    }
    parts.into_iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

fn is_sound(part: &str) -> bool {
    let is_key = |key: &str| !key.is_empty() && !key.contains([' ', '(', ')', '=']);
    for operator in [" notin ", " in ", " notin(", " in("] {
        if let Some((key, rest)) = part.split_once(operator) {
            let list = rest.trim().trim_start_matches('(');
            return is_key(key.trim()) && list.ends_with(')') && !list.contains('(');
        }
    }
    match part.split_once("!=").or_else(|| part.split_once('=')) {
        Some((key, _)) => is_key(key.trim()),
        None => is_key(part),
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn selectors() {
        for (text, sound) in [
            ("", true),
            ("a=b", true),
            ("a = b, c != d", true),
            ("app in (web, api), tier", true),
            ("app notin(web)", true),
            ("bad key=b", false),
            ("=b", false),
            ("app in web", false),
        ] {
            assert_eq!(check("selectorLink", text).is_ok(), sound, "{text}");
        }
    }
}
