//! What an archive may put into a volume: entries that stay in it. Whoever unpacks an archive is told nothing
//! else, so that it does not have to be trusted with names that lead elsewhere.

use std::collections::HashSet;
use std::io::{self, Read};

use tar::EntryType;

use super::PLACE;

/// Devices that every container may open, by major and minor number: `null`, `zero`, `full`, `random`,
/// `urandom`, `tty`, `console` and `ptmx`; and `0, 0`, which is none but a mark of overlay file systems.
const HARMLESS: &[(u32, u32)] =
    &[(0, 0), (1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 1), (5, 2)];

/// What is said of an entry that no honest archive has.
const NO_KIND: &str = "is of a kind that no volume has";
/// Longest part of a name in a message, in characters.
const SHOWN: usize = 200;

/// An entry of a tar.
struct Entry<'a> {
    name: &'a [u8],
    kind: EntryType,
    link: Option<&'a [u8]>,
    device: Option<(u32, u32)>,
}

/// What has been let in.
#[derive(Default)]
struct Inside {
    /// Names of symbolic links, as parts.
    links: HashSet<Vec<u8>>,
}

/// Makes sure that no entry of a tar can be written outside of the volume it is unpacked into.
pub(super) fn check(tar: impl Read) -> io::Result<()> {
    let mut inside = Inside::default();
    for entry in tar::Archive::new(tar).entries()? {
        let entry = entry?;
        let header = entry.header();
        let kind = header.entry_type();
        let device = if matches!(kind, EntryType::Char | EntryType::Block) {
            header.device_major()?.zip(header.device_minor()?)
        } else {
            None
        };
        let (name, link) = (entry.path_bytes(), entry.link_name_bytes());
        let seen = Entry { name: &name, kind, link: link.as_deref(), device };
        inside.admit(&seen).map_err(|why| {
            let name: String = String::from_utf8_lossy(&name).chars().take(SHOWN).collect();
            let message = format!("entry `{}` of the archive {why}", name.escape_default());
            io::Error::new(io::ErrorKind::InvalidData, message)
        })?;
    }
    Ok(())
}

impl Inside {
    /// Lets an entry in.
    ///
    /// # Errors
    /// Why it is refused.
    fn admit(&mut self, entry: &Entry<'_>) -> Result<(), &'static str> {
        let name = below(entry.name).ok_or("lies outside of the volume")?;
        if name.is_empty() && !entry.kind.is_dir() {
            return Err("stands in the place of the volume");
        }
        if self.leads_through_link(name) {
            return Err("is reached through a link of the archive");
        }
        match entry.kind {
            EntryType::Regular | EntryType::Continuous | EntryType::Directory | EntryType::Fifo => {
            }
            EntryType::Symlink => {
                self.links.insert(name.to_vec());
            }
            EntryType::Link => {
                let target = entry.link.and_then(below).filter(|target| !target.is_empty());
                let target = target.ok_or("is a hard link to what lies outside of the volume")?;
                if parents(target).any(|parent| self.links.contains(parent)) {
                    return Err("is a hard link to what is reached through a link");
                }
            }
            EntryType::Char if entry.device.is_some_and(|device| HARMLESS.contains(&device)) => {}
            EntryType::Char | EntryType::Block => return Err("is a device"),
            EntryType::GNULongName
            | EntryType::GNULongLink
            | EntryType::GNUSparse
            | EntryType::XGlobalHeader
            | EntryType::XHeader => return Err(NO_KIND),
            // The library may learn of more.
            _ => return Err(NO_KIND),
        }
        Ok(())
    }

    /// Whether an entry, or a folder that it is in, has been a symbolic link before.
    fn leads_through_link(&self, name: &[u8]) -> bool {
        parents(name).chain([name]).any(|one| self.links.contains(one))
    }
}

/// The part of a name below where the volume is; nothing if it is not certain to lie there.
fn below(name: &[u8]) -> Option<&[u8]> {
    let name = name.strip_suffix(b"/").unwrap_or(name);
    let mut parts = name.split(|byte| *byte == b'/');
    if parts.next() != PLACE.strip_prefix('/').map(str::as_bytes) {
        return None;
    }
    if parts.any(|part| matches!(part, b"" | b"." | b"..")) {
        return None;
    }
    let at = name.iter().position(|byte| *byte == b'/');
    Some(at.and_then(|at| name.get(at + 1..)).unwrap_or_default())
}

/// The folders that something is in.
fn parents(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = name.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    ends.filter_map(|(at, _)| name.get(..at))
}
