//! The files of a catalog. A tree lists what is in it; nobody asks it for a name of their own making.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Files that a catalog may have.
const MAX_FILES: usize = 50_000;
/// Folders below each other that are looked into: a template's files lie three deep.
const MAX_DEPTH: usize = 8;
/// Bytes of one file.
pub const MAX_FILE_BYTES: u64 = 1 << 20;
/// Bytes of all files together.
const MAX_BYTES: u64 = 256 << 20;

/// The files of a catalog by path, parts joined by `/`, in their order, and what was left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    pub files: BTreeMap<String, Vec<u8>>,
    /// What was not read and why, for people.
    pub problems: Vec<String>,
}

impl Tree {
    /// Reads a folder whose top-level folders are wanted if `keep` says so. Symbolic links are not followed
    /// and nothing but plain files is read: a catalog has nothing outside itself.
    ///
    /// # Errors
    /// With a sentence for a person when the folder itself cannot be read or is too large.
    pub fn of_folder(root: &Path, keep: fn(&str) -> bool) -> Result<Self, String> {
        let mut tree = Self::default();
        let mut bytes = 0;
        let said = |error: &std::io::Error| format!("folder `{}`: {error}", root.display());
        let mut open = vec![(root.to_owned(), String::new(), 0)];
        while let Some((folder, prefix, depth)) = open.pop() {
            let entries = match fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) if depth == 0 => return Err(said(&error)),
                Err(error) => {
                    tree.problems.push(format!("`{prefix}`: {error}"));
                    continue;
                }
            };
            for entry in entries {
                let entry = entry.map_err(|error| said(&error))?;
                let name = entry.file_name();
                let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else {
                    continue;
                };
                let path = format!("{prefix}{name}");
                // The entry's own type: that of a link is a link.
                let kind = entry.file_type().map_err(|error| said(&error))?;
                if kind.is_dir() && (depth > 0 || keep(name)) {
                    if depth < MAX_DEPTH {
                        open.push((entry.path(), format!("{path}/"), depth + 1));
                    } else {
                        tree.problems.push(format!("`{path}` lies too deep and is not read"));
                    }
                } else if kind.is_symlink() {
                    tree.problems.push(format!("`{path}` is a symbolic link and is not followed"));
                } else if kind.is_file() && depth > 0 {
                    bytes += tree.add(entry.path(), path);
                } else if !kind.is_dir() && !kind.is_file() {
                    tree.problems.push(format!("`{path}` is no file and is not read"));
                }
                if tree.files.len() > MAX_FILES || bytes > MAX_BYTES {
                    return Err(format!(
                        "folder `{}` has more than {MAX_FILES} files or {MAX_BYTES} bytes",
                        root.display()
                    ));
                }
            }
        }
        Ok(tree)
    }

    /// Adds a file, unless it is too large, and says how many bytes it has.
    fn add(&mut self, place: PathBuf, path: String) -> u64 {
        match read(&place) {
            Ok(Some(bytes)) => {
                let size = bytes.len() as u64;
                self.files.insert(path, bytes);
                size
            }
            Ok(None) => {
                self.problems
                    .push(format!("`{path}` has more than {MAX_FILE_BYTES} bytes and is not read"));
                0
            }
            Err(error) => {
                self.problems.push(format!("`{path}`: {error}"));
                0
            }
        }
    }
}

/// A plain file's bytes; nothing if there are too many. What became a link since it was listed is refused.
fn read(place: &Path) -> std::io::Result<Option<Vec<u8>>> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(place, flags, Mode::empty())?);
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= MAX_FILE_BYTES).then_some(bytes))
}
