//! What is in a tar: counted, and a digest that tells one from another.

use std::fmt;
use std::io::{self, Read};

use sha2::{Digest, Sha256};
use tar::{Entry, EntryType};

use super::files::Incoming;

/// Bytes read at once.
const CHUNK: usize = 64 * 1024;

/// What is in an archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Regular files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// SHA-256 over names, kinds, owners, modes, links and contents, whatever their order.
    pub digest: String,
}

impl fmt::Display for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count: u64| if count == 1 { "" } else { "s" };
        let (files, bytes) = (self.files, self.bytes);
        write!(f, "{files} file{} of {bytes} byte{}", plural(files), plural(bytes))
    }
}

/// Reads a tar to its end; whatever is read goes through `tar`, so that it can be kept on the way.
pub fn of(mut tar: impl Read) -> io::Result<Contents> {
    let mut found = Contents::default();
    let mut lines: Vec<[u8; 32]> = Vec::new();
    let mut archive = tar::Archive::new(&mut tar);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let line = line(&mut entry, &mut found)?;
        lines.push(Sha256::digest(line).into());
    }
    // What comes after the last entry belongs to the file.
    io::copy(&mut tar, &mut io::sink())?;
    lines.sort_unstable();
    let mut all = Sha256::new();
    for line in lines {
        all.update(line);
    }
    found.digest = hex::encode(all.finalize());
    Ok(found)
}

/// What is in a tar that comes over time.
///
/// # Errors
/// When it breaks off, or is no tar.
pub async fn of_stream(tar: Incoming) -> io::Result<Contents> {
    super::files::blocking(move || of(tar.reader())).await
}

/// Everything about an entry that a volume is to have again, apart from the times of what is no file.
fn line(entry: &mut Entry<'_, impl Read>, found: &mut Contents) -> io::Result<Vec<u8>> {
    let header = entry.header();
    let kind = header.entry_type();
    // Numbers that a tar leaves out are zero.
    let mode = header.mode().unwrap_or(0) & 0o7777;
    let (uid, gid) = (header.uid().unwrap_or(0), header.gid().unwrap_or(0));
    let mut line = Vec::new();
    // The first part of a name is where the volume is mounted.
    let name = entry.path_bytes();
    let below = name.iter().position(|byte| *byte == b'/').map_or(&b""[..], |at| &name[at + 1..]);
    let below = below.strip_suffix(b"/").unwrap_or(below);
    line.extend_from_slice(below);
    line.extend(format!("\0{kind:?} {mode:o} {uid} {gid}\0").into_bytes());
    if let Some(link) = entry.link_name_bytes() {
        line.extend_from_slice(&link);
    }
    if matches!(kind, EntryType::Char | EntryType::Block) {
        let header = entry.header();
        let device = (header.device_major()?, header.device_minor()?);
        line.extend(format!("\0{device:?}").into_bytes());
    }
    if kind.is_file() {
        let modified = entry.header().mtime().unwrap_or(0);
        let (bytes, sum) = sum(entry)?;
        found.files += 1;
        found.bytes += bytes;
        line.extend(format!("\0{modified} {bytes} ").into_bytes());
        line.extend_from_slice(&sum);
    }
    Ok(line)
}

fn sum(mut content: impl Read) -> io::Result<(u64, [u8; 32])> {
    let mut sum = Sha256::new();
    let mut buffer = vec![0; CHUNK];
    let mut bytes = 0;
    loop {
        let count = content.read(&mut buffer)?;
        let Some(read) = buffer.get(..count).filter(|read| !read.is_empty()) else { break };
        sum.update(read);
        bytes += read.len() as u64;
    }
    Ok((bytes, sum.finalize().into()))
}
