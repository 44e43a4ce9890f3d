//! `check-config`: the configuration in force, and where each value comes from.

use clap::Args;
use serde_json::json;

use super::Result;
use super::failure::{Exit, Failure};
use super::output::{Output, Row, Style};
use super::settings::Settings;
use crate::config::{Config, Setting};

/// Arguments of `check-config`.
#[derive(Clone, Debug, Default, Args)]
pub struct CheckArgs {
    /// Show only what differs from the defaults
    #[arg(long)]
    pub changed: bool,
}

/// Shows every option.
///
/// # Errors
/// Every mistake in the configuration, one a line.
pub fn run(settings: &Settings, out: &Output, args: &CheckArgs) -> Result<Exit> {
    let found = Config::in_force(&settings.around, &settings.overrides)
        .map_err(|problems| Failure::usage(problems.to_string()))?;
    let shown: Vec<&Setting> =
        found.iter().filter(|one| !args.changed || one.place.is_some()).collect();
    for one in &shown {
        out.record(&json!({
            "type": "setting", "key": one.key, "value": one.value,
            "from": one.place.as_ref().map_or_else(|| "default".to_owned(), ToString::to_string),
        }));
    }
    let rows: Vec<Row> = shown.iter().map(|one| row(one)).collect();
    match rows.is_empty() {
        true => out.note("every option has its default"),
        false => out.table(&["OPTION", "VALUE", "FROM"], &rows),
    }
    Ok(Exit::Ok)
}

fn row(one: &Setting) -> Row {
    let (from, style) = match &one.place {
        Some(place) => (place.to_string(), None),
        None => ("default".to_owned(), Some(Style::Dim)),
    };
    vec![(one.key.to_owned(), None), (one.value.clone(), None), (from, style)]
}
