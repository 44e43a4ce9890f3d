//! Names of service containers: `<stack>-<service>[-<sidekick>]-<index>` (services.md, section 4).

/// Longest host name in characters.
const HOSTNAME_MAX: usize = 64;

/// Name of a container; `sidekick` is `None` for the primary.
pub fn container(stack: &str, service: &str, sidekick: Option<&str>, index: u32) -> String {
    format!("{stack}-{}", short(service, sidekick, index))
}

/// The same without the stack, for messages about one service: `web-2`.
pub fn short(service: &str, sidekick: Option<&str>, index: u32) -> String {
    match sidekick {
        Some(sidekick) => format!("{service}-{sidekick}-{index}"),
        None => format!("{service}-{index}"),
    }
}

/// The index at the end of a container's name, after `-` (Rancher 1.6) or `_` (before).
///
/// `None` if there is no separator, or no index of 1 or more behind the last one.
pub fn index_of(name: &str) -> Option<u32> {
    let (_, digits) = name.rsplit_once(['-', '_'])?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().filter(|index| *index >= 1)
}

/// The host name of a container labelled `io.rancher.container.hostname_override=container_name`.
///
/// Cut to 64 characters, less the domain and its dot; what is cut is before the `-<index>`.
pub fn hostname(container_name: &str, domain: Option<&str>) -> String {
    let taken = domain.filter(|domain| !domain.is_empty()).map_or(0, |name| name.len() + 1);
    let room = HOSTNAME_MAX.saturating_sub(taken);
    if container_name.chars().count() <= room {
        return container_name.to_owned();
    }
    let (stem, suffix) = match container_name.rfind(['-', '_']) {
        Some(at) if index_of(container_name).is_some() => container_name.split_at(at),
        _ => (container_name, ""),
    };
    let keep = room.saturating_sub(suffix.chars().count());
    stem.chars().take(keep).chain(suffix.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_end_in_the_index() {
        assert_eq!(container("blog", "web", None, 2), "blog-web-2");
        assert_eq!(container("blog", "web", Some("logs"), 10), "blog-web-logs-10");
        assert_eq!(short("web", Some("logs"), 1), "web-logs-1");
    }

    #[test]
    fn the_index_is_read_after_either_separator() {
        for (name, index) in [
            ("blog-web-2", Some(2)),
            ("blog_web_17", Some(17)),
            ("my_stack-web-3", Some(3)),
            ("blog-web-logs_4", Some(4)),
            ("blog-web-0", None),
            ("blog-web-+2", None),
            ("blog-web-", None),
            ("blog-web-2a", None),
            ("web2", None),
            ("blog-web-99999999999", None),
            ("", None),
        ] {
            assert_eq!(index_of(name), index, "{name}");
        }
    }

    #[test]
    fn host_names_are_cut_before_the_index() {
        let long = format!("stack-{}-12", "s".repeat(70));
        for (name, domain, expected) in [
            ("blog-web-1", None, "blog-web-1".to_owned()),
            (long.as_str(), None, format!("stack-{}-12", "s".repeat(55))),
            (long.as_str(), Some("example.org"), format!("stack-{}-12", "s".repeat(43))),
            (long.as_str(), Some(""), format!("stack-{}-12", "s".repeat(55))),
        ] {
            assert_eq!(hostname(name, domain), expected);
        }
        assert_eq!(hostname(&"x".repeat(80), None), "x".repeat(64));
    }
}
