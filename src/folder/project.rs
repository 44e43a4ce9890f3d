//! The files of a compose project in a folder: those that are looked for, and those that they name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

use super::{Folder, Refused, Result};
use crate::compose::{self, ComposeFile, FileContent, Input, LoadError, Recorder, layout};

/// What is asked for of a folder.
#[derive(Clone, Debug, Default)]
pub struct Wanted<'a> {
    /// Compose files, each laid over the ones before; those with the usual names if there are none.
    pub files: &'a [String],
    /// Profiles.
    pub profiles: &'a [String],
    /// The stack's name.
    pub name: Option<&'a str>,
    /// Texts that have not been saved yet, in place of those of the files with these names.
    pub unsaved: BTreeMap<String, Vec<u8>>,
}

/// What makes a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The compose files.
    pub compose: Vec<ComposeFile>,
    /// Rancher's own file.
    pub rancher: Option<ComposeFile>,
    /// What they name, by path relative to the folder.
    pub named: BTreeMap<String, Vec<u8>>,
    /// What they name that may not be read, and why.
    pub refused: BTreeMap<String, String>,
    /// Which of them are secrets.
    pub secrets: BTreeSet<String>,
    /// The name that the files give the project.
    pub name: Option<String>,
    /// A hash of all of this.
    pub fingerprint: String,
    /// What was looked for.
    pub interest: Interest,
}

/// Directories to listen to, and the names in them that matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interest(pub BTreeMap<PathBuf, BTreeSet<PathBuf>>);

impl Interest {
    /// That in the files with the usual names, whether or not they are there.
    pub fn usual(folder: &Folder) -> Self {
        let usual = layout::COMPOSE.iter().chain(&layout::OVERRIDES).chain(&layout::RANCHER);
        let names = usual.chain(&[layout::DOTENV]).map(PathBuf::from).collect();
        Self(BTreeMap::from([(folder.real.clone(), names)]))
    }

    fn add(&mut self, folder: &Folder, name: &str) {
        let Ok(within) = folder.within(name) else { return };
        let path = folder.real.join(within);
        if let (Some(parent), Some(name)) = (path.parent(), path.file_name()) {
            self.0.entry(parent.to_owned()).or_default().insert(name.into());
        }
        if let Some((parent, name)) = folder.really(name) {
            self.0.entry(parent).or_default().insert(name);
        }
    }

    /// Both.
    pub fn merge(&mut self, other: Self) {
        for (folder, names) in other.0 {
            self.0.entry(folder).or_default().extend(names);
        }
    }
}

/// Reads a project.
///
/// # Errors
/// When there is no compose file, or one of them cannot be read. What the files name and cannot be read is
/// among the problems of the project.
pub fn read(folder: &Folder, wanted: &Wanted<'_>) -> Result<Files> {
    let fetch = |name: &str| match wanted.unsaved.get(name) {
        Some(bytes) => Ok(bytes.clone()),
        None => folder.bytes(name),
    };
    let has = |name: &str| wanted.unsaved.contains_key(name) || folder.has(name);
    let usual = || layout::compose_files(has).into_iter().map(str::to_owned).collect();
    let names: Vec<String> = if wanted.files.is_empty() { usual() } else { wanted.files.to_vec() };
    if names.is_empty() {
        return Err(Refused::Gone(format!(
            "the directory `{}` has no compose file",
            folder.given.display()
        )));
    }
    let file = |name: &str| Ok(ComposeFile::new(name, fetch(name)?));
    let compose = names.iter().map(|name| file(name)).collect::<Result<Vec<_>>>()?;
    let rancher = layout::rancher_file(has).map(file).transpose()?;
    let mut asked = BTreeSet::new();
    let mut refused = BTreeMap::new();
    let mut recorder = Recorder::new(|path: &str| {
        asked.insert(path.to_owned());
        fetch(path).map_err(|why| {
            if matches!(why, Refused::Gone(_)) {
                return LoadError::NotFound(path.to_owned());
            }
            let is_outside = matches!(why, Refused::Outside(_));
            let outside = || "it lies outside of the stack's directory".to_owned();
            let why = if is_outside { outside() } else { why.to_string() };
            refused.insert(path.to_owned(), why.clone());
            LoadError::Refused(path.to_owned(), why)
        })
    });
    let project = {
        let directory = folder.given.to_string_lossy();
        let input = Input {
            files: compose.clone(),
            rancher: rancher.clone(),
            project_dir: Some(&directory),
            project_name: wanted.name,
            profiles: wanted.profiles.to_vec(),
            ..Input::default()
        };
        let mut load = |path: &str| recorder.load(path);
        compose::parse(&input, &mut load)
    };
    let named = recorder.into_files();
    let is_secret = |bytes: &[u8]| {
        let mut contents = project.secrets.iter().map(|secret| &secret.content);
        contents.any(|content| *content == FileContent::Bytes(bytes.to_vec()))
    };
    let secrets = named.iter().filter(|(_, bytes)| is_secret(bytes));
    let secrets = secrets.map(|(name, _)| name.clone()).collect();
    let name = project.name;
    let mut interest = Interest::usual(folder);
    asked.iter().chain(&names).for_each(|name| interest.add(folder, name));
    let fingerprint = fingerprint(&compose, rancher.as_ref(), &named, wanted.profiles);
    Ok(Files { compose, rancher, named, refused, secrets, name, fingerprint, interest })
}

fn fingerprint(
    compose: &[ComposeFile],
    rancher: Option<&ComposeFile>,
    named: &BTreeMap<String, Vec<u8>>,
    profiles: &[String],
) -> String {
    let mut hasher = Sha256::new();
    let mut add = |name: &str, bytes: &[u8]| {
        for part in [name.as_bytes(), bytes] {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
    };
    compose.iter().chain(rancher).for_each(|file| add(&file.name, &file.text));
    named.iter().for_each(|(name, bytes)| add(name, bytes));
    profiles.iter().for_each(|profile| add("", profile.as_bytes()));
    hex::encode(hasher.finalize())
}
