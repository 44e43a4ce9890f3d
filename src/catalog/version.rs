//! Versions of templates: which is greater, and whether one is in a range. Pure.
//!
//! Versions are whatever people wrote: `v1.2.3`, `2018-09-rc1`, `0.9.1-rancher1`. They are compared part by
//! part, numbers as numbers; the one with a word more is the smaller one (`1.0-rc1` < `1.0`).

use std::cmp::Ordering;

/// A piece of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Word(String),
    Number(u64),
}

/// Compares two versions.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (pieces(a), pieces(b));
    for place in 0..a.len().max(b.len()) {
        let order = match (a.get(place), b.get(place)) {
            (Some(Piece::Number(a)), Some(Piece::Number(b))) => a.cmp(b),
            (Some(Piece::Word(a)), Some(Piece::Word(b))) => a.cmp(b),
            (Some(Piece::Number(_)), Some(Piece::Word(_))) => Ordering::Greater,
            (Some(Piece::Word(_)), Some(Piece::Number(_))) => Ordering::Less,
            (Some(Piece::Number(a)), None) => a.cmp(&0),
            (None, Some(Piece::Number(b))) => 0.cmp(b),
            (Some(Piece::Word(_)), None) => Ordering::Less,
            (None, Some(Piece::Word(_))) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

/// Numbers and words in their order; what stands between them does not count, nor what follows a `+`.
fn pieces(version: &str) -> Vec<Piece> {
    let version = version.trim().trim_start_matches(['v', 'V']);
    let version = version.split('+').next().unwrap_or_default();
    let mut found = Vec::new();
    let mut rest = version;
    while let Some(first) = rest.chars().next() {
        let is_digit = first.is_ascii_digit();
        if !is_digit && !first.is_alphabetic() {
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
            continue;
        }
        let other = |c: char| if is_digit { !c.is_ascii_digit() } else { !c.is_alphabetic() };
        let (piece, after) = rest.split_at(rest.find(other).unwrap_or(rest.len()));
        found.push(match piece.parse() {
            Ok(number) if is_digit => Piece::Number(number),
            Ok(_) | Err(_) => Piece::Word(piece.to_ascii_lowercase()),
        });
        rest = after;
    }
    found
}

/// Whether a version lies between two others; an end that is not given is open, and who has no version fits
/// everywhere.
pub fn between(least: &str, version: &str, most: &str) -> bool {
    let within = |least: &str, most: &str| {
        least.is_empty() || most.is_empty() || compare(least, most) != Ordering::Greater
    };
    within(least, version) && within(version, most)
}

/// Whether a version is in a range such as `>=v1.0.0 <v2.0.0 || 3.1.0`; `None` for what is no range.
pub fn satisfies(version: &str, range: &str) -> Option<bool> {
    let mut any = false;
    for alternative in range.split("||") {
        let mut all = true;
        let mut terms = 0;
        let mut words = alternative.split_whitespace();
        while let Some(word) = words.next() {
            // The version may stand apart from its sign.
            let bare = word.chars().all(|c| "<>=!".contains(c));
            let term = if bare { format!("{word}{}", words.next()?) } else { word.to_owned() };
            all &= meets(version, &term)?;
            terms += 1;
        }
        if terms == 0 {
            return None;
        }
        any |= all;
    }
    Some(any)
}

/// Whether the order of two versions is the one that a sign asks for.
type Test = fn(Ordering) -> bool;

fn meets(version: &str, term: &str) -> Option<bool> {
    const SIGNS: &[(&str, Test)] = &[
        (">=", Ordering::is_ge),
        ("<=", Ordering::is_le),
        ("==", Ordering::is_eq),
        ("!=", Ordering::is_ne),
        (">", Ordering::is_gt),
        ("<", Ordering::is_lt),
        ("=", Ordering::is_eq),
        ("!", Ordering::is_ne),
    ];
    let found = SIGNS.iter().find_map(|(sign, test)| Some((*test, term.strip_prefix(sign)?)));
    let (test, other) = found.unwrap_or((Ordering::is_eq, term));
    let number = other.trim_start_matches(['v', 'V']);
    number.starts_with(|c: char| c.is_ascii_digit()).then(|| test(compare(version, number)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_have_an_order() {
        for (less, greater) in [
            ("1.0", "1.1"),
            ("v1.9", "1.10"),
            ("1.0-rc1", "1.0"),
            ("1.0-rc1", "1.0-rc2"),
            ("1.0-rc9", "1.0-rc10"),
            ("0.9.1-rancher1", "v0.9.1-rancher2"),
            ("", "1"),
            ("1.2", "1.2.1"),
            ("17.06.2", "17.12.0"),
            ("beta", "1"),
            ("1.99999999999999999999999", "1.1"),
        ] {
            assert_eq!(compare(less, greater), Ordering::Less, "{less} {greater}");
            assert_eq!(compare(greater, less), Ordering::Greater, "{greater} {less}");
        }
        for (a, b) in [("v1.0", "1"), ("1.0.0", "1.0"), ("1.2+build5", "1.2"), ("1_2", "1.2")] {
            assert_eq!(compare(a, b), Ordering::Equal, "{a} {b}");
        }
    }

    #[test]
    fn ends_may_be_open() {
        for (least, version, most, expect) in [
            ("", "v1.6.0", "", true),
            ("v1.5.0", "v1.6.0", "", true),
            ("v1.7.0", "v1.6.0", "", false),
            ("", "v1.6.0", "v1.5.9", false),
            ("v1.6.0", "v1.6.0", "v1.6.0", true),
            ("v9", "", "v9.1", true),
        ] {
            assert_eq!(between(least, version, most), expect, "{least} {version} {most}");
        }
    }

    #[test]
    fn ranges_are_read() {
        for (version, range, expect) in [
            ("v1.2.0", ">=1.0.0", Some(true)),
            ("v1.2.0", ">=v1.0.0 <v1.2.0", Some(false)),
            ("v1.2.0", "<1.0.0 || >1.1", Some(true)),
            ("v1.2.0", ">= 1.2", Some(true)),
            ("v1.2.0", "1.2", Some(true)),
            ("v1.2.0", "!=1.2", Some(false)),
            ("v1.2.0", "latest", None),
            ("v1.2.0", "", None),
            ("v1.2.0", ">=", None),
            ("v1.2.0", ">1 ||", None),
        ] {
            assert_eq!(satisfies(version, range), expect, "{range}");
        }
    }
}
