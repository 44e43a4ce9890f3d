//! Limits of a field: numbers, lengths, options and characters; each element of a list by itself.

use serde_json::Value;

use super::Path;
use crate::error::Result;
use crate::model::schema::Kind;

pub(super) fn check(path: &Path<'_>, value: &Value) -> Result<()> {
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| one(path, item)),
        Value::Null | Value::Object(_) => Ok(()),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => one(path, value),
    }
}

fn one(path: &Path<'_>, value: &Value) -> Result<()> {
    let field = path.field;
    match value {
        Value::Number(number) => {
            if let Some(number) = number.as_i64() {
                range(path, number)?;
            }
        }
        Value::String(text) => {
            options(path, text)?;
            lengths(path, text)?;
            if let Some(class) = field.valid_chars
                && let Some(wrong) = text.chars().find(|letter| !in_class(class, *letter))
            {
                let what = format!("is `{text}`, but `{wrong}` is not among {class}");
                return Err(path.fault("InvalidCharacters", &what));
            }
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {}
    }
    Ok(())
}

fn range(path: &Path<'_>, number: i64) -> Result<()> {
    // Ids are numbers too, but their size means nothing.
    if matches!(path.field.kind.innermost(), Kind::Reference(_)) {
        return Ok(());
    }
    if let Some(min) = path.field.min
        && number < min
    {
        return Err(path.fault("MinLimitExceeded", &format!("is {number}, less than {min}")));
    }
    if let Some(max) = path.field.max
        && number > max
    {
        return Err(path.fault("MaxLimitExceeded", &format!("is {number}, more than {max}")));
    }
    Ok(())
}

fn options(path: &Path<'_>, text: &str) -> Result<()> {
    let options = path.field.options;
    if options.is_empty() || options.contains(&text) {
        return Ok(());
    }
    let what = format!("is `{text}`, but must be one of {}", options.join(", "));
    Err(path.fault("InvalidOption", &what))
}

fn lengths(path: &Path<'_>, text: &str) -> Result<()> {
    let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    if let Some(min) = path.field.min_length
        && length < min
    {
        let what = format!("is {length} characters long, less than {min}");
        return Err(path.fault("MinLengthExceeded", &what));
    }
    if let Some(max) = path.field.max_length
        && length > max
    {
        let what = format!("is {length} characters long, more than {max}");
        return Err(path.fault("MaxLengthExceeded", &what));
    }
    Ok(())
}

/// Whether a letter is in a character class such as `a-zA-Z0-9_.-`.
fn in_class(class: &str, letter: char) -> bool {
    let mut rest = class.chars().peekable();
    while let Some(from) = rest.next() {
        if rest.peek() != Some(&'-') {
            if from == letter {
                return true;
            }
            continue;
        }
        rest.next();
        match rest.next() {
            Some(to) if (from..=to).contains(&letter) => return true,
            Some(_) => {}
            // A dash at the end stands for itself.
            None => return letter == from || letter == '-',
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::in_class;

    #[test]
    fn character_classes() {
        for (class, yes, no) in [
            ("a-zA-Z0-9-", "aZ09-", "_. é"),
            ("a-z0-9_.-", "az0_.-", "AZ "),
            ("*._0-9a-zA-Z;=", "*._09azAZ;=", "- "),
        ] {
            assert!(yes.chars().all(|letter| in_class(class, letter)), "{class}");
            assert!(!no.chars().any(|letter| in_class(class, letter)), "{class}");
        }
    }
}
