//! A template's text taken apart: what stands between actions, and the words inside them.

use super::Failure;

/// A piece of a template.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    /// What is printed as it is.
    Text(String),
    /// `{{...}}`: its words, and the line it begins in.
    Action(usize, Vec<Word>),
}

/// A word of an action.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Word {
    /// `if`, `printf`, `true`.
    Name(String),
    /// `.` and then `Values`, `.Values`.
    Dot,
    /// `.Values`: a field of what stands directly before it, else of the dot.
    Field {
        name: String,
        joined: bool,
    },
    /// `$x`; `$` alone is the whole data.
    Variable(String),
    Text(String),
    Number(i64),
    Open,
    /// `)`.
    Close,
    Pipe,
    Comma,
    /// `:=`.
    Declare,
    /// `=`.
    Assign,
}

/// Takes a text apart.
pub(super) fn lex(text: &str) -> Result<Vec<Piece>, Failure> {
    let mut pieces = Vec::new();
    let mut rest = text;
    let mut line = 1;
    let mut trim_next = false;
    while let Some((before, after)) = rest.split_once("{{") {
        let start = line + lines(before);
        let (trim_before, body) = match after.strip_prefix('-') {
            Some(body) if body.starts_with(char::is_whitespace) => (true, body),
            Some(_) | None => (false, after),
        };
        push_text(&mut pieces, before, trim_next, trim_before);
        let (inside, tail) = inside(body, start)?;
        let (inside, trim) = match inside.strip_suffix('-') {
            Some(cut) if cut.is_empty() || cut.ends_with(char::is_whitespace) => (cut, true),
            Some(_) | None => (inside, false),
        };
        trim_next = trim;
        let consumed = rest.len() - tail.len();
        line += lines(rest.get(..consumed).unwrap_or_default());
        let comment = inside.trim();
        if !(comment.starts_with("/*") && comment.ends_with("*/")) {
            pieces.push(Piece::Action(start, words(inside, start)?));
        }
        rest = tail;
    }
    push_text(&mut pieces, rest, trim_next, false);
    Ok(pieces)
}

fn lines(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

fn push_text(pieces: &mut Vec<Piece>, text: &str, trim_start: bool, trim_end: bool) {
    let text = if trim_start { text.trim_start() } else { text };
    let text = if trim_end { text.trim_end() } else { text };
    if !text.is_empty() {
        pieces.push(Piece::Text(text.to_owned()));
    }
}

fn failure(line: usize, message: impl Into<String>) -> Failure {
    Failure { line, message: message.into() }
}

/// The inside of an action and what follows it. `}}` inside a text or a comment ends nothing.
fn inside(body: &str, line: usize) -> Result<(&str, &str), Failure> {
    let open = || failure(line, "`{{` without `}}`");
    let lead = body.len() - body.trim_start().len();
    if body.trim_start().starts_with("/*") {
        let end = body.find("*/").ok_or_else(|| failure(line, "a comment without `*/`"))?;
        let after = body.get(end + 2..).unwrap_or_default();
        let close = after.find("}}").ok_or_else(open)?;
        return Ok(body.split_at(end + 2 + close))
            .map(|(inside, tail)| (inside, tail.strip_prefix("}}").unwrap_or(tail)));
    }
    let mut quote: Option<char> = None;
    let mut escaped = false;
    for (at, letter) in body.char_indices().skip_while(|(at, _)| *at < lead) {
        match quote {
            Some('`') if letter == '`' => quote = None,
            Some('`') => {}
            Some(_) if escaped => escaped = false,
            Some(_) if letter == '\\' => escaped = true,
            Some(own) if letter == own => quote = None,
            Some(_) if letter == '\n' => return Err(failure(line, "a text without its end")),
            Some(_) => {}
            None if matches!(letter, '"' | '`' | '\'') => quote = Some(letter),
            None => {
                let tail = body.get(at..).unwrap_or_default();
                if let Some(tail) = tail.strip_prefix("}}") {
                    return Ok((body.get(..at).unwrap_or_default(), tail));
                }
            }
        }
    }
    Err(if quote.is_some() { failure(line, "a text without its end") } else { open() })
}

/// The words of an action.
fn words(inside: &str, line: usize) -> Result<Vec<Word>, Failure> {
    let mut found: Vec<Word> = Vec::new();
    let mut rest = inside;
    let mut spaced = true;
    while let Some(first) = rest.chars().next() {
        if first.is_whitespace() {
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
            spaced = true;
            continue;
        }
        let (word, tail) = word(rest, first, spaced, line)?;
        found.push(word);
        rest = tail;
        spaced = false;
    }
    Ok(found)
}

fn word(rest: &str, first: char, spaced: bool, line: usize) -> Result<(Word, &str), Failure> {
    let after = rest.get(first.len_utf8()..).unwrap_or_default();
    let simple = |word: Word| Ok((word, after));
    match first {
        '(' => simple(Word::Open),
        ')' => simple(Word::Close),
        '|' => simple(Word::Pipe),
        ',' => simple(Word::Comma),
        '=' => simple(Word::Assign),
        ':' => match after.strip_prefix('=') {
            Some(tail) => Ok((Word::Declare, tail)),
            None => Err(failure(line, "`:` means nothing here")),
        },
        '"' => quoted(after, line),
        '`' => match after.split_once('`') {
            Some((text, tail)) => Ok((Word::Text(text.to_owned()), tail)),
            None => Err(failure(line, "a text without its end")),
        },
        '.' => match name(after) {
            Some((name, tail)) => Ok((Word::Field { name, joined: !spaced }, tail)),
            None => simple(Word::Dot),
        },
        '$' => match name(after) {
            Some((name, tail)) => Ok((Word::Variable(name), tail)),
            None => simple(Word::Variable(String::new())),
        },
        '-' | '+' | '0'..='9' => number(rest, line),
        _ => match name(rest) {
            Some((name, tail)) => Ok((Word::Name(name), tail)),
            None => Err(failure(line, format!("`{first}` means nothing here"))),
        },
    }
}

fn name(text: &str) -> Option<(String, &str)> {
    let fits = |c: char| c.is_alphanumeric() || c == '_';
    let end = text.find(|c| !fits(c)).unwrap_or(text.len());
    let (name, tail) = text.split_at(end);
    (!name.is_empty()).then(|| (name.to_owned(), tail))
}

fn number(text: &str, line: usize) -> Result<(Word, &str), Failure> {
    let digits = text.trim_start_matches(['-', '+']);
    let lead = text.len() - digits.len();
    let end = digits.find(|c: char| !(c.is_alphanumeric() || c == '.' || c == '_'));
    let (number, tail) = text.split_at(lead + end.unwrap_or(digits.len()));
    match number.parse() {
        Ok(number) => Ok((Word::Number(number), tail)),
        Err(_) => Err(failure(line, format!("`{number}` is not a whole number"))),
    }
}

/// A text in quotes, its escapes replaced.
fn quoted(text: &str, line: usize) -> Result<(Word, &str), Failure> {
    let mut out = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Ok((Word::Text(out), text.get(at + 1..).unwrap_or_default())),
            '\\' => match letters.next().map(|next| next.1) {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => out.push('\r'),
                Some(same @ ('"' | '\\' | '\'')) => out.push(same),
                Some(other) => {
                    return Err(failure(line, format!("`\\{other}` is not a letter here")));
                }
                None => break,
            },
            _ => out.push(letter),
        }
    }
    Err(failure(line, "a text without its end"))
}
