//! What every reader needs: the caller's facts, the findings so far, files and variables.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::dotenv;
use super::interpolate::{self, Invalid, Lookup};
use super::limits::{Budget, Exhausted};
use super::node::{Loc, View};
use super::problem::{Problems, Severity, Spot};
use super::source::{LoadError, Loader};

/// Shared by all readers of one project.
pub(super) struct Context<'a> {
    pub problems: Problems,
    pub budget: Budget,
    /// Absolute directory on the host that relative bind mounts start from.
    pub project_dir: Option<&'a str>,
    pub project_name: Option<&'a str>,
    env: &'a BTreeMap<String, String>,
    load: RefCell<&'a mut Loader<'a>>,
    used: RefCell<BTreeMap<String, String>>,
    unset: RefCell<BTreeSet<String>>,
    /// The name that the first file gives the project.
    own_name: RefCell<Option<String>>,
}

/// Variables of one file: the caller's come first, then those of `.env` files, nearest last.
#[derive(Clone, Default)]
pub(super) struct Scope {
    layers: Vec<Rc<BTreeMap<String, String>>>,
}

impl Scope {
    /// This scope with the variables of one more file, which count least.
    pub fn with(&self, layer: BTreeMap<String, String>) -> Scope {
        let mut layers = self.layers.clone();
        layers.push(Rc::new(layer));
        Scope { layers }
    }
}

impl<'a> Context<'a> {
    pub fn new(env: &'a BTreeMap<String, String>, load: &'a mut Loader<'a>) -> Self {
        Context {
            problems: Problems::default(),
            budget: Budget::default(),
            project_dir: None,
            project_name: None,
            env,
            load: RefCell::new(load),
            used: RefCell::default(),
            unset: RefCell::default(),
            own_name: RefCell::default(),
        }
    }

    /// Reports an error at a value.
    pub fn error(&self, view: &View<'_>, message: impl Into<String>) {
        self.problems.add(Severity::Error, view.at, &view.path, message);
    }

    /// Reports a warning at a value.
    pub fn warning(&self, view: &View<'_>, message: impl Into<String>) {
        self.problems.add(Severity::Warning, view.at, &view.path, message);
    }

    /// Reads a file without reporting anything.
    pub fn load(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        // A loader that reads a project of its own would borrow twice; it gets a refusal.
        match self.load.try_borrow_mut() {
            Ok(mut load) => load(path),
            Err(_) => Err(LoadError::Refused(path.to_owned(), "the loader is in use".to_owned())),
        }
    }

    /// Reads a file named in the project; a failure is an error at `spot`.
    pub fn read(&self, path: &str, spot: &Spot) -> Option<Vec<u8>> {
        self.load(path).map_err(|error| self.problems.error(spot, error.to_string())).ok()
    }

    /// A variable's value, remembered as something the result depends on.
    pub fn variable(&self, scope: &Scope, name: &str) -> Option<String> {
        if let Some(value) = self.env.get(name) {
            self.used.borrow_mut().insert(name.to_owned(), value.clone());
            return Some(value.clone());
        }
        let found = scope.layers.iter().find_map(|layer| layer.get(name).cloned());
        match (found, name) {
            (None, "COMPOSE_PROJECT_NAME") => {
                self.project_name.map(str::to_owned).or_else(|| self.own_name.borrow().clone())
            }
            (found, _) => found,
        }
    }

    /// Remembers the name that a file gives the project, unless one before it did.
    pub fn call_project(&self, name: Option<String>) {
        let mut own = self.own_name.borrow_mut();
        if own.is_none() {
            *own = name;
        }
    }

    /// The caller's variables that were used.
    pub fn used_variables(&self) -> BTreeMap<String, String> {
        self.used.borrow().clone()
    }

    /// Replaces variables in a text; failures are reported and leave nothing.
    pub fn expand(&self, scope: &Scope, text: &str, at: &Loc, path: &str) -> Option<String> {
        if !text.contains('$') {
            return Some(text.to_owned());
        }
        let fail = |message: String| self.problems.add(Severity::Error, at, path, message);
        let expanded = interpolate::expand(text, &Variables { context: self, scope, at, path });
        let expanded = expanded.map_err(|invalid| fail(invalid.to_string())).ok()?;
        match self.budget.spend_bytes(expanded.len()) {
            Ok(()) => Some(expanded),
            Err(Exhausted) => {
                fail("the variables of the project expand to too much text".to_owned());
                None
            }
        }
    }

    /// Replaces variables in a value of a `.env` file, where a stray `$` is plain text.
    pub fn expand_leniently(&self, scope: &Scope, text: &str, spot: &Spot) -> Option<String> {
        let variables = Variables { context: self, scope, at: &spot.at, path: &spot.path };
        match interpolate::expand(text, &variables) {
            Ok(text) => Some(text),
            Err(Invalid::Form(_) | Invalid::Open(_)) => Some(text.to_owned()),
            Err(invalid @ (Invalid::Required { .. } | Invalid::Deep)) => {
                self.problems.error(spot, invalid.to_string());
                None
            }
        }
    }

    /// The variables of a `.env` style file as a layer.
    pub fn env_layer(&self, scope: &Scope, bytes: &[u8], spot: &Spot) -> BTreeMap<String, String> {
        let variables = dotenv::read(self, scope, bytes, spot, dotenv::Style::Expanded);
        variables.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

/// The lookup for one value.
struct Variables<'a, 'c> {
    context: &'a Context<'c>,
    scope: &'a Scope,
    at: &'a Loc,
    path: &'a str,
}

impl Lookup for Variables<'_, '_> {
    fn get(&self, name: &str) -> Option<String> {
        self.context.variable(self.scope, name)
    }

    fn missing(&self, name: &str) {
        if self.context.unset.borrow_mut().insert(name.to_owned()) {
            let message = format!("variable `{name}` is not set; it becomes an empty text");
            self.context.problems.add(Severity::Warning, self.at, self.path, message);
        }
    }
}
