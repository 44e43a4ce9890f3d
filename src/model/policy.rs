//! Network policy: rules of who may open a connection to whom, read from a network's `policy`.
//!
//! Rules are looked at in order and the first that fits decides; where none fits, the network's
//! `defaultPolicyAction` does.

use std::fmt;

use serde_json::{Map, Value};

use super::selector::Selector;

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is let through.
    Allow,
    /// It is not.
    Deny,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What becomes of a connection that fits.
    pub action: Action,
    /// Between whom.
    pub who: Who,
    /// Where it leads; anywhere if empty.
    pub ports: Vec<Ports>,
}

/// Between whom a rule holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// From a service to those it is linked to.
    Linked,
    /// Within a service and its sidekicks.
    Service,
    /// Within a stack.
    Stack,
    /// Between containers with the same value of this label.
    SameLabel(String),
    /// Between containers with these labels.
    Selected(Selector),
    /// From the ones to the others; `None` is everyone.
    FromTo(Option<Selector>, Option<Selector>),
}

/// The protocol of ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// TCP, also if nothing is said.
    Tcp,
    /// UDP.
    Udp,
}

/// Ports in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ports {
    /// Protocol.
    pub protocol: Protocol,
    /// The first.
    pub first: u16,
    /// The last.
    pub last: u16,
}

/// What is wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Code of the API.
    pub code: &'static str,
    /// The field, inside the rule.
    pub field: &'static str,
    /// Which rule and what is wrong, for a person.
    pub message: String,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        })
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Linked => f.write_str("within linked"),
            Self::Service => f.write_str("within service"),
            Self::Stack => f.write_str("within stack"),
            Self::SameLabel(_) => f.write_str("between by label"),
            Self::Selected(_) => f.write_str("between selected"),
            Self::FromTo(..) => f.write_str("from and to"),
        }
    }
}

/// Reads the word for an action.
pub fn action(word: &str) -> Option<Action> {
    match word {
        "allow" => Some(Action::Allow),
        "deny" => Some(Action::Deny),
        _ => None,
    }
}

/// Reads a network's `policy`.
///
/// # Errors
/// The first mistake.
pub fn rules(policy: Option<&Value>) -> Result<Vec<Rule>, Problem> {
    let rules = policy.and_then(Value::as_array).into_iter().flatten();
    rules.enumerate().map(|(index, rule)| Reader::new(index, rule).rule()).collect()
}

/// One rule being read.
struct Reader<'a> {
    /// Counted as people do.
    number: usize,
    rule: Option<&'a Map<String, Value>>,
}

impl<'a> Reader<'a> {
    fn new(index: usize, rule: &'a Value) -> Self {
        Self { number: index + 1, rule: rule.as_object() }
    }

    fn problem(&self, code: &'static str, field: &'static str, what: &str) -> Problem {
        Problem { code, field, message: format!("rule {} of the policy {what}", self.number) }
    }

    fn get(&self, field: &str) -> Option<&'a Value> {
        self.rule?.get(field).filter(|value| !value.is_null())
    }

    fn rule(&self) -> Result<Rule, Problem> {
        let word = self.get("action").and_then(Value::as_str);
        let Some(word) = word else {
            return Err(self.problem(
                "MissingRequired",
                "action",
                "needs an action, allow or deny",
            ));
        };
        let Some(action) = action(word) else {
            let what = format!("has the action `{word}`, which is neither allow nor deny");
            return Err(self.problem("InvalidOption", "action", &what));
        };
        Ok(Rule { action, who: self.who()?, ports: self.ports()? })
    }

    fn who(&self) -> Result<Who, Problem> {
        let (within, between) = (self.get("within"), self.get("between"));
        let (from, to) = (self.get("from"), self.get("to"));
        match (within, between, from.or(to)) {
            (Some(within), None, None) => self.within(within.as_str().unwrap_or_default()),
            (None, Some(between), None) => self.between(between),
            (None, None, Some(_)) => {
                let side = |field, side: Option<&Value>| {
                    side.map(|side| self.selector(field, side.get("selector"))).transpose()
                };
                Ok(Who::FromTo(side("from", from)?, side("to", to)?))
            }
            (None, None, None) => {
                let what = "does not say between whom: within, between, or from and to";
                Err(self.problem("MissingRequired", "within", what))
            }
            (Some(_), _, _) | (_, Some(_), _) => {
                let field = if within.is_some() { "within" } else { "between" };
                let what =
                    "says more than one of within, between, and from and to; make a rule of each";
                Err(self.problem("InvalidOption", field, what))
            }
        }
    }

    fn within(&self, word: &str) -> Result<Who, Problem> {
        match word {
            "linked" => Ok(Who::Linked),
            "service" => Ok(Who::Service),
            "stack" => Ok(Who::Stack),
            _ => {
                let what = format!("is within `{word}`, which is not stack, service or linked");
                Err(self.problem("InvalidOption", "within", &what))
            }
        }
    }

    fn between(&self, between: &Value) -> Result<Who, Problem> {
        let text = |field: &str| between.get(field).and_then(Value::as_str).map(str::trim);
        match (text("groupBy"), text("selector")) {
            (Some(label), None) if !label.is_empty() => Ok(Who::SameLabel(label.to_owned())),
            (None, Some(_)) => self.selector("between", between.get("selector")).map(Who::Selected),
            (Some(_), Some(_)) => {
                let what = "groups by a label and has a selector; make a rule of each";
                Err(self.problem("InvalidOption", "between", what))
            }
            (Some(_) | None, None) => {
                let what = "is between nobody: it needs a label in groupBy, or a selector";
                Err(self.problem("MissingRequired", "between", what))
            }
        }
    }

    fn selector(&self, field: &'static str, text: Option<&Value>) -> Result<Selector, Problem> {
        let text = text.and_then(Value::as_str).unwrap_or_default();
        if text.trim().is_empty() {
            let what = format!("selects nobody in `{field}`: it needs a selector");
            return Err(self.problem("MissingRequired", field, &what));
        }
        text.parse().map_err(|error: super::selector::SelectorError| {
            self.problem(error.code(), field, &format!("has a wrong selector: {error}"))
        })
    }

    fn ports(&self) -> Result<Vec<Ports>, Problem> {
        let ports = self.get("ports").and_then(Value::as_array).into_iter().flatten();
        ports
            .map(|port| {
                // Numbers are taken for their text, as everywhere in the API.
                let text = port.as_str().map_or_else(|| port.to_string(), str::to_owned);
                Ports::parse(text.trim()).ok_or_else(|| {
                    let what =
                        format!("has `{text}` for a port; write 80, 53/udp or 8000-8010/tcp");
                    self.problem("InvalidFormat", "ports", &what)
                })
            })
            .collect()
    }
}

impl Ports {
    /// Reads `80`, `53/udp` or `8000-8010/tcp`.
    fn parse(text: &str) -> Option<Self> {
        let (numbers, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let protocol = match protocol.to_ascii_lowercase().as_str() {
            "tcp" => Protocol::Tcp,
            "udp" => Protocol::Udp,
            _ => return None,
        };
        let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
        let number = |text: &str| text.parse::<u16>().ok().filter(|number| *number > 0);
        let (first, last) = (number(first)?, number(last)?);
        (first <= last).then_some(Self { protocol, first, last })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rule: &str, expect: &str) {
        let rule: Value = serde_json::from_str(rule).unwrap();
        let shown = match rules(Some(&Value::Array(vec![rule]))) {
            Ok(rules) => rules
                .iter()
                .map(|rule| format!("{} {:?} {:?}", rule.action, rule.who, rule.ports))
                .collect::<String>(),
            Err(problem) => format!("{} {}: {}", problem.code, problem.field, problem.message),
        };
        assert_eq!(shown, expect);
    }

    #[test]
    fn rules_that_are_understood() {
        check(r#"{"action": "allow", "within": "stack"}"#, "allow Stack []");
        check(r#"{"action": "deny", "within": "linked", "between": null}"#, "deny Linked []");
        check(
            r#"{"action": "allow", "between": {"groupBy": "team"}}"#,
            r#"allow SameLabel("team") []"#,
        );
        check(
            r#"{"action": "allow", "within": "service", "ports": ["80", "53/UDP", "8000-8010/tcp", 443]}"#,
            "allow Service [Ports { protocol: Tcp, first: 80, last: 80 }, \
             Ports { protocol: Udp, first: 53, last: 53 }, \
             Ports { protocol: Tcp, first: 8000, last: 8010 }, \
             Ports { protocol: Tcp, first: 443, last: 443 }]",
        );
        let rule: Value =
            serde_json::from_str(r#"[{"action": "deny", "to": {"selector": "tier=db"}}]"#).unwrap();
        let Who::FromTo(None, Some(to)) = &rules(Some(&rule)).unwrap()[0].who else {
            panic!("from everyone to some");
        };
        assert_eq!(to.to_string(), "tier=db");
        assert_eq!(rules(None), Ok(vec![]));
        assert_eq!(rules(Some(&Value::Null)), Ok(vec![]));
    }

    #[test]
    fn rules_that_are_wrong() {
        for (rule, expect) in [
            (
                r#"{"within": "stack"}"#,
                "MissingRequired action: rule 1 of the policy needs an action, allow or deny",
            ),
            (
                r#"{"action": "drop", "within": "stack"}"#,
                "InvalidOption action: rule 1 of the policy has the action `drop`, which is neither allow nor deny",
            ),
            (
                r#"{"action": "allow"}"#,
                "MissingRequired within: rule 1 of the policy does not say between whom: within, between, or from and to",
            ),
            (
                r#"{"action": "allow", "within": "host"}"#,
                "InvalidOption within: rule 1 of the policy is within `host`, which is not stack, service or linked",
            ),
            (
                r#"{"action": "allow", "within": "stack", "to": {"selector": "a=b"}}"#,
                "InvalidOption within: rule 1 of the policy says more than one of within, between, and from and to; make a rule of each",
            ),
            (
                r#"{"action": "allow", "between": {"groupBy": "a"}, "from": {"selector": "a=b"}}"#,
                "InvalidOption between: rule 1 of the policy says more than one of within, between, and from and to; make a rule of each",
            ),
            (
                r#"{"action": "allow", "between": {}}"#,
                "MissingRequired between: rule 1 of the policy is between nobody: it needs a label in groupBy, or a selector",
            ),
            (
                r#"{"action": "allow", "between": {"groupBy": " "}}"#,
                "MissingRequired between: rule 1 of the policy is between nobody: it needs a label in groupBy, or a selector",
            ),
            (
                r#"{"action": "allow", "between": {"groupBy": "a", "selector": "a=b"}}"#,
                "InvalidOption between: rule 1 of the policy groups by a label and has a selector; make a rule of each",
            ),
            (
                r#"{"action": "allow", "from": {}}"#,
                "MissingRequired from: rule 1 of the policy selects nobody in `from`: it needs a selector",
            ),
            (
                r#"{"action": "allow", "to": {"selector": "=b"}}"#,
                "InvalidFormat to: rule 1 of the policy has a wrong selector: selector constraint `=b` has no key",
            ),
        ] {
            check(rule, expect);
        }
        for port in ["0", "80/sctp", "9-8", "65536", "http", "", "-", "80-"] {
            check(
                &format!(r#"{{"action": "allow", "within": "stack", "ports": ["{port}"]}}"#),
                &format!(
                    "InvalidFormat ports: rule 1 of the policy has `{port}` for a port; write 80, 53/udp or 8000-8010/tcp"
                ),
            );
        }
    }
}
