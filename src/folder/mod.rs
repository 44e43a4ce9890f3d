//! Folders of stacks: which may be used, what is in them, and saving what a person edited.
//!
//! The files belong to whoever wrote them. They are read as they are, and written only by [`save`](mod@save), the one
//! file that was edited. What a folder's files name is read if it lies in the folder; links may lead
//! elsewhere, but not out of the directories that the operator has allowed.
//!
//! Absent: rows, stacks, and what becomes of them.

mod ordinary;
mod path;
mod project;
mod save;
mod splice;
mod watch;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use sha2::{Digest as _, Sha256};

pub use ordinary::{Unread, ordinary};
pub use path::Folder;
pub use project::{Files, Interest, Wanted, read};
pub use save::{Edit, Saved, save};
pub use splice::{LineEnding, has_mark, shown};
pub use watch::Ears;

/// Largest file that is read or written.
pub const MAX_FILE_BYTES: u64 = 4 << 20;
/// Folders below each other that candidates are looked for in.
const MAX_DEPTH: usize = 4;
/// Folders that are looked into.
const MAX_FOLDERS: usize = 5_000;

/// Why a folder or a file of it is not used. The text is a sentence for a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It lies where the server must not look.
    #[error("{0}")]
    Outside(String),
    /// It is not there.
    #[error("{0}")]
    Gone(String),
    /// It is no file that can be used.
    #[error("{0}")]
    Unfit(String),
    /// It is no longer what the caller has read.
    #[error("{0}")]
    Changed(String),
    /// The file system does not let us.
    #[error("{0}")]
    Denied(String),
}

/// Result with [`Refused`].
pub type Result<T, E = Refused> = std::result::Result<T, E>;

/// The directories below which stacks may have their folders; none unless the operator says so.
#[derive(Debug, Default)]
pub struct Folders {
    roots: RwLock<Vec<PathBuf>>,
}

/// A folder with a compose file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its absolute path.
    pub directory: String,
    /// Its compose files.
    pub files: Vec<String>,
}

impl Folders {
    /// Allows the folders below these directories.
    pub fn allow(&self, roots: Vec<PathBuf>) {
        *self.roots.write().unwrap_or_else(PoisonError::into_inner) = roots;
    }

    /// The directories that are allowed.
    pub fn roots(&self) -> Vec<PathBuf> {
        self.roots.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A folder by its absolute path.
    ///
    /// # Errors
    /// When it does not lie below one of the directories, is not there, or is no directory.
    pub fn open(&self, directory: &str) -> Result<Folder> {
        Folder::open(&self.roots(), directory)
    }

    /// Every folder below the directories that has a compose file, by path.
    pub fn candidates(&self) -> Vec<Candidate> {
        let mut found = Vec::new();
        let mut seen = 0;
        for root in self.roots() {
            let mut open = vec![(root, 0)];
            while let Some((folder, depth)) = open.pop() {
                seen += 1;
                if seen > MAX_FOLDERS {
                    break;
                }
                if depth > 0 {
                    found.extend(candidate(&folder));
                }
                if depth < MAX_DEPTH {
                    open.extend(below(&folder).map(|folder| (folder, depth + 1)));
                }
            }
        }
        found.sort_by(|a: &Candidate, b| a.directory.cmp(&b.directory));
        found.dedup();
        found
    }
}

fn candidate(folder: &Path) -> Option<Candidate> {
    let directory = folder.to_str()?.to_owned();
    let files = crate::compose::layout::compose_files(|name| folder.join(name).is_file());
    let files: Vec<String> = files.into_iter().map(str::to_owned).collect();
    (!files.is_empty()).then_some(Candidate { directory, files })
}

/// Directories in a directory that are no links and not hidden.
fn below(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let hidden = entry.file_name().to_str().is_none_or(|name| name.starts_with('.'));
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        (is_dir && !hidden).then(|| entry.path())
    })
}

/// A path as it is compared with others: without doubled or final slashes.
pub fn tidy(directory: &str) -> String {
    Path::new(directory).components().collect::<PathBuf>().to_string_lossy().into_owned()
}

/// The hash by which a file's content is known.
pub fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
