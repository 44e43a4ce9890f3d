//! A compose project on this machine: which files it is made of, and reading them.

mod locate;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use locate::Located;
pub(super) use locate::tidy;

use super::Result;
use super::args::Files;
use super::failure::{Exit, Failure};
use super::output::Output;
use super::settings::Settings;
use crate::compose::layout::DOTENV;
use crate::compose::{self, ComposeFile, Input, Project, Recorder, Severity};
use crate::folder::{Unread, ordinary};

/// A project that has been read.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What it means.
    pub project: Project,
    /// The stack's name.
    pub name: String,
    /// Profiles that were asked for.
    pub profiles: Vec<String>,
    /// Everything it names, by path relative to its folder.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The files themselves.
    pub located: Located,
}

/// What a project is read with besides its files.
struct Surround {
    env: BTreeMap<String, String>,
    name: Option<String>,
    profiles: Vec<String>,
    dotenv: Option<Vec<u8>>,
}

/// Finds and reads the project that the arguments mean. Its problems are not looked at.
///
/// # Errors
/// When there is no compose file, or one cannot be read.
pub fn load(settings: &Settings, args: &Files) -> Result<Loaded> {
    let located = locate::locate(settings, args)?;
    let env: BTreeMap<String, String> = settings.around.env.iter().cloned().collect();
    let said = args.name.as_deref().or_else(|| settings.around.var("COMPOSE_PROJECT_NAME"));
    let said = said.map(check_name).transpose()?.map(str::to_owned);
    let mut profiles = args.profiles.clone();
    if let Some(more) = settings.around.var("COMPOSE_PROFILES").filter(|_| profiles.is_empty()) {
        profiles = more.split(',').map(|name| name.trim().to_owned()).collect();
    }
    let mut surround =
        Surround { env, name: said, profiles, dotenv: dotenv(settings, &args.env_files)? };
    let (mut project, mut files) = read(&located, &surround);
    let named = surround.name.clone().or_else(|| project.name.clone());
    let name = match named {
        Some(name) => name,
        None => {
            let folder = located.folder.file_name().unwrap_or_default().to_string_lossy();
            let name = compose::stack_name(&folder);
            if name.is_empty() {
                return Err(Failure::usage("the folder's name makes no name for a stack")
                    .hint("give one with -p NAME"));
            }
            // Names of built images contain the stack's.
            surround.name = Some(name.clone());
            (project, files) = read(&located, &surround);
            name
        }
    };
    Ok(Loaded { project, name, profiles: surround.profiles, files, located })
}

impl Loaded {
    /// Shows what is wrong with the files.
    ///
    /// # Errors
    /// When they cannot be deployed.
    pub fn report(&self, out: &Output) -> Result<()> {
        for problem in &self.project.problems {
            out.problem(problem, &self.located.shown(&problem.file));
        }
        let errors = self.project.problems.iter().filter(|one| one.severity == Severity::Error);
        match errors.count() {
            0 => Ok(()),
            1 => Err(Failure::usage("the project has an error; nothing was changed")),
            count => {
                Err(Failure::usage(format!("the project has {count} errors; nothing was changed")))
            }
        }
    }
}

/// The stack that the arguments mean, for verbs that only need its name.
///
/// # Errors
/// When no name is said and there is no compose file that gives one.
pub fn stack_name(settings: &Settings, said: Option<&str>) -> Result<String> {
    if let Some(name) = said {
        return Ok(name.to_owned());
    }
    let loaded = load(settings, &Files::default()).map_err(|failure| Failure {
        hint: Some("name a stack, or go to the folder of its compose file".to_owned()),
        ..failure
    })?;
    Ok(loaded.name)
}

/// A folder as the server knows it, which has the same disk.
pub fn absolute(settings: &Settings, folder: &Path) -> PathBuf {
    locate::tidy(&settings.absolute(folder))
}

fn check_name(name: &str) -> Result<&str> {
    let fits = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if fits && (1..=63).contains(&name.len()) && !name.starts_with('-') && !name.ends_with('-') {
        return Ok(name);
    }
    let proposal = compose::stack_name(name);
    Err(Failure::usage(format!("`{name}` is no name for a stack: it has 1 to 63 letters, digits and dashes, not at its ends"))
        .hint(format!("`{proposal}` would do")))
}

fn read(located: &Located, surround: &Surround) -> (Project, BTreeMap<String, Vec<u8>>) {
    let folder = located.folder.clone();
    let dotenv = surround.dotenv.clone();
    let mut recorder = Recorder::new(move |path: &str| match &dotenv {
        Some(text) if path == DOTENV => Ok(text.clone()),
        _ => ordinary(&folder.join(path)).map_err(|why| why.named(path)),
    });
    let folder = located.folder.display().to_string();
    let input = Input {
        files: located.files.clone(),
        rancher: located.rancher.clone(),
        env: surround.env.clone(),
        project_dir: Some(&folder),
        project_name: surround.name.as_deref(),
        template: None,
        profiles: surround.profiles.clone(),
    };
    let project = {
        let mut load = |path: &str| recorder.load(path);
        compose::parse(&input, &mut load)
    };
    (project, recorder.into_files())
}

/// The files given in place of `.env`, one after the other.
fn dotenv(settings: &Settings, files: &[PathBuf]) -> Result<Option<Vec<u8>>> {
    let mut text = Vec::new();
    for file in files {
        let path = settings.absolute(file);
        text.extend(ordinary(&path).map_err(|why| usage_of(&path, why))?);
        text.push(b'\n');
    }
    Ok((!files.is_empty()).then_some(text))
}

/// Reads one of the files that make the project.
fn read_compose(path: &Path, name: String) -> Result<ComposeFile> {
    let text = ordinary(path).map_err(|why| usage_of(path, why))?;
    Ok(ComposeFile::new(name, text))
}

/// A file that was named and cannot be read is a mistake on the command line.
fn usage_of(path: &Path, why: Unread) -> Failure {
    let failure = match why {
        Unread::Io(error) => Failure::file("read", path, &error),
        Unread::Not(what) => Failure::usage(format!("{} {what}", path.display())),
    };
    match failure.exit == Exit::Failed {
        true => Failure { exit: Exit::Usage, ..failure },
        false => failure,
    }
}
