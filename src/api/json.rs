//! Writing JSON straight into a byte buffer: what serde does through a tree would be made and thrown
//! away for every field of every row.

use std::io::Write as _;

use serde_json::Value;

/// Writes a text with its quotes.
pub fn text(out: &mut Vec<u8>, value: &str) {
    let plain = value.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\');
    if plain {
        out.push(b'"');
        out.extend_from_slice(value.as_bytes());
        out.push(b'"');
        return;
    }
    // Writing to memory does not fail.
    let _ = serde_json::to_writer(out, value);
}

/// The shape of a value without what is in it.
pub fn blank(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), blank(value))).collect()
        }
        Value::Array(items) => items.iter().map(blank).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Value::Null,
    }
}

/// Writes any value.
pub fn value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::String(value) => text(out, value),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            let _ = serde_json::to_writer(out, value);
        }
    }
}

/// Writes an integer.
pub fn int(out: &mut Vec<u8>, value: i64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        at -= 1;
        let digit = u8::try_from(rest % 10).unwrap_or(0);
        if let Some(place) = digits.get_mut(at) {
            *place = b'0' + digit;
        }
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(digits.get(at..).unwrap_or(b"0"));
}

/// Writes a formatted id with its quotes: `"1st5"`.
pub fn id(out: &mut Vec<u8>, prefix: &str, value: i64) {
    out.extend_from_slice(b"\"1");
    out.extend_from_slice(prefix.as_bytes());
    int(out, value);
    out.push(b'"');
}

/// Writes an instant (Unix milliseconds) with its quotes: `"2017-01-31T12:00:00Z"`.
pub fn date(out: &mut Vec<u8>, ms: i64) {
    let seconds = ms.div_euclid(1000);
    let (year, month, day) = civil(seconds.div_euclid(86_400));
    let of_day = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let _ = write!(out, "\"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z\"");
}

/// Year, month and day of a number of days since 1970-01-01, in the Gregorian calendar.
///
/// Counts in eras of 400 years (146 097 days) that begin on 1 March, so that leap days come last.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// Milliseconds since 1970 of a date as clients write it: `yyyy-MM-ddTHH:mm:ssZ`, fractions allowed.
pub fn parse_date(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("JSON is UTF-8")
    }

    #[test]
    fn integers_and_ids() {
        for number in [0, 7, -1, 1200, i64::MAX, i64::MIN] {
            assert_eq!(written(|out| int(out, number)), number.to_string());
        }
        assert_eq!(written(|out| id(out, "st", 5)), "\"1st5\"");
    }

    #[test]
    fn texts_are_escaped() {
        for sample in ["plain", "a\"b\\c", "line\nbreak\u{1}", "héllo / ☃"] {
            let json = written(|out| text(out, sample));
            assert_eq!(serde_json::from_str::<String>(&json).expect(&json), sample);
        }
    }

    #[test]
    fn dates_go_out_and_come_in() {
        for (ms, expect) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399_000, "2000-02-28T23:59:59Z"),
            (951_782_400_000, "2000-02-29T00:00:00Z"),
            (1_704_067_199_999, "2023-12-31T23:59:59Z"),
            (-1000, "1969-12-31T23:59:59Z"),
        ] {
            assert_eq!(written(|out| date(out, ms)), format!("\"{expect}\""));
            assert_eq!(parse_date(expect), Some(ms.div_euclid(1000) * 1000));
        }
        assert_eq!(parse_date("yesterday"), None);
    }
}
