//! Which of some names a word was meant to be. Pure, and absent: what to say about it.

/// Most letters that may be wrong, however long a word is.
const MOST_WRONG: usize = 2;

/// The name that `word` was probably meant to be: at most one letter in three is wrong, too many, missing or
/// has changed places with the next one, and never more than two. Case is free, and so is `-` for `_`.
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = plain(word);
    let most = (word.chars().count() / 3).clamp(1, MOST_WRONG);
    let far = |name: &str| strsim::damerau_levenshtein(&word, &plain(name));
    let best = names.into_iter().map(|name| (far(name), name)).min();
    best.filter(|(wrong, _)| *wrong <= most).map(|(_, name)| name)
}

fn plain(word: &str) -> String {
    word.to_lowercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_told_from_another_word() {
        for (word, names, meant) in [
            ("lisen", &["listen", "log"][..], Some("listen")),
            ("Restart-Polciy", &["restart_policy"], Some("restart_policy")),
            ("nope", &["gone"], None),
            ("db", &["dc", "da"], Some("da")),
            ("db", &["cc"], None),
            ("environments_of_all", &["environment"], None),
            ("", &["a"], Some("a")),
            ("web", &[], None),
        ] {
            assert_eq!(nearest(word, names.iter().copied()), meant, "{word}");
        }
    }
}
