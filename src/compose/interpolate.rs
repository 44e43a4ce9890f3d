//! `$NAME`, `${NAME}` and the shell-like forms inside values, as the compose specification has them.

/// Why a text cannot be interpolated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Invalid {
    #[error("variable `{name}` is required{}", if .message.is_empty() { String::new() } else { format!(": {message}") })]
    Required { name: String, message: String },
    #[error("`{0}` is not a variable; write `$$` for a plain `$`")]
    Form(String),
    #[error("`{0}` lacks its closing `}}`")]
    Open(String),
    #[error("variables are nested too deeply in a default value")]
    Deep,
}

/// How variables get their values.
pub(super) trait Lookup {
    /// The value of a variable that is set, be it to an empty text.
    fn get(&self, name: &str) -> Option<String>;
    /// Told of a variable that is not set and has no default; it becomes an empty text.
    fn missing(&self, name: &str);
}

/// Nesting of defaults; also bounds recursion.
const MAX_NESTING: usize = 16;

/// Replaces all variables in a text.
pub(super) fn expand(text: &str, lookup: &dyn Lookup) -> Result<String, Invalid> {
    expand_nested(text, lookup, 0)
}

fn expand_nested(text: &str, lookup: &dyn Lookup, level: usize) -> Result<String, Invalid> {
    if level > MAX_NESTING {
        return Err(Invalid::Deep);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(tail) = after.strip_prefix('$') {
            out.push('$');
            rest = tail;
        } else if let Some(tail) = after.strip_prefix('{') {
            let end = closing(tail).ok_or_else(|| Invalid::Open(excerpt(after)))?;
            let (body, tail) = tail.split_at(end);
            out.push_str(&braced(body, lookup, level)?);
            rest = tail.strip_prefix('}').unwrap_or(tail);
        } else {
            let (name, tail) = after.split_at(name_length(after));
            if name.is_empty() {
                return Err(Invalid::Form(excerpt(after)));
            }
            out.push_str(&plain(name, lookup));
            rest = tail;
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// The text around a `$` for messages.
fn excerpt(after: &str) -> String {
    let end = after.char_indices().nth(20).map_or(after.len(), |(index, _)| index);
    format!("${}", after.get(..end).unwrap_or_default())
}

/// Length of the variable name a text begins with.
fn name_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    match bytes.first() {
        Some(first) if first.is_ascii_alphabetic() || *first == b'_' => bytes
            .iter()
            .position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_')
            .unwrap_or(bytes.len()),
        _ => 0,
    }
}

/// Index of the `}` that closes a `${` whose body begins the text.
fn closing(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut open = 0usize;
    let mut index = 0;
    while let Some(byte) = bytes.get(index) {
        match (byte, bytes.get(index + 1)) {
            (b'$', Some(b'$')) => index += 1,
            (b'$', Some(b'{')) => {
                open += 1;
                index += 1;
            }
            (b'}', _) if open == 0 => return Some(index),
            (b'}', _) => open -= 1,
            _ => {}
        }
        index += 1;
    }
    None
}

fn plain(name: &str, lookup: &dyn Lookup) -> String {
    lookup.get(name).unwrap_or_else(|| {
        lookup.missing(name);
        String::new()
    })
}

/// The inside of `${..}`: a name, and perhaps an operator with a word.
fn braced(body: &str, lookup: &dyn Lookup, level: usize) -> Result<String, Invalid> {
    let (name, operator) = body.split_at(name_length(body));
    if name.is_empty() {
        return Err(Invalid::Form(excerpt(&format!("{{{body}}}"))));
    }
    if operator.is_empty() {
        return Ok(plain(name, lookup));
    }
    let value = lookup.get(name);
    // With a colon an empty value counts as unset.
    let (value, operator) = match operator.strip_prefix(':') {
        Some(operator) => (value.filter(|value| !value.is_empty()), operator),
        None => (value, operator),
    };
    let word = |word: &str| expand_nested(word, lookup, level + 1);
    match (operator.split_at_checked(1), value) {
        (Some(("-", _)), Some(value)) | (Some(("?", _)), Some(value)) => Ok(value),
        (Some(("-", default)), None) => word(default),
        (Some(("+", alternative)), Some(_)) => word(alternative),
        (Some(("+", _)), None) => Ok(String::new()),
        (Some(("?", message)), None) => {
            Err(Invalid::Required { name: name.to_owned(), message: word(message)? })
        }
        _ => Err(Invalid::Form(excerpt(&format!("{{{body}}}")))),
    }
}
