//! The command line: `serve` and `demo` run a server, everything else talks to one or looks after
//! its data.
//!
//! [`args`] says what can be written, [`main`] runs one verb, and every verb is a file of its own.
//! Verbs for stacks go through [`client`] to a running server; `backup`, `restore`, `check-config`
//! and `doctor` work on the machine itself.
//!
//! Architecture invariant: only [`output`] prints, and only [`board`] draws progress. Exit codes are
//! those of [`failure::Exit`].

mod args;
mod failure;
mod output;

mod adopt;
mod adoption;
mod audit;
mod check_config;
mod data;
mod doctor;
mod password;
mod rotate;
mod serve;
mod settings;

mod board;
mod client;
mod contexts;
mod environments;
mod login;
mod terminal;

mod follow;
mod history;
mod inventory;
mod view;

mod project;

mod bind;
mod build;
mod context;
mod dockerignore;
mod up;

mod diff;
mod down;
mod events;
mod exec;
mod inspect;
mod logs;
mod pages;
mod parts;
mod ps;
mod pull;
mod scale;
mod single;
mod switch;
mod top;
mod undo;
mod upgrade;
mod wait;
mod watch;
mod webhooks;

#[cfg(test)]
mod tests;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Cli, Verb};
use failure::{Exit, Failure};
use output::Output;
use settings::Settings;

/// Result of a verb.
type Result<T, E = Failure> = std::result::Result<T, E>;

/// Reads the arguments, runs the verb and returns its exit code.
pub fn main() -> ExitCode {
    // Clap itself prints help and usage errors, and ends with 0 or 2.
    let cli = Cli::parse();
    let settings = Settings::real(&cli.common);
    let out = Output::real(cli.common.json, &settings.around);
    match run(&settings, &out, cli.verb.unwrap_or_default()) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            out.failure(&failure);
            failure.exit.into()
        }
    }
}

fn run(settings: &Settings, out: &Output, verb: Verb) -> Result<Exit> {
    match verb {
        Verb::Serve(args) => serve::serve(settings, out, &args),
        Verb::Demo(args) => serve::demo(settings, out, &args),
        Verb::Up(args) => block_on(up::run(settings, out, &args)),
        Verb::Pull(args) => block_on(pull::run(settings, out, &args)),
        Verb::Ps(args) => block_on(ps::run(settings, out, &args)),
        Verb::Logs(args) => block_on(logs::run(settings, out, &args)),
        Verb::Exec(args) => block_on(exec::run(settings, out, &args)),
        Verb::Top(args) => block_on(top::run(settings, out, &args)),
        Verb::Events(args) => block_on(events::run(settings, out, &args)),
        Verb::Wait(args) => block_on(wait::run(settings, out, &args)),
        Verb::Inspect(args) => block_on(inspect::run(settings, out, &args)),
        Verb::Adopt(args) => block_on(adoption::run(settings, out, &args)),
        Verb::Hosts(args) => block_on(parts::hosts(settings, out, &args)),
        Verb::Volumes(args) => block_on(parts::volumes(settings, out, &args)),
        Verb::Secrets(args) => block_on(parts::secrets(settings, out, &args)),
        Verb::Webhooks(args) => block_on(webhooks::run(settings, out, &args)),
        Verb::Bind(args) => block_on(bind::bind(settings, out, &args)),
        Verb::Unbind(args) => block_on(bind::unbind(settings, out, &args)),
        Verb::Apply(args) => block_on(bind::apply(settings, out, &args)),
        Verb::Plan(args) => block_on(up::plan(settings, out, &args)),
        Verb::Diff(args) => block_on(diff::run(settings, out, &args)),
        Verb::Undo(args) => block_on(undo::run(settings, out, &args)),
        Verb::Run(args) => block_on(single::run(settings, out, &args)),
        Verb::Rm(args) => block_on(single::rm(settings, out, &args)),
        Verb::Completions(args) => pages::completions(out, &args),
        Verb::Man(args) => pages::man(settings, out, &args),
        Verb::Scale(args) => block_on(scale::run(settings, out, &args)),
        Verb::Start(args) => block_on(switch::run(settings, out, &args, switch::Switch::Start)),
        Verb::Stop(args) => block_on(switch::run(settings, out, &args, switch::Switch::Stop)),
        Verb::Restart(args) => block_on(switch::run(settings, out, &args, switch::Switch::Restart)),
        Verb::Upgrade(args) => block_on(upgrade::upgrade(settings, out, &args)),
        Verb::History(args) => block_on(history::run(settings, out, &args)),
        Verb::Rollback(args) => block_on(upgrade::rollback(settings, out, &args)),
        Verb::Down(args) => block_on(down::run(settings, out, &args)),
        Verb::Login(args) => block_on(login::login(settings, out, &args)),
        Verb::Logout(args) => block_on(login::logout(settings, out, &args)),
        Verb::Context(args) => contexts::run(settings, out, &args),
        Verb::Environment(args) => block_on(environments::run(settings, out, &args)),
        Verb::Backup(args) => data::backup(settings, out, &args),
        Verb::Restore(args) => data::restore(settings, out, &args),
        Verb::ResetPassword(args) => block_on(password::run(settings, out, &args)),
        Verb::RotateKey(args) => block_on(rotate::run(settings, out, &args)),
        Verb::AdoptHost(args) => block_on(adopt::run(settings, out, &args)),
        Verb::Audit(args) => audit::run(settings, out, &args),
        Verb::CheckConfig(args) => check_config::run(settings, out, &args),
        Verb::Doctor(args) => block_on(doctor::run(settings, out, &args)),
    }
}

/// Runs a verb that waits for others. One thread is enough, and is quicker to start than many.
fn block_on(verb: impl Future<Output = Result<Exit>>) -> Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Failure::new(format!("cannot start a runtime: {error}")))?;
    let done = runtime.block_on(verb);
    // A thread that still waits for the keyboard must not keep the program.
    runtime.shutdown_background();
    done
}
