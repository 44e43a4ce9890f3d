//! Functions of lists and maps.

use std::collections::BTreeMap;

use super::funcs::{get, number, text};
use super::value::Value;

/// Items that a function may make.
const MAX_ITEMS: usize = 10_000;

type Outcome = Result<Value, String>;

fn items(given: &[Value], place: usize) -> Result<&[Value], String> {
    let value = get(given, place)?;
    match value.items() {
        Some(items) => Ok(items),
        None => Err(format!("{} is not a list", value.kind())),
    }
}

/// The items of a list, or the entries of a map, or the bytes of a text.
pub(super) fn len(given: &[Value]) -> Outcome {
    let count = match get(given, 0)? {
        Value::Text(text) => text.len(),
        Value::List(items) => items.len(),
        Value::Map(entries) => entries.len(),
        Value::Texts(entries) => entries.len(),
        value @ (Value::Nil | Value::Flag(_) | Value::Number(_)) => {
            return Err(format!("{} has no length", value.kind()));
        }
    };
    Ok(Value::Number(i64::try_from(count).unwrap_or(i64::MAX)))
}

/// An item by its place, or an entry by its name; several lead deeper.
pub(super) fn index(given: &[Value]) -> Outcome {
    let mut value = get(given, 0)?.clone();
    for place in 1..given.len() {
        value = match value {
            Value::List(items) => {
                let wanted = number(given, place)?;
                let found = usize::try_from(wanted).ok().and_then(|at| items.get(at).cloned());
                found.ok_or_else(|| format!("the list has no item {wanted}"))?
            }
            map @ (Value::Map(_) | Value::Texts(_)) => {
                map.field(&text(given, place)?).unwrap_or(Value::Nil)
            }
            other @ (Value::Nil | Value::Flag(_) | Value::Number(_) | Value::Text(_)) => {
                return Err(format!("{} has no items", other.kind()));
            }
        };
    }
    Ok(value)
}

/// The first item.
pub(super) fn first(given: &[Value]) -> Outcome {
    Ok(items(given, 0)?.first().cloned().unwrap_or(Value::Nil))
}

/// The last item.
pub(super) fn last(given: &[Value]) -> Outcome {
    Ok(items(given, 0)?.last().cloned().unwrap_or(Value::Nil))
}

/// Every item but the first.
pub(super) fn rest(given: &[Value]) -> Outcome {
    Ok(Value::List(items(given, 0)?.iter().skip(1).cloned().collect()))
}

/// Whether a list has an item.
pub(super) fn has(given: &[Value]) -> Outcome {
    let wanted = get(given, 0)?.shown();
    Ok(Value::Flag(items(given, 1)?.iter().any(|item| item.shown() == wanted)))
}

/// The names of a map.
fn names(given: &[Value], place: usize) -> Result<Vec<String>, String> {
    let value = get(given, place)?;
    value.names().ok_or_else(|| format!("{} is not a map", value.kind()))
}

/// Whether a map has a name.
pub(super) fn has_key(given: &[Value]) -> Outcome {
    Ok(Value::Flag(names(given, 0)?.contains(&text(given, 1)?)))
}

/// The names of a map.
pub(super) fn keys(given: &[Value]) -> Outcome {
    Ok(Value::List(names(given, 0)?.into_iter().map(Value::Text).collect()))
}

/// A map from names and values in turn.
pub(super) fn dict(given: &[Value]) -> Outcome {
    let mut entries = BTreeMap::new();
    for pair in given.chunks(2) {
        entries.insert(text(pair, 0)?, pair.get(1).cloned().unwrap_or(Value::Nil));
    }
    Ok(Value::Map(entries))
}

/// Items with something between them.
pub(super) fn join(given: &[Value]) -> Outcome {
    let parts: Vec<String> = items(given, 1)?.iter().map(Value::shown).collect();
    Ok(Value::Text(parts.join(&text(given, 0)?)))
}

fn parts(given: &[Value]) -> Result<Vec<String>, String> {
    let (sign, own) = (text(given, 0)?, text(given, 1)?);
    if sign.is_empty() {
        return Ok(own.chars().map(String::from).collect());
    }
    Ok(own.split(sign.as_str()).map(str::to_owned).collect())
}

/// The parts of a text as a map of `_0`, `_1`, ...
pub(super) fn split(given: &[Value]) -> Outcome {
    let named = |(place, part): (usize, String)| (format!("_{place}"), Value::Text(part));
    Ok(Value::Map(parts(given)?.into_iter().enumerate().map(named).collect()))
}

/// The parts of a text as a list.
pub(super) fn split_list(given: &[Value]) -> Outcome {
    Ok(Value::List(parts(given)?.into_iter().map(Value::Text).collect()))
}

/// The words of a text; blanks in quotes separate nothing, and the quotes stay.
pub(super) fn split_preserve_quotes(given: &[Value]) -> Outcome {
    let own = text(given, 0)?;
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    for letter in own.chars() {
        match quote {
            None if letter.is_whitespace() => {
                if !word.is_empty() {
                    words.push(Value::Text(std::mem::take(&mut word)));
                }
                continue;
            }
            None if letter == '"' || letter == '\'' => quote = Some(letter),
            Some(own) if own == letter => quote = None,
            None | Some(_) => {}
        }
        word.push(letter);
    }
    if !word.is_empty() {
        words.push(Value::Text(word));
    }
    Ok(Value::List(words))
}

/// The numbers from 0 to before another.
pub(super) fn until(given: &[Value]) -> Outcome {
    let end = number(given, 0)?;
    steps(0, end, if end < 0 { -1 } else { 1 })
}

/// The numbers from one to before another, so far apart.
pub(super) fn until_step(given: &[Value]) -> Outcome {
    steps(number(given, 0)?, number(given, 1)?, number(given, 2)?)
}

fn steps(from: i64, to: i64, step: i64) -> Outcome {
    let mut items = Vec::new();
    let mut at = from;
    while (step > 0 && at < to) || (step < 0 && at > to) {
        if items.len() >= MAX_ITEMS {
            return Err(format!("the list has more than {MAX_ITEMS} items"));
        }
        items.push(Value::Number(at));
        at = at.checked_add(step).ok_or("the number is too large")?;
    }
    Ok(Value::List(items))
}
