//! What of a request goes through to a container, and what of its answer comes back. Pure.

use std::net::IpAddr;

use percent_encoding::percent_decode_str;

/// A header: its name in lower case, and its value.
pub type Pair<'a> = (&'a str, &'a [u8]);

/// Between two neighbours only.
const HOP: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// What says who the caller is, and what is said anew.
const KEPT_HERE: &[&str] = &[
    "authorization",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "x-api-csrf",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
];
/// What would reach beyond the page, to everything under our address.
const KEPT_THERE: &[&str] = &[
    "alt-svc",
    "clear-site-data",
    "nel",
    "report-to",
    "service-worker-allowed",
    "set-cookie",
    "strict-transport-security",
];
/// A page gets an origin of its own: it is not us, whatever its address says.
const SANDBOX: &str = "sandbox allow-downloads allow-forms allow-modals allow-popups allow-scripts";

/// Whether a request asks for a websocket.
pub fn is_websocket(pairs: &[Pair<'_>]) -> bool {
    let is_it = |value: &[u8]| value.eq_ignore_ascii_case(b"websocket");
    pairs.iter().any(|(name, value)| *name == "upgrade" && is_it(value))
}

/// The path and query in the container; the token stays here.
pub fn target(path: &str, query: &str, below: &str) -> String {
    let path = path.strip_prefix(below).filter(|rest| !rest.is_empty()).unwrap_or("/");
    let is_token = |pair: &str| {
        let name = pair.split_once('=').map_or(pair, |(name, _)| name);
        percent_decode_str(name).decode_utf8_lossy() == "token"
    };
    let rest: Vec<&str> =
        query.split('&').filter(|pair| !pair.is_empty() && !is_token(pair)).collect();
    if rest.is_empty() { path.to_owned() } else { format!("{path}?{}", rest.join("&")) }
}

/// Names that `connection` lists: they are between two neighbours, too.
fn listed(pairs: &[Pair<'_>]) -> Vec<String> {
    pairs
        .iter()
        .filter(|(name, _)| *name == "connection")
        .flat_map(|(_, value)| {
            String::from_utf8_lossy(value)
                .split(',')
                .map(|name| name.trim().to_ascii_lowercase())
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Headers of a request that the container is sent; names are lower case.
pub fn to_container<'a>(pairs: &[Pair<'a>]) -> Vec<Pair<'a>> {
    let listed = listed(pairs);
    pairs
        .iter()
        .copied()
        .filter(|(name, _)| !HOP.contains(name) && !KEPT_HERE.contains(name))
        .filter(|(name, _)| !listed.iter().any(|own| own == name))
        .collect()
}

/// Headers of an answer that the client is sent; names are lower case.
pub fn to_client<'a>(pairs: &[Pair<'a>]) -> Vec<Pair<'a>> {
    let listed = listed(pairs);
    let mut kept: Vec<_> = pairs
        .iter()
        .copied()
        .filter(|(name, _)| !HOP.contains(name) && !KEPT_THERE.contains(name))
        .filter(|(name, _)| *name != "content-length" && !listed.iter().any(|own| own == name))
        .collect();
    if !kept.iter().any(|(name, _)| *name == "content-encoding") {
        // What the container sent is passed on, not packed again.
        kept.push(("content-encoding", b"identity"));
    }
    kept.push(("content-security-policy", SANDBOX.as_bytes()));
    kept
}

/// Who asked, and under which address.
pub fn forwarded(origin: &str, client: Option<IpAddr>) -> Vec<(&'static str, String)> {
    let (scheme, host) = origin.split_once("://").unwrap_or(("http", origin));
    let mut said =
        vec![("x-forwarded-proto", scheme.to_owned()), ("x-forwarded-host", host.to_owned())];
    said.extend(client.map(|own| ("x-forwarded-for", own.to_string())));
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(kept: &[Pair<'_>]) -> Vec<String> {
        kept.iter()
            .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value)))
            .collect()
    }

    #[test]
    fn paths() {
        for (path, query, expect) in [
            ("/p", "", "/"),
            ("/p/", "token=x", "/"),
            ("/p/a%20b/c", "x=1&token=y&z", "/a%20b/c?x=1&z"),
            ("/p/a", "%74oken=y&tokens=1", "/a?tokens=1"),
            ("/p//evil", "", "//evil"),
        ] {
            assert_eq!(target(path, query, "/p"), expect, "{path}?{query}");
        }
    }

    #[test]
    fn a_container_learns_nothing_of_who_asks() {
        let given: &[Pair<'_>] = &[
            ("accept", b"text/html"),
            ("authorization", b"Bearer secret"),
            ("connection", b"keep-alive, X-Hop"),
            ("cookie", b"token=secret"),
            ("host", b"ranch"),
            ("x-api-csrf", b"secret"),
            ("x-forwarded-for", b"8.8.8.8"),
            ("x-hop", b"1"),
            ("x-own", b"2"),
        ];
        let kept = to_container(given);
        assert_eq!(names(&kept), ["accept: text/html", "x-own: 2"]);
        let said = forwarded("https://ranch:8443", Some([10, 0, 0, 1].into()));
        let said: Vec<String> =
            said.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        assert_eq!(
            said,
            [
                "x-forwarded-proto: https",
                "x-forwarded-host: ranch:8443",
                "x-forwarded-for: 10.0.0.1"
            ]
        );
    }

    #[test]
    fn a_page_stays_in_its_box() {
        let given: &[Pair<'_>] = &[
            ("content-length", b"5"),
            ("content-security-policy", b"default-src *"),
            ("content-type", b"text/html"),
            ("set-cookie", b"token=theirs; Path=/"),
            ("clear-site-data", b"\"*\""),
            ("transfer-encoding", b"chunked"),
        ];
        assert_eq!(
            names(&to_client(given)),
            [
                "content-security-policy: default-src *".to_owned(),
                "content-type: text/html".to_owned(),
                "content-encoding: identity".to_owned(),
                format!("content-security-policy: {SANDBOX}"),
            ]
        );
        let packed: &[Pair<'_>] = &[("content-encoding", b"gzip")];
        assert_eq!(names(&to_client(packed))[0], "content-encoding: gzip");
    }

    #[test]
    fn websockets() {
        for (pair, expect) in [
            (("upgrade", &b"WebSocket"[..]), true),
            (("upgrade", b"h2c"), false),
            (("connection", b"websocket"), false),
        ] {
            assert_eq!(is_websocket(&[pair]), expect, "{pair:?}");
        }
    }
}
