//! The pieces of a template as a tree.

use super::Failure;
use super::lex::{Piece, Word};

/// How deep actions and parentheses may be nested.
const MAX_DEPTH: usize = 64;

/// A part of a template.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Text(String),
    /// A pipeline whose value is printed, unless it sets a variable.
    Print(Pipe),
    /// `if`, `with`, `range`: what is done if there is something, and if not.
    Block {
        kind: Kind,
        pipe: Pipe,
        then: Vec<Node>,
        other: Vec<Node>,
    },
    Break(usize),
    Continue(usize),
}

/// What a block does with its pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    If,
    With,
    Range,
}

impl Kind {
    fn named(name: &str) -> Option<Self> {
        [("if", Kind::If), ("with", Kind::With), ("range", Kind::Range)]
            .into_iter()
            .find(|row| row.0 == name)
            .map(|row| row.1)
    }
}

/// Calls, each given the value of the one before.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pipe {
    pub line: usize,
    /// Variables that are set, and whether they are new.
    pub names: Vec<String>,
    pub declares: bool,
    pub calls: Vec<Vec<Operand>>,
}

/// What a call begins with, or is given.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Operand {
    pub term: Term,
    pub fields: Vec<String>,
}

/// The beginning of an operand.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Term {
    Dot,
    Variable(String),
    Function(String),
    Text(String),
    Number(i64),
    Flag(bool),
    Nil,
    Group(Pipe),
}

/// Builds the tree.
pub(super) fn parse(pieces: Vec<Piece>) -> Result<Vec<Node>, Failure> {
    let mut parser = Parser { pieces: pieces.into_iter(), line: 1 };
    let (nodes, end) = parser.list(0)?;
    match end {
        Ended::File => Ok(nodes),
        Ended::End | Ended::Else(_) => {
            Err(failure(parser.line, "`end` or `else` without `if`, `with` or `range`"))
        }
    }
}

fn failure(line: usize, message: impl Into<String>) -> Failure {
    Failure { line, message: message.into() }
}

struct Parser {
    pieces: std::vec::IntoIter<Piece>,
    line: usize,
}

/// What ended a list.
enum Ended {
    File,
    End,
    /// With the words after `else`.
    Else(Vec<Word>),
}

impl Parser {
    fn list(&mut self, depth: usize) -> Result<(Vec<Node>, Ended), Failure> {
        let mut nodes = Vec::new();
        while let Some(piece) = self.pieces.next() {
            let (line, words) = match piece {
                Piece::Text(text) => {
                    nodes.push(Node::Text(text));
                    continue;
                }
                Piece::Action(line, words) => (line, words),
            };
            self.line = line;
            let name = match words.first() {
                Some(Word::Name(name)) => name.as_str(),
                Some(_) | None => "",
            };
            let rest = || words.get(1..).unwrap_or_default().to_vec();
            match name {
                "end" if words.len() == 1 => return Ok((nodes, Ended::End)),
                "else" => return Ok((nodes, Ended::Else(rest()))),
                "break" if words.len() == 1 => nodes.push(Node::Break(line)),
                "continue" if words.len() == 1 => nodes.push(Node::Continue(line)),
                "define" | "template" | "block" => {
                    return Err(failure(line, format!("`{name}` is not supported")));
                }
                _ => match Kind::named(name) {
                    Some(kind) => nodes.push(self.block(kind, &rest(), line, depth)?),
                    None => nodes.push(Node::Print(pipe(&words, line)?)),
                },
            }
        }
        Ok((nodes, Ended::File))
    }

    fn block(
        &mut self,
        kind: Kind,
        words: &[Word],
        line: usize,
        depth: usize,
    ) -> Result<Node, Failure> {
        if depth >= MAX_DEPTH {
            return Err(failure(line, format!("blocks are nested more than {MAX_DEPTH} deep")));
        }
        let pipe = pipe(words, line)?;
        let (then, end) = self.list(depth + 1)?;
        let other = match end {
            Ended::End => Vec::new(),
            Ended::File => return Err(failure(line, "a block without `end`")),
            Ended::Else(words) if words.is_empty() => {
                let (other, end) = self.list(depth + 1)?;
                match end {
                    Ended::End => other,
                    Ended::File => return Err(failure(line, "a block without `end`")),
                    Ended::Else(_) => return Err(failure(self.line, "a second `else`")),
                }
            }
            // `else if` is an `if` of its own that ends with this one.
            Ended::Else(words) => {
                let name = match words.first() {
                    Some(Word::Name(name)) => name.as_str(),
                    Some(_) | None => "",
                };
                let Some(kind) = Kind::named(name).filter(|kind| *kind != Kind::Range) else {
                    return Err(failure(self.line, "only `if` or `with` may follow `else`"));
                };
                let own = self.line;
                vec![self.block(kind, words.get(1..).unwrap_or_default(), own, depth + 1)?]
            }
        };
        Ok(Node::Block { kind, pipe, then, other })
    }
}

/// Reads a pipeline from all of the words.
fn pipe(words: &[Word], line: usize) -> Result<Pipe, Failure> {
    let mut reader = Reader { words, at: 0, line };
    let pipe = reader.pipe(0)?;
    match reader.words.get(reader.at) {
        None => Ok(pipe),
        Some(Word::Close) => Err(failure(line, "`)` without `(`")),
        Some(_) => Err(failure(line, "there is a word too many")),
    }
}

struct Reader<'a> {
    words: &'a [Word],
    at: usize,
    line: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<&Word> {
        self.words.get(self.at)
    }

    /// `$a, $b := ` or `$a = ` at the beginning, if there.
    fn names(&mut self) -> (Vec<String>, bool) {
        let variable = |word: Option<&Word>| match word {
            Some(Word::Variable(name)) if !name.is_empty() => Some(name.clone()),
            Some(_) | None => None,
        };
        let get = |offset: usize| self.words.get(self.at + offset);
        let (names, length) = match (variable(get(0)), get(1), variable(get(2))) {
            (Some(first), Some(Word::Comma), Some(second)) => (vec![first, second], 3),
            (Some(first), _, _) => (vec![first], 1),
            (None, _, _) => return (Vec::new(), false),
        };
        match get(length) {
            Some(sign @ (Word::Declare | Word::Assign)) => {
                let declares = *sign == Word::Declare;
                self.at += length + 1;
                (names, declares)
            }
            Some(_) | None => (Vec::new(), false),
        }
    }

    fn pipe(&mut self, depth: usize) -> Result<Pipe, Failure> {
        if depth >= MAX_DEPTH {
            let message = format!("parentheses are nested more than {MAX_DEPTH} deep");
            return Err(failure(self.line, message));
        }
        let (names, declares) = self.names();
        let mut calls = vec![self.call(depth)?];
        while self.peek() == Some(&Word::Pipe) {
            self.at += 1;
            calls.push(self.call(depth)?);
        }
        Ok(Pipe { line: self.line, names, declares, calls })
    }

    fn call(&mut self, depth: usize) -> Result<Vec<Operand>, Failure> {
        let mut operands = Vec::new();
        while let Some(operand) = self.operand(depth)? {
            operands.push(operand);
        }
        if operands.is_empty() {
            return Err(failure(self.line, "a value is missing"));
        }
        Ok(operands)
    }

    fn operand(&mut self, depth: usize) -> Result<Option<Operand>, Failure> {
        let mut fields = Vec::new();
        let term = match self.peek() {
            None | Some(Word::Pipe | Word::Close) => return Ok(None),
            Some(Word::Dot) => Term::Dot,
            Some(Word::Field { name, .. }) => {
                fields.push(name.clone());
                Term::Dot
            }
            Some(Word::Variable(name)) => Term::Variable(name.clone()),
            Some(Word::Text(text)) => Term::Text(text.clone()),
            Some(Word::Number(number)) => Term::Number(*number),
            Some(Word::Name(name)) => match name.as_str() {
                "true" => Term::Flag(true),
                "false" => Term::Flag(false),
                "nil" => Term::Nil,
                _ => Term::Function(name.clone()),
            },
            Some(Word::Open) => {
                self.at += 1;
                let pipe = self.pipe(depth + 1)?;
                if self.peek() != Some(&Word::Close) {
                    return Err(failure(self.line, "`(` without `)`"));
                }
                Term::Group(pipe)
            }
            Some(Word::Comma | Word::Declare | Word::Assign) => {
                return Err(failure(self.line, "`,`, `=` or `:=` means nothing here"));
            }
        };
        self.at += 1;
        while let Some(Word::Field { name, joined: true }) = self.peek() {
            fields.push(name.clone());
            self.at += 1;
        }
        Ok(Some(Operand { term, fields }))
    }
}
