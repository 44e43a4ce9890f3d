//! Whether an answer is one that its question takes.
//!
//! Questions of catalogs are sloppy, and clients of the time send every answer as text: only what is
//! certainly wrong is refused, and what a template itself proposes never is.

use super::about::{About, Question};

/// What is wrong with an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// The variable that the answer is for.
    pub variable: String,
    /// The API's word for it.
    pub code: &'static str,
    /// In one sentence without a stop, and without the answer, which may be a password.
    pub message: String,
}

/// Words that say yes or no.
const FLAGS: &[&str] = &["0", "1", "f", "false", "n", "no", "off", "on", "t", "true", "y", "yes"];

/// The first answer that is certainly wrong. `answer` gives what was answered, if anything was.
pub fn complaint<'a>(about: &About, answer: impl Fn(&str) -> Option<&'a str>) -> Option<Complaint> {
    about.questions.iter().find_map(|question| {
        let (code, what) = check(question, answer(&question.variable))?;
        let named = match question.label.trim() {
            "" => format!("`{}`", question.variable),
            label => format!("`{}` ({label})", question.variable),
        };
        let message = format!("the answer for {named} {what}");
        Some(Complaint { variable: question.variable.clone(), code, message })
    })
}

fn check(question: &Question, answer: Option<&str>) -> Option<(&'static str, String)> {
    let text = answer.unwrap_or(&question.default);
    if text == question.default && !text.trim().is_empty() {
        return None;
    }
    if text.trim().is_empty() {
        return question.required.then(|| ("MissingRequired", "is missing".to_owned()));
    }
    match question.kind.as_str() {
        "int" | "integer" | "number" => number(question, text.trim()),
        "boolean" | "bool" => {
            let known = FLAGS.contains(&text.trim().to_ascii_lowercase().as_str());
            (!known).then(|| ("InvalidOption", "has to be true or false".to_owned()))
        }
        "enum" => option(question, text.trim()),
        // A certificate or service is looked for where it is needed.
        "certificate" | "service" => None,
        _ => letters(question, text),
    }
}

fn number(question: &Question, text: &str) -> Option<(&'static str, String)> {
    let Ok(number) = text.parse::<f64>() else {
        return Some(("InvalidFormat", "has to be a number".to_owned()));
    };
    // A limit of 0 is one that was not given.
    let (min, max) = (question.min, question.max);
    if min != 0 && number < min as f64 {
        return Some(("MinLimitExceeded", format!("is less than {min}")));
    }
    (max != 0 && number > max as f64).then(|| ("MaxLimitExceeded", format!("is more than {max}")))
}

fn option(question: &Question, text: &str) -> Option<(&'static str, String)> {
    let same = |option: &String| option.trim().eq_ignore_ascii_case(text);
    if question.options.is_empty() || question.options.iter().any(same) {
        return None;
    }
    let options = question.options.join("`, `");
    Some(("InvalidOption", format!("has to be one of `{options}`")))
}

fn letters(question: &Question, text: &str) -> Option<(&'static str, String)> {
    let count = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    let (least, most) = (question.min_length, question.max_length);
    if least > 0 && count < least {
        return Some(("MinLengthExceeded", format!("has fewer than {least} letters")));
    }
    if most > 0 && count > most {
        return Some(("MaxLengthExceeded", format!("has more than {most} letters")));
    }
    let only = Class::read(&question.valid_chars);
    if only.is_some_and(|only| !text.chars().all(|letter| only.has(letter))) {
        let class = &question.valid_chars;
        return Some(("InvalidCharacters", format!("may only have letters out of {class}")));
    }
    let none = Class::read(&question.invalid_chars);
    none.is_some_and(|none| text.chars().any(|letter| none.has(letter))).then(|| {
        let class = &question.invalid_chars;
        ("InvalidCharacters", format!("may have no letter out of {class}"))
    })
}

/// A set of letters as it is written between the brackets of a regular expression.
struct Class(Vec<(char, char)>);

impl Class {
    /// Nothing for a set that is not given, or that means something else than letters and ranges.
    fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        if text.is_empty() || text.starts_with('^') {
            return None;
        }
        let mut letters = text.chars().peekable();
        let mut ranges = Vec::new();
        while let Some(from) = letters.next() {
            let from = if from == '\\' { escaped(letters.next()?)? } else { from };
            let mut ahead = letters.clone();
            match (ahead.next(), ahead.next()) {
                (Some('-'), Some(to)) if to != '\\' => {
                    if to < from {
                        return None;
                    }
                    ranges.push((from, to));
                    letters = ahead;
                }
                _ => ranges.push((from, from)),
            }
        }
        Some(Class(ranges))
    }

    fn has(&self, letter: char) -> bool {
        self.0.iter().any(|(from, to)| (*from..=*to).contains(&letter))
    }
}

/// What a letter behind a backslash stands for; `\w` and the like stand for more than one.
fn escaped(letter: char) -> Option<char> {
    (!letter.is_ascii_alphanumeric()).then_some(letter)
}

#[cfg(test)]
mod tests {
    use super::super::about::about;
    use super::*;

    const QUESTIONS: &str = r#"
.catalog:
  version: v1
  questions:
    - {variable: NAME, label: Name, required: true, min_length: 3, max_length: 5, valid_chars: "a-z_\\-"}
    - {variable: PORT, type: int, default: 8080, min: 1, max: 65535}
    - {variable: TLS, type: boolean}
    - {variable: SIZE, type: enum, options: [small, 2, Large]}
    - {variable: PASS, type: password, invalid_chars: "$'"}
    - {variable: ODD, valid_chars: "\\w+", invalid_chars: "[^a-z]", default: "any thing"}
    - {variable: EMPTY, type: enum}
    - {variable: CERT, type: certificate, required: true, default: none}
"#;

    #[test]
    fn only_what_is_certainly_wrong_is_refused() {
        let about = about("rancher-compose.yml", QUESTIONS.as_bytes()).expect("questions");
        let check = |variable: &str, given: &str, expect: Option<&str>| {
            let answer = |asked: &str| match asked {
                _ if asked == variable => Some(given),
                "NAME" => Some("abcd"),
                _ => None,
            };
            let found = complaint(&about, answer);
            assert_eq!(found.as_ref().map(|one| one.code), expect, "{variable}={given}");
            if let Some(found) = found {
                assert_eq!(found.variable, variable);
                let said = given.is_empty() || !found.message.contains(given);
                assert!(said, "the answer is told: {}", found.message);
            }
        };
        check("NAME", "", Some("MissingRequired"));
        check("NAME", "xq", Some("MinLengthExceeded"));
        check("NAME", "xyxyxy", Some("MaxLengthExceeded"));
        check("NAME", "a_-b", None);
        check("NAME", "xyX", Some("InvalidCharacters"));
        check("PORT", "eighty", Some("InvalidFormat"));
        check("PORT", "-5", Some("MinLimitExceeded"));
        check("PORT", "70000", Some("MaxLimitExceeded"));
        for fine in ["8080", " 443 ", "", "1"] {
            check("PORT", fine, None);
        }
        for fine in ["true", "False", "yes", "0", ""] {
            check("TLS", fine, None);
        }
        check("TLS", "perhaps", Some("InvalidOption"));
        for fine in ["small", "2", "large", ""] {
            check("SIZE", fine, None);
        }
        check("SIZE", "huge", Some("InvalidOption"));
        check("PASS", "a$b", Some("InvalidCharacters"));
        check("PASS", "a b", None);
        // What is no list of letters forbids nothing, and no options allow all.
        check("ODD", "!?", None);
        check("ODD", "any thing", None);
        check("EMPTY", "whatever", None);
        check("CERT", "none", None);
        check("CERT", "", Some("MissingRequired"));
        check("UNASKED", "anything", None);
    }

    #[test]
    fn an_answer_that_is_not_given_is_the_default() {
        let about = about("rancher-compose.yml", QUESTIONS.as_bytes()).expect("questions");
        let found = complaint(&about, |_| None).expect("a complaint");
        assert_eq!(
            (found.variable.as_str(), found.message.as_str()),
            ("NAME", "the answer for `NAME` (Name) is missing")
        );
    }
}
