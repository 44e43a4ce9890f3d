//! Lines with the names of their containers in one column, many at a time.

use serde_json::json;

use super::super::output::{Format, Output, Style};
use super::super::view::Container;
use super::stream::Line;

/// So much is printed at once.
const BLOCK: usize = 32 << 10;

/// Prints lines. What was printed last may wait for [`Printer::flush`].
pub struct Printer<'a> {
    out: &'a Output,
    timestamps: bool,
    width: usize,
    names: Vec<String>,
    block: String,
}

impl<'a> Printer<'a> {
    /// A printer without names yet.
    pub fn new(out: &'a Output, timestamps: bool) -> Self {
        Printer { out, timestamps, width: 0, names: Vec::new(), block: String::new() }
    }

    /// Learns the names that there are, which set the width of their column.
    pub fn make_room(&mut self, containers: &[Container]) {
        for one in containers {
            self.width = self.width.max(one.name.chars().count());
            if !self.names.contains(&one.name) {
                self.names.push(one.name.clone());
            }
        }
    }

    /// Prints a line.
    pub fn print(&mut self, name: &str, line: &Line) {
        let text = self.text(name, line);
        self.block.push_str(&text);
        self.block.push('\n');
        if self.block.len() >= BLOCK {
            self.flush();
        }
    }

    /// Everything is seen after this.
    pub fn flush(&mut self) {
        if !self.block.is_empty() {
            self.out.bytes(self.block.as_bytes());
            self.block.clear();
        }
    }

    fn text(&self, name: &str, line: &Line) -> String {
        if self.out.format == Format::Json {
            return json!({
                "type": "log", "container": name, "stream": line.stream.name(),
                "time": line.time, "line": line.text,
            })
            .to_string();
        }
        let at = self.names.iter().position(|known| known == name).unwrap_or_default();
        let prefix = format!("{name:width$} |", width = self.width);
        let prefix = self.out.paint(Style::Series(at), &prefix);
        match line.time.as_deref().filter(|_| self.timestamps) {
            Some(time) => format!("{prefix} {} {}", self.out.paint(Style::Dim, time), line.text),
            None => format!("{prefix} {}", line.text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::output::End;
    use super::super::stream::Stream;
    use super::*;
    use expect_test::expect;

    #[test]
    fn names_have_a_column_and_on_terminals_a_colour() {
        let line = |text: &str| Line {
            stream: Stream::Err,
            time: Some("2024-05-01T10:11:12Z".to_owned()),
            text: text.to_owned(),
        };
        let containers = ["web", "worker"].map(|name| Container::read(&json!({ "name": name })));
        let text = |format, end, timestamps| {
            let out = Output { format, out: end, err: end, width: None };
            let mut printer = Printer::new(&out, timestamps);
            printer.make_room(&containers);
            let lines = [printer.text("web", &line("one")), printer.text("worker", &line("two"))];
            lines.join("\n").replace('\u{1b}', "ESC")
        };
        expect![[r#"
            web    | one
            worker | two"#]]
        .assert_eq(&text(Format::Text, End::Plain, false));
        expect![[r#"
            web    | 2024-05-01T10:11:12Z one
            worker | 2024-05-01T10:11:12Z two"#]]
        .assert_eq(&text(Format::Text, End::Elsewhere, true));
        expect![[r#"
            ESC[36mweb    |ESC[0m one
            ESC[33mworker |ESC[0m two"#]]
        .assert_eq(&text(Format::Text, End::Coloured, false));
        expect![[r#"
            {"type":"log","container":"web","stream":"stderr","time":"2024-05-01T10:11:12Z","line":"one"}
            {"type":"log","container":"worker","stream":"stderr","time":"2024-05-01T10:11:12Z","line":"two"}"#]]
        .assert_eq(&text(Format::Json, End::Coloured, false));
    }
}
