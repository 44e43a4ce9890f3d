//! A container's output, line by line.

use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::{Map, Value};

use super::frames;
use super::line::{Failed, Frames};
use crate::engine::{Engine, Follow, LogOptions, Timestamps};
use crate::error::{Error, Result};

/// Lines when nothing is said of them.
const LINES: u64 = 100;

/// What of a container's output the input of `logs` asks for, at `now_ms`.
///
/// # Errors
/// 422 when `since` is no time.
pub fn options(input: &Map<String, Value>, now_ms: i64) -> Result<LogOptions> {
    let flag = |field: &str| input.get(field).and_then(Value::as_bool).unwrap_or(true);
    let lines = input.get("lines").and_then(Value::as_u64).unwrap_or(LINES);
    let since = input.get("since").and_then(Value::as_str).unwrap_or("").trim();
    let since_s = match since {
        "" => None,
        text => Some(since_s(text, now_ms).ok_or_else(|| {
            Error::field("InvalidFormat", "since").message(format!(
                "`{text}` is no time; give seconds since 1970, a time such as \
                 2017-04-01T12:00:00Z, or how long ago, such as 10m"
            ))
        })?),
    };
    Ok(LogOptions {
        follow: if flag("follow") { Follow::Yes } else { Follow::No },
        tail: Some(lines),
        since_s,
        timestamps: if flag("timestamps") { Timestamps::Yes } else { Timestamps::No },
    })
}

/// Seconds since 1970, an RFC 3339 time, or a Go duration before now, as Docker's own client takes them.
fn since_s(text: &str, now_ms: i64) -> Option<i64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return (seconds.is_finite() && seconds >= 0.0).then_some(seconds as i64);
    }
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Some(time.as_second());
    }
    Some(now_ms.div_euclid(1000).saturating_sub(duration_s(text)?))
}

/// `1h30m`.
fn duration_s(text: &str) -> Option<i64> {
    let mut seconds = 0_i64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let unit = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit);
        let factor = match unit {
            "h" => 3_600,
            "m" => 60,
            "s" => 1,
            _ => return None,
        };
        seconds = seconds.checked_add(number.parse::<i64>().ok()?.checked_mul(factor)?)?;
        rest = tail;
    }
    Some(seconds)
}

/// The frames of a container's output.
pub fn frames(engine: &Arc<dyn Engine>, container: &str, options: &LogOptions) -> Frames {
    engine
        .logs(container, options)
        .flat_map(|chunk| match chunk {
            Ok(chunk) => stream::iter(frames::log(&chunk).into_iter().map(Ok).collect::<Vec<_>>()),
            Err(error) => {
                let why = error.to_string();
                stream::iter(vec![Err(Failed { frame: frames::log_failure(&why), why }.into())])
            }
        })
        .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(input: Value, expect: std::result::Result<LogOptions, &str>) {
        let found = options(input.as_object().unwrap(), 1_500_000_000_000);
        assert_eq!(found.map_err(|error| error.code), expect, "{input}");
    }

    #[test]
    fn inputs() {
        let usual = LogOptions {
            follow: Follow::Yes,
            tail: Some(100),
            since_s: None,
            timestamps: Timestamps::Yes,
        };
        check(json!({}), Ok(usual.clone()));
        check(json!({"lines": null, "timestamps": null, "since": ""}), Ok(usual.clone()));
        check(
            json!({"lines": 0, "follow": false, "timestamps": false}),
            Ok(LogOptions {
                follow: Follow::No,
                tail: Some(0),
                timestamps: Timestamps::No,
                since_s: None,
            }),
        );
        for (since, expect) in [
            ("1400000000", 1_400_000_000),
            ("1400000000.75", 1_400_000_000),
            ("2017-07-14T02:40:00Z", 1_500_000_000),
            ("2017-07-14T04:40:00.5+02:00", 1_500_000_000),
            ("10m", 1_499_999_400),
            ("1h30m5s", 1_499_994_595),
        ] {
            check(
                json!({"since": since}),
                Ok(LogOptions { since_s: Some(expect), ..usual.clone() }),
            );
        }
        for since in ["yesterday", "10", "-5", "10x", "m", "9999999999999999999h"] {
            let expect = match since {
                "10" => Ok(LogOptions { since_s: Some(10), ..usual.clone() }),
                _ => Err("InvalidFormat"),
            };
            check(json!({ "since": since }), expect);
        }
    }
}
