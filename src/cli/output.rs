//! The only place that prints: text for people, or one JSON object a line for programs.
//!
//! What was asked for goes to standard output; progress, warnings and errors to standard error.
//! Colours are for terminals only, and not when `NO_COLOR` is set.

use std::io::{self, BufRead as _, ErrorKind, IsTerminal as _, Write};

use comfy_table::{
    Attribute, Cell, Color, ColumnConstraint, ContentArrangement, Table, Width, presets,
};
use rustix::termios::tcgetwinsize;
use serde_json::{Value, json};

use super::Result;
use super::failure::Failure;
use crate::compose::{Problem, Severity};
use crate::config::Surroundings;

/// Who reads the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A person.
    Text,
    /// A program: one JSON object a line.
    Json,
}

/// What is at the end of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// A terminal that shows colours.
    Coloured,
    /// A terminal without colours.
    Plain,
    /// A file or another program.
    Elsewhere,
}

/// How a piece of text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Fine, or new.
    Good,
    /// Under way, or changed.
    Busy,
    /// Wrong, or removed.
    Bad,
    /// Of little interest.
    Dim,
    /// Of much interest.
    Bold,
    /// One of a row of colours that tell neighbours apart.
    Series(usize),
}

/// SGR codes that tell neighbours apart on dark and light terminals.
const SERIES: [u8; 10] = [36, 33, 32, 35, 34, 96, 93, 92, 95, 94];

impl Style {
    fn code(self) -> u8 {
        match self {
            Style::Good => 32,
            Style::Busy => 33,
            Style::Bad => 31,
            Style::Dim => 2,
            Style::Bold => 1,
            Style::Series(at) => SERIES.get(at % SERIES.len()).copied().unwrap_or(36),
        }
    }

    fn cell(self, text: &str) -> Cell {
        match self {
            Style::Good => Cell::new(text).fg(Color::Green),
            Style::Busy => Cell::new(text).fg(Color::Yellow),
            Style::Bad => Cell::new(text).fg(Color::Red),
            Style::Dim => Cell::new(text).add_attribute(Attribute::Dim),
            Style::Bold | Style::Series(_) => Cell::new(text).add_attribute(Attribute::Bold),
        }
    }
}

/// Terminals with fewer columns get tables as wide as they are.
const NARROWEST: u16 = 20;
/// The first column, which says what a row is about, is not cut as long as it has so many letters and the
/// table is twice as wide.
const NAME: usize = 32;

/// A row of a table: texts, each with its look if it has one.
pub type Row = Vec<(String, Option<Style>)>;

/// An answer to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Go on.
    Yes,
    /// Do nothing.
    No,
}

/// Where output goes.
#[derive(Clone, Debug)]
pub struct Output {
    /// Who reads it.
    pub format: Format,
    /// Standard output.
    pub out: End,
    /// Standard error.
    pub err: End,
    /// Columns of the terminal at standard output.
    pub width: Option<u16>,
}

impl Output {
    /// The streams of this process.
    pub fn real(json: bool, around: &Surroundings) -> Self {
        let plain = around.var("NO_COLOR").is_some() || around.var("TERM") == Some("dumb");
        let end = |terminal: bool| match (terminal, plain) {
            (true, false) => End::Coloured,
            (true, true) => End::Plain,
            (false, _) => End::Elsewhere,
        };
        Output {
            format: if json { Format::Json } else { Format::Text },
            out: end(io::stdout().is_terminal()),
            err: end(io::stderr().is_terminal()),
            width: tcgetwinsize(io::stdout()).ok().map(|size| size.ws_col),
        }
    }

    /// A line for a person.
    pub fn line(&self, text: impl AsRef<str>) {
        if self.format == Format::Text {
            write_line(&mut io::stdout().lock(), text.as_ref());
        }
    }

    /// A line about what is going on, on standard error.
    pub fn note(&self, text: impl AsRef<str>) {
        if self.format == Format::Text {
            write_line(&mut io::stderr().lock(), text.as_ref());
        }
    }

    /// An object for a program.
    pub fn record(&self, value: &Value) {
        if self.format == Format::Json {
            write_line(&mut io::stdout().lock(), &value.to_string());
        }
    }

    /// A line for a person or an object for a program.
    pub fn say(&self, text: impl AsRef<str>, value: &Value) {
        self.line(text);
        self.record(value);
    }

    /// Something odd that does not stop the verb.
    pub fn warning(&self, text: impl AsRef<str>) {
        let text = text.as_ref();
        self.note(format!("{} {text}", self.paint_err(Style::Busy, "warning:")));
        self.record(&json!({ "type": "warning", "message": text }));
    }

    /// The end of a verb that failed.
    pub fn failure(&self, failure: &Failure) {
        match self.format {
            Format::Json => write_line(&mut io::stderr().lock(), &failure.json().to_string()),
            Format::Text => {
                self.note(format!("{} {failure}", self.paint_err(Style::Bad, "error:")));
                if let Some(hint) = &failure.hint {
                    self.note(format!("{} {hint}", self.paint_err(Style::Bold, "next:")));
                }
            }
        }
    }

    /// A finding in a compose file; `shown` is the file as the person named it.
    pub fn problem(&self, problem: &Problem, shown: &str) {
        let problem = Problem { file: shown.to_owned(), ..problem.clone() };
        let style = match problem.severity {
            Severity::Error => Style::Bad,
            Severity::Warning => Style::Busy,
        };
        self.note(self.paint_err(style, &problem.to_string()));
        let mut record = json!({ "type": "problem" });
        if let (Some(record), Ok(Value::Object(fields))) =
            (record.as_object_mut(), serde_json::to_value(&problem))
        {
            record.extend(fields);
        }
        self.record(&record);
    }

    /// A table without lines; a column that is empty in every row is left out.
    pub fn table(&self, head: &[&str], rows: &[Row]) {
        if self.format == Format::Text {
            let text = render_table(head, rows, self.out, self.width);
            write_line(&mut io::stdout().lock(), text.trim_end());
        }
    }

    /// A table in the place of the one before, on a terminal; what does not fit below is left out.
    pub fn screen(&self, head: &[&str], rows: &[Row]) {
        let text = render_table(head, rows, self.out, self.width);
        let height = tcgetwinsize(io::stdout()).map_or(usize::MAX, |size| size.ws_row.into());
        let lines: Vec<&str> = text.lines().take(height.saturating_sub(1).max(1)).collect();
        let text = format!("\u{1b}[H\u{1b}[2J{}\n", lines.join("\n"));
        write_part(&mut io::stdout().lock(), &text);
    }

    /// Text with a look, for standard output.
    pub fn paint(&self, style: Style, text: &str) -> String {
        paint(self.out, style, text)
    }

    /// Text with a look, for standard error.
    pub fn paint_err(&self, style: Style, text: &str) -> String {
        paint(self.err, style, text)
    }

    /// Asks on the terminal; without one (or for a program) there is nobody to ask.
    ///
    /// # Errors
    /// When nobody can be asked; `instead` is the flag that answers beforehand.
    pub fn ask(&self, question: &str, instead: &str) -> Result<Answer> {
        let asked = self.format == Format::Text && io::stdin().is_terminal();
        if !asked {
            let message =
                format!("this needs a yes, and there is no terminal to ask on: {question}");
            return Err(Failure::usage(message).hint(format!("say {instead}")));
        }
        write_part(&mut io::stderr().lock(), &format!("{question} [y/N] "));
        let mut answer = String::new();
        let read = io::stdin().lock().read_line(&mut answer);
        read.map_err(|error| Failure::new(format!("cannot read the answer: {error}")))?;
        match answer.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(Answer::Yes),
            _ => Ok(Answer::No),
        }
    }

    /// Bytes as they are, for standard output.
    pub fn bytes(&self, bytes: &[u8]) {
        let mut stream = io::stdout().lock();
        finish_without_reader(&stream.write_all(bytes).and_then(|()| stream.flush()));
    }

    /// Bytes as they are, for standard error.
    pub fn bytes_err(&self, bytes: &[u8]) {
        let mut stream = io::stderr().lock();
        finish_without_reader(&stream.write_all(bytes).and_then(|()| stream.flush()));
    }

    /// A question on standard error that stays on its line.
    pub fn prompt(&self, text: &str) {
        write_part(&mut io::stderr().lock(), text);
    }
}

fn paint(end: End, style: Style, text: &str) -> String {
    match end {
        End::Coloured => format!("\u{1b}[{}m{text}\u{1b}[0m", style.code()),
        End::Plain | End::Elsewhere => text.to_owned(),
    }
}

/// The text of a table as it is shown at such an end; `width` is the terminal's, in columns.
pub fn render_table(head: &[&str], rows: &[Row], end: End, width: Option<u16>) -> String {
    let shown = |at: usize| rows.iter().any(|row| row.get(at).is_some_and(|c| !c.0.is_empty()));
    let shown: Vec<usize> = (0..head.len()).filter(|at| shown(*at)).collect();
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    match end {
        End::Coloured => table.enforce_styling(),
        End::Plain | End::Elsewhere => table.force_no_tty(),
    };
    // A file has no width; a terminal too narrow for columns breaks lines better by itself.
    let width = width.filter(|width| *width >= NARROWEST && end != End::Elsewhere);
    if let Some(width) = width {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    let title = |at: &usize| head.get(*at).copied().unwrap_or_default();
    let mut titles = comfy_table::Row::from(shown.iter().map(|at| Style::Bold.cell(title(at))));
    titles.max_height(1);
    table.set_header(titles);
    for row in rows {
        let cells = shown.iter().filter_map(|at| row.get(*at)).map(|(text, style)| match style {
            Some(style) => style.cell(text),
            None => Cell::new(text),
        });
        let mut cells = comfy_table::Row::from(cells);
        if width.is_some() {
            // What does not fit ends with an ellipsis.
            cells.max_height(1);
        }
        table.add_row(cells);
    }
    if let (Some(width), Some(first)) = (width, table.column_mut(0)) {
        let longest = rows.iter().filter_map(|row| row.first()).map(|cell| cell.0.chars().count());
        let longest = longest.max().unwrap_or_default().min(NAME).min(usize::from(width) / 2);
        let lower = u16::try_from(longest + 2).unwrap_or_default();
        first.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(lower)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let text = table.to_string();
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

fn write_line(stream: &mut impl Write, text: &str) {
    let written = writeln!(stream, "{text}").and_then(|()| stream.flush());
    finish_without_reader(&written);
}

fn write_part(stream: &mut impl Write, text: &str) {
    let written = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
    finish_without_reader(&written);
}

/// When nobody reads any more (`ranchette logs | head`), there is nothing left to do.
fn finish_without_reader(written: &io::Result<()>) {
    if written.as_ref().is_err_and(|error| error.kind() == ErrorKind::BrokenPipe) {
        std::process::exit(0);
    }
}
