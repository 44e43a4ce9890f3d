//! The functions of templates: Go's own, and those of the library `sprig` that templates use.

use std::cmp::Ordering;

use super::format::sprintf;
use super::lists;
use super::value::Value;

/// Letters that a function may make of a text.
const MAX_TEXT: usize = 1 << 20;

/// A function: what it is given in, its value or what is wrong out.
type Function = fn(&[Value]) -> Result<Value, String>;

/// Every function, by name. Those that would give another text each time are not among them.
#[rustfmt::skip]
const FUNCTIONS: &[(&str, Function)] = &[
    ("add", |given| sum(given, 0, i64::checked_add)),
    ("add1", |given| arithmetic(given, |a, _| a.checked_add(1))),
    ("and", |given| choose(given, false)),
    ("atoi", |given| Ok(Value::Number(text(given, 0)?.trim().parse().unwrap_or(0)))),
    ("coalesce", |given| Ok(given.iter().find(|value| value.is_true()).cloned().unwrap_or(Value::Nil))),
    ("contains", |given| Ok(Value::Flag(text(given, 1)?.contains(text(given, 0)?.as_str())))),
    ("default", |given| Ok(get(given, if get(given, 1)?.is_true() { 1 } else { 0 })?.clone())),
    ("dict", lists::dict),
    ("div", |given| arithmetic(given, i64::checked_div)),
    ("empty", |given| Ok(Value::Flag(!get(given, 0)?.is_true()))),
    ("eq", |given| equal(given).map(Value::Flag)),
    ("first", lists::first),
    ("ge", |given| Ok(Value::Flag(order(given)?.is_ge()))),
    ("gt", |given| Ok(Value::Flag(order(given)?.is_gt()))),
    ("has", lists::has),
    ("hasKey", lists::has_key),
    ("hasPrefix", |given| Ok(Value::Flag(text(given, 1)?.starts_with(text(given, 0)?.as_str())))),
    ("hasSuffix", |given| Ok(Value::Flag(text(given, 1)?.ends_with(text(given, 0)?.as_str())))),
    ("indent", |given| Ok(indented(number(given, 0)?, &text(given, 1)?)?.as_str().into())),
    ("index", lists::index),
    ("int", |given| number(given, 0).map(Value::Number)),
    ("int64", |given| number(given, 0).map(Value::Number)),
    ("join", lists::join),
    ("keys", lists::keys),
    ("last", lists::last),
    ("le", |given| Ok(Value::Flag(order(given)?.is_le()))),
    ("len", lists::len),
    ("list", |given| Ok(Value::List(given.to_vec()))),
    ("lower", |given| Ok(Value::Text(text(given, 0)?.to_lowercase()))),
    ("lt", |given| Ok(Value::Flag(order(given)?.is_lt()))),
    ("max", |given| sum(given, i64::MIN, |a, b| Some(a.max(b)))),
    ("min", |given| sum(given, i64::MAX, |a, b| Some(a.min(b)))),
    ("mod", |given| arithmetic(given, i64::checked_rem)),
    ("mul", |given| sum(given, 1, i64::checked_mul)),
    ("ne", |given| Ok(Value::Flag(get(given, 0)?.shown() != get(given, 1)?.shown()))),
    ("nindent", |given| Ok(Value::Text(format!("\n{}", indented(number(given, 0)?, &text(given, 1)?)?)))),
    ("nospace", |given| Ok(Value::Text(text(given, 0)?.split_whitespace().collect()))),
    ("not", |given| Ok(Value::Flag(!get(given, 0)?.is_true()))),
    ("or", |given| choose(given, true)),
    ("print", |given| Ok(Value::Text(given.iter().map(Value::shown).collect()))),
    ("printf", |given| sprintf(&text(given, 0)?, given.get(1..).unwrap_or_default()).map(Value::Text)),
    ("println", |given| Ok(Value::Text(format!("{}\n", spaced(given))))),
    ("cat", |given| Ok(Value::Text(spaced(given)))),
    ("quote", |given| Ok(Value::Text(format!("{:?}", text(given, 0)?)))),
    ("repeat", |given| repeated(number(given, 0)?, &text(given, 1)?)),
    ("replace", |given| fits(text(given, 2)?.replace(text(given, 0)?.as_str(), &text(given, 1)?))),
    ("rest", lists::rest),
    ("split", lists::split),
    ("splitList", lists::split_list),
    ("splitPreserveQuotes", lists::split_preserve_quotes),
    ("squote", |given| Ok(Value::Text(format!("'{}'", text(given, 0)?)))),
    ("sub", |given| arithmetic(given, i64::checked_sub)),
    ("substr", |given| Ok(Value::Text(cut(&text(given, 2)?, number(given, 0)?, number(given, 1)?)))),
    ("ternary", |given| Ok(get(given, if get(given, 2)?.is_true() { 0 } else { 1 })?.clone())),
    ("title", |given| Ok(Value::Text(titled(&text(given, 0)?)))),
    ("toString", |given| Ok(Value::Text(text(given, 0)?))),
    ("trim", |given| Ok(text(given, 0)?.trim().into())),
    ("trimAll", |given| { let (cut, own) = (text(given, 0)?, text(given, 1)?); Ok(own.trim_matches(|c| cut.contains(c)).into()) }),
    ("trimPrefix", |given| { let (cut, own) = (text(given, 0)?, text(given, 1)?); Ok(own.strip_prefix(cut.as_str()).unwrap_or(&own).into()) }),
    ("trimSuffix", |given| { let (cut, own) = (text(given, 0)?, text(given, 1)?); Ok(own.strip_suffix(cut.as_str()).unwrap_or(&own).into()) }),
    ("trunc", |given| Ok(Value::Text(cut(&text(given, 1)?, 0, number(given, 0)?)))),
    ("until", lists::until),
    ("untilStep", lists::until_step),
    ("upper", |given| Ok(Value::Text(text(given, 0)?.to_uppercase()))),
];

/// Calls a function.
pub(super) fn call(name: &str, given: &[Value]) -> Result<Value, String> {
    match FUNCTIONS.iter().find(|row| row.0 == name) {
        Some((_, function)) => function(given),
        None => {
            Err("there is no such function; begin the file with `# notemplating` if it is not \
                     a template"
                .to_owned())
        }
    }
}

/// An argument.
pub(super) fn get(given: &[Value], place: usize) -> Result<&Value, String> {
    given.get(place).ok_or_else(|| format!("argument {} is missing", place + 1))
}

/// An argument as text; nothing is an empty one.
pub(super) fn text(given: &[Value], place: usize) -> Result<String, String> {
    let value = get(given, place)?;
    Ok(if *value == Value::Nil { String::new() } else { value.shown() })
}

/// An argument as a number; a text that is none is 0.
pub(super) fn number(given: &[Value], place: usize) -> Result<i64, String> {
    match get(given, place)? {
        Value::Number(number) => Ok(*number),
        Value::Text(text) => Ok(text.trim().parse().unwrap_or(0)),
        Value::Flag(flag) => Ok(i64::from(*flag)),
        Value::Nil => Ok(0),
        value @ (Value::List(_) | Value::Map(_) | Value::Texts(_)) => {
            Err(format!("{} is not a number", value.kind()))
        }
    }
}

/// The first that is true (or false), else the last.
fn choose(given: &[Value], wanted: bool) -> Result<Value, String> {
    let found = given.iter().find(|value| value.is_true() == wanted).or(given.last());
    found.cloned().ok_or_else(|| "argument 1 is missing".to_owned())
}

/// Whether the first is one of the others. Answers are texts, so that everything is compared as such.
fn equal(given: &[Value]) -> Result<bool, String> {
    let first = get(given, 0)?.shown();
    get(given, 1)?;
    Ok(given.iter().skip(1).any(|value| value.shown() == first))
}

fn order(given: &[Value]) -> Result<Ordering, String> {
    match (get(given, 0)?, get(given, 1)?) {
        (Value::Number(a), Value::Number(b)) => Ok(a.cmp(b)),
        (Value::Text(a), Value::Text(b)) => Ok(a.cmp(b)),
        (a, b) => Err(format!("{} and {} have no order", a.kind(), b.kind())),
    }
}

fn sum(given: &[Value], start: i64, add: fn(i64, i64) -> Option<i64>) -> Result<Value, String> {
    get(given, 0)?;
    let mut total = start;
    for place in 0..given.len() {
        total = add(total, number(given, place)?).ok_or("the number is too large")?;
    }
    Ok(Value::Number(total))
}

fn arithmetic(given: &[Value], reckon: fn(i64, i64) -> Option<i64>) -> Result<Value, String> {
    let second = if given.len() > 1 { number(given, 1)? } else { 0 };
    let result = reckon(number(given, 0)?, second);
    result.map(Value::Number).ok_or_else(|| "there is no such number".to_owned())
}

fn spaced(given: &[Value]) -> String {
    given.iter().map(Value::shown).collect::<Vec<_>>().join(" ")
}

fn fits(text: String) -> Result<Value, String> {
    if text.len() > MAX_TEXT {
        return Err(format!("the text has more than {MAX_TEXT} bytes"));
    }
    Ok(Value::Text(text))
}

fn repeated(count: i64, text: &str) -> Result<Value, String> {
    let count = usize::try_from(count).unwrap_or(0);
    if count.saturating_mul(text.len()) > MAX_TEXT {
        return Err(format!("the text has more than {MAX_TEXT} bytes"));
    }
    Ok(Value::Text(text.repeat(count)))
}

fn indented(count: i64, text: &str) -> Result<String, String> {
    let blank = repeated(count, " ")?.shown();
    let lines = text.split('\n').count();
    if lines.saturating_mul(blank.len()) > MAX_TEXT {
        return Err(format!("the text has more than {MAX_TEXT} bytes"));
    }
    Ok(format!("{blank}{}", text.replace('\n', &format!("\n{blank}"))))
}

/// The letters from one place to before another; a negative end is that of the text.
fn cut(text: &str, from: i64, to: i64) -> String {
    let from = usize::try_from(from).unwrap_or(0);
    let to = usize::try_from(to).unwrap_or(usize::MAX);
    text.chars().take(to).skip(from).collect()
}

fn titled(text: &str) -> String {
    let mut begins = true;
    let letter = |c: char| {
        let shown = if begins { c.to_uppercase().collect::<String>() } else { c.to_string() };
        begins = c.is_whitespace();
        shown
    };
    text.chars().map(letter).collect()
}
