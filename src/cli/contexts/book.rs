//! The servers that somebody logged in to, in a file that only they can read.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::super::Result;
use super::super::client::Key;
use super::super::failure::Failure;
use crate::auth::local::write_private;
use crate::config::Surroundings;
use crate::nearest::nearest;

/// Every known server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Book {
    /// Name of the one in use.
    pub current: Option<String>,
    /// By name.
    pub contexts: BTreeMap<String, Context>,
}

/// A server, and who somebody is there.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Context {
    /// Scheme, host and port.
    pub url: String,
    /// Access key; none where nobody has to log in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_key: Option<String>,
    /// Secret key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_key: Option<String>,
    /// Id or name of the environment in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Whom to trust besides those that the machine trusts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

// A secret must not reach a log by way of `{:?}`.
impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Context {
    /// The key, if there is one.
    pub fn key(&self) -> Option<Key> {
        let (access, secret) = (self.access_key.clone()?, self.secret_key.clone()?);
        Some(Key { access, secret })
    }
}

impl Book {
    /// The book of whoever runs the program; an empty one if there is none.
    ///
    /// # Errors
    /// When it cannot be read, or others could read it, too.
    pub fn read(around: &Surroundings) -> Result<Self> {
        let Some(path) = around.contexts_file() else { return Ok(Book::default()) };
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if is_absent(&error) => return Ok(Book::default()),
            Err(error) => return Err(Failure::file("read", &path, &error)),
        };
        let kind = std::fs::metadata(&path);
        let kind = kind.map_err(|error| Failure::file("look at", &path, &error))?;
        if kind.mode() & 0o077 != 0 {
            let path = path.display();
            return Err(Failure::not_allowed(format!("{path} has keys in it, and is not private"))
                .hint(format!("say `chmod 600 {path}`")));
        }
        serde_json::from_slice(&text).map_err(|error| {
            Failure::usage(format!("{} is not what `login` writes: {error}", path.display()))
                .hint("remove it, and log in again")
        })
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// When there is no place for it.
    pub fn write(&self, around: &Surroundings) -> Result<()> {
        let path = around.contexts_file().ok_or_else(|| {
            Failure::usage("there is no home folder to keep keys in")
                .hint("set HOME or XDG_CONFIG_HOME")
        })?;
        if let Some(folder) = path.parent() {
            let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
            made.map_err(|error| Failure::file("make", folder, &error))?;
        }
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| Failure::new(format!("cannot write contexts: {error}")))?;
        Ok(write_private(&path, format!("{text}\n").as_bytes())?)
    }

    /// The context of that name.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(&self, name: &str) -> Result<&Context> {
        self.contexts.get(name).ok_or_else(|| {
            let failure = Failure::usage(format!("there is no context `{name}`"));
            match nearest(name, self.contexts.keys().map(String::as_str)) {
                Some(near) => failure.hint(format!("did you mean `{near}`?")),
                None if self.contexts.is_empty() => {
                    failure.hint("log in to a server with `ranchette login URL`")
                }
                None => failure.hint("`ranchette context ls` shows those there are"),
            }
        })
    }

    /// The context with that server, the one in use before others.
    pub fn at(&self, url: &str) -> Option<(&String, &Context)> {
        let mut fits: Vec<_> = self.contexts.iter().filter(|(_, one)| one.url == url).collect();
        fits.sort_by_key(|(name, _)| self.current.as_ref() != Some(*name));
        fits.first().copied()
    }

    /// Takes a context out; nothing is in use then if it was.
    pub fn remove(&mut self, name: &str) -> Option<Context> {
        if self.current.as_deref() == Some(name) {
            self.current = None;
        }
        self.contexts.remove(name)
    }
}

fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// Whether a text can be the name of a context.
pub fn is_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=63).contains(&text.len()) && !text.starts_with(['-', '.']) && text.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn around(home: &std::path::Path) -> Surroundings {
        let env = vec![("HOME".to_owned(), home.display().to_string())];
        Surroundings { env, ..Surroundings::default() }
    }

    fn context(url: &str) -> Context {
        let secret_key = Some("hidden".to_owned());
        Context {
            url: url.to_owned(),
            access_key: Some("A".to_owned()),
            secret_key,
            ..Context::default()
        }
    }

    #[test]
    fn the_file_is_private_or_not_read() {
        let home = tempfile::tempdir().unwrap();
        let around = around(home.path());
        assert_eq!(Book::read(&around), Ok(Book::default()));
        let mut book = Book { current: Some("a".to_owned()), ..Book::default() };
        book.contexts.insert("a".to_owned(), context("http://a"));
        book.write(&around).unwrap();
        assert_eq!(Book::read(&around), Ok(book.clone()));
        let path = around.contexts_file().unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let failure = Book::read(&around).unwrap_err();
        assert!(failure.message.ends_with("has keys in it, and is not private"), "{failure}");
        assert_eq!(failure.exit.code(), 4);
        // What is written anew is private again.
        book.write(&around).unwrap();
        assert_eq!(Book::read(&around), Ok(book.clone()));
        assert!(!format!("{book:?}").contains("hidden"));
        std::fs::write(&path, "nonsense").unwrap();
        assert!(Book::read(&around).unwrap_err().message.contains("is not what `login` writes"));
    }

    #[test]
    fn without_a_home_there_are_no_contexts() {
        let around = Surroundings::default();
        assert_eq!(Book::read(&around), Ok(Book::default()));
        let failure = Book::default().write(&around).unwrap_err();
        assert_eq!(failure.message, "there is no home folder to keep keys in");
    }

    #[test]
    fn contexts_are_found_by_their_server() {
        let mut book = Book::default();
        for (name, url) in [("a", "http://x"), ("b", "http://x"), ("c", "http://y")] {
            book.contexts.insert(name.to_owned(), context(url));
        }
        assert_eq!(book.at("http://x").unwrap().0, "a");
        book.current = Some("b".to_owned());
        assert_eq!(book.at("http://x").unwrap().0, "b");
        assert_eq!(book.at("http://z"), None);
        book.remove("b");
        assert_eq!((book.current.clone(), book.contexts.len()), (None, 2));
    }

    #[test]
    fn names_of_contexts() {
        for name in ["a", "farm.example", "127.0.0.1_8080"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "-a", ".a", "a b", "a/b", &"x".repeat(64)] {
            assert!(!is_name(name), "{name}");
        }
    }
}
