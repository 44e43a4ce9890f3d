//! Texts that only whoever brings the same words again can read: encrypted with a key made of them.

use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use sha2::{Digest, Sha256};

use crate::clock::Entropy;
use crate::error::{Error, Result};

/// Bytes of a nonce; it stands before the text.
const NONCE: usize = 12;

/// The digest of some words; each counts with its length, so that no two lists have the same.
pub fn digest(words: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for word in words {
        hash.update(u64::try_from(word.len()).unwrap_or(u64::MAX).to_le_bytes());
        hash.update(word.as_bytes());
    }
    hash.finalize().into()
}

fn cipher(words: &[&str]) -> ChaCha20Poly1305 {
    ChaCha20Poly1305::new(&digest(words).into())
}

/// Encrypts a text.
///
/// # Errors
/// When it is too long, which no answer is.
pub fn seal(words: &[&str], entropy: &Entropy, text: &[u8]) -> Result<Vec<u8>> {
    let mut nonce = [0; NONCE];
    entropy.fill(&mut nonce);
    let sealed = cipher(words)
        .encrypt(&Nonce::from(nonce), text)
        .map_err(|_| Error::internal("an answer cannot be sealed"))?;
    Ok([&nonce[..], &sealed].concat())
}

/// Decrypts a text that was encrypted with the same words; `None` for anything else.
pub fn open(words: &[&str], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, text) = sealed.split_first_chunk::<NONCE>()?;
    cipher(words).decrypt(&Nonce::from(*nonce), text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_words_open_it() {
        let sealed = seal(&["a", "bc"], &Entropy::seeded(1), b"secret").unwrap();
        assert_eq!(open(&["a", "bc"], &sealed).as_deref(), Some(&b"secret"[..]));
        assert_eq!(open(&["ab", "c"], &sealed), None);
        let mut changed = sealed.clone();
        changed[14] ^= 1;
        assert_eq!(open(&["a", "bc"], &changed), None);
        assert_eq!(open(&["a", "bc"], &sealed[..5]), None);
    }
}
