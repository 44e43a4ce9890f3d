//! Saving an edited file so that only its content is another: owner, group, mode and attributes stay.
//!
//! Usually a new file takes the old one's place at once. Where that would lose something (further names of
//! the file, a mount on it, an owner or attributes that we may not give), the file is written where it is.

use std::fs::{File, Metadata};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;

use rustix::fs::{AtFlags, Gid, Mode, OFlags, Uid, XattrFlags};
use rustix::io::Errno;

use super::path::{Place, contents, denied};
use super::splice::splice;
use super::{Folder, MAX_FILE_BYTES, Refused, Result, hash};
use crate::clock::Entropy;
use crate::compose::layout::DOTENV;

/// Bytes that names or a value of extended attributes have at most on Linux.
const XATTR_BYTES: usize = 64 << 10;

/// What a file is to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit<'a> {
    /// What an editor shows; bytes that it does not change are kept.
    Text(&'a str),
    /// These very bytes.
    Bytes(&'a [u8]),
}

/// A file after it was saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Hash of its content.
    pub hash: String,
    /// Whether the content is another than before.
    pub changed: bool,
}

/// Saves a file. `base` is the hash of what the caller has read; none for a file that is new.
///
/// # Errors
/// [`Refused::Changed`] when the file is no longer what the caller has read.
pub fn save(
    folder: &Folder,
    name: &str,
    edit: Edit<'_>,
    base: Option<&str>,
    entropy: &Entropy,
) -> Result<Saved> {
    let Some(base) = base else { return create(folder, name, edit) };
    let place = match folder.place(name) {
        Err(Refused::Gone(_)) => {
            return Err(Refused::Changed(format!("file `{name}` is no longer there")));
        }
        place => place?,
    };
    let (directory, file) = place.open(OFlags::RDONLY, name)?;
    let before = contents(&file, name)?;
    if hash(&before) != base {
        return Err(changed(name));
    }
    let after = content(name, &before, edit)?;
    let saved = Saved { hash: hash(&after), changed: after != before };
    if !saved.changed {
        return Ok(saved);
    }
    let facts = file.metadata().map_err(|error| denied(name, &error))?;
    let old = Old { place: &place, directory: &directory, file: &file, facts: &facts };
    if facts.nlink() == 1 {
        match old.replace(&after, entropy) {
            Ok(()) => return Ok(saved),
            Err(Kept::Changed) => return Err(changed(name)),
            Err(Kept::Failed(error)) if is_full(&error) => return Err(denied(name, &error)),
            // What cannot be kept that way is kept by not making a new file.
            Err(Kept::Failed(_)) => {}
        }
    }
    write_in_place(&place, name, &before, &after)?;
    Ok(saved)
}

fn changed(name: &str) -> Refused {
    Refused::Changed(format!("file `{name}` has changed on disk since it was read; read it again"))
}

fn content(name: &str, before: &[u8], edit: Edit<'_>) -> Result<Vec<u8>> {
    let after = match edit {
        Edit::Bytes(bytes) => bytes.to_vec(),
        Edit::Text(text) => match std::str::from_utf8(before) {
            Ok(before) => splice(before, text).into_bytes(),
            Err(_) => return Err(Refused::Unfit(format!("file `{name}` is no text"))),
        },
    };
    match after.len() as u64 > MAX_FILE_BYTES {
        true => Err(Refused::Unfit(format!("file `{name}` would be larger than 4 MiB"))),
        false => Ok(after),
    }
}

/// A new file belongs to whom its directory belongs; variables are for the owner's eyes.
fn create(folder: &Folder, name: &str, edit: Edit<'_>) -> Result<Saved> {
    if folder.has(name) {
        return Err(Refused::Changed(format!("file `{name}` is there by now; read it first")));
    }
    let place = folder.new_place(name)?;
    let bytes = content(name, b"", edit)?;
    let mode = if name == DOTENV { 0o600 } else { 0o644 };
    let make = || -> std::io::Result<()> {
        let directory = place.directory()?;
        let owner = rustix::fs::fstat(&directory)?;
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&directory, place.name(), flags, Mode::from_raw_mode(0o600))?;
        let mut file = File::from(file);
        let (uid, gid) = (Uid::from_raw(owner.st_uid), Gid::from_raw(owner.st_gid));
        // Somebody without the right to give files away keeps it.
        let _ = rustix::fs::fchown(&file, Some(uid), Some(gid));
        rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))?;
        let written = file.write_all(&bytes).and_then(|()| file.sync_all());
        if written.is_err() {
            let _ = rustix::fs::unlinkat(&directory, place.name(), AtFlags::empty());
        }
        written?;
        rustix::fs::fsync(&directory)?;
        Ok(())
    };
    make().map_err(|error| denied(name, &error))?;
    Ok(Saved { hash: hash(&bytes), changed: true })
}

/// A file that is to be replaced.
struct Old<'a> {
    place: &'a Place,
    directory: &'a OwnedFd,
    file: &'a File,
    facts: &'a Metadata,
}

/// Why a file was not replaced.
enum Kept {
    /// It is no longer the one that was read.
    Changed,
    /// The file system said no.
    Failed(std::io::Error),
}

impl<E: Into<std::io::Error>> From<E> for Kept {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Old<'_> {
    /// Puts a new file in the old one's place.
    fn replace(&self, bytes: &[u8], entropy: &Entropy) -> Result<(), Kept> {
        let name = self.place.name().display();
        let new = format!(".{name}.{}.ranchette", entropy.hex_upper(8));
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(self.directory, &new, flags, Mode::from_raw_mode(0o600))?;
        let put = || -> Result<(), Kept> {
            self.fill(File::from(file), bytes)?;
            if !self.is_unchanged()? {
                return Err(Kept::Changed);
            }
            rustix::fs::renameat(self.directory, &new, self.directory, self.place.name())?;
            Ok(())
        };
        let put = put();
        match put {
            // The file is there whatever becomes of this.
            Ok(()) => drop(rustix::fs::fsync(self.directory)),
            Err(_) => drop(rustix::fs::unlinkat(self.directory, &new, AtFlags::empty())),
        }
        put
    }

    fn fill(&self, mut new: File, bytes: &[u8]) -> std::io::Result<()> {
        new.write_all(bytes)?;
        let made = new.metadata()?;
        if (made.uid(), made.gid()) != (self.facts.uid(), self.facts.gid()) {
            let (uid, gid) = (Uid::from_raw(self.facts.uid()), Gid::from_raw(self.facts.gid()));
            rustix::fs::fchown(&new, Some(uid), Some(gid))?;
        }
        keep_attributes(self.file, &new)?;
        rustix::fs::fchmod(&new, Mode::from_raw_mode(self.facts.mode() & 0o7777))?;
        new.sync_all()
    }

    /// Whether the name still leads to the file that was read, and nobody has written to it since.
    fn is_unchanged(&self) -> std::io::Result<bool> {
        let now = rustix::fs::statat(self.directory, self.place.name(), AtFlags::SYMLINK_NOFOLLOW)?;
        let read = rustix::fs::fstat(self.file)?;
        let written = (self.facts.mtime(), self.facts.mtime_nsec(), self.facts.size());
        let size = u64::try_from(now.st_size).unwrap_or(0);
        let mtime = (now.st_mtime, i64::try_from(now.st_mtime_nsec).unwrap_or(0), size);
        Ok((now.st_ino, now.st_dev) == (read.st_ino, read.st_dev) && mtime == written)
    }
}

/// Gives a new file the extended attributes of another (access lists among them), and no others.
fn keep_attributes(from: &File, to: &File) -> std::io::Result<()> {
    let wanted = attributes(from)?;
    let made = attributes(to)?;
    for (name, value) in &wanted {
        if !made.iter().any(|(known, own)| (known, own) == (name, value)) {
            rustix::fs::fsetxattr(to, name.as_str(), value, XattrFlags::empty())?;
        }
    }
    for (name, _) in made.iter().filter(|(name, _)| !wanted.iter().any(|(own, _)| own == name)) {
        rustix::fs::fremovexattr(to, name.as_str())?;
    }
    Ok(())
}

fn attributes(file: &File) -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let mut names = vec![0; XATTR_BYTES];
    let length = match rustix::fs::flistxattr(file, names.as_mut_slice()) {
        Ok(length) => length,
        Err(Errno::NOTSUP | Errno::NOSYS) => 0,
        Err(error) => return Err(error.into()),
    };
    let mut found = Vec::new();
    for name in names.get(..length).unwrap_or_default().split(|byte| *byte == 0) {
        let Some(name) = std::str::from_utf8(name).ok().filter(|name| !name.is_empty()) else {
            continue;
        };
        let mut value = vec![0; XATTR_BYTES];
        let length = rustix::fs::fgetxattr(file, name, value.as_mut_slice())?;
        value.truncate(length);
        found.push((name.to_owned(), value));
    }
    Ok(found)
}

/// Writes a file where it is. Room is made sure of first, and the old content put back if it fails all the
/// same.
fn write_in_place(place: &Place, name: &str, before: &[u8], after: &[u8]) -> Result<()> {
    let (_, mut file) = place.open(OFlags::RDWR, name)?;
    let mut now = Vec::new();
    let read = (&file).take(MAX_FILE_BYTES + 1).read_to_end(&mut now);
    read.map_err(|error| denied(name, &error))?;
    if now != before {
        return Err(changed(name));
    }
    let keep_size = rustix::fs::FallocateFlags::KEEP_SIZE;
    if let Err(error) = rustix::fs::fallocate(&file, keep_size, 0, after.len().max(1) as u64)
        && is_full(&error.into())
    {
        return Err(denied(name, &error.into()));
    }
    overwrite(&mut file, after).map_err(|error| {
        // Nothing more can be done when this fails, too.
        let _ = overwrite(&mut file, before);
        denied(name, &error)
    })
}

fn overwrite(file: &mut File, bytes: &[u8]) -> std::io::Result<()> {
    file.seek(SeekFrom::Start(0))?;
    file.write_all(bytes)?;
    file.set_len(bytes.len() as u64)?;
    file.sync_all()
}

fn is_full(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded)
}
