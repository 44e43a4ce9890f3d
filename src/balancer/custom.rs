//! A user's own lines, merged over the generated ones.

/// A section of the configuration.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Section {
    /// `global`, `defaults`, `frontend 80`, ...
    pub head: String,
    /// Its lines, without indentation.
    pub lines: Vec<String>,
}

/// Words that begin a section.
const HEADS: &[&str] = &[
    "backend",
    "cache",
    "defaults",
    "frontend",
    "global",
    "http-errors",
    "listen",
    "mailers",
    "peers",
    "program",
    "resolvers",
    "ring",
    "userlist",
];

/// Directives of which a section has any number: they are added and replace nothing.
const MANY: &[&str] = &[
    "acl",
    "bind",
    "capture",
    "errorfile",
    "filter",
    "http-after-response",
    "http-check",
    "http-request",
    "http-response",
    "log",
    "server",
    "stick",
    "tcp-check",
    "tcp-request",
    "tcp-response",
    "use_backend",
    "use-server",
];

/// Directives that are told apart by their second word.
const TWO_WORDS: &[&str] = &["option", "timeout", "no", "stats", "tune.ssl"];

impl Section {
    /// Takes over the servers of a section of the same name.
    pub(super) fn adopt(&mut self, other: &Section) {
        for line in &other.lines {
            if !self.lines.contains(line) {
                self.lines.push(line.clone());
            }
        }
    }

    /// Puts a user's line in: over the generated one of the same directive, or at the end.
    fn put(&mut self, line: &str) {
        if let Some(options) = line.strip_prefix("server $IP") {
            for own in self.lines.iter_mut().filter(|own| own.starts_with("server ")) {
                own.push_str(options.trim_end());
            }
            return;
        }
        let wanted = directive(line);
        let place = self.lines.iter().position(|own| directive(own) == wanted);
        match place.filter(|_| !MANY.contains(&wanted.0)) {
            Some(place) => {
                if let Some(own) = self.lines.get_mut(place) {
                    line.clone_into(own);
                }
            }
            None => self.lines.push(line.to_owned()),
        }
    }
}

/// What a line sets.
fn directive(line: &str) -> (&str, &str) {
    let mut words = line.split_whitespace();
    let first = words.next().unwrap_or("");
    let second = if TWO_WORDS.contains(&first) { words.next().unwrap_or("") } else { "" };
    (first, second)
}

/// Merges a user's text over sections; sections of its own come last.
pub(super) fn merge(mut sections: Vec<Section>, custom: &str) -> Vec<Section> {
    let mut current: Option<usize> = None;
    for line in
        custom.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_head = words.first().is_some_and(|word| HEADS.contains(word));
        if is_head {
            let head = words.join(" ");
            current = Some(sections.iter().position(|own| own.head == head).unwrap_or_else(|| {
                sections.push(Section { head, lines: Vec::new() });
                sections.len() - 1
            }));
        } else if let Some(section) = current.and_then(|at| sections.get_mut(at)) {
            section.put(line);
        }
    }
    sections
}
