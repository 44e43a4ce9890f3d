//! Where the archives of a backup target are: in a folder, or in a bucket.

use std::io;
use std::path::{Path, PathBuf};

use super::bucket::Bucket;
use super::{Archive, files};

/// Where archives are kept under their names.
pub enum Shelf {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A bucket of an S3-compatible server.
    Bucket(Box<Bucket>),
}

impl Shelf {
    /// Puts an archive whose checksum is known there.
    ///
    /// # Errors
    /// When the archive is not what it was, or cannot be put there.
    pub async fn keep(&self, from: &Path, name: &str, sha256: &str) -> io::Result<()> {
        match self {
            Shelf::Folder(folder) => files::copy(from, &folder.join(name), sha256).await,
            Shelf::Bucket(bucket) => bucket.put_file(from, name, sha256).await,
        }
    }

    /// Puts a small file beside an archive.
    ///
    /// # Errors
    /// When it cannot be put there.
    pub async fn note(&self, name: &str, text: Vec<u8>) -> io::Result<()> {
        match self {
            Shelf::Folder(folder) => files::note(&folder.join(name), text).await,
            Shelf::Bucket(bucket) => bucket.put(name, text).await,
        }
    }

    /// An archive as a checked file of this machine: itself, or a copy at `spool`.
    ///
    /// # Errors
    /// When it is not there, or not what it was.
    pub async fn fetch(&self, name: &str, spool: PathBuf, kept: &Archive) -> io::Result<Fetched> {
        let sha256 = &kept.sha256;
        match self {
            Shelf::Folder(folder) => {
                let path = folder.join(name);
                files::verify(&path, sha256).await?;
                Ok(Fetched { path, is_copy: false })
            }
            Shelf::Bucket(bucket) => {
                let fetched = Fetched { path: spool, is_copy: true };
                bucket.get_file(name, &fetched.path, sha256, kept.size).await?;
                Ok(fetched)
            }
        }
    }

    /// Removes a file; one that is gone is fine.
    ///
    /// # Errors
    /// When it is there and cannot be removed.
    pub async fn remove(&self, name: &str) -> io::Result<()> {
        match self {
            Shelf::Folder(folder) => files::remove(&folder.join(name)).await,
            Shelf::Bucket(bucket) => bucket.remove(name).await,
        }
    }

    /// What people know a file by.
    pub fn uri(&self, name: &str) -> String {
        match self {
            Shelf::Folder(folder) => format!("file://{}", folder.join(name).display()),
            Shelf::Bucket(bucket) => bucket.uri(name),
        }
    }
}

/// An archive that can be read. A copy goes when it is not needed any more.
pub struct Fetched {
    path: PathBuf,
    is_copy: bool,
}

impl Fetched {
    /// An archive that stays.
    pub fn own(path: PathBuf) -> Self {
        Self { path, is_copy: false }
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Fetched {
    fn drop(&mut self) {
        if self.is_copy {
            // Whatever is left is replaced by the next copy of the same name.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
