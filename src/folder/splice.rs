//! What a person's editor makes of a file, and back: the bytes outside of what was changed stay as they are.
//!
//! An editor in a browser knows text with `\n` between lines. The file may have other line endings, several
//! kinds of them, a mark of its encoding in front, and no end to its last line. Pure.

/// The mark that some editors put in front of UTF-8 text.
const MARK: char = '\u{feff}';

/// How the lines of a file end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineEnding {
    /// `\n`.
    Lf,
    /// `\r\n`.
    CrLf,
    /// `\r`.
    Cr,
}

impl LineEnding {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lf => "lf",
            Self::CrLf => "crlf",
            Self::Cr => "cr",
        }
    }

    const fn written(self) -> &'static str {
        match self {
            Self::Lf => "\n",
            Self::CrLf => "\r\n",
            Self::Cr => "\r",
        }
    }

    /// That of most lines; of files without any, `\n`.
    pub fn of(text: &str) -> Self {
        let (mut lf, mut crlf, mut cr) = (0usize, 0usize, 0usize);
        for unit in units(text).iter().filter(|unit| unit.shown == '\n') {
            match text.get(unit.start..unit.end) {
                Some("\r\n") => crlf += 1,
                Some("\r") => cr += 1,
                Some(_) | None => lf += 1,
            }
        }
        if crlf > lf && crlf >= cr {
            Self::CrLf
        } else if cr > lf {
            Self::Cr
        } else {
            Self::Lf
        }
    }
}

/// A character as an editor shows it, and the bytes it stands for.
#[derive(Clone, Copy, Debug)]
struct Unit {
    shown: char,
    start: usize,
    end: usize,
}

/// The bytes in front of the text.
fn mark(text: &str) -> usize {
    if text.starts_with(MARK) { MARK.len_utf8() } else { 0 }
}

fn units(text: &str) -> Vec<Unit> {
    let mut units = Vec::new();
    let mut at = mark(text);
    let mut letters = text.get(at..).unwrap_or_default().chars().peekable();
    while let Some(letter) = letters.next() {
        let mut end = at + letter.len_utf8();
        if letter == '\r' && letters.next_if_eq(&'\n').is_some() {
            end += 1;
        }
        let shown = if letter == '\r' { '\n' } else { letter };
        units.push(Unit { shown, start: at, end });
        at = end;
    }
    units
}

/// Whether a file begins with the mark of UTF-8.
pub fn has_mark(text: &str) -> bool {
    mark(text) > 0
}

/// The text as an editor shows it.
pub fn shown(text: &str) -> String {
    units(text).iter().map(|unit| unit.shown).collect()
}

/// The file that says `edited`: what that has in common with the present text at its beginning and its end
/// stays byte for byte; what is new between has the file's own line endings.
pub fn splice(original: &str, edited: &str) -> String {
    let units = units(original);
    let edited = edited.replace("\r\n", "\n").replace('\r', "\n");
    let wanted: Vec<char> = edited.chars().collect();
    let same = |(unit, letter): &(&Unit, &char)| unit.shown == **letter;
    let front = units.iter().zip(&wanted).take_while(same).count();
    let (rest, new) = (units.get(front..), wanted.get(front..));
    let (rest, new) = (rest.unwrap_or_default(), new.unwrap_or_default());
    let back = rest.iter().rev().zip(new.iter().rev()).take_while(same).count();
    let end_of_front = front.checked_sub(1).and_then(|last| units.get(last));
    let end_of_front = end_of_front.map_or(mark(original), |unit| unit.end);
    let start_of_back = rest.get(rest.len() - back);
    let start_of_back = start_of_back.map_or(original.len(), |unit| unit.start);
    let ending = LineEnding::of(original);
    let mut made = original.get(..end_of_front).unwrap_or_default().to_owned();
    let mut buffer = [0; 4];
    for letter in new.get(..new.len() - back).unwrap_or_default() {
        let bytes =
            if *letter == '\n' { ending.written() } else { letter.encode_utf8(&mut buffer) };
        append(&mut made, bytes);
    }
    append(&mut made, original.get(start_of_back..).unwrap_or_default());
    made
}

/// Two ends of lines that come to stand beside each other must not become one: the first is given both bytes.
fn append(made: &mut String, more: &str) {
    if made.ends_with('\r') && more.starts_with('\n') {
        made.push('\n');
    }
    made.push_str(more);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(original: &str, edited: &str, expect: &str) {
        assert_eq!(splice(original, edited), expect, "of {original:?}");
    }

    #[test]
    fn only_the_edited_span_changes() {
        check("a: 1\r\nb: 2\r\n", "a: 1\nb: 3\n", "a: 1\r\nb: 3\r\n");
        check("a: 1\r\nb: 2\r\n", "a: 1\nx: 0\nb: 2\n", "a: 1\r\nx: 0\r\nb: 2\r\n");
        check("\u{feff}a: 1", "a: 2", "\u{feff}a: 2");
        check("\u{feff}", "a", "\u{feff}a");
        check("a: 1\nlast", "a: 2\nlast", "a: 2\nlast");
        check(
            "mixed\r\nlines\nhere\rend",
            "mixed\nlines\nthere\nend",
            "mixed\r\nlines\nthere\rend",
        );
        check("", "new\n", "new\n");
        check("all gone\r\n", "", "");
        check("gr\u{fc}n: 1\n", "gr\u{fc}n: 2\n", "gr\u{fc}n: 2\n");
        // Two line ends, not one of two bytes.
        check("a\rx\nb", "a\n\nb", "a\r\n\nb");
        check("a\rb\r\rx\nc", "a\nb\n\n\nc", "a\rb\r\r\n\nc");
    }

    #[test]
    fn a_file_that_is_not_changed_stays_what_it_is() {
        for original in ["a\r\nb\nc\rd\r\r\n\n\r", "\u{feff}\r\n", "", "\r\n\n"] {
            assert_eq!(splice(original, &shown(original)), original);
        }
    }

    #[test]
    fn most_lines_say_how_lines_end() {
        for (text, expect) in
            [("a\r\nb\r\nc\n", "crlf"), ("a\nb\r\n", "lf"), ("a\rb\rc\n", "cr"), ("none", "lf")]
        {
            assert_eq!(LineEnding::of(text).as_str(), expect);
        }
    }

    /// Text as files have it: words, and line endings of every kind.
    fn file() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            Just("\n".to_owned()),
            Just("\r\n".to_owned()),
            Just("\r".to_owned()),
            Just("\0".to_owned()),
            "[a-z: #\u{e4}\u{20ac}\u{1f600}]{0,6}",
        ];
        let parts = prop::collection::vec(part, 0..24);
        (any::<bool>(), parts).prop_map(|(marked, parts)| {
            let mark = if marked { "\u{feff}" } else { "" };
            format!("{mark}{}", parts.concat())
        })
    }

    proptest! {
        /// Whatever is edited, everything outside of the edit is in the new file byte for byte, and the new
        /// file reads as the editor's text.
        #[test]
        fn bytes_outside_the_edit_are_kept(
            original in file(),
            from in any::<prop::sample::Index>(),
            length in 0usize..8,
            typed in "[a-z\u{20ac}\n]{0,6}",
        ) {
            let known = units(&original);
            let start = from.index(known.len() + 1);
            let end = (start + length).min(known.len());
            let front: String = known[..start].iter().map(|unit| unit.shown).collect();
            let back: String = known[end..].iter().map(|unit| unit.shown).collect();
            let edited = format!("{front}{typed}{back}");
            let made = splice(&original, &edited);
            prop_assert_eq!(shown(&made), edited);
            // What is left between the bytes that both have in front and at the end is no more than was
            // typed and taken away, and one line end where two would have become one. (Among equal
            // characters nobody can say at which of them something was typed.)
            let bytes = |text: &str| -> Vec<String> {
                units(text).iter().map(|unit| text[unit.start..unit.end].to_owned()).collect()
            };
            let (before, after) = (bytes(&original), bytes(&made));
            let front = before.iter().zip(&after).take_while(|(a, b)| a == b).count();
            let (before, after) = (&before[front..], &after[front..]);
            let back =
                before.iter().rev().zip(after.iter().rev()).take_while(|(a, b)| a == b).count();
            prop_assert!(before.len() - back <= end - start + 1, "{made:?}");
            prop_assert!(after.len() - back <= typed.chars().count() + 1, "{made:?}");
            prop_assert_eq!(has_mark(&made), has_mark(&original));
        }
    }
}
