//! `printf`.

use super::value::Value;

/// The width of a value at most.
const MAX_WIDTH: usize = 1_000;

/// How one value is to be written.
#[derive(Default)]
struct Form {
    left: bool,
    zeros: bool,
    width: usize,
    precision: Option<usize>,
}

/// A text with its verbs replaced by values.
pub(super) fn sprintf(format: &str, values: &[Value]) -> Result<String, String> {
    let mut out = String::new();
    let mut values = values.iter();
    let mut letters = format.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            out.push(letter);
            continue;
        }
        let mut form = Form::default();
        while let Some(flag) = letters.next_if(|c| "-0+ #".contains(*c)) {
            form.left |= flag == '-';
            form.zeros |= flag == '0';
        }
        form.width = digits(&mut letters);
        if letters.next_if_eq(&'.').is_some() {
            form.precision = Some(digits(&mut letters));
        }
        if form.width > MAX_WIDTH {
            return Err(format!("a value is at most {MAX_WIDTH} letters wide"));
        }
        match letters.next() {
            Some('%') => out.push('%'),
            Some(verb) => match values.next() {
                Some(value) => out.push_str(&form.padded(&form.shown(verb, value)?)),
                None => out.push_str(&format!("%!{verb}(MISSING)")),
            },
            None => out.push_str("%!(NOVERB)"),
        }
    }
    Ok(out)
}

fn digits(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> usize {
    let mut number: usize = 0;
    while let Some(digit) = letters.next_if(char::is_ascii_digit) {
        let digit = usize::try_from(digit.to_digit(10).unwrap_or(0)).unwrap_or(0);
        number = number.saturating_mul(10).saturating_add(digit);
    }
    number
}

impl Form {
    fn shown(&self, verb: char, value: &Value) -> Result<String, String> {
        let cut = |text: String| match self.precision {
            Some(length) => text.chars().take(length).collect(),
            None => text,
        };
        Ok(match (verb, value) {
            ('v' | 's', value) => cut(value.shown()),
            ('q', value) => format!("{:?}", cut(value.shown())),
            ('d', Value::Number(number)) => number.to_string(),
            ('x', Value::Number(number)) => format!("{number:x}"),
            ('t', Value::Flag(flag)) => flag.to_string(),
            ('d' | 'x' | 't', value) => format!("%!{verb}({})", value.shown()),
            _ => return Err(format!("`%{verb}` is not supported")),
        })
    }

    fn padded(&self, text: &str) -> String {
        let missing = self.width.saturating_sub(text.chars().count());
        if self.left {
            return format!("{text}{}", " ".repeat(missing));
        }
        let blank = if self.zeros { "0" } else { " " };
        format!("{}{text}", blank.repeat(missing))
    }
}
