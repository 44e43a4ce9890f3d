//! Ordinary files of bounded size, wherever they are: those that whoever runs us may read.

use std::fs::File;
use std::io::{Error, ErrorKind, Read as _};
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use super::MAX_FILE_BYTES;
use crate::compose::LoadError;

/// Why a file was not read.
#[derive(Debug)]
pub enum Unread {
    /// The operating system did not give it.
    Io(Error),
    /// What it is instead: a verb and the rest of a sentence about it.
    Not(&'static str),
}

impl Unread {
    /// The same about a file that a compose file names.
    pub fn named(self, path: &str) -> LoadError {
        match self {
            Self::Io(error) if super::path::is_absent(&error) => {
                LoadError::NotFound(path.to_owned())
            }
            Self::Io(error) => LoadError::Refused(path.to_owned(), error.to_string()),
            Self::Not(what) => LoadError::Refused(path.to_owned(), format!("it {what}")),
        }
    }

    /// What to say behind the file's name.
    pub fn words(&self) -> String {
        match self {
            Self::Io(error) => format!("cannot be read: {error}"),
            Self::Not(what) => (*what).to_owned(),
        }
    }
}

impl From<Unread> for Error {
    fn from(why: Unread) -> Self {
        match why {
            Unread::Io(error) => error,
            Unread::Not(what) => Error::new(ErrorKind::InvalidInput, what),
        }
    }
}

/// Reads an ordinary file of bounded size: a pipe or device could keep us for ever.
///
/// # Errors
/// When it is another thing, too large, or cannot be read.
pub fn ordinary(path: &Path) -> Result<Vec<u8>, Unread> {
    const NOT: Unread = Unread::Not("is not a file");
    if !std::fs::metadata(path).map_err(Unread::Io)?.is_file() {
        return Err(NOT);
    }
    // Somebody may have put another thing there since.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let file = rustix::fs::open(path, flags, Mode::empty());
    let file = File::from(file.map_err(|error| Unread::Io(error.into()))?);
    if !file.metadata().map_err(Unread::Io)?.is_file() {
        return Err(NOT);
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(Unread::Io)?;
    match bytes.len() as u64 > MAX_FILE_BYTES {
        true => Err(Unread::Not("is larger than 4 MiB")),
        false => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ordinary_files_of_bounded_size_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("file"), "text").unwrap();
        std::os::unix::fs::symlink(at("file"), at("link")).unwrap();
        File::create(at("large")).unwrap().set_len(MAX_FILE_BYTES + 1).unwrap();
        let fifo = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, at("pipe"), fifo, Mode::RUSR, 0).unwrap();
        let check = |name: &str, expect: &str| {
            let found = match ordinary(&at(name)) {
                Ok(bytes) => String::from_utf8(bytes).unwrap(),
                Err(why) => match why.named(name) {
                    LoadError::NotFound(name) => format!("no {name}"),
                    LoadError::Refused(name, why) => format!("{name}: {why}"),
                },
            };
            assert_eq!(found, expect);
        };
        check("file", "text");
        check("link", "text");
        check("none", "no none");
        check("file/none", "no file/none");
        check("large", "large: it is larger than 4 MiB");
        check("pipe", "pipe: it is not a file");
        check(".", ".: it is not a file");
    }
}
