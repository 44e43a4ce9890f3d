//! What is sent of an event: a signed JSON document, or a message for ntfy. Pure.
//!
//! A signature is `t=<seconds>,v1=<hex>`: HMAC-SHA256 over `<seconds>.<body>`, so that whoever receives it can
//! refuse what is old, and an attempt that is repeated is signed anew.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::json;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A backup that was made and proved.
    BackupDone,
    /// A backup that could not be made.
    BackupFailed,
    /// A certificate that will soon be too old.
    CertificateExpiring,
    /// A container that ended without being asked to.
    ContainerDied,
    /// A host that nobody hears of any more.
    HostDisconnected,
    /// A host that was lost and is back.
    HostReconnected,
    /// A service that was unhealthy and is well again.
    ServiceHealthy,
    /// A service of which some or all does not work.
    ServiceUnhealthy,
    /// A stack whose services have been made.
    StackActive,
    /// A stack whose services could not be made.
    StackFailed,
    /// A stack that is gone.
    StackRemoved,
    /// An upgrade that gets no further, or took itself back.
    UpgradeFailed,
    /// An upgrade whose new containers all run.
    UpgradeFinished,
    /// An upgrade that was taken back.
    UpgradeRolledBack,
    /// An upgrade that has begun.
    UpgradeStarted,
    /// Somebody wants to see whether it arrives.
    Test,
}

/// How much a person is to be disturbed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weight {
    Note,
    Warning,
    Alarm,
}

impl Event {
    /// Every event that can be subscribed to, with its word.
    pub const ALL: &[(&str, Self)] = &[
        ("backup.done", Self::BackupDone),
        ("backup.failed", Self::BackupFailed),
        ("certificate.expiring", Self::CertificateExpiring),
        ("container.died", Self::ContainerDied),
        ("host.disconnected", Self::HostDisconnected),
        ("host.reconnected", Self::HostReconnected),
        ("service.healthy", Self::ServiceHealthy),
        ("service.unhealthy", Self::ServiceUnhealthy),
        ("stack.active", Self::StackActive),
        ("stack.failed", Self::StackFailed),
        ("stack.removed", Self::StackRemoved),
        ("upgrade.failed", Self::UpgradeFailed),
        ("upgrade.finished", Self::UpgradeFinished),
        ("upgrade.rolledback", Self::UpgradeRolledBack),
        ("upgrade.started", Self::UpgradeStarted),
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|known| known.1 == self).map_or("test", |known| known.0)
    }

    /// The event of a word; a test for one that is none.
    pub fn of_word(word: &str) -> Self {
        Self::ALL.iter().find(|known| known.0 == word).map_or(Self::Test, |known| known.1)
    }

    /// The event that says the opposite, if there is one.
    pub const fn opposite(self) -> Option<Self> {
        match self {
            Self::HostDisconnected => Some(Self::HostReconnected),
            Self::HostReconnected => Some(Self::HostDisconnected),
            Self::ServiceHealthy => Some(Self::ServiceUnhealthy),
            Self::ServiceUnhealthy => Some(Self::ServiceHealthy),
            Self::BackupDone
            | Self::BackupFailed
            | Self::CertificateExpiring
            | Self::ContainerDied
            | Self::StackActive
            | Self::StackFailed
            | Self::StackRemoved
            | Self::UpgradeFailed
            | Self::UpgradeFinished
            | Self::UpgradeRolledBack
            | Self::UpgradeStarted
            | Self::Test => None,
        }
    }

    const fn weight(self) -> Weight {
        match self {
            Self::BackupDone
            | Self::HostReconnected
            | Self::ServiceHealthy
            | Self::StackActive
            | Self::StackRemoved
            | Self::UpgradeFinished
            | Self::UpgradeStarted
            | Self::Test => Weight::Note,
            Self::CertificateExpiring | Self::ContainerDied | Self::UpgradeRolledBack => {
                Weight::Warning
            }
            Self::BackupFailed
            | Self::HostDisconnected
            | Self::ServiceUnhealthy
            | Self::StackFailed
            | Self::UpgradeFailed => Weight::Alarm,
        }
    }
}

/// One event as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The event: the same for whoever is told of it, however often.
    pub id: String,
    /// The delivery: the same for every attempt of it.
    pub delivery: String,
    /// What happened.
    pub event: Event,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// The environment's id in the API.
    pub project: String,
    /// Type and id in the API, and name, of what it happened to.
    pub about: (String, String, String),
    /// What happened, for people.
    pub message: String,
    /// How many events like it were not told, because there were so many.
    pub untold: i64,
}

/// What whoever is told knows us by. The values are secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Proof {
    /// The key that bodies are signed with; nothing is signed without one.
    pub key: Vec<u8>,
    /// The bearer token that calls carry, if any.
    pub token: Option<String>,
}

/// Where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sink {
    /// A program.
    Json,
    /// A topic of ntfy.
    Ntfy,
}

/// What is posted: headers and body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Names in lower case, and values.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

/// The message of an event, signed at `now_s` when there is a key.
pub fn message(sink: Sink, told: &Told, proof: &Proof, now_s: i64) -> Message {
    let (mut headers, body) = match sink {
        Sink::Json => {
            let (ty, id, name) = &told.about;
            let body = json!({
                "id": told.id,
                "event": told.event.word(),
                "time": told.at_ms,
                "projectId": told.project,
                "resourceType": ty,
                "resourceId": id,
                "resourceName": name,
                "message": told.message,
                "untold": told.untold,
            });
            (vec![("content-type", "application/json".to_owned())], body.to_string())
        }
        Sink::Ntfy => {
            let (priority, tag) = match told.event.weight() {
                Weight::Note => ("2", "information_source"),
                Weight::Warning => ("3", "warning"),
                Weight::Alarm => ("4", "rotating_light"),
            };
            let headers = vec![
                ("content-type", "text/plain; charset=utf-8".to_owned()),
                ("title", title(told)),
                ("priority", priority.to_owned()),
                ("tags", tag.to_owned()),
            ];
            let more = match told.untold {
                0 => String::new(),
                untold => format!(" (and {untold} times before)"),
            };
            (headers, format!("{}{more}", told.message))
        }
    };
    headers.push(("x-ranchette-delivery", told.delivery.clone()));
    headers.push(("x-ranchette-event", told.event.word().to_owned()));
    if !proof.key.is_empty() {
        headers.push(("x-ranchette-signature", signature(&proof.key, now_s, body.as_bytes())));
    }
    if let Some(token) = &proof.token {
        headers.push(("authorization", format!("Bearer {token}")));
    }
    Message { headers, body }
}

/// A header holds ASCII, names may hold anything: those are encoded (RFC 2047), which ntfy reads.
fn title(told: &Told) -> String {
    let title = format!("{}: {}", told.event.word(), told.about.2);
    match title.chars().all(|c| c.is_ascii_graphic() || c == ' ') {
        true => title,
        false => format!("=?UTF-8?B?{}?=", STANDARD.encode(title)),
    }
}

fn mac(key: &[u8], at_s: i64, body: &[u8]) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(format!("{at_s}.").as_bytes());
    mac.update(body);
    Some(hex::encode(mac.finalize().into_bytes()))
}

/// The signature of a body at a time.
pub fn signature(key: &[u8], at_s: i64, body: &[u8]) -> String {
    format!("t={at_s},v1={}", mac(key, at_s, body).unwrap_or_default())
}

/// Whether a signature is that of a body, and not older than `most_s` at `now_s`: what a receiver does.
pub fn is_signed(key: &[u8], text: &str, body: &[u8], now_s: i64, most_s: i64) -> bool {
    let part = |name: &str| text.split(',').find_map(|part| part.trim().strip_prefix(name));
    let (Some(at), Some(given)) = (part("t="), part("v1=")) else { return false };
    let Ok(at_s) = at.parse::<i64>() else { return false };
    let fresh = now_s.saturating_sub(at_s).saturating_abs() <= most_s;
    let own = mac(key, at_s, body).unwrap_or_default();
    fresh && !own.is_empty() && bool::from(own.as_bytes().ct_eq(given.as_bytes()))
}

/// Milliseconds before the next attempt after so many that failed; nothing when it is given up.
fn wait_ms(failed: u32) -> Option<i64> {
    /// Seconds: eight attempts over a day.
    const WAITS_S: &[i64] = &[10, 60, 300, 1_800, 7_200, 21_600, 54_000];
    let place = usize::try_from(failed.saturating_sub(1)).unwrap_or(usize::MAX);
    WAITS_S.get(place).map(|wait| wait * 1_000)
}

/// Longest pause that an answer can ask for, in milliseconds: who says so may mean tomorrow, or err.
const LONGEST_PAUSE_MS: i64 = 3_600_000;
/// How long a delivery is tried if its receiver asks for pauses, in milliseconds.
const DAY_MS: i64 = 86_400_000;

/// Milliseconds for which an answer asks to be left alone, from its status and its `Retry-After`: seconds, or
/// the date of an end. Only those who have too much to do are believed.
pub fn pause_ms(status: u16, retry_after: Option<&str>, now_ms: i64) -> i64 {
    let Some(text) = retry_after.filter(|_| matches!(status, 429 | 503)) else { return 0 };
    let text = text.trim();
    let asked_ms = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a number has are a long time, too.
        text.parse::<i64>().unwrap_or(i64::MAX).saturating_mul(1_000)
    } else {
        let end = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text);
        end.map_or(0, |end| end.as_millisecond().saturating_sub(now_ms))
    };
    asked_ms.clamp(0, LONGEST_PAUSE_MS)
}

/// When to try again after so many attempts that failed, the first of them at `first_ms`, and a pause that was
/// asked for; nothing when it is given up. Pauses do not make it last longer than a day.
pub fn next_ms(first_ms: i64, now_ms: i64, failed: u32, pause_ms: i64) -> Option<i64> {
    let at = now_ms.saturating_add(wait_ms(failed)?.max(pause_ms));
    let end = first_ms.saturating_add(DAY_MS);
    // It began so long ago when nobody was there to try: then the number of attempts is what counts.
    let fits = end > now_ms && end >= now_ms.saturating_add(pause_ms);
    Some(if fits { at.min(end) } else { at })
}

/// What an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It arrived.
    Arrived,
    /// It may arrive later.
    Later,
    /// It never will: the other side does not want it.
    Never,
}

/// What a status means.
pub const fn verdict(status: u16) -> Verdict {
    match status {
        200..=299 => Verdict::Arrived,
        // Slow down, too early, asked for a login that may come: those pass.
        408 | 425 | 429 | 500..=599 => Verdict::Later,
        // Gone says so for good; what else is refused may be mended at the other side.
        410 => Verdict::Never,
        _ => Verdict::Later,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn told() -> Told {
        Told {
            id: "7".to_owned(),
            delivery: "d".to_owned(),
            event: Event::HostDisconnected,
            at_ms: 1_500_000_000_000,
            project: "1a5".to_owned(),
            about: ("host".to_owned(), "1h1".to_owned(), "köln".to_owned()),
            message: "host `köln` is lost".to_owned(),
            untold: 0,
        }
    }

    fn key(key: &[u8]) -> Proof {
        Proof { key: key.to_vec(), token: None }
    }

    #[test]
    fn programs_get_json_and_a_signature_that_holds_for_a_while() {
        let made = message(Sink::Json, &told(), &key(b"key"), 1_500_000_001);
        let body: Value = serde_json::from_str(&made.body).expect("JSON");
        assert_eq!(body["event"], "host.disconnected");
        assert_eq!((&body["resourceName"], &body["projectId"]), (&json!("köln"), &json!("1a5")));
        let header =
            |name: &str| made.headers.iter().find(|own| own.0 == name).map(|own| own.1.clone());
        let signed = header("x-ranchette-signature").expect("a signature");
        assert!(signed.starts_with("t=1500000001,v1="), "{signed}");
        let check = |key: &[u8], signed: &str, body: &str, now_s| {
            is_signed(key, signed, body.as_bytes(), now_s, 300)
        };
        assert!(check(b"key", &signed, &made.body, 1_500_000_301));
        for (key, text, body, now_s) in [
            (&b"other"[..], signed.as_str(), made.body.as_str(), 1_500_000_001),
            (b"key", &signed, "{}", 1_500_000_001),
            (b"key", &signed, &made.body, 1_500_000_302),
            (b"key", &signed, &made.body, 1_499_999_700),
            (b"key", &signed.replace("t=1500000001", "t=1500000002"), &made.body, 1_500_000_001),
            (b"key", "v1=", &made.body, 1_500_000_001),
            (b"key", "t=1500000001,v1=", &made.body, 1_500_000_001),
        ] {
            assert!(!check(key, text, body, now_s), "{text} {now_s}");
        }
        let again = message(Sink::Json, &told(), &key(b"key"), 1_500_000_002);
        assert_ne!(again.headers, made.headers, "each attempt is signed anew");
        let unsigned = message(Sink::Json, &told(), &key(b""), 0);
        assert!(unsigned.headers.iter().all(|own| own.0 != "x-ranchette-signature"));
    }

    #[test]
    fn people_get_a_line() {
        let proof = Proof { token: Some("tk_me".to_owned()), ..Proof::default() };
        let often = Told { untold: 3, ..told() };
        let made = message(Sink::Ntfy, &often, &proof, 0);
        assert_eq!(made.body, "host `köln` is lost (and 3 times before)");
        let header =
            |name: &str| made.headers.iter().find(|own| own.0 == name).map(|own| own.1.as_str());
        assert_eq!(header("title"), Some("=?UTF-8?B?aG9zdC5kaXNjb25uZWN0ZWQ6IGvDtmxu?="));
        assert_eq!(
            (header("priority"), header("authorization")),
            (Some("4"), Some("Bearer tk_me"))
        );
        assert_eq!(header("x-ranchette-signature"), None);
    }

    #[test]
    fn known_vector() {
        // printf '1.body' | openssl dgst -sha256 -hmac key
        let expect = "t=1,v1=91b5374b153842ad05b2c4eab9349b8321b14703165bd3fb8b034dfb8be98ae5";
        assert_eq!(signature(b"key", 1, b"body"), expect);
    }

    #[test]
    fn attempts() {
        assert_eq!(
            (wait_ms(1), wait_ms(2), wait_ms(7)),
            (Some(10_000), Some(60_000), Some(54_000_000))
        );
        assert_eq!((wait_ms(8), wait_ms(u32::MAX)), (None, None));
        let all: i64 = (1..8).filter_map(wait_ms).sum();
        assert_eq!(all / 3_600_000, 23, "hours until it is given up");
        for (status, expect) in [
            (200, Verdict::Arrived),
            (204, Verdict::Arrived),
            (302, Verdict::Later),
            (404, Verdict::Later),
            (410, Verdict::Never),
            (429, Verdict::Later),
            (503, Verdict::Later),
        ] {
            assert_eq!(verdict(status), expect, "{status}");
        }
    }

    #[test]
    fn pauses_that_are_asked_for() {
        const NOW_MS: i64 = 784_111_777_000;
        for (status, text, expect_s) in [
            (503, Some("120"), 120),
            (429, Some(" 0 "), 0),
            (429, Some("3600"), 3_600),
            (429, Some("3601"), 3_600),
            (503, Some("99999999999999999999999"), 3_600),
            (503, Some("Sun, 06 Nov 1994 08:50:07 GMT"), 30),
            (429, Some("Mon, 07 Nov 1994 08:49:37 GMT"), 3_600),
            (503, Some("Sun, 06 Nov 1994 08:49:36 GMT"), 0),
            (503, Some("Sun, 06 Nov 9994 08:49:37 GMT"), 3_600),
            (503, Some("-5"), 0),
            (503, Some("1.5"), 0),
            (503, Some("soon"), 0),
            (503, Some(""), 0),
            (503, None, 0),
            // Whoever answers so has not too much to do.
            (500, Some("120"), 0),
            (404, Some("120"), 0),
            (200, Some("120"), 0),
        ] {
            assert_eq!(pause_ms(status, text, NOW_MS), expect_s * 1_000, "{status} {text:?}");
        }
    }

    #[test]
    fn a_pause_puts_off_the_next_attempt_and_never_the_end() {
        const HOUR_MS: i64 = 3_600_000;
        assert_eq!(next_ms(0, 0, 1, 0), Some(10_000));
        assert_eq!(next_ms(0, 0, 1, 9_000), Some(10_000), "it would have been later");
        assert_eq!(next_ms(0, 0, 1, 11_000), Some(11_000));
        assert_eq!(next_ms(0, 0, 8, HOUR_MS), None);
        // Whoever asks for the longest pause every time is asked as often, and no longer.
        let (mut now, mut hours) = (0, Vec::new());
        for failed in 1.. {
            let Some(next) = next_ms(0, now, failed, HOUR_MS) else { break };
            assert!(next - now >= HOUR_MS);
            now = next;
            hours.push(now / HOUR_MS);
        }
        assert_eq!(hours, [1, 2, 3, 4, 6, 12, 24]);
        // The server was away for days: it is tried as often as ever.
        assert_eq!(next_ms(0, 3 * DAY_MS, 2, 0), Some(3 * DAY_MS + 60_000));
        assert_eq!(next_ms(0, DAY_MS - 1, 2, HOUR_MS), Some(DAY_MS - 1 + HOUR_MS));
        assert_eq!(next_ms(0, i64::MAX, 2, HOUR_MS), Some(i64::MAX));
    }

    #[test]
    fn every_event_has_its_own_word_in_order() {
        assert!(Event::ALL.is_sorted_by(|a, b| a.0 < b.0));
        for (word, event) in Event::ALL {
            assert_eq!((event.word(), Event::of_word(word)), (*word, *event));
            assert_eq!(event.opposite().and_then(Event::opposite).unwrap_or(*event), *event);
        }
        assert_eq!(Event::of_word(Event::Test.word()), Event::Test);
    }
}
