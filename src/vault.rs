//! Secrets at rest: sealed with a key that is kept in a file of its own, beside the database and not in
//! it, so that a copy of the database alone tells nothing.
//!
//! The cipher is XChaCha20-Poly1305. What a secret belongs to (its *place*, such as
//! `machine 0f9c..4b1e`) is authenticated with it: an envelope moved to another row does not open.
//! The key file holds one key a line, `ID BASE64`; the last one seals, all of them open. So a key is
//! replaced by adding a line, and an old line may go once nothing is sealed with it any more. The file
//! is read again whenever it has changed: another process may add a key while the server runs.

pub mod words;

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

use crate::clock::Entropy;
use crate::error::{Error, Result};

/// The file's name, in the data directory.
pub const FILE: &str = "vault.key";

/// Version of the envelope: cipher, order and encoding of its parts.
const VERSION: &str = "v1";
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
/// Hexadecimal digits of a key's name.
const ID_DIGITS: usize = 8;

/// Seals and opens secrets.
pub struct Vault {
    path: PathBuf,
    entropy: Entropy,
    known: Mutex<Option<Known>>,
}

/// The keys of a file, and how it looked when they were read.
struct Known {
    stamp: Stamp,
    keys: Arc<Vec<Key>>,
}

/// What changes when somebody writes a file.
type Stamp = (u64, u64, Option<SystemTime>);

struct Key {
    id: String,
    line: String,
    cipher: XChaCha20Poly1305,
}

impl Vault {
    /// A vault whose key file is read, or made, when it is first needed.
    pub fn at(path: PathBuf, entropy: Entropy) -> Vault {
        Vault { path, entropy, known: Mutex::new(None) }
    }

    /// Reads the key file; makes it, readable by its owner alone, if there is none.
    ///
    /// # Errors
    /// When the file cannot be used, or others than its owner may read it.
    pub fn open(path: &Path, entropy: Entropy) -> Result<Vault> {
        let vault = Vault::at(path.to_owned(), entropy);
        vault.load()?;
        Ok(vault)
    }

    /// Makes sure that the key file can be used.
    ///
    /// # Errors
    /// As [`Vault::open`].
    pub fn load(&self) -> Result<()> {
        self.keys().map(|_| ())
    }

    /// The keys as the file has them now.
    fn keys(&self) -> Result<Arc<Vec<Key>>> {
        let unusable = |error: std::io::Error| unusable(&self.path, error);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = match stamp(&self.path) {
            Ok(stamp) => stamp,
            // Only a vault that never had keys may begin with new ones.
            Err(error) if error.kind() == ErrorKind::NotFound && known.is_none() => {
                append(&self.path, &fresh(&self.entropy)).map_err(unusable)?;
                stamp(&self.path).map_err(unusable)?
            }
            Err(error) => return Err(unusable(error)),
        };
        if let Some(known) = known.as_ref().filter(|known| known.stamp == stamp) {
            return Ok(Arc::clone(&known.keys));
        }
        let keys = parse(&read(&self.path).map_err(unusable)?);
        let keys = keys.ok_or_else(|| self::unusable(&self.path, "it does not hold keys"))?;
        let keys = Arc::new(keys);
        *known = Some(Known { stamp, keys: Arc::clone(&keys) });
        Ok(keys)
    }

    /// Seals a secret that belongs to `place`.
    ///
    /// # Errors
    /// When the key file cannot be used, or the cipher fails, which it does for nothing that fits into
    /// memory.
    pub fn seal(&self, place: &str, secret: &[u8]) -> Result<String> {
        let keys = self.keys()?;
        let mut nonce = [0; NONCE_BYTES];
        self.entropy.fill(&mut nonce);
        let key = keys.last().ok_or_else(|| Error::internal("the vault has no key"))?;
        let sealed = key.cipher.encrypt(&XNonce::from(nonce), payload(place, secret));
        let sealed = sealed.map_err(|_| Error::code("FailedEncryption"))?;
        let body = BASE64.encode([nonce.as_slice(), &sealed].concat());
        Ok(format!("{VERSION}:{}:{body}", key.id))
    }

    /// Opens what was sealed for the same `place`.
    ///
    /// # Errors
    /// When the envelope is damaged, of another place, or sealed with a key that is not in the file.
    pub fn unseal(&self, place: &str, envelope: &str) -> Result<Vec<u8>> {
        let (id, body) = parts(envelope).ok_or_else(|| cannot(place, "its envelope is damaged"))?;
        let keys = self.keys()?;
        let key = keys.iter().find(|key| key.id == id);
        let key = key.ok_or_else(|| cannot(place, "its key is not in the key file"))?;
        let body = BASE64.decode(body).map_err(|_| cannot(place, "its envelope is damaged"))?;
        let (nonce, sealed) = body
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or_else(|| cannot(place, "its envelope is damaged"))?;
        let opened = key.cipher.decrypt(&XNonce::from(*nonce), payload(place, sealed));
        opened.map_err(|_| cannot(place, "its envelope is damaged or of another place"))
    }

    /// Whether an envelope should be sealed anew: there is a newer key than its own.
    ///
    /// # Errors
    /// When the key file cannot be used.
    pub fn is_old(&self, envelope: &str) -> Result<bool> {
        let keys = self.keys()?;
        Ok(match (parts(envelope), keys.last()) {
            (Some((id, _)), Some(newest)) => id != newest.id,
            _ => false,
        })
    }

    /// Adds a key to the file, which seals from now on; its name. What was sealed before still opens.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn add_key(&self) -> Result<String> {
        self.load()?;
        append(&self.path, &fresh(&self.entropy)).map_err(|error| unusable(&self.path, error))?;
        let keys = self.keys()?;
        keys.last().map(|key| key.id.clone()).ok_or_else(|| Error::internal("the vault has no key"))
    }

    /// Takes every key but the newest out of the file; how many. For when nothing is sealed with them,
    /// and no other process uses the file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn forget_old_keys(&self) -> Result<usize> {
        let keys = self.keys()?;
        let Some((newest, old)) = keys.split_last() else { return Ok(0) };
        if !old.is_empty() {
            let unusable = |error: std::io::Error| unusable(&self.path, error);
            let part = self.path.with_extension("key.part");
            match std::fs::remove_file(&part) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(unusable(error)),
                _ => {}
            }
            append(&part, &format!("{}\n", newest.line)).map_err(unusable)?;
            std::fs::rename(&part, &self.path).map_err(unusable)?;
            sync_folder(&self.path).map_err(unusable)?;
        }
        Ok(old.len())
    }
}

/// The keys of a file's text. A last line that is still being written is not one.
fn parse(text: &str) -> Option<Vec<Key>> {
    let whole = text.rfind('\n').and_then(|end| text.get(..end))?;
    let keys = whole.lines().filter(|line| !line.trim().is_empty()).map(key);
    let keys: Option<Vec<Key>> = keys.collect();
    keys.filter(|keys| !keys.is_empty())
}

fn stamp(path: &Path) -> std::io::Result<Stamp> {
    use std::os::unix::fs::MetadataExt as _;
    let meta = std::fs::metadata(path)?;
    Ok((meta.ino(), meta.len(), meta.modified().ok()))
}

fn payload<'a>(place: &'a str, bytes: &'a [u8]) -> Payload<'a, 'a> {
    Payload { msg: bytes, aad: place.as_bytes() }
}

fn parts(envelope: &str) -> Option<(&str, &str)> {
    envelope.strip_prefix(VERSION)?.strip_prefix(':')?.split_once(':')
}

fn key(line: &str) -> Option<Key> {
    let (id, text) = line.trim().split_once(' ')?;
    let bytes: [u8; KEY_BYTES] = BASE64.decode(text.trim()).ok()?.try_into().ok()?;
    let cipher = XChaCha20Poly1305::new(&bytes.into());
    (!id.is_empty()).then(|| Key { id: id.to_owned(), line: line.trim().to_owned(), cipher })
}

fn fresh(entropy: &Entropy) -> String {
    let mut bytes = [0; KEY_BYTES];
    entropy.fill(&mut bytes);
    let id = entropy.hex_upper(ID_DIGITS).to_lowercase();
    format!("{id} {}\n", BASE64.encode(bytes))
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let mode = file.metadata()?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let text = format!("others may read it (mode {mode:o}); `chmod 600` it");
        return Err(std::io::Error::new(ErrorKind::PermissionDenied, text));
    }
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(text)
}

/// The line is on disk before anything is sealed with its key.
fn append(path: &Path, line: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    file.write_all(line.as_bytes())?;
    file.sync_all()?;
    sync_folder(path)
}

fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn unusable(path: &Path, why: impl std::fmt::Display) -> Error {
    Error::internal(format!("cannot use the key file {}: {why}", path.display()))
}

fn cannot(place: &str, why: &str) -> Error {
    Error::internal(format!("cannot open the secret of {place}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(path: &Path) -> Result<Vault> {
        Vault::open(path, Entropy::System)
    }

    /// What goes to the log.
    fn detail<T>(result: Result<T>) -> String {
        result.err().and_then(|error| error.detail).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_in_its_own_place_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        let first = vault(&path).unwrap();
        let envelope = first.seal("machine a", b"moo").unwrap();
        assert!(!envelope.contains("moo"));
        assert_ne!(envelope, first.seal("machine a", b"moo").unwrap(), "no nonce is used twice");

        let again = vault(&path).unwrap();
        assert_eq!(again.unseal("machine a", &envelope).unwrap(), b"moo");
        let moved = detail(again.unseal("machine b", &envelope));
        assert!(moved.contains("another place"), "{moved}");
        let other = dir.path().join("other.key");
        let stranger = detail(vault(&other).unwrap().unseal("machine a", &envelope));
        assert!(stranger.contains("key file"), "{stranger}");
    }

    #[test]
    fn damage_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let vault = vault(&dir.path().join(FILE)).unwrap();
        let envelope = vault.seal("p", b"a longer secret").unwrap();
        // The last digit may hold padding bits, which mean nothing.
        for at in 0..envelope.len() - 1 {
            let mut bytes = envelope.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let damaged = String::from_utf8(bytes).unwrap();
            assert!(vault.unseal("p", &damaged).is_err(), "{damaged}");
            assert!(vault.unseal("p", &envelope[..at]).is_err(), "{}", &envelope[..at]);
        }
    }

    #[test]
    fn keys_are_replaced_by_adding_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        let (running, beside) = (vault(&path).unwrap(), vault(&path).unwrap());
        let old = running.seal("p", b"moo").unwrap();
        assert!(!running.is_old(&old).unwrap());
        let id = beside.add_key().unwrap();
        // Who had the file open before seals with the new key, too.
        let new = running.seal("p", b"moo").unwrap();
        assert!(new.starts_with(&format!("v1:{id}:")), "{new}");
        for vault in [&running, &beside, &vault(&path).unwrap()] {
            assert!(vault.is_old(&old).unwrap() && !vault.is_old(&new).unwrap());
            assert_eq!(vault.unseal("p", &old).unwrap(), b"moo");
            assert_eq!(vault.unseal("p", &new).unwrap(), b"moo");
        }
        assert_eq!(beside.forget_old_keys().unwrap(), 1);
        assert_eq!(beside.forget_old_keys().unwrap(), 0);
        assert_eq!(running.unseal("p", &new).unwrap(), b"moo");
        let gone = detail(running.unseal("p", &old));
        assert!(gone.contains("its key is not in the key file"), "{gone}");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_line_that_is_being_written_is_no_key_yet_and_a_lost_file_is_not_made_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        let vault = vault(&path).unwrap();
        let sealed = vault.seal("p", b"moo").unwrap();
        let whole = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{whole}0a0b0c0d AAAA")).unwrap();
        assert_eq!(vault.unseal("p", &sealed).unwrap(), b"moo");
        assert!(!vault.is_old(&sealed).unwrap());
        std::fs::remove_file(&path).unwrap();
        assert!(detail(vault.seal("p", b"moo")).contains("cannot use the key file"));
        assert!(!path.exists());
    }

    #[test]
    fn the_file_is_its_owners() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        vault(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let open = detail(vault(&path));
        assert!(open.ends_with("others may read it (mode 640); `chmod 600` it"), "{open}");
        std::fs::write(dir.path().join("bad"), "not a key\n").unwrap();
        std::fs::set_permissions(dir.path().join("bad"), std::fs::Permissions::from_mode(0o600))
            .unwrap();
        assert!(vault(&dir.path().join("bad")).is_err());
    }
}
