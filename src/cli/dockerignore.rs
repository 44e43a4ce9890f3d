//! `.dockerignore`: which paths of a build context are left out.
//!
//! The rules are Docker's, not git's: a pattern is anchored at the context, `*` and `?` do not cross
//! `/`, `**` does, `!` takes a path back in, the last pattern that fits decides, and a pattern that
//! fits a folder fits everything in it.

/// Patterns in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ignore {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    verdict: Verdict,
    parts: Vec<Part>,
}

/// What a pattern says about a path that it fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    LeaveOut,
    TakeIn,
}

/// One part of a pattern, between slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// `**`: any number of folders.
    AnyDepth,
    /// Letters and wildcards.
    Glob(Vec<Token>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// `*`
    Any,
    /// `?`
    One,
    /// A letter as it is.
    Letter(char),
    /// `[a-c]`, or `[^a-c]` for any other letter.
    Set { ranges: Vec<(char, char)>, negated: bool },
}

impl Ignore {
    /// Reads the text of a `.dockerignore`.
    pub fn parse(text: &str) -> Self {
        let text = text.trim_start_matches('\u{feff}');
        let lines = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
        Ignore { rules: lines.filter_map(rule).collect() }
    }

    /// Whether a path, relative to the context with `/` between parts, is left out.
    pub fn leaves_out(&self, path: &str) -> bool {
        let parts: Vec<&str> = path.split('/').collect();
        let decides = |rule: &&Rule| {
            (1..=parts.len()).any(|end| fits(&rule.parts, parts.get(..end).unwrap_or_default()))
        };
        let last = self.rules.iter().rev().find(decides);
        last.is_some_and(|rule| rule.verdict == Verdict::LeaveOut)
    }

    /// Whether a folder that is left out has to be searched for paths that are taken in again.
    pub fn may_take_in_below(&self, folder: &str) -> bool {
        let parts: Vec<&str> = folder.split('/').collect();
        self.rules.iter().any(|rule| rule.verdict == Verdict::TakeIn && begins(&rule.parts, &parts))
    }
}

fn rule(line: &str) -> Option<Rule> {
    let (verdict, pattern) = match line.strip_prefix('!') {
        Some(rest) => (Verdict::TakeIn, rest.trim()),
        None => (Verdict::LeaveOut, line),
    };
    let mut parts: Vec<Part> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            "**" => parts.push(Part::AnyDepth),
            part => parts.push(Part::Glob(tokens(part))),
        }
    }
    (!parts.is_empty()).then_some(Rule { verdict, parts })
}

fn tokens(part: &str) -> Vec<Token> {
    let letters: Vec<char> = part.chars().collect();
    let mut rest = letters.as_slice();
    let mut tokens = Vec::new();
    loop {
        rest = match rest {
            [] => return tokens,
            ['*', rest @ ..] => {
                tokens.push(Token::Any);
                rest
            }
            ['?', rest @ ..] => {
                tokens.push(Token::One);
                rest
            }
            ['[', set @ ..] => match class(set) {
                Some((token, rest)) => {
                    tokens.push(token);
                    rest
                }
                None => {
                    tokens.push(Token::Letter('['));
                    set
                }
            },
            ['\\', letter, rest @ ..] | [letter, rest @ ..] => {
                tokens.push(Token::Letter(*letter));
                rest
            }
        };
    }
}

/// Reads `a-z]` after a `[`, and what comes after; none without a `]`.
fn class(set: &[char]) -> Option<(Token, &[char])> {
    let (negated, mut set) = match set {
        ['^' | '!', rest @ ..] => (true, rest),
        _ => (false, set),
    };
    let mut ranges = Vec::new();
    loop {
        set = match set {
            [']', rest @ ..] if !ranges.is_empty() => {
                return Some((Token::Set { ranges, negated }, rest));
            }
            [low, '-', high, rest @ ..] if *high != ']' => {
                ranges.push((*low, *high));
                rest
            }
            ['\\', one, rest @ ..] | [one, rest @ ..] => {
                ranges.push((*one, *one));
                rest
            }
            [] => return None,
        };
    }
}

/// Whether a pattern fits a whole path, part by part.
fn fits(pattern: &[Part], path: &[&str]) -> bool {
    glob(pattern, path, |part| *part == Part::AnyDepth, part_fits)
}

fn part_fits(part: &Part, text: &&str) -> bool {
    match part {
        Part::AnyDepth => true,
        Part::Glob(tokens) => {
            let letters: Vec<char> = text.chars().collect();
            glob(tokens, &letters, |token| *token == Token::Any, letter_fits)
        }
    }
}

fn letter_fits(token: &Token, letter: &char) -> bool {
    match token {
        Token::Any | Token::One => true,
        Token::Letter(own) => own == letter,
        Token::Set { ranges, negated } => {
            ranges.iter().any(|(low, high)| (low..=high).contains(&letter)) != *negated
        }
    }
}

/// Whether a pattern with stars fits all of a text. Only the last star passed is ever tried again,
/// so that no pattern takes longer than its length times the text's.
fn glob<P, T>(
    pattern: &[P],
    text: &[T],
    is_star: impl Fn(&P) -> bool,
    one: impl Fn(&P, &T) -> bool,
) -> bool {
    let (mut at, mut from) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(item) = text.get(from) {
        match pattern.get(at) {
            Some(p) if is_star(p) => {
                star = Some((at, from));
                at += 1;
            }
            Some(p) if one(p, item) => {
                at += 1;
                from += 1;
            }
            Some(_) | None => match star.as_mut() {
                Some((place, begun)) => {
                    *begun += 1;
                    (at, from) = (*place + 1, *begun);
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).unwrap_or_default().iter().all(is_star)
}

/// Whether something below a folder can fit a pattern.
fn begins(pattern: &[Part], folder: &[&str]) -> bool {
    for (at, name) in folder.iter().enumerate() {
        match pattern.get(at) {
            None => return false,
            Some(Part::AnyDepth) => return true,
            Some(part) if part_fits(part, name) => {}
            Some(_) => return false,
        }
    }
    // A pattern that ends with the folder takes all of it in.
    pattern.len() >= folder.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, out: &[&str], kept: &[&str]) {
        let ignore = Ignore::parse(text);
        for path in out {
            assert!(ignore.leaves_out(path), "{path} stays in with {text:?}");
        }
        for path in kept {
            assert!(!ignore.leaves_out(path), "{path} is left out with {text:?}");
        }
    }

    #[test]
    fn patterns_are_anchored_at_the_context() {
        check("node_modules", &["node_modules", "node_modules/a/b"], &["src/node_modules", "node"]);
        check("/target/\n./docs", &["target/x", "docs"], &["a/target"]);
        check("a/../b", &["b"], &["a"]);
        check("# comment\n\n  *.md  ", &["README.md"], &["docs/README.md", "# comment"]);
    }

    #[test]
    fn wildcards() {
        check("*/temp*", &["a/temp", "a/temporary.txt", "a/temp/x"], &["temp", "a/b/temp"]);
        check("**/*.log", &["x.log", "a/b/x.log"], &["x.logs"]);
        check("a/**/z", &["a/z", "a/b/c/z"], &["z", "a/b"]);
        check("**", &["a", "a/b"], &[]);
        check("temp?", &["temp1"], &["temp", "temp12"]);
        check("[a-c]x[^0-9]", &["axy", "cx-"], &["dxy", "ax1"]);
        check("a\\*b", &["a*b"], &["axb"]);
        check("[open", &["[open"], &["o"]);
    }

    #[test]
    fn the_last_pattern_decides() {
        check("*.md\n!README.md", &["a.md"], &["README.md"]);
        check("!README.md\n*.md", &["README.md"], &[]);
        check("*\n!src\nsrc/*.tmp", &["Makefile", "src/x.tmp"], &["src", "src/main.rs"]);
    }

    #[test]
    fn folders_are_searched_only_for_what_may_come_back() {
        let ignore = Ignore::parse("*\n!src/deep/*.rs\n!docs");
        for (folder, expect) in
            [("src", true), ("src/deep", true), ("src/other", false), ("docs", true), ("x", false)]
        {
            assert_eq!(ignore.may_take_in_below(folder), expect, "{folder}");
        }
        assert!(Ignore::parse("a\n!**/keep").may_take_in_below("a"));
    }

    #[test]
    fn hostile_patterns_end() {
        let stars = "*a".repeat(12);
        check(&stars, &["a".repeat(200).as_str()], &[format!("{}b", "a".repeat(200)).as_str()]);
    }
}
