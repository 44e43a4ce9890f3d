//! What a request must look like to be let in without a proof: it comes from this machine, and not from a
//! page of another site that a browser on this machine happens to show.

use std::net::IpAddr;

use super::request::RequestFacts;

/// Whether a request comes from this machine and by its own name.
///
/// Pages of other sites send an `Origin` that is not ours; a site that makes its own name lead here (DNS
/// rebinding) is found out by the name in `Host`.
pub(super) fn is_from_here(request: &RequestFacts) -> bool {
    let address = request.client_ip.is_none_or(|ip| ip.to_canonical().is_loopback());
    let host = request.host.as_deref();
    let named = host.is_none_or(|host| is_own_name(name_of(host)));
    let origin = match (request.origin.as_deref(), host) {
        (None, _) => true,
        (Some(origin), Some(host)) => {
            origin.split_once("://").is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(host))
        }
        (Some(_), None) => false,
    };
    address && named && origin
}

/// A host without its port; an IPv6 address without its brackets.
fn name_of(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split_once(']').map_or(rest, |(name, _)| name);
    }
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

fn is_own_name(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_by_its_own_name_is_let_in() {
        let check = |ip: &str, host: Option<&str>, origin: Option<&str>, expect: bool| {
            let request = RequestFacts {
                client_ip: ip.parse().ok(),
                host: host.map(str::to_owned),
                origin: origin.map(str::to_owned),
                ..RequestFacts::default()
            };
            assert_eq!(is_from_here(&request), expect, "{ip} {host:?} {origin:?}");
        };
        check("127.0.0.1", None, None, true);
        check("127.0.0.1", Some("127.0.0.1:8080"), None, true);
        check("::1", Some("[::1]:8080"), None, true);
        check("::ffff:127.0.0.1", Some("localhost"), None, true);
        check("127.0.0.1", Some("LocalHost:80"), Some("http://localhost:80"), true);
        check("10.0.0.9", Some("localhost"), None, false);
        check("127.0.0.1", Some("ranch.example:8080"), None, false);
        check("127.0.0.1", Some("localhost.ranch.example"), None, false);
        check("127.0.0.1", Some("localhost:8080"), Some("http://evil.example"), false);
        check("127.0.0.1", Some("localhost:8080"), Some("http://localhost:9090"), false);
        check("127.0.0.1", Some("localhost:8080"), Some("null"), false);
        check("127.0.0.1", None, Some("http://localhost"), false);
    }
}
