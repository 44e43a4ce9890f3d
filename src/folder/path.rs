//! Paths: from what somebody wrote to an open file that certainly lies where it may.
//!
//! A path is resolved once, which says where it leads; what it leads to is then opened part by part without
//! following a link, so that nobody can put one there in between.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use super::{MAX_FILE_BYTES, Refused, Result};

/// A folder that may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Absolute path as it was given.
    pub given: PathBuf,
    /// The same without links.
    pub(super) real: PathBuf,
    /// The allowed directory that it lies below, without links.
    root: PathBuf,
}

/// Where a file of a folder is, links resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The allowed directory it lies below.
    pub root: PathBuf,
    /// Its path from there.
    pub within: PathBuf,
}

impl Folder {
    pub(super) fn open(roots: &[PathBuf], directory: &str) -> Result<Self> {
        let given = Path::new(directory);
        let plain = |part| matches!(part, Component::Normal(_) | Component::RootDir);
        if !given.is_absolute() || !given.components().all(plain) {
            let message = format!("`{directory}` is no absolute path of a directory without `..`");
            return Err(Refused::Outside(message));
        }
        // Nothing is said about what lies elsewhere, not even whether it is there.
        if !roots.iter().any(|root| given.starts_with(root) && given != root) {
            return Err(Refused::Outside(not_below(roots, directory)));
        }
        let real = given.canonicalize().map_err(|error| match is_absent(&error) {
            true => Refused::Gone(format!("the directory `{directory}` is not there")),
            false => Refused::Denied(format!("the directory `{directory}`: {error}")),
        })?;
        let root = roots
            .iter()
            .filter_map(|root| root.canonicalize().ok())
            .find(|root| real.starts_with(root) && real != *root);
        let Some(root) = root else { return Err(Refused::Outside(not_below(roots, directory))) };
        if !real.is_dir() {
            return Err(Refused::Unfit(format!("`{directory}` is no directory")));
        }
        Ok(Self { given: given.components().collect(), real, root })
    }

    /// Where a file is that is named by its path in this folder.
    pub(super) fn place(&self, name: &str) -> Result<Place> {
        let path = self.real.join(self.within(name)?);
        let real = path.canonicalize().map_err(|error| match is_absent(&error) {
            true => Refused::Gone(format!("file `{name}` does not exist")),
            false => Refused::Denied(format!("file `{name}`: {error}")),
        })?;
        match real.strip_prefix(&self.root) {
            Ok(within) => Ok(Place { root: self.root.clone(), within: within.to_owned() }),
            Err(_) => Err(Refused::Outside(format!(
                "file `{name}` is a link out of the directories that may be used"
            ))),
        }
    }

    /// Where a new file of this folder would be.
    pub(super) fn new_place(&self, name: &str) -> Result<Place> {
        let path = self.within(name)?;
        if path.components().count() != 1 || self.real.join(&path).symlink_metadata().is_ok() {
            return Err(Refused::Unfit(format!("file `{name}` cannot be made here")));
        }
        let within = self.real.strip_prefix(&self.root).unwrap_or(Path::new("")).join(path);
        Ok(Place { root: self.root.clone(), within })
    }

    /// A file's path relative to the folder, which it must not leave.
    pub(super) fn within(&self, name: &str) -> Result<PathBuf> {
        let outside =
            || Refused::Outside(format!("file `{name}` lies outside of the stack's directory"));
        let path = Path::new(name);
        let path = match path.is_absolute() {
            false => path,
            true => path.strip_prefix(&self.given).map_err(|_| outside())?,
        };
        let mut within = PathBuf::new();
        for part in path.components() {
            match part {
                Component::Normal(part) => within.push(part),
                Component::CurDir => {}
                Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                    return Err(outside());
                }
            }
        }
        match within.as_os_str().is_empty() {
            true => Err(outside()),
            false => Ok(within),
        }
    }

    /// A file's bytes.
    ///
    /// # Errors
    /// When it lies elsewhere, is not there, or is no ordinary file of bounded size.
    pub fn bytes(&self, name: &str) -> Result<Vec<u8>> {
        let place = self.place(name)?;
        let (_, file) = place.open(OFlags::RDONLY, name)?;
        contents(&file, name)
    }

    /// Whether there is such a file, of whatever kind.
    pub(super) fn has(&self, name: &str) -> bool {
        self.real.join(name).symlink_metadata().is_ok()
    }

    /// The directory in which a file really lies, and what it is called there.
    pub(super) fn really(&self, name: &str) -> Option<(PathBuf, PathBuf)> {
        let path = self.real.join(self.within(name).ok()?);
        let real = path.canonicalize().ok().filter(|real| real.starts_with(&self.root))?;
        Some((real.parent()?.to_owned(), real.file_name()?.into()))
    }
}

impl Place {
    /// The file's name.
    pub fn name(&self) -> &Path {
        Path::new(self.within.file_name().unwrap_or_default())
    }

    /// The directory that the file is in, opened part by part.
    pub fn directory(&self) -> std::io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut at = rustix::fs::open(&self.root, flags, Mode::empty())?;
        for part in self.within.parent().into_iter().flat_map(Path::components) {
            at = rustix::fs::openat(&at, part.as_os_str(), flags, Mode::empty())?;
        }
        Ok(at)
    }

    /// The file and the directory it is in.
    pub fn open(&self, access: OFlags, shown: &str) -> Result<(OwnedFd, File)> {
        let flags = access | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        let open = || {
            let directory = self.directory()?;
            let file = rustix::fs::openat(&directory, self.name(), flags, Mode::empty())?;
            Ok((directory, File::from(file)))
        };
        let (directory, file) = open().map_err(|error: std::io::Error| denied(shown, &error))?;
        let facts = file.metadata().map_err(|error| denied(shown, &error))?;
        if !facts.is_file() {
            return Err(Refused::Unfit(format!("`{shown}` is no ordinary file")));
        }
        Ok((directory, file))
    }
}

/// The bytes of a file of bounded size.
pub(super) fn contents(file: &File, shown: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| denied(shown, &error))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(Refused::Unfit(format!("file `{shown}` is larger than 4 MiB")));
    }
    Ok(bytes)
}

pub(super) fn denied(shown: &str, error: &std::io::Error) -> Refused {
    match is_absent(error) {
        true => Refused::Gone(format!("file `{shown}` does not exist")),
        false => Refused::Denied(format!("file `{shown}`: {error}")),
    }
}

pub(super) fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn not_below(roots: &[PathBuf], directory: &str) -> String {
    if roots.is_empty() {
        return format!(
            "`{directory}` may not be used: the option `stacks.directories` allows no directory"
        );
    }
    let roots: Vec<String> = roots.iter().map(|root| format!("`{}`", root.display())).collect();
    format!("`{directory}` does not lie below {}, which may be used", roots.join(" or "))
}
