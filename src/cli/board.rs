//! Progress of several things at once: moving lines on a terminal, one line a change elsewhere, and
//! objects for programs.

use std::collections::HashMap;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

use super::output::{End, Format, Output, Style};

/// How far one thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Under way.
    Going,
    /// Under way, with a failure that may pass.
    Failing,
    /// Done.
    Done,
    /// Given up.
    Failed,
}

/// One line: what, how far, in which words, and the object for programs.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its name, unique on the board.
    pub name: String,
    /// How far it is.
    pub stage: Stage,
    /// What goes on, in a few words.
    pub text: String,
    /// For `--json`.
    pub record: Value,
}

/// Shows lines as they change.
pub struct Board<'a> {
    out: &'a Output,
    live: Option<MultiProgress>,
    bars: HashMap<String, ProgressBar>,
    said: HashMap<String, (Stage, String)>,
    width: usize,
}

impl<'a> Board<'a> {
    /// A board for things with these names, which set its first column.
    pub fn new<'n>(out: &'a Output, names: impl Iterator<Item = &'n str>) -> Self {
        let live = out.format == Format::Text && out.err != End::Elsewhere;
        let target = || MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        Board {
            out,
            live: live.then(target),
            bars: HashMap::new(),
            said: HashMap::new(),
            width: names.map(|name| name.chars().count()).max().unwrap_or_default(),
        }
    }

    /// Shows a line if it is new or has changed.
    pub fn show(&mut self, line: &Line) {
        let now = (line.stage, line.text.clone());
        let same = self.said.get(&line.name) == Some(&now);
        if let Some(live) = &self.live {
            let bar = self.bars.entry(line.name.clone()).or_insert_with(|| {
                let bar = live.add(ProgressBar::new_spinner());
                bar.set_prefix(format!("{:width$}", line.name, width = self.width));
                bar
            });
            if !same {
                bar.set_style(style(self.out, line.stage));
                bar.set_message(line.text.clone());
            }
            bar.tick();
        } else if !same {
            let name = format!("{:width$}", line.name, width = self.width);
            self.out.note(format!("{} {name}  {}", mark(line.stage), line.text));
            self.out.record(&line.record);
        }
        self.said.insert(line.name.clone(), now);
    }

    /// Leaves the lines as they are and gives the terminal back.
    pub fn end(&mut self) {
        for bar in self.bars.values() {
            bar.abandon();
        }
        self.live = None;
    }
}

fn mark(stage: Stage) -> &'static str {
    match stage {
        Stage::Going => "-",
        Stage::Failing => "!",
        Stage::Done => "✔",
        Stage::Failed => "✘",
    }
}

fn style(out: &Output, stage: Stage) -> ProgressStyle {
    let template = match stage {
        Stage::Going => "{spinner} {prefix}  {wide_msg}".to_owned(),
        Stage::Failing => {
            format!("{} {{prefix}}  {{wide_msg}}", out.paint_err(Style::Busy, mark(stage)))
        }
        Stage::Done => {
            format!("{} {{prefix}}  {{wide_msg}}", out.paint_err(Style::Good, mark(stage)))
        }
        Stage::Failed => {
            format!("{} {{prefix}}  {{wide_msg}}", out.paint_err(Style::Bad, mark(stage)))
        }
    };
    // A template that indicatif refuses would only cost the look.
    ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
