//! A template's tree and the data become text.

use super::Failure;
use super::funcs;
use super::parse::{Kind, Node, Operand, Pipe, Term};
use super::value::Value;

/// Bytes that a template may print.
const MAX_OUTPUT: usize = 4 << 20;
/// Calls, prints and turns that a template may make.
const MAX_STEPS: usize = 200_000;
/// What the values that a template makes may weigh together.
const MAX_WEIGHT: usize = 32 << 20;

/// Runs a template on its data.
pub(super) fn run(nodes: &[Node], data: Value) -> Result<String, Failure> {
    let variables = vec![(String::new(), data.clone())];
    let mut machine = Machine { out: String::new(), variables, line: 1, steps: 0, weight: 0 };
    machine.nodes(nodes, &data)?;
    Ok(machine.out)
}

/// How a list of nodes ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    Break,
    Continue,
}

struct Machine {
    out: String,
    variables: Vec<(String, Value)>,
    /// Where it is; texts do not say where they stand.
    line: usize,
    steps: usize,
    weight: usize,
}

impl Machine {
    fn step(&mut self, line: usize) -> Result<(), Failure> {
        self.line = line;
        self.steps += 1;
        let failure = |message: String| Err(Failure { line, message });
        if self.steps > MAX_STEPS {
            return failure(format!("the template takes more than {MAX_STEPS} steps"));
        }
        if self.out.len() > MAX_OUTPUT {
            return failure(format!("the template prints more than {MAX_OUTPUT} bytes"));
        }
        if self.weight > MAX_WEIGHT {
            return failure("the template makes more values than it may".to_owned());
        }
        Ok(())
    }

    fn nodes(&mut self, nodes: &[Node], dot: &Value) -> Result<Flow, Failure> {
        for node in nodes {
            match node {
                Node::Text(text) => {
                    self.out.push_str(text);
                    self.step(self.line)?;
                }
                Node::Print(pipe) => {
                    let value = self.pipe(pipe, dot)?;
                    if pipe.names.is_empty() {
                        self.out.push_str(&value.shown());
                    }
                }
                Node::Block { kind, pipe, then, other } => {
                    let kept = self.variables.len();
                    let flow = match kind {
                        Kind::Range => self.range(pipe, then, other, dot)?,
                        Kind::If | Kind::With => {
                            let value = self.pipe(pipe, dot)?;
                            let inner = if *kind == Kind::With { &value } else { dot };
                            match value.is_true() {
                                true => self.nodes(then, inner)?,
                                false => self.nodes(other, dot)?,
                            }
                        }
                    };
                    self.variables.truncate(kept);
                    if flow != Flow::On {
                        return Ok(flow);
                    }
                }
                Node::Break(line) => {
                    self.step(*line)?;
                    return Ok(Flow::Break);
                }
                Node::Continue(line) => {
                    self.step(*line)?;
                    return Ok(Flow::Continue);
                }
            }
        }
        Ok(Flow::On)
    }

    fn range(
        &mut self,
        pipe: &Pipe,
        then: &[Node],
        other: &[Node],
        dot: &Value,
    ) -> Result<Flow, Failure> {
        let unnamed = Pipe { names: Vec::new(), ..pipe.clone() };
        let numbered = |items: Vec<Value>| {
            let count = 0_i64..;
            count.map(Value::Number).zip(items).collect::<Vec<_>>()
        };
        let items: Vec<(Value, Value)> = match self.pipe(&unnamed, dot)? {
            Value::Nil => Vec::new(),
            Value::List(items) => numbered(items),
            Value::Map(entries) => {
                entries.into_iter().map(|(key, value)| (Value::Text(key), value)).collect()
            }
            Value::Texts(entries) => entries
                .into_iter()
                .map(|(key, text)| (Value::Text(key), Value::Text(text)))
                .collect(),
            value @ (Value::Flag(_) | Value::Number(_) | Value::Text(_)) => {
                let message = format!("`range` goes over lists and maps, not {}", value.kind());
                return Err(Failure { line: pipe.line, message });
            }
        };
        if items.is_empty() {
            return self.nodes(other, dot);
        }
        for (key, value) in items {
            self.step(pipe.line)?;
            let kept = self.variables.len();
            match pipe.names.as_slice() {
                [] => {}
                [one] => self.variables.push((one.clone(), value.clone())),
                [first, second, ..] => {
                    self.variables.push((first.clone(), key));
                    self.variables.push((second.clone(), value.clone()));
                }
            }
            let flow = self.nodes(then, &value)?;
            self.variables.truncate(kept);
            if flow == Flow::Break {
                break;
            }
        }
        Ok(Flow::On)
    }

    /// The value of a pipeline, which is also set if it has a name.
    fn pipe(&mut self, pipe: &Pipe, dot: &Value) -> Result<Value, Failure> {
        let mut value = None;
        for call in &pipe.calls {
            value = Some(self.call(call, value, pipe.line, dot)?);
        }
        let value = value.unwrap_or(Value::Nil);
        match pipe.names.as_slice() {
            [] => {}
            [name] if pipe.declares => self.variables.push((name.clone(), value.clone())),
            [name] => match self.variables.iter_mut().rev().find(|row| row.0 == *name) {
                Some(row) => row.1 = value.clone(),
                None => return Err(unknown_variable(pipe.line, name)),
            },
            _ => {
                let message = "two variables are set by `range` alone".to_owned();
                return Err(Failure { line: pipe.line, message });
            }
        }
        Ok(value)
    }

    fn call(
        &mut self,
        operands: &[Operand],
        piped: Option<Value>,
        line: usize,
        dot: &Value,
    ) -> Result<Value, Failure> {
        self.step(line)?;
        let Some((first, given)) = operands.split_first() else { return Ok(Value::Nil) };
        let Term::Function(name) = &first.term else {
            if !given.is_empty() || piped.is_some() {
                let message = "what is no function is given an argument".to_owned();
                return Err(Failure { line, message });
            }
            return self.operand(first, line, dot);
        };
        let mut arguments = Vec::with_capacity(given.len() + 1);
        for operand in given {
            arguments.push(self.operand(operand, line, dot)?);
        }
        arguments.extend(piped);
        let value = self.function(name, &arguments, line)?;
        fields(value, &first.fields, line)
    }

    fn function(&mut self, name: &str, given: &[Value], line: usize) -> Result<Value, Failure> {
        let value = funcs::call(name, given)
            .map_err(|message| Failure { line, message: format!("`{name}`: {message}") })?;
        self.weight += value.weight();
        Ok(value)
    }

    fn operand(&mut self, operand: &Operand, line: usize, dot: &Value) -> Result<Value, Failure> {
        let value = match &operand.term {
            Term::Dot => dot.clone(),
            Term::Variable(name) => match self.variables.iter().rev().find(|row| row.0 == *name) {
                Some(row) => row.1.clone(),
                None => return Err(unknown_variable(line, name)),
            },
            Term::Function(name) => {
                self.step(line)?;
                self.function(name, &[], line)?
            }
            Term::Text(text) => Value::Text(text.clone()),
            Term::Number(number) => Value::Number(*number),
            Term::Flag(flag) => Value::Flag(*flag),
            Term::Nil => Value::Nil,
            Term::Group(pipe) => self.pipe(pipe, dot)?,
        };
        fields(value, &operand.fields, line)
    }
}

fn unknown_variable(line: usize, name: &str) -> Failure {
    Failure { line, message: format!("there is no variable `${name}`") }
}

fn fields(mut value: Value, fields: &[String], line: usize) -> Result<Value, Failure> {
    for name in fields {
        value = value.field(name).ok_or_else(|| {
            let message = format!("{} has no field `{name}`", value.kind());
            Failure { line, message }
        })?;
    }
    Ok(value)
}
