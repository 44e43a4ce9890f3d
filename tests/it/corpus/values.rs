//! Values as Docker Compose prints them, in the words of a launch configuration.

use serde_json::{Map, Value, json};

/// A text, or a number as one.
pub fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A whole number, also one printed as text.
pub fn number(value: &Value) -> i64 {
    let text = text(value);
    text.parse().unwrap_or_else(|_| panic!("`{text}` is not a number"))
}

pub fn decimal(value: &Value) -> f64 {
    text(value).parse().expect("a number")
}

pub fn texts(value: &Value) -> Vec<String> {
    value.as_array().expect("a list").iter().map(text).collect()
}

pub fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap_or_else(|| panic!("not an object: {value}"))
}

/// Names with texts; what has no value is not there.
pub fn pairs(value: &Value) -> Map<String, Value> {
    let pairs = object(value).iter().filter(|(_, value)| !value.is_null());
    pairs.map(|(name, value)| (name.clone(), text(value).into())).collect()
}

/// Milliseconds of a duration as Go prints it: `1h2m3.5s`, `1m0s`, `500ms`.
pub fn milliseconds(value: &Value) -> i64 {
    let text = text(value);
    let (mut total, mut digits, mut unit) = (0.0, String::new(), String::new());
    let mut add = |digits: &mut String, unit: &mut String| {
        let factor = match unit.as_str() {
            "ms" => 1.0,
            "s" => 1e3,
            "m" => 60e3,
            "h" => 3600e3,
            other => panic!("`{other}` is no unit of {text}"),
        };
        total += digits.parse::<f64>().expect("a number") * factor;
        digits.clear();
        unit.clear();
    };
    for letter in text.chars() {
        if letter.is_ascii_digit() || letter == '.' {
            if !unit.is_empty() {
                add(&mut digits, &mut unit);
            }
            digits.push(letter);
        } else {
            unit.push(letter);
        }
    }
    if !unit.is_empty() {
        add(&mut digits, &mut unit);
    }
    total as i64
}

/// Seconds of a duration; there is nothing smaller, so they are rounded up.
pub fn seconds(value: &Value) -> i64 {
    (milliseconds(value) + 999) / 1000
}

/// A published port as one text, or several for a range.
pub fn ports(port: &Value) -> Vec<String> {
    let ip = match port["host_ip"].as_str() {
        Some(ip) if ip.contains(':') => format!("[{ip}]:"),
        Some(ip) => format!("{ip}:"),
        None => String::new(),
    };
    let target = number(&port["target"]);
    let protocol = port["protocol"].as_str().unwrap_or("tcp");
    let published = match port["published"].as_str() {
        // One of a range that is free: the first one is.
        Some(public) => format!("{}:", public.split('-').next().unwrap_or(public)),
        None if ip.is_empty() => String::new(),
        None => ":".to_owned(),
    };
    vec![format!("{ip}{published}{target}/{protocol}")]
}

/// Ports of the container, one by one.
pub fn exposed(value: &Value) -> Vec<String> {
    let one = |text: String| {
        let (range, protocol) = match text.split_once('/') {
            Some((range, protocol)) => (range.to_owned(), format!("/{protocol}")),
            None => (text, String::new()),
        };
        let (low, high) = range.split_once('-').unwrap_or((&range, &range));
        let (low, high) = (low.parse::<u16>().expect("port"), high.parse::<u16>().expect("port"));
        (low..=high).map(move |port| format!("{port}{protocol}")).collect::<Vec<_>>()
    };
    texts(value).into_iter().flat_map(one).collect()
}

/// Limits by name, in the order of the names.
pub fn ulimits(value: &Value) -> Value {
    let limit = |(name, limit): (&String, &Value)| match limit.as_object() {
        Some(both) => {
            json!({"name": name, "soft": number(&both["soft"]), "hard": number(&both["hard"])})
        }
        None => json!({"name": name, "soft": number(limit), "hard": number(limit)}),
    };
    object(value).iter().map(limit).collect()
}

/// Limits of block devices, by device.
pub fn block_devices(value: &Value) -> (Option<i64>, Map<String, Value>) {
    const FIELDS: &[(&str, &str, &str)] = &[
        ("weight_device", "Weight", "weight"),
        ("device_read_bps", "Rate", "readBps"),
        ("device_read_iops", "Rate", "readIops"),
        ("device_write_bps", "Rate", "writeBps"),
        ("device_write_iops", "Rate", "writeIops"),
    ];
    let mut devices: Map<String, Value> = Map::new();
    for (key, amount, field) in FIELDS {
        for item in value[*key].as_array().into_iter().flatten() {
            let device = devices.entry(text(&item["Path"])).or_insert_with(|| json!({}));
            device[*field] = number(&item[*amount]).into();
        }
    }
    (value.get("weight").map(number), devices)
}
