//! `completions` and `man`: what shells and manuals say of the verbs, from the one declaration of them.

use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory as _};
use clap_complete::Shell;
use serde_json::json;

use super::Result;
use super::args::Cli;
use super::failure::{Exit, Failure};
use super::output::Output;
use super::settings::Settings;

/// Arguments of `completions`.
#[derive(Clone, Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

/// Arguments of `man`.
#[derive(Clone, Debug, Default, Args)]
pub struct ManArgs {
    /// Folder for a page of each verb; without it the page of the program is printed
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// Runs `completions`.
///
/// # Errors
/// Never; it looks like the other verbs.
pub fn completions(out: &Output, args: &CompletionsArgs) -> Result<Exit> {
    out.bytes(&script(args.shell));
    Ok(Exit::Ok)
}

fn script(shell: Shell) -> Vec<u8> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "ranchette", &mut text);
    text
}

/// Runs `man`.
///
/// # Errors
/// When the pages cannot be written.
pub fn man(settings: &Settings, out: &Output, args: &ManArgs) -> Result<Exit> {
    let pages = pages()?;
    let Some(folder) = &args.folder else {
        if let Some((_, text)) = pages.first() {
            out.bytes(text);
        }
        return Ok(Exit::Ok);
    };
    let folder = settings.absolute(folder);
    std::fs::create_dir_all(&folder).map_err(|error| Failure::file("make", &folder, &error))?;
    for (name, text) in &pages {
        write(&folder.join(name), text)?;
    }
    let record = json!({ "type": "pages", "folder": folder, "count": pages.len() });
    out.say(format!("{} pages are in {}", pages.len(), folder.display()), &record);
    Ok(Exit::Ok)
}

fn write(path: &Path, text: &[u8]) -> Result<()> {
    std::fs::write(path, text).map_err(|error| Failure::file("write", path, &error))
}

/// Every page with the name of its file, that of the program first.
fn pages() -> Result<Vec<(String, Vec<u8>)>> {
    let mut command = Cli::command();
    command.build();
    let mut pages = Vec::new();
    add(&command, "ranchette", &mut pages)?;
    Ok(pages)
}

fn add(command: &Command, name: &str, pages: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone())
        .title(name)
        .render(&mut text)
        .map_err(|error| Failure::new(format!("cannot make the page of {name}: {error}")))?;
    pages.push((format!("{name}.1"), text));
    for below in command.get_subcommands() {
        add(below, &format!("{name}-{}", below.get_name()), pages)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every verb, and every verb below one.
    fn verbs(command: &Command) -> Vec<String> {
        let below = command.get_subcommands();
        below.flat_map(|one| [vec![one.get_name().to_owned()], verbs(one)].concat()).collect()
    }

    #[test]
    fn every_verb_has_a_page() {
        let pages = pages().unwrap();
        let mut command = Cli::command();
        command.build();
        assert_eq!(pages.len(), verbs(&command).len() + 1);
        assert_eq!(pages[0].0, "ranchette.1");
        for (name, text) in &pages {
            let text = String::from_utf8_lossy(text);
            assert!(text.contains(".SH NAME") && text.contains(".SH SYNOPSIS"), "{name}");
        }
        let names: Vec<&str> = pages.iter().map(|page| page.0.as_str()).collect();
        assert!(names.contains(&"ranchette-context-use.1"), "{names:?}");
    }

    #[test]
    fn every_verb_and_flag_is_completed() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = String::from_utf8(script(shell)).unwrap();
            for verb in verbs(&Cli::command()) {
                assert!(script.contains(&verb), "{verb} in {shell}");
            }
            assert!(script.contains("remove-orphans"), "{shell}");
        }
    }
}
