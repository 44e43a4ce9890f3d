//! How the containers of a simulated host live: scripts go on, timers fire, events are told.

use std::sync::{Arc, MutexGuard, Weak};

use super::faults::Op;
use super::program::{Program, Step};
use super::state::{Death, HostState, Later, LogLine, Serial};
use super::{Host, SimEngine};
use crate::engine::{ContainerState, EventKind, Output, RemoveVolumes};

impl HostState {
    pub(super) fn is_running(&self, serial: Serial) -> bool {
        self.containers.get(&serial).is_some_and(|c| c.state == ContainerState::Running)
    }

    pub(super) fn running(&self) -> impl Iterator<Item = Serial> {
        let running = |c: &super::state::SimContainer| c.state == ContainerState::Running;
        self.containers.iter().filter(move |(_, c)| running(c)).map(|(serial, _)| *serial)
    }
}

impl Host {
    /// The state, after everything that was due by `now` has happened.
    pub(super) fn lock_at(&self, now: i64) -> MutexGuard<'_, HostState> {
        let mut state = self.lock();
        let mut news = false;
        while let Some((at, serial, later)) = state.due(now) {
            news = true;
            match later {
                Later::Continue(step) => self.go_on(&mut state, serial, step, at),
                Later::Die(code) => self.end(&mut state, serial, code, Death::Own, at),
                Later::Restart => {
                    if state.start(serial, at).is_ok() {
                        self.started(&mut state, serial, at);
                    }
                }
            }
        }
        if news {
            self.changed();
        }
        state
    }

    /// Tells of a start and lets the script run up to its first wait.
    pub(super) fn started(&self, state: &mut HostState, serial: Serial, at: i64) {
        self.emit(state, serial, EventKind::Start, at);
        let Some(container) = state.containers.get(&serial) else { return };
        let (run, spec) = (container.run, Arc::clone(&container.spec));
        let verdict = self.shared.faults.judge(&self.name, Op::Run, &[&spec.image, &spec.name]);
        if let Some((ms, code)) = verdict.death {
            state.plan(at.saturating_add_unsigned(ms), serial, run, Later::Die(code));
        }
        self.go_on(state, serial, 0, at);
    }

    /// Carries out a script from `first` until it waits or ends.
    fn go_on(&self, state: &mut HostState, serial: Serial, first: usize, at: i64) {
        let Some(container) = state.containers.get(&serial) else { return };
        let Program::Script(steps) = &container.program else { return };
        let steps = steps.clone();
        let tty = container.spec.process.tty;
        for (number, step) in steps.iter().enumerate().skip(first) {
            let Some(container) = state.containers.get_mut(&serial) else { return };
            match step {
                Step::Sleep { ms } => {
                    let run = container.run;
                    let due = at.saturating_add_unsigned(*ms);
                    state.plan(due, serial, run, Later::Continue(number + 1));
                    return;
                }
                Step::Forever => return,
                Step::Exit { code } => {
                    let code = code.unwrap_or(container.status);
                    return self.end(state, serial, code, Death::Own, at);
                }
                Step::Clear { path } => {
                    container.status = 0;
                    state.clear_files(serial, path);
                }
                Step::Echo { .. }
                | Step::Cat { .. }
                | Step::Haproxy { .. }
                | Step::Copy
                | Step::Env
                | Step::Status { .. } => {
                    let (lines, status) = output(step, &container.spec, &container.files);
                    container.status = status;
                    container.log.extend(lines.into_iter().map(|(stream, text)| LogLine {
                        at_ms: at,
                        stream: if tty { Output::Tty } else { stream },
                        text,
                    }));
                }
            }
        }
        let code = state.containers.get(&serial).map_or(0, |container| container.status);
        self.end(state, serial, code, Death::Own, at);
    }

    /// A container that runs ends.
    pub(super) fn end(
        &self,
        state: &mut HostState,
        serial: Serial,
        code: i64,
        death: Death,
        at: i64,
    ) {
        state.die(serial, code, death, at);
        self.emit(state, serial, EventKind::Die { exit_code: code }, at);
    }

    pub(super) fn destroy(
        &self,
        state: &mut HostState,
        serial: Serial,
        volumes: RemoveVolumes,
        at: i64,
    ) {
        // The event is told after the container is gone, but needs its name.
        let event = state.event(serial, EventKind::Destroy, at);
        state.remove(serial, volumes == RemoveVolumes::Anonymous);
        if let Some(event) = event {
            self.tell(state, event);
        }
    }

    pub(super) fn emit(&self, state: &mut HostState, serial: Serial, kind: EventKind, at: i64) {
        if let Some(event) = state.event(serial, kind, at) {
            self.tell(state, event);
        }
    }

    fn tell(&self, state: &mut HostState, event: crate::engine::EngineEvent) {
        let about = [event.image.as_str(), event.name.as_str()];
        if !self.shared.faults.judge(&self.name, Op::Event, &about).event_lost {
            state.push_event(event);
        }
    }
}

impl SimEngine {
    /// Makes sure that what is due later happens even if nobody asks.
    pub(super) fn keep_time(&self, mut state: MutexGuard<'_, HostState>) {
        if state.next_due().is_none() {
            return;
        }
        if state.keeper {
            self.host.earlier.notify_one();
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        state.keeper = true;
        let (keeper, clock) = (Keeper(Arc::downgrade(&self.host)), self.host.shared.clock.clone());
        runtime.spawn(async move {
            loop {
                let Some(host) = keeper.0.upgrade() else { return };
                let due = {
                    let mut state = host.lock_at(clock.now_ms());
                    state.keeper = state.next_due().is_some();
                    state.next_due()
                };
                let Some(due) = due else { return };
                tokio::select! {
                    biased;
                    () = clock.sleep_until(due) => {}
                    () = host.earlier.notified() => {}
                }
            }
        });
    }
}

/// Ends with the task that waits for a host's timers, also when the task's runtime is shut down.
struct Keeper(Weak<Host>);

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some(host) = self.0.upgrade() {
            host.lock().keeper = false;
        }
    }
}

/// What a step writes, and the status it ends with.
pub(super) fn output(
    step: &Step,
    spec: &crate::engine::ContainerSpec,
    files: &std::collections::BTreeMap<String, bytes::Bytes>,
) -> (Vec<(Output, String)>, i64) {
    match step {
        Step::Echo { text, to_stderr: true } => (vec![(Output::Stderr, text.clone())], 0),
        Step::Echo { text, to_stderr: false } => (vec![(Output::Stdout, text.clone())], 0),
        Step::Cat { path } => match files.get(path.trim_start_matches('/')) {
            Some(bytes) => {
                let text = String::from_utf8_lossy(bytes);
                (text.lines().map(|line| (Output::Stdout, line.to_owned())).collect(), 0)
            }
            None => {
                let text = format!("cat: can't open '{path}': No such file or directory");
                (vec![(Output::Stderr, text)], 1)
            }
        },
        Step::Haproxy { path } => {
            let bytes = files.get(path.trim_start_matches('/'));
            let text = String::from_utf8_lossy(bytes.map_or(&[][..], |bytes| bytes));
            let words = text.lines().enumerate().find_map(|(at, line)| {
                let word = line.split_whitespace().next()?;
                let said =
                    format!("[ALERT] : parsing [{path}:{}] : unknown keyword '{word}'", at + 1);
                word.starts_with("no-such").then_some(said)
            });
            match words {
                Some(words) => (vec![(Output::Stderr, words)], 1),
                None => (vec![(Output::Stdout, "Configuration file is valid".to_owned())], 0),
            }
        }
        Step::Env => {
            let lines = spec.process.env.iter();
            (lines.map(|line| (Output::Stdout, line.clone())).collect(), 0)
        }
        Step::Status { code } => (Vec::new(), *code),
        Step::Clear { .. }
        | Step::Copy
        | Step::Sleep { .. }
        | Step::Exit { .. }
        | Step::Forever => (Vec::new(), 0),
    }
}
