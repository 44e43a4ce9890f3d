//! What is in simulated volumes: files that were put there through a container that mounts them.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::state::{HostState, Serial, SimContainer};
use crate::engine::ContainerState;

/// Files by path, without a leading slash.
pub(super) type Files = BTreeMap<String, Bytes>;

/// Where named volumes are mounted: path without slashes around it, and name.
fn mounts(container: &SimContainer) -> Vec<(String, String)> {
    let binds = container.spec.storage.binds.iter();
    binds
        .filter_map(|line| {
            let mut parts = line.split(':');
            let (source, target) = (parts.next()?, parts.next()?);
            let named = !source.starts_with('/');
            named.then(|| (target.trim_matches('/').to_owned(), source.to_owned()))
        })
        .collect()
}

/// The rest of `path` below `folder`; empty for the folder itself.
fn below<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    if folder.is_empty() {
        return Some(path);
    }
    let rest = path.strip_prefix(folder)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

impl HostState {
    /// Puts files into a container: those below a mount into the volume.
    pub(super) fn put_files(&mut self, serial: Serial, files: Files) {
        let Some(container) = self.containers.get(&serial) else { return };
        let mounts = mounts(container);
        for (path, bytes) in files {
            let at =
                mounts.iter().find_map(|(folder, volume)| Some((volume, below(&path, folder)?)));
            match at {
                Some((volume, rest)) => {
                    let volume = self.contents.entry(volume.clone()).or_default();
                    volume.insert(rest.to_owned(), bytes);
                }
                None => {
                    if let Some(container) = self.containers.get_mut(&serial) {
                        container.files.insert(path, bytes);
                    }
                }
            }
        }
    }

    /// A tar of what is at `path`; names in it begin with the last part of it.
    pub(super) fn take_files(&self, serial: Serial, path: &str) -> std::io::Result<Vec<u8>> {
        let mut tar = tar::Builder::new(Vec::new());
        let Some(container) = self.containers.get(&serial) else { return tar.into_inner() };
        let path = path.trim_matches('/');
        let base = path.rsplit('/').next().unwrap_or_default();
        let mut found: Files = container.files.clone();
        for (folder, volume) in mounts(container) {
            for (name, bytes) in self.contents.get(&volume).into_iter().flatten() {
                found.insert(format!("{folder}/{name}"), bytes.clone());
            }
        }
        let mut folder = tar::Header::new_gnu();
        folder.set_entry_type(tar::EntryType::Directory);
        folder.set_mode(0o755);
        folder.set_size(0);
        tar.append_data(&mut folder, format!("{base}/"), std::io::empty())?;
        for (name, bytes) in &found {
            let Some(rest) = below(name, path).filter(|rest| !rest.is_empty()) else { continue };
            let mut header = tar::Header::new_gnu();
            header.set_mode(0o644);
            header.set_size(bytes.len() as u64);
            tar.append_data(&mut header, format!("{base}/{rest}"), bytes.as_ref())?;
        }
        tar.into_inner()
    }

    /// Removes everything below `path`, as `find` with `rm` would.
    pub(super) fn clear_files(&mut self, serial: Serial, path: &str) {
        let path = path.trim_matches('/');
        let Some(container) = self.containers.get_mut(&serial) else { return };
        container.files.retain(|name, _| below(name, path).is_none());
        for (folder, volume) in mounts(container) {
            let Some(files) = self.contents.get_mut(&volume) else { continue };
            files.retain(|name, _| below(&format!("{folder}/{name}"), path).is_none());
        }
    }

    /// Freezes a container or lets it go on; `None` when it does not run.
    pub(super) fn freeze(&mut self, serial: Serial, frozen: bool) -> Option<bool> {
        let container = self.containers.get_mut(&serial)?;
        let (from, to) = match frozen {
            true => (ContainerState::Running, ContainerState::Paused),
            false => (ContainerState::Paused, ContainerState::Running),
        };
        if container.state == to {
            return Some(false);
        }
        if container.state != from {
            return None;
        }
        container.state = to;
        Some(true)
    }
}
