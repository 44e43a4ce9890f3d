//! Which rule a request meets first.

use super::Rule;

/// Sorts rules of one port: those with a priority first, the lowest first; then exact names before
/// wildcards, with a path before without, and the longer path first.
pub(super) fn sort(rules: &mut [Rule]) {
    rules.sort_by_key(|rule| {
        let wildcard = is_wildcard(&rule.hostname);
        let class = match (rule.hostname.is_empty(), rule.path.is_empty()) {
            (false, false) if !wildcard => 0,
            (false, true) if !wildcard => 1,
            (false, false) => 2,
            (false, true) => 3,
            (true, false) => 4,
            (true, true) => 5,
        };
        let longest_first = std::cmp::Reverse(rule.path.len());
        (rule.priority.is_none(), rule.priority, class, longest_first)
    });
}

/// Whether a host name stands for several.
pub(super) fn is_wildcard(hostname: &str) -> bool {
    hostname.starts_with('*') || hostname.ends_with('*')
}
