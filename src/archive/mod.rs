//! Archives of volumes: tar files, compressed, with checksums of the file and of what is in it.
//!
//! An archive appears under its name only when it is complete and on the disk. What is in it has a digest
//! that does not depend on the order of its entries: two volumes with the same digest hold the same.

mod bucket;
mod contents;
mod files;
mod inside;
mod shelf;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

pub use bucket::{Bucket, Place, Unfit};
pub use contents::{Contents, of_stream};
pub use files::{Incoming, copy, fits, names, note, read, remove, verify, write};
pub use shelf::{Fetched, Shelf};

/// Where a volume is while it is read into an archive, or written out of one: all names in archives begin with it.
pub const PLACE: &str = "/volume";

/// An archive that has been written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// What is in it.
    pub contents: Contents,
    /// Bytes of the file.
    pub size: u64,
    /// SHA-256 of the file.
    pub sha256: String,
}

impl Archive {
    /// As a row keeps it.
    pub fn to_json(&self) -> Value {
        json!({
            "files": self.contents.files,
            "bytes": self.contents.bytes,
            "digest": self.contents.digest,
            "size": self.size,
            "sha256": self.sha256,
        })
    }

    /// As a row has kept it.
    pub fn of_json(map: &Map<String, Value>) -> Option<Self> {
        let number = |field: &str| map.get(field).and_then(Value::as_u64);
        let text = |field: &str| map.get(field).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            contents: Contents {
                files: number("files")?,
                bytes: number("bytes")?,
                digest: text("digest")?,
            },
            size: number("size")?,
            sha256: text("sha256")?,
        })
    }
}

/// Where archives are.
#[derive(Debug)]
pub struct Places {
    snapshots: PathBuf,
    backups: PathBuf,
}

impl Places {
    /// Snapshots and backups are in folders beside this file.
    pub fn beside(database: &Path) -> Self {
        Self {
            snapshots: database.with_file_name("snapshots"),
            backups: database.with_file_name("backups"),
        }
    }

    /// Backups are in this folder instead.
    pub fn with_backups_in(self, folder: &Path) -> Self {
        Self { backups: folder.to_owned(), ..self }
    }

    /// The folder of snapshots.
    pub fn snapshots(&self) -> &Path {
        &self.snapshots
    }

    /// The folder of a backup target. Its name has only letters, digits and `_.-`.
    pub fn target(&self, name: &str) -> PathBuf {
        // `.` and `..` are names, too, and would lead elsewhere.
        let dots = name.chars().all(|c| c == '.');
        let name = if dots { format!("_{name}") } else { name.to_owned() };
        self.backups.join(name)
    }
}

#[cfg(test)]
mod tests;
