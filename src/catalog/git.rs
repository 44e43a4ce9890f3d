//! Catalogs in git repositories: what the program `git` fetches of them into a folder of the server's.
//!
//! `git` gets its arguments one by one, never through a shell; no configuration, hooks or helpers of the
//! machine's; and only the protocols that a catalog's address may have. What it leaves in the folder is read
//! like any other folder: links in it are not followed.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use sha2::{Digest as _, Sha256};
use tokio::process::Command;

use super::origin::{self, Origin, Place, Scope};
use crate::clock::Clock;

/// How long one call of `git` may take, in milliseconds.
const LONGEST_MS: u64 = 180_000;
/// Letters of what `git` says that are passed on.
const MAX_SAID: usize = 400;

/// A repository's files on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub folder: PathBuf,
    pub commit: String,
}

/// What the files of a repository are called by.
fn key(place: &Place) -> String {
    let hash = Sha256::digest(format!("{place}\n{}", place.branch()).as_bytes());
    hex::encode(hash.get(..12).unwrap_or(&hash))
}

/// What was fetched of a repository before.
pub fn kept(folder: &Path, place: &Place) -> Option<Kept> {
    let key = key(place);
    let commit = fs::read_to_string(folder.join(&key)).ok()?;
    let commit = commit.trim().to_owned();
    let folder = folder.join(format!("{key}-{commit}"));
    (is_commit(&commit) && folder.is_dir()).then_some(Kept { folder, commit })
}

fn is_commit(text: &str) -> bool {
    (40..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Removes what was fetched of a repository.
pub fn forget(folder: &Path, place: &Place) {
    if let Some(kept) = kept(folder, place) {
        // What stays of it is in nobody's way.
        let _ = fs::remove_file(folder.join(key(place)));
        let _ = fs::remove_dir_all(kept.folder);
    }
}

/// Fetches a repository, unless what was fetched before is what it is at.
///
/// # Errors
/// With a sentence for a person.
pub async fn fetch(folder: &Path, origin: &Origin, clock: &Clock) -> Result<Kept, String> {
    let Place::Git { url, branch } = &origin.place else {
        return Err("the catalog is in no repository".to_owned());
    };
    if folder.as_os_str().is_empty() {
        return Err(format!("`{url}` cannot be fetched: there is no folder to fetch it into"));
    }
    let pin = match origin.scope {
        Scope::Global => None,
        Scope::Environment(_) => Some(pinned(url).await?),
    };
    let git = Git { clock, pin, url };
    let reference =
        if branch.is_empty() { "HEAD".to_owned() } else { format!("refs/heads/{branch}") };
    let listed = git.run(folder, &["ls-remote", "--quiet", "--", url, &reference]).await?;
    let commit = listed.split_whitespace().next().unwrap_or_default().to_owned();
    if !is_commit(&commit) {
        let what = if branch.is_empty() {
            "nothing yet".to_owned()
        } else {
            format!("no branch `{branch}`")
        };
        return Err(format!("`{url}` has {what}"));
    }
    if let Some(kept) = kept(folder, &origin.place).filter(|kept| kept.commit == commit) {
        return Ok(kept);
    }
    let said = |error: std::io::Error| format!("folder `{}`: {error}", folder.display());
    fs::create_dir_all(folder).map_err(said)?;
    let key = key(&origin.place);
    let fresh = tempfile_in(folder, &key).map_err(said)?;
    let cloned = git.clone_into(folder, &fresh, branch).await;
    let placed = cloned.and_then(|()| place_in(folder, &key, &fresh).map_err(said));
    // A clone that came to nothing is taken away again; if that fails, the next one takes another name.
    let _ = fs::remove_dir_all(&fresh);
    placed
}

/// A folder's name that nothing has.
fn tempfile_in(folder: &Path, key: &str) -> std::io::Result<PathBuf> {
    for number in 0..1000 {
        let path = folder.join(format!("{key}.new{number}"));
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(std::io::Error::other("too many clones that came to nothing"))
}

/// Puts a clone in the place of the one before.
fn place_in(folder: &Path, key: &str, fresh: &Path) -> std::io::Result<Kept> {
    let head = fs::read_to_string(fresh.join(".git/HEAD"))?;
    let head = head.trim();
    let commit = match head.strip_prefix("ref: ") {
        None => head.to_owned(),
        Some(name) => {
            let loose = fs::read_to_string(fresh.join(".git").join(name));
            loose.or_else(|_| packed(fresh, name))?.trim().to_owned()
        }
    };
    if !is_commit(&commit) {
        return Err(std::io::Error::other("the clone is at no commit"));
    }
    // Only the files are wanted.
    fs::remove_dir_all(fresh.join(".git"))?;
    let place = folder.join(format!("{key}-{commit}"));
    if place.exists() {
        fs::remove_dir_all(&place)?;
    }
    fs::rename(fresh, &place)?;
    let before = fs::read_to_string(folder.join(key)).unwrap_or_default();
    let pointer = folder.join(format!("{key}.at"));
    fs::write(&pointer, &commit)?;
    fs::rename(&pointer, folder.join(key))?;
    let before = before.trim();
    if is_commit(before) && before != commit {
        let _ = fs::remove_dir_all(folder.join(format!("{key}-{before}")));
    }
    Ok(Kept { folder: place, commit })
}

/// What a reference is at that has no file of its own.
fn packed(clone: &Path, name: &str) -> std::io::Result<String> {
    let text = fs::read_to_string(clone.join(".git/packed-refs"))?;
    let found = text.lines().find_map(|line| line.split_once(' ').filter(|row| row.1 == name));
    found.map(|row| row.0.to_owned()).ok_or_else(|| std::io::Error::other("no such reference"))
}

/// The one address that a host may be reached at by `git`, as it takes it: none of the server's own or
/// beside it. Looked up here, so that what was checked is what is used.
async fn pinned(url: &str) -> Result<String, String> {
    let refused = || format!("`{url}` leads to the server itself or beside it");
    let rest = url.split_once("://").map_or(url, |parts| parts.1);
    let host = rest.split('/').next().unwrap_or_default();
    let default = match url.split_once("://").map(|parts| parts.0) {
        Some("https") => 443,
        Some("http") => 80,
        Some(_) | None => return Err(format!("`{url}` is neither http nor https")),
    };
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, port.parse().unwrap_or(default)),
        _ => (host, default),
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    let found = tokio::net::lookup_host((bare, port)).await;
    let found: Vec<IpAddr> =
        found.map_err(|error| format!("`{url}`: {error}"))?.map(|address| address.ip()).collect();
    let Some(first) = found.first() else { return Err(format!("`{url}` leads nowhere")) };
    if found.iter().any(|address| origin::is_inside_address(*address)) {
        return Err(refused());
    }
    let shown = if first.is_ipv6() { format!("[{first}]") } else { first.to_string() };
    Ok(format!("http.curloptResolve={bare}:{port}:{shown}"))
}

/// Calls of `git` for one repository.
struct Git<'a> {
    clock: &'a Clock,
    pin: Option<String>,
    url: &'a str,
}

impl Git<'_> {
    async fn clone_into(&self, folder: &Path, fresh: &Path, branch: &str) -> Result<(), String> {
        let place = fresh.to_string_lossy();
        let mut words = vec![
            "clone",
            "--quiet",
            "--depth=1",
            "--single-branch",
            "--no-tags",
            "--no-recurse-submodules",
            "--template=",
        ];
        if !branch.is_empty() {
            words.extend(["--branch", branch]);
        }
        words.extend(["--", self.url, &place]);
        self.run(folder, &words).await.map(|_| ())
    }

    /// Runs `git` and gives what it printed.
    async fn run(&self, folder: &Path, words: &[&str]) -> Result<String, String> {
        let mut command = Command::new("git");
        for setting in [
            "core.hooksPath=/dev/null",
            "core.fsmonitor=false",
            "credential.helper=",
            "http.followRedirects=false",
            "protocol.ext.allow=never",
            "submodule.recurse=false",
        ] {
            command.args(["-c", setting]);
        }
        if let Some(pin) = &self.pin {
            command.args(["-c", pin]);
        }
        let protocols = match self.url.split_once("://").map(|parts| parts.0) {
            Some(scheme @ ("file" | "git" | "http" | "https" | "ssh")) => scheme,
            Some(_) | None => return Err(format!("`{}` is not a URL of a repository", self.url)),
        };
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_CONFIG_COUNT"] {
            command.env_remove(name);
        }
        command
            .env("GIT_ALLOW_PROTOCOL", protocols)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("LC_ALL", "C")
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if folder.is_dir() {
            command.current_dir(folder);
        }
        let output = tokio::select! {
            biased;
            output = command.output() => output,
            () = self.clock.sleep_ms(LONGEST_MS) => {
                return Err(format!("`{}` did not answer in time", self.url));
            }
        };
        let output = output.map_err(|error| format!("cannot run `git`: {error}"))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let said: String =
            said.trim().lines().last().unwrap_or_default().chars().take(MAX_SAID).collect();
        Err(format!("`{}` cannot be fetched: {said}", self.url))
    }
}

#[cfg(test)]
mod tests;
