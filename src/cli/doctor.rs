//! `doctor`: whether this machine can run a server, and what to do where it cannot.

mod engine;
mod hosts;
mod judge;
mod machine;
mod routes;

use clap::Args;
use serde_json::json;

use super::Result;
use super::failure::Exit;
use super::output::{Output, Style};
use super::settings::Settings;
use crate::clock::Clock;
use judge::{Check, Level};

/// Arguments of `doctor`.
#[derive(Clone, Debug, Default, Args)]
pub struct DoctorArgs {
    /// Docker Engine to check: unix:///path or tcp://host:port
    #[arg(long, value_name = "ENGINE")]
    pub docker_host: Option<String>,
    /// Address to check for the API
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
}

/// Checks everything; problems end with exit code 1, warnings do not.
///
/// # Errors
/// None of its own: what cannot be checked is a problem in the list.
pub async fn run(settings: &Settings, out: &Output, args: &DoctorArgs) -> Result<Exit> {
    let overrides = settings
        .overrides
        .clone()
        .with("--docker-host", "docker.host", args.docker_host.clone())
        .with("--listen", "server.listen", args.listen.clone());
    let mut checks = Vec::new();
    match settings.config_with(&overrides) {
        Err(failure) => checks.push(Check::problem("configuration", failure.message).hint(
            "`ranchette check-config` shows every mistake, config.example.toml every option",
        )),
        Ok(config) => {
            checks.push(Check::ok("configuration", "every option is known and allowed"));
            let now_ms = Clock::System.now_ms();
            let dir = settings.absolute(&config.server.data_dir);
            checks.extend(machine::data_folder(&dir));
            checks.push(machine::disk("disk", &dir));
            checks.push(machine::port(config.server.listen).await);
            checks.push(machine::clock(now_ms, &dir));
            if config.sim.enabled {
                checks.push(Check::ok("docker", "not needed: hosts are simulated"));
            } else {
                let subnet = config.network.subnet;
                checks.extend(engine::checks(&config.docker.host, subnet, &settings.around).await);
                checks.push(machine::cgroups());
                checks.push(machine::nat(&settings.around));
                checks.push(machine::packet_filter().await);
                checks.extend(hosts::checks(&config, &dir).await);
            }
        }
    }
    show(out, &checks);
    let bad = checks.iter().any(|check| check.level == Level::Problem);
    Ok(if bad { Exit::Failed } else { Exit::Ok })
}

fn show(out: &Output, checks: &[Check]) {
    let width = checks.iter().map(|check| check.name.len()).max().unwrap_or_default();
    for check in checks {
        let (word, style) = match check.level {
            Level::Ok => ("ok", Style::Good),
            Level::Warning => ("warning", Style::Busy),
            Level::Problem => ("problem", Style::Bad),
        };
        let word_shown = out.paint(style, &format!("{word:<7}"));
        out.line(format!("{word_shown}  {:width$}  {}", check.name, check.message));
        if let Some(hint) = &check.hint {
            out.line(format!("{:9}{:width$}  {} {hint}", "", "", out.paint(Style::Bold, "->")));
        }
        out.record(&json!({
            "type": "check", "name": check.name, "level": word,
            "message": check.message, "hint": check.hint,
        }));
    }
    let count = |level| checks.iter().filter(|check| check.level == level).count();
    let (problems, warnings) = (count(Level::Problem), count(Level::Warning));
    let plural =
        |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    out.line(match (problems, warnings) {
        (0, 0) => "everything is well".to_owned(),
        (0, warnings) => format!("it will work; {}", plural(warnings, "warning")),
        (problems, _) => plural(problems, "problem"),
    });
}
