//! Recorded exchanges as text: parsing. The form is described in `tests/clients/README.md`.

use serde_json::Value;

/// One file.
#[derive(Debug)]
pub struct Story {
    pub name: String,
    pub steps: Vec<Step>,
}

/// One exchange.
#[derive(Debug)]
pub struct Step {
    /// Line of the file.
    pub line: usize,
    pub verb: Verb,
    /// Where to: a path or URL, or the name of a websocket.
    pub to: String,
    /// What is sent.
    pub body: String,
    pub status: u16,
    /// Headers of the answer.
    pub headers: Vec<(String, String)>,
    /// What the answer holds.
    pub answer: Heard,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verb {
    /// A request with this method.
    Ask(String),
    /// `GET` until it is answered as it should be.
    Until,
    /// Opens a websocket with this name.
    Open(String),
    /// Waits for a message on a websocket.
    Hear,
    /// Sends a message.
    Say,
}

/// What is expected.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    Nothing,
    Json(Value),
    /// A frame that is this text.
    Text(String),
    /// A frame with this in it.
    Part(String),
    /// Text in what the frames hold together, once decoded.
    Base64(String),
}

impl Story {
    /// Reads a file.
    pub fn parse(name: &str, text: &str) -> Result<Self, String> {
        let mut steps: Vec<Step> = Vec::new();
        let mut wanted = String::new();
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            let fault = |what: &str| format!("{name}:{number}: {what}: {line}");
            if line.starts_with('#') || line.trim().is_empty() {
                continue;
            }
            if let Some(sent) = line.strip_prefix('>') {
                let step = steps.last_mut().ok_or_else(|| fault("no request before"))?;
                step.body.push_str(sent.strip_prefix(' ').unwrap_or(sent));
                continue;
            }
            if let Some(answer) = line.strip_prefix('<') {
                let answer = answer.strip_prefix(' ').unwrap_or(answer);
                let step = steps.last_mut().ok_or_else(|| fault("no request before"))?;
                hear(step, answer, &mut wanted).map_err(|what| fault(&what))?;
                continue;
            }
            settle(steps.last_mut(), &mut wanted).map_err(|what| fault(&what))?;
            steps.push(step(number, line).ok_or_else(|| fault("not a request"))?);
        }
        settle(steps.last_mut(), &mut wanted).map_err(|what| format!("{name}: {what}"))?;
        match steps.iter().find(|step| !step.is_whole()) {
            Some(step) => Err(format!("{name}:{}: no answer is expected", step.line)),
            None => Ok(Self { name: name.to_owned(), steps }),
        }
    }
}

impl Step {
    /// Whether it says what is expected, or is nothing that is answered.
    fn is_whole(&self) -> bool {
        match self.verb {
            Verb::Ask(_) | Verb::Until => self.status != 0,
            Verb::Hear => self.answer != Heard::Nothing,
            Verb::Say => !self.body.is_empty(),
            Verb::Open(_) => true,
        }
    }
}

fn step(line: usize, text: &str) -> Option<Step> {
    let (verb, rest) = text.trim().split_once(' ')?;
    let (verb, to) = match verb {
        "GET" | "POST" | "PUT" | "DELETE" => (Verb::Ask(verb.to_owned()), rest),
        "UNTIL" => (Verb::Until, rest),
        "HEAR" => (Verb::Hear, rest),
        "SAY" => (Verb::Say, rest),
        "OPEN" => {
            let (name, url) = rest.split_once(' ')?;
            (Verb::Open(name.to_owned()), url)
        }
        _ => return None,
    };
    Some(Step {
        line,
        verb,
        to: to.to_owned(),
        body: String::new(),
        status: 0,
        headers: Vec::new(),
        answer: Heard::Nothing,
    })
}

/// One line of what is expected. JSON is gathered until the step ends.
fn hear(step: &mut Step, line: &str, wanted: &mut String) -> Result<(), String> {
    if !wanted.is_empty() || line.starts_with('{') || line.starts_with('[') {
        wanted.push_str(line);
        wanted.push('\n');
    } else if let Some(text) = line.strip_prefix("text ") {
        step.answer = Heard::Text(text.to_owned());
    } else if let Some(text) = line.strip_prefix("holds ") {
        step.answer = Heard::Part(text.to_owned());
    } else if let Some(text) = line.strip_prefix("base64 ") {
        step.answer = Heard::Base64(text.to_owned());
    } else if let Some((name, value)) = line.split_once(": ") {
        step.headers.push((name.to_ascii_lowercase(), value.to_owned()));
    } else {
        step.status = line.trim().parse().map_err(|_| "not a status".to_owned())?;
    }
    Ok(())
}

fn settle(step: Option<&mut Step>, wanted: &mut String) -> Result<(), String> {
    let text = std::mem::take(wanted);
    if let (Some(step), false) = (step, text.is_empty()) {
        let value = serde_json::from_str(&text);
        step.answer = Heard::Json(value.map_err(|error| format!("line {}: {error}", step.line))?);
    }
    Ok(())
}
