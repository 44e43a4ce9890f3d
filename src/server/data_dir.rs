//! The data directory: private to its owner, and used by one server at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::error::{Error, Result};
use crate::vault;

/// A locked data directory; the lock ends with this value or with the program.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Makes the directory if need be (mode 0700) and locks it.
    ///
    /// # Errors
    /// When it cannot be used, or another program has it: the message says which.
    pub fn open(path: &Path) -> Result<Self> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .and_then(|()| std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)))
            .map_err(|error| unusable(path, &error))?;
        let lock = lock(&path.join("lock"))?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The database file.
    pub fn database(&self) -> PathBuf {
        database(&self.path)
    }
}

/// The database file of a data directory.
pub fn database(path: &Path) -> PathBuf {
    path.join("ranchette.db")
}

/// The key file of sealed secrets: the configuration's, or the one in a data directory.
pub fn key_file(config: &Config, path: &Path) -> PathBuf {
    let own = &config.server.vault_key_file;
    if own.as_os_str().is_empty() { path.join(vault::FILE) } else { own.clone() }
}

fn lock(path: &Path) -> Result<File> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|error| unusable(path, &error))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Who holds it is said as far as it is known.
            let _ = file.read_to_string(&mut holder);
            let holder = holder.trim();
            let holder = if holder.is_empty() { "another program" } else { holder };
            return Err(Error::conflict(format!(
                "the data directory {} is in use by {holder}",
                path.parent().unwrap_or(path).display()
            )));
        }
        Err(TryLockError::Error(error)) => return Err(unusable(path, &error)),
    }
    file.set_len(0)
        .and_then(|()| file.seek(SeekFrom::Start(0)))
        .and_then(|_| writeln!(file, "process {}", std::process::id()))
        .map_err(|error| unusable(path, &error))?;
    Ok(file)
}

fn unusable(path: &Path, error: &std::io::Error) -> Error {
    Error::internal(format!("cannot use {}: {error}", path.display()))
}

/// Replaces a directory's database by a backup, after checking the backup. The old database is kept
/// beside it as `ranchette.db.before-restore`.
///
/// # Errors
/// When the backup is not sound; then nothing has been changed.
pub fn restore(dir: &DataDir, backup: &Path) -> Result<()> {
    crate::store::check_integrity(backup)?;
    let database = dir.database();
    let fresh = database.with_extension("db.restoring");
    let copied = std::fs::copy(backup, &fresh)
        .and_then(|_| File::open(&fresh)?.sync_all())
        .and_then(|()| std::fs::set_permissions(&fresh, std::fs::Permissions::from_mode(0o600)));
    copied.map_err(|error| unusable(&fresh, &error))?;
    crate::store::check_integrity(&fresh)?;
    let kept = database.with_extension("db.before-restore");
    if database.exists() {
        // The copy takes what is still in the log along, which a rename would leave behind.
        let _ = std::fs::remove_file(&kept);
        crate::store::backup(&database, &kept)?;
    }
    for suffix in ["db-wal", "db-shm"] {
        match std::fs::remove_file(database.with_extension(suffix)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(unusable(&database, &error));
            }
            _ => {}
        }
    }
    std::fs::rename(&fresh, &database).map_err(|error| unusable(&database, &error))?;
    // The rename itself must be on disk before the caller says that it is done.
    let synced = File::open(dir.path()).and_then(|folder| folder.sync_all());
    synced.map_err(|error| unusable(dir.path(), &error))
}
