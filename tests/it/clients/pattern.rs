//! Whether an answer holds what a client needs of it.
//!
//! | in the pattern | is met by |
//! |---|---|
//! | an object | an object with these keys, and any others |
//! | a list | a list in which each of these is met by another item |
//! | `"<text>"` `"<number>"` `"<flag>"` `"<list>"` `"<map>"` | any value of this type |
//! | `"<any>"` `"<none>"` | anything but null; null, or no such key |
//! | `"$name"` | a text that is the same wherever the name stands |
//! | anything else | the same |

use std::collections::BTreeMap;

use serde_json::Value;

/// What names stand for.
pub type Names = BTreeMap<String, String>;

/// Replaces every name in a text by what it stands for; `$$` is a `$`.
pub fn filled(text: &str, names: &Names) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
            continue;
        }
        let end = after.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(after.len());
        let (name, left) = after.split_at(end);
        out.push_str(names.get(name).ok_or_else(|| format!("nothing is called `${name}` yet"))?);
        rest = left;
    }
    out.push_str(rest);
    Ok(out)
}

/// Compares; names that are new are learnt from the answer if all of it is as it should be.
pub fn meets(pattern: &Value, answer: &Value, names: &mut Names) -> Result<(), String> {
    let mut learnt = names.clone();
    compare(pattern, Some(answer), "", &mut learnt)?;
    *names = learnt;
    Ok(())
}

fn compare(
    pattern: &Value,
    answer: Option<&Value>,
    at: &str,
    names: &mut Names,
) -> Result<(), String> {
    let null = answer.is_none_or(Value::is_null);
    let Some(value) = answer.filter(|value| !value.is_null()) else {
        let is_met = pattern.is_null() || pattern == "<none>";
        return if is_met { Ok(()) } else { Err(format!("{at} is missing, not {pattern}")) };
    };
    let wrong = || Err(format!("{at} is not {pattern} but {value}"));
    match (pattern, value) {
        (Value::Object(wanted), Value::Object(found)) => wanted
            .iter()
            .try_for_each(|(key, one)| compare(one, found.get(key), &format!("{at}.{key}"), names)),
        (Value::Array(wanted), Value::Array(found)) => contains(wanted, found, at, names),
        (Value::String(wanted), _) => match (wanted.as_str(), value) {
            ("<any>", _)
            | ("<text>", Value::String(_))
            | ("<number>", Value::Number(_))
            | ("<flag>", Value::Bool(_))
            | ("<list>", Value::Array(_))
            | ("<map>", Value::Object(_)) => Ok(()),
            ("<none>", _) if !null => wrong(),
            (_, Value::String(text)) => same(wanted, text, at, names),
            _ => wrong(),
        },
        (Value::Number(wanted), Value::Number(found)) if wanted.as_f64() == found.as_f64() => {
            Ok(())
        }
        _ if pattern == value => Ok(()),
        _ => wrong(),
    }
}

fn same(wanted: &str, found: &str, at: &str, names: &mut Names) -> Result<(), String> {
    if let Some(name) = wanted.strip_prefix('$').filter(|name| !name.is_empty())
        && name.chars().all(|c| c.is_ascii_alphanumeric())
        && !names.contains_key(name)
    {
        names.insert(name.to_owned(), found.to_owned());
        return Ok(());
    }
    let wanted = filled(wanted, names)?;
    if wanted == found {
        return Ok(());
    }
    Err(format!("{at} is not {wanted:?} but {found:?}"))
}

/// Every pattern is met by an item that meets none before it.
fn contains(wanted: &[Value], found: &[Value], at: &str, names: &mut Names) -> Result<(), String> {
    let mut left: Vec<&Value> = found.iter().collect();
    for (index, pattern) in wanted.iter().enumerate() {
        let at = format!("{at}[{index}]");
        let mut why = format!("{at} is missing, not {pattern}");
        let mut met = None;
        for (place, item) in left.iter().enumerate() {
            let mut learnt = names.clone();
            match compare(pattern, Some(item), &at, &mut learnt) {
                Ok(()) => {
                    met = Some((place, learnt));
                    break;
                }
                Err(reason) => why = format!("no item of the list: {reason}"),
            }
        }
        let (place, learnt) = met.ok_or(why)?;
        left.remove(place);
        *names = learnt;
    }
    Ok(())
}
