//! Things that go wrong on purpose.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::clock::Entropy;
use crate::engine::EngineError;

/// An operation a fault can hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `Engine::pull`.
    Pull,
    /// `Engine::login`.
    Login,
    /// `Engine::build`.
    Build,
    /// `Engine::create`.
    Create,
    /// `Engine::start`.
    Start,
    /// The life of a container, from each of its starts.
    Run,
    /// `Engine::stop`.
    Stop,
    /// `Engine::kill`.
    Kill,
    /// `Engine::remove`.
    Remove,
    /// `Engine::upload`.
    Upload,
    /// `Engine::inspect`, `list`, `volumes` and `info`.
    Look,
    /// Making and removing networks and volumes.
    Place,
    /// `Engine::exec`.
    Exec,
    /// `Engine::probe`.
    Probe,
    /// `Engine::dial`.
    Dial,
    /// An event on its way to those who listen.
    Event,
}

/// What a fault does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The operation takes so many milliseconds on the fleet's clock.
    Slow {
        /// Milliseconds.
        ms: u64,
    },
    /// The operation does nothing and fails.
    Fail(EngineError),
    /// The operation is done, but its answer never arrives: the caller sees this failure.
    LoseAnswer(EngineError),
    /// On [`Op::Run`]: the container ends by itself.
    DieAfter {
        /// Milliseconds after its start.
        ms: u64,
        /// Its exit code.
        exit_code: i64,
    },
    /// On [`Op::Event`]: nobody hears of it.
    LoseEvent,
}

/// When an effect strikes: each condition that is set must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    op: Op,
    effect: Effect,
    host: Option<String>,
    about: Option<String>,
    per_mille: u16,
    left: Option<u32>,
}

impl Fault {
    /// `effect` on every `op`.
    pub fn on(op: Op, effect: Effect) -> Fault {
        Fault { op, effect, host: None, about: None, per_mille: 1000, left: None }
    }

    /// Only on the host of this name.
    pub fn host(mut self, host: &str) -> Fault {
        self.host = Some(host.to_owned());
        self
    }

    /// Only if the image or the container's name contains `part`.
    pub fn about(mut self, part: &str) -> Fault {
        self.about = Some(part.to_owned());
        self
    }

    /// Only so many times in a thousand, by the fleet's seed.
    pub fn per_mille(mut self, chance: u16) -> Fault {
        self.per_mille = chance;
        self
    }

    /// Only the first `times` times.
    pub fn times(mut self, times: u32) -> Fault {
        self.left = Some(times);
        self
    }
}

/// The faults of a fleet.
#[derive(Debug)]
pub struct Faults {
    entropy: Entropy,
    rules: Mutex<Vec<Fault>>,
    /// Lets the usual case, no faults at all, go by without a lock.
    count: AtomicUsize,
}

/// What faults decided about one operation.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    pub(super) delay_ms: u64,
    pub(super) failure: Option<EngineError>,
    pub(super) lost_answer: Option<EngineError>,
    pub(super) death: Option<(u64, i64)>,
    pub(super) event_lost: bool,
}

impl Faults {
    pub(super) fn new(seed: u64) -> Faults {
        let rules = Mutex::new(Vec::new());
        Faults { entropy: Entropy::seeded(seed), rules, count: AtomicUsize::new(0) }
    }

    /// Adds a fault.
    pub fn add(&self, fault: Fault) {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        rules.push(fault);
        self.count.store(rules.len(), Ordering::Release);
    }

    /// Removes all faults.
    pub fn clear(&self) {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        rules.clear();
        self.count.store(0, Ordering::Release);
    }

    pub(super) fn judge(&self, host: &str, op: Op, about: &[&str]) -> Verdict {
        let mut verdict = Verdict::default();
        if self.count.load(Ordering::Acquire) == 0 {
            return verdict;
        }
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        for rule in rules.iter_mut().filter(|rule| rule.op == op && rule.left != Some(0)) {
            let here = rule.host.as_ref().is_none_or(|only| only == host);
            let meant =
                rule.about.as_ref().is_none_or(|part| about.iter().any(|a| a.contains(part)));
            if !here || !meant || !self.chance(rule.per_mille) {
                continue;
            }
            rule.left = rule.left.map(|left| left.saturating_sub(1));
            match &rule.effect {
                Effect::Slow { ms } => verdict.delay_ms += ms,
                Effect::Fail(err) => verdict.failure = Some(err.clone()),
                Effect::LoseAnswer(err) => verdict.lost_answer = Some(err.clone()),
                Effect::DieAfter { ms, exit_code } => verdict.death = Some((*ms, *exit_code)),
                Effect::LoseEvent => verdict.event_lost = true,
            }
        }
        verdict
    }

    fn chance(&self, per_mille: u16) -> bool {
        per_mille >= 1000 || self.entropy.u64() % 1000 < u64::from(per_mille)
    }
}
