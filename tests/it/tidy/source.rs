//! A Rust file as the checks see it: text with comments and literals blanked out, its functions,
//! its modules and which of its lines are test code.

use std::ops::Range;
use std::path::Path;

/// One file.
pub struct Source {
    /// Path from the top of the repository.
    pub path: String,
    /// As it is written.
    pub text: String,
    /// The same bytes with comments and the insides of literals replaced by spaces.
    pub code: String,
}

/// A function with a body.
pub struct Function {
    pub name: String,
    /// Line of the word `fn`.
    pub line: usize,
    /// Lines from `fn` to the closing brace, both included, without the insides of literals that
    /// are longer than a line: those are data.
    pub lines: usize,
}

impl Source {
    /// Reads the file's code from its text.
    pub fn new(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned(), code: blank(text) }
    }

    /// Every `.rs` file below a folder; none if there is no such folder.
    pub fn below(folder: &str) -> Vec<Source> {
        let mut found = Vec::new();
        let mut folders = vec![Path::new(folder).to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|e| e == "rs") {
                    let text = std::fs::read_to_string(&path).unwrap();
                    found.push(Source::new(path.to_str().unwrap(), &text));
                }
            }
        }
        found
    }

    /// The layer: `store` for `src/store/query.rs` and `src/store.rs`; `None` outside `src`.
    pub fn layer(&self) -> Option<&str> {
        let rest = self.path.strip_prefix("src/")?;
        let first = rest.split('/').next()?;
        Some(first.strip_suffix(".rs").unwrap_or(first))
    }

    /// Names from the crate's root to the file's module: `["store", "query"]`.
    pub fn module(&self) -> Vec<&str> {
        let path = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let path = path.strip_suffix(".rs").unwrap_or(path);
        path.split('/').filter(|name| !matches!(*name, "mod" | "lib" | "main")).collect()
    }

    /// Line of a byte offset, counted from 1.
    pub fn line(&self, at: usize) -> usize {
        1 + self.code.as_bytes()[..at].iter().filter(|b| **b == b'\n').count()
    }

    /// Is the whole file test code by its name?
    pub fn is_test_file(&self) -> bool {
        self.path.starts_with("tests/")
            || self.path.ends_with("/tests.rs")
            || self.path.ends_with("_tests.rs")
            || self.path.contains("/tests/")
    }

    /// The byte ranges of test code: everything, or what follows `#[cfg(test)]`.
    pub fn tests(&self) -> Vec<Range<usize>> {
        if self.is_test_file() || self.code.contains("#![cfg(test)]") {
            return std::iter::once(0..self.code.len()).collect();
        }
        let marked = self.code.match_indices("#[cfg(test)]");
        marked.map(|(at, _)| at..self.item_end(at + "#[cfg(test)]".len())).collect()
    }

    /// Where the item that starts at `from` ends: its `;` or the brace that closes its body.
    fn item_end(&self, from: usize) -> usize {
        let bytes = self.code.as_bytes();
        let mut depth = 0_i32;
        for (at, byte) in bytes.iter().enumerate().skip(from) {
            match byte {
                b'(' | b'[' => depth += 1,
                b')' | b']' => depth -= 1,
                b';' if depth == 0 => return at,
                b'{' if depth == 0 => return self.closing(at),
                _ => {}
            }
        }
        bytes.len()
    }

    /// Offset just after the brace that closes the one at `open`.
    pub fn closing(&self, open: usize) -> usize {
        let mut depth = 0_i32;
        for (at, byte) in self.code.as_bytes().iter().enumerate().skip(open) {
            match byte {
                b'{' => depth += 1,
                b'}' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return at + 1;
            }
        }
        self.code.len()
    }

    /// Byte ranges of the bodies of `mod name { .. }`.
    pub fn inline_modules(&self) -> Vec<Range<usize>> {
        let named = self.words("mod").into_iter().filter_map(|at| {
            let rest = &self.code[at + 3..];
            let open = rest.find(['{', ';'])?;
            rest[open..].starts_with('{').then(|| at + 3 + open)
        });
        named.map(|open| open..self.closing(open)).collect()
    }

    /// Offsets at which `word` stands as a whole word.
    pub fn words(&self, word: &str) -> Vec<usize> {
        let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let all = self.code.match_indices(word).map(|(at, _)| at);
        all.filter(|at| {
            let before = self.code[..*at].chars().next_back();
            let after = self.code[at + word.len()..].chars().next();
            let starts = word.starts_with(|c: char| c.is_alphanumeric() || c == '_');
            let ends = word.ends_with(|c: char| c.is_alphanumeric() || c == '_');
            !(starts && part(before) || ends && part(after))
        })
        .collect()
    }

    /// Every function with a body.
    pub fn functions(&self) -> Vec<Function> {
        self.words("fn").into_iter().filter_map(|at| self.function(at)).collect()
    }

    /// The function whose `fn` is at `at`; `None` for a function pointer or a declaration.
    fn function(&self, at: usize) -> Option<Function> {
        let rest = self.code[at + 2..].trim_start();
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_')?;
        let name = rest.get(..end).filter(|name| !name.is_empty())?.to_owned();
        let end = self.item_end(at);
        let closes = self.code[..end].ends_with('}');
        let line = self.line(at);
        let data = self.data_lines(line..self.line(end - 1));
        closes.then(|| Function { name, line, lines: self.line(end - 1) - line + 1 - data })
    }
}

impl Source {
    /// How many of these lines hold nothing but the inside of a literal.
    fn data_lines(&self, lines: Range<usize>) -> usize {
        let (first, count) = (lines.start - 1, lines.len() + 1);
        let pairs = self.text.lines().zip(self.code.lines()).skip(first).take(count);
        pairs
            .filter(|(text, code)| {
                let text = text.trim();
                code.trim().is_empty() && !text.is_empty() && !text.starts_with("//")
            })
            .count()
    }
}

/// Replaces comments and literals by spaces; line ends stay.
fn blank(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let (token, length) = token(&bytes[at..]);
        let end = (at + length).min(bytes.len());
        for byte in out[at..end].iter_mut().filter(|byte| **byte != b'\n') {
            if token == Token::Blank {
                *byte = b' ';
            }
        }
        at = end;
    }
    String::from_utf8(out).unwrap()
}

/// What a stretch of text is.
#[derive(PartialEq)]
enum Token {
    /// A comment or a literal.
    Blank,
    /// Code.
    Code,
}

/// The comment, literal, word or single byte that `rest` starts with, and its length.
fn token(rest: &[u8]) -> (Token, usize) {
    let length = match rest {
        [b'/', b'/', ..] => rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len()),
        [b'/', b'*', ..] => block_comment(rest),
        [b'"', ..] => quoted(rest, b'"'),
        [b'\'', b'\\', ..] => quoted(rest, b'\''),
        [b'\'', ..] => character(rest),
        [b'r', b'"' | b'#', ..] => raw(rest),
        [b'b' | b'c', b'r', b'"' | b'#', ..] => 0,
        [first, ..] if is_word(*first) => {
            return (Token::Code, rest.iter().take_while(|b| is_word(**b)).count());
        }
        _ => 0,
    };
    if length == 0 { (Token::Code, 1) } else { (Token::Blank, length) }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn block_comment(rest: &[u8]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        match rest[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] if depth == 1 => return at + 2,
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    at
}

fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// `'x'` in any encoding; nothing for the quote of a lifetime.
fn character(rest: &[u8]) -> usize {
    let length = match rest.get(1) {
        Some(first) if *first >= 0xf0 => 4,
        Some(first) if *first >= 0xe0 => 3,
        Some(first) if *first >= 0xc0 => 2,
        _ => 1,
    };
    if rest.get(1 + length) == Some(&b'\'') { length + 2 } else { 0 }
}

/// `r"..."` and `r#"..."#`; nothing for a raw identifier such as `r#type`.
fn raw(rest: &[u8]) -> usize {
    let hashes = rest[1..].iter().take_while(|b| **b == b'#').count();
    if rest.get(1 + hashes) != Some(&b'"') {
        return 0;
    }
    let end: Vec<u8> = [b"\"", &b"#".repeat(hashes)[..]].concat();
    let body = 2 + hashes;
    let close = rest[body..].windows(end.len()).position(|w| w == end);
    close.map_or(rest.len(), |close| body + close + end.len())
}

#[test]
fn comments_and_literals_are_blanked_and_nothing_else() {
    let check = |text: &str, expect: &str| assert_eq!(blank(text), expect, "of {text}");
    check("a // b\nc", "a     \nc");
    check("a /* b /* c */ d */ e", "a                   e");
    check(r#"f("x{\"}", y)"#, "f(       , y)");
    check("return r\"a\" + r#\"b\"}\"# + r#type;", "return      +          + r#type;");
    check(
        "br\"{\" b'{' '{' '\\'' 'é' fn f<'a>()",
        "b     b                  fn f<'a>()".trim_end(),
    );
}

#[test]
fn functions_modules_and_tests_are_found() {
    let text = "fn a() {\n}\nstruct F(fn(u8) -> u8);\ntrait T { fn b(x: [u8; 2]); }\n\
                impl S {\n    fn c<T>(&self) -> Option<T>\n    where T: Copy,\n    { if x { y } }\n}\n\
                #[cfg(test)]\nmod tests {\n    fn d() {}\n}\nfn e() {}\n\
                fn g() {\n    // why\n    f(\"a\n  b\n  c\");\n}\n";
    let source = Source::new("src/model/x.rs", text);
    let functions = source.functions();
    let found: Vec<_> =
        functions.iter().map(|f| format!("{} {}+{}", f.name, f.line, f.lines)).collect();
    assert_eq!(found, ["a 1+2", "c 6+3", "d 12+1", "e 14+1", "g 15+5"]);
    let parts = |ranges: Vec<Range<usize>>| -> Vec<String> {
        ranges.into_iter().map(|range| source.code[range].trim().to_owned()).collect()
    };
    assert_eq!(parts(source.tests()), ["#[cfg(test)]\nmod tests {\n    fn d() {}\n}"]);
    assert_eq!(parts(source.inline_modules()), ["{\n    fn d() {}\n}"]);
    assert_eq!((source.layer(), source.module()), (Some("model"), vec!["model", "x"]));
}
