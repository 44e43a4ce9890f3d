//! Files a project names: paths, the loader that reads them, and the record of what was read.
//!
//! Reading is the caller's: a client passes a loader that opens files and records them, sends the
//! record along with the text, and the server reads the same project again from that record.

use std::collections::BTreeMap;

/// Why a file could not be given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    #[error("file `{0}` does not exist")]
    NotFound(String),
    #[error("file `{0}` may not be read: {1}")]
    Refused(String, String),
}

/// Reads a file by its path relative to the project directory. Paths are normalised (`/` between
/// parts, no `.`), and may begin with `..` or `/`; whether those are read is the loader's choice.
pub type Loader<'a> = dyn FnMut(&str) -> Result<Vec<u8>, LoadError> + 'a;

/// A loader that remembers every file it gave out.
pub struct Recorder<L> {
    load: L,
    files: BTreeMap<String, Vec<u8>>,
}

impl<L: FnMut(&str) -> Result<Vec<u8>, LoadError>> Recorder<L> {
    /// Wraps a loader.
    pub fn new(load: L) -> Self {
        Recorder { load, files: BTreeMap::new() }
    }

    /// Reads through the wrapped loader, once per path.
    ///
    /// # Errors
    /// Those of the wrapped loader.
    pub fn load(&mut self, path: &str) -> Result<Vec<u8>, LoadError> {
        if let Some(bytes) = self.files.get(path) {
            return Ok(bytes.clone());
        }
        let bytes = (self.load)(path)?;
        self.files.insert(path.to_owned(), bytes.clone());
        Ok(bytes)
    }

    /// Every file read so far by its path: what [`files_loader`] needs to read the project again.
    pub fn into_files(self) -> BTreeMap<String, Vec<u8>> {
        self.files
    }
}

/// A loader over files held in memory, as a [`Recorder`] gave them.
pub fn files_loader(
    files: &BTreeMap<String, Vec<u8>>,
) -> impl FnMut(&str) -> Result<Vec<u8>, LoadError> + '_ {
    |path| files.get(path).cloned().ok_or_else(|| LoadError::NotFound(path.to_owned()))
}

/// Joins a path to a directory and normalises it: no `.`, no `a/..`; `..` stays only in front.
pub(super) fn join(base: &str, path: &str) -> String {
    let absolute = path.starts_with('/') || base.starts_with('/');
    let joined = if path.starts_with('/') { path.to_owned() } else { format!("{base}/{path}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in joined.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            // Above the root is the root, as in every file system.
            ".." if absolute => {}
            _ => parts.push(part),
        }
    }
    let relative = parts.join("/");
    if absolute { format!("/{relative}") } else { relative }
}

/// The directory of a normalised path; "" for a plain file name.
pub(super) fn directory(path: &str) -> String {
    match path.rsplit_once('/') {
        Some(("", _)) => "/".to_owned(),
        Some((directory, _)) => directory.to_owned(),
        None => String::new(),
    }
}
