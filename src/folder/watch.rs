//! Hears when files of folders change, as far as the kernel tells: not on file systems of other machines,
//! and not for more folders than it may watch. Whoever listens looks by himself from time to time, too.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use futures_util::StreamExt as _;
use inotify::{Event, EventMask, EventStream, Inotify, WatchDescriptor, WatchMask, Watches};

use super::Interest;

/// Bytes for events that are read at a time.
const BUFFER: usize = 8 << 10;

/// What the kernel tells.
#[derive(Default)]
enum Line {
    /// Nobody has asked for anything yet.
    #[default]
    Unopened,
    /// Changes of what is watched.
    Open(Watches, EventStream<Vec<u8>>),
    /// Nothing.
    Dead,
}

impl Line {
    fn open() -> Self {
        let open = || -> std::io::Result<_> {
            let inotify = Inotify::init()?;
            let watches = inotify.watches();
            Ok(Self::Open(watches, inotify.into_event_stream(vec![0; BUFFER])?))
        };
        open().unwrap_or_else(|error| {
            tracing::warn!(%error, "changes of files are not heard, only looked for");
            Self::Dead
        })
    }
}

/// Ears at directories.
#[derive(Default)]
pub struct Ears {
    line: Line,
    known: BTreeMap<PathBuf, WatchDescriptor>,
    names: BTreeMap<WatchDescriptor, BTreeSet<PathBuf>>,
}

impl Ears {
    /// Ears at nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Listens to these from now on, and to nothing else. Whether that is another thing than before: what
    /// changed until now may have been missed. The first directory needs a runtime.
    pub fn listen_to(&mut self, interest: &Interest) -> bool {
        if matches!(self.line, Line::Unopened) && !interest.0.is_empty() {
            self.line = Line::open();
        }
        let Line::Open(watches, _) = &mut self.line else { return false };
        let mask = WatchMask::ATTRIB
            | WatchMask::CLOSE_WRITE
            | WatchMask::CREATE
            | WatchMask::DELETE
            | WatchMask::DELETE_SELF
            | WatchMask::MODIFY
            | WatchMask::MOVE
            | WatchMask::MOVE_SELF
            | WatchMask::ONLYDIR;
        let mut known = BTreeMap::new();
        let mut names: BTreeMap<WatchDescriptor, BTreeSet<PathBuf>> = BTreeMap::new();
        for (folder, wanted) in &interest.0 {
            // One that is watched already is given back as it is; another in its place is a new one.
            match watches.add(folder, mask) {
                Ok(watch) => {
                    names.entry(watch.clone()).or_default().extend(wanted.iter().cloned());
                    known.insert(folder.clone(), watch);
                }
                Err(error) => {
                    tracing::debug!(%error, folder = %folder.display(), "not listened to");
                }
            }
        }
        for watch in self.known.values().filter(|watch| !names.contains_key(watch)) {
            // It may have ended with its directory.
            let _ = watches.remove(watch.clone());
        }
        let is_other = (&self.known, &self.names) != (&known, &names);
        (self.known, self.names) = (known, names);
        is_other
    }

    /// Waits until something that matters has changed.
    pub async fn heard(&mut self) {
        let Line::Open(_, events) = &mut self.line else { return std::future::pending().await };
        loop {
            match events.next().await {
                Some(Ok(event)) if matters(&self.names, &event) => return,
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    tracing::warn!(%error, "changes of files are not heard any more");
                    break;
                }
                None => break,
            }
        }
        self.line = Line::Dead;
        std::future::pending().await
    }
}

fn matters(
    names: &BTreeMap<WatchDescriptor, BTreeSet<PathBuf>>,
    event: &Event<impl AsRef<OsStr>>,
) -> bool {
    if event.mask.contains(EventMask::Q_OVERFLOW) {
        return true;
    }
    match (&event.name, names.get(&event.wd)) {
        (Some(name), Some(wanted)) => wanted.contains(Path::new(name.as_ref())),
        // Of the directory itself; what it says of one that is not listened to any more is old.
        (None, Some(_)) => !event.mask.contains(EventMask::ATTRIB),
        (_, None) => false,
    }
}
