//! Conversion between the scalar kinds: numbers, truth values and texts turn into each other.

use serde_json::{Number, Value};

use super::Path;
use crate::api::json;
use crate::error::Result;

const YES: &[&str] = &["true", "yes", "y", "on", "1"];
const NO: &[&str] = &["false", "no", "n", "off", "0"];

pub(super) fn text(path: &Path<'_>, value: Value) -> Result<Value> {
    match value {
        Value::String(_) => Ok(value),
        Value::Number(number) => Ok(number.to_string().into()),
        Value::Bool(flag) => Ok(flag.to_string().into()),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            Err(path.fault("InvalidFormat", "must be text"))
        }
    }
}

pub(super) fn int(path: &Path<'_>, value: &Value) -> Result<Value> {
    let number = match value {
        Value::Number(number) => number.as_i64().or_else(|| whole(number)),
        Value::String(text) => text.trim().parse().ok(),
        Value::Bool(flag) => Some(i64::from(*flag)),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    number
        .map(Value::from)
        .ok_or_else(|| path.fault("InvalidFormat", &format!("must be a whole number, not {value}")))
}

/// A floating-point number that has no fraction and fits.
fn whole(number: &Number) -> Option<i64> {
    let float = number.as_f64()?;
    // 2^53: above it a float no longer names one integer.
    let exact = float.fract() == 0.0 && float.abs() <= 9_007_199_254_740_992.0;
    exact.then(|| format!("{float:.0}").parse().ok()).flatten()
}

pub(super) fn float(path: &Path<'_>, value: &Value) -> Result<Value> {
    let number = match value {
        Value::Number(number) => return Ok(Value::Number(number.clone())),
        Value::String(text) => text.trim().parse::<f64>().ok(),
        Value::Bool(flag) => Some(f64::from(u8::from(*flag))),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    number
        .and_then(Number::from_f64)
        .map(Value::Number)
        .ok_or_else(|| path.fault("InvalidFormat", &format!("must be a number, not {value}")))
}

pub(super) fn flag(path: &Path<'_>, value: &Value) -> Result<Value> {
    let word = match value {
        Value::Bool(_) => return Ok(value.clone()),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_ascii_lowercase(),
        Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
    };
    if YES.contains(&word.as_str()) {
        return Ok(true.into());
    }
    if NO.contains(&word.as_str()) {
        return Ok(false.into());
    }
    Err(path.fault("InvalidFormat", &format!("must be true or false, not {value}")))
}

/// Dates are kept as Unix milliseconds.
pub(super) fn date(path: &Path<'_>, value: &Value, now: i64) -> Result<Value> {
    let instant = match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) if text.trim().is_empty() => return Ok(Value::Null),
        Value::String(text) if text == "now" => Some(now),
        Value::String(text) => json::parse_date(text).or_else(|| text.trim().parse().ok()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    instant.map(Value::from).ok_or_else(|| {
        path.fault(
            "InvalidDateFormat",
            &format!("must be a date such as 2017-01-31T12:00:00Z, not {value}"),
        )
    })
}
