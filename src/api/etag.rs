//! Entity tags: what a client has seen, so that it need not be sent again, and nobody overwrites what
//! they have not seen.
//!
//! A stored resource's tag is `"<revision>-<digest>"`: the revision counts for `If-Match`, so that numbers
//! that change all the time (a host's load, say) do not stand in the way of a change; the digest is that
//! of the answer and counts for `If-None-Match`. Everything else has `"<digest>"`.

use std::hash::{DefaultHasher, Hasher as _};

use crate::error::{Error, Result};

fn digest(body: &[u8]) -> String {
    // Whoever finds two answers of theirs with one digest has fooled themselves only.
    let mut hash = DefaultHasher::new();
    hash.write(body);
    format!("{:016x}", hash.finish())
}

/// The tag of a stored resource.
pub fn of_row(revision: i64, body: &[u8]) -> String {
    format!("\"{revision}-{}\"", digest(body))
}

/// The tag of anything else.
pub fn of_body(body: &[u8]) -> String {
    format!("\"{}\"", digest(body))
}

/// What `If-Match` or `If-None-Match` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// `*`: whatever is there.
    Any,
    /// One of these, without quotes and `W/`.
    Tags(Vec<String>),
}

impl Wanted {
    /// Reads the header's value.
    ///
    /// # Errors
    /// 400 for what is neither `*` nor a list of quoted tags.
    pub fn parse(text: &str) -> Result<Self> {
        if text.trim() == "*" {
            return Ok(Self::Any);
        }
        let tag = |part: &str| {
            let part = part.trim();
            let inner = part.strip_prefix("W/").unwrap_or(part);
            let inner = inner.strip_prefix('"')?.strip_suffix('"')?;
            (!inner.contains('"')).then(|| inner.to_owned())
        };
        let tags: Option<Vec<String>> = text.split(',').map(tag).collect();
        tags.map(Self::Tags).ok_or_else(|| {
            Error::status(400).message(format!("`{text}` is not a list of quoted entity tags"))
        })
    }

    /// Whether it names a tag.
    pub fn names(&self, tag: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Tags(tags) => tags.iter().any(|own| own == tag.trim_matches('"')),
        }
    }

    /// Whether it names a revision, with or without a digest.
    pub fn names_revision(&self, revision: i64) -> bool {
        let number = |tag: &String| tag.split('-').next().and_then(|text| text.parse().ok());
        match self {
            Self::Any => true,
            Self::Tags(tags) => tags.iter().any(|tag| number(tag) == Some(revision)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str, tag: &str, names: bool, revision: bool) {
        let wanted = Wanted::parse(header).expect(header);
        assert_eq!((wanted.names(tag), wanted.names_revision(7)), (names, revision), "{header}");
    }

    #[test]
    fn headers() {
        check("*", "\"7-a\"", true, true);
        check("\"7-a\"", "\"7-a\"", true, true);
        check("\"6-a\", W/\"7-b\"", "\"7-a\"", false, true);
        check("\"7\"", "\"7-a\"", false, true);
        check("W/\"abc\"", "\"abc\"", true, false);
        for wrong in ["7", "\"7", "", "\"a\"b\""] {
            assert_eq!(Wanted::parse(wrong).expect_err(wrong).status, 400);
        }
    }

    #[test]
    fn tags_follow_their_bodies() {
        assert_ne!(of_body(b"a"), of_body(b"b"));
        assert!(of_row(3, b"a").starts_with("\"3-"));
    }
}
