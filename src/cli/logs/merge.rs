//! Several logs as one, in the order of time. At most the heads of all are held, besides their queues.

use std::collections::HashMap;

use tokio::sync::mpsc::Receiver;
use tokio::sync::mpsc::error::TryRecvError;

use super::printer::Printer;
use super::stream::{Line, Pipe};

/// One log.
pub struct Feed {
    name: String,
    pipe: Receiver<Pipe>,
    head: Option<Line>,
    end: Option<End>,
    last: Option<String>,
}

/// How a log ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// Why it could not be read, or not to its end.
    pub why: Option<String>,
    /// The time of its last line.
    pub last: Option<String>,
}

impl Feed {
    /// A log whose lines come through a queue.
    pub fn new(name: &str, pipe: Receiver<Pipe>) -> Self {
        Feed { name: name.to_owned(), pipe, head: None, end: None, last: None }
    }

    /// Waits until the next line is known, or that there is none.
    async fn fill(&mut self, printer: &mut Printer<'_>) {
        if self.head.is_some() || self.end.is_some() {
            return;
        }
        let pipe = match self.pipe.try_recv() {
            Ok(pipe) => Some(pipe),
            Err(TryRecvError::Disconnected) => None,
            Err(TryRecvError::Empty) => {
                // Somebody may be looking while we wait.
                printer.flush();
                self.pipe.recv().await
            }
        };
        match pipe {
            Some(Pipe::Line(_, line)) => self.head = Some(line),
            Some(Pipe::End(_, why)) => self.end = Some(End { why, last: self.last.take() }),
            None => self.end = Some(End { why: None, last: self.last.take() }),
        }
    }
}

/// Prints all lines; how each log ended, by its name.
pub async fn print(mut feeds: Vec<Feed>, printer: &mut Printer<'_>) -> HashMap<String, End> {
    loop {
        for feed in &mut feeds {
            feed.fill(printer).await;
        }
        let heads = feeds.iter().map(|feed| feed.head.as_ref());
        let Some(feed) = earliest(heads).and_then(|at| feeds.get_mut(at)) else { break };
        if let Some(line) = feed.head.take() {
            printer.print(&feed.name, &line);
            feed.last = line.time.or(feed.last.take());
        }
    }
    printer.flush();
    feeds.into_iter().map(|feed| (feed.name, feed.end.unwrap_or_default())).collect()
}

/// The place of the earliest line, of the first if there are several. Times are written alike, so that
/// their text sorts; lines without one come at once.
fn earliest<'a>(heads: impl Iterator<Item = Option<&'a Line>>) -> Option<usize> {
    let known = heads.enumerate().filter_map(|(at, line)| Some((at, line?)));
    known.min_by(|a, b| a.1.time.cmp(&b.1.time)).map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::super::super::output::{End as Stop, Format, Output};
    use super::super::stream::Stream;
    use super::*;

    fn line(time: &str) -> Line {
        let time = (!time.is_empty()).then(|| time.to_owned());
        Line { stream: Stream::Out, time, text: String::new() }
    }

    #[test]
    fn the_earliest_line_is_next() {
        let check = |heads: &[Option<&str>], expect: Option<usize>| {
            let lines: Vec<Option<Line>> = heads.iter().map(|head| head.map(line)).collect();
            assert_eq!(earliest(lines.iter().map(Option::as_ref)), expect, "of {heads:?}");
        };
        check(&[], None);
        check(&[None, None], None);
        check(&[Some("2"), Some("1"), None], Some(1));
        check(&[Some("1"), Some("1")], Some(0));
        check(&[Some("1"), Some("")], Some(1));
    }

    #[tokio::test]
    async fn each_log_ends_with_its_last_time_and_reason() {
        let out = Output {
            format: Format::Json,
            out: Stop::Elsewhere,
            err: Stop::Elsewhere,
            width: None,
        };
        let feed = |name: &str, times: &[&str], why: Option<&str>| {
            let (to, from) = mpsc::channel(16);
            for time in times {
                to.try_send(Pipe::Line(name.to_owned(), line(time))).unwrap();
            }
            to.try_send(Pipe::End(name.to_owned(), why.map(str::to_owned))).unwrap();
            Feed::new(name, from)
        };
        let feeds = vec![
            feed("a", &["1", "3"], None),
            feed("b", &[], Some("gone")),
            feed("c", &["2", ""], None),
        ];
        let ends = print(feeds, &mut Printer::new(&out, false)).await;
        let end = |last: Option<&str>, why: Option<&str>| End {
            why: why.map(str::to_owned),
            last: last.map(str::to_owned),
        };
        let expect = [
            ("a", end(Some("3"), None)),
            ("b", end(None, Some("gone"))),
            ("c", end(Some("2"), None)),
        ];
        assert_eq!(ends, expect.map(|(name, end)| (name.to_owned(), end)).into());
    }
}
