//! The two dialects of the API as data: `/v2-beta` is the model's own, `/v1` is a table of differences.

mod v1;

pub use self::v1::V1;

use crate::model::schema::Field;
use crate::model::types::legacy;

/// A version of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// `/v1`.
    V1,
    /// `/v2-beta`.
    V2Beta,
}

impl Version {
    /// Every version, in the order of [`Version::index`].
    pub const ALL: [Self; 2] = [Self::V1, Self::V2Beta];

    /// Position in [`Version::ALL`].
    pub const fn index(self) -> usize {
        match self {
            Self::V1 => 0,
            Self::V2Beta => 1,
        }
    }

    /// The first path segment.
    pub const fn path(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2Beta => "v2-beta",
        }
    }

    /// The version whose path segment this is.
    pub fn parse(segment: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.path().eq_ignore_ascii_case(segment))
    }

    /// Its table.
    pub const fn dialect(self) -> &'static Dialect {
        match self {
            Self::V1 => &V1,
            Self::V2Beta => &V2_BETA,
        }
    }
}

/// How a dialect departs from the model.
#[derive(Debug)]
pub struct Dialect {
    /// The version.
    pub version: Version,
    /// Types that are not part of it.
    pub hidden: &'static [&'static str],
    /// Types with other words.
    pub types: &'static [Words],
    /// Whether the fields that are computed at display ([`super::hooks::Computer`]) are added when they
    /// are marked as newer than `/v1`.
    pub newer_fields: bool,
    /// Whether names in `includeableLinks` are all lower case.
    pub lower_links: bool,
}

/// A type's own words in a dialect.
#[derive(Debug)]
pub struct Words {
    /// Name in the model.
    pub ty: &'static str,
    /// Name in the dialect.
    pub name: &'static str,
    /// Plural in the dialect.
    pub plural: &'static str,
    /// Id prefix in the dialect.
    pub prefix: Option<&'static str>,
    /// Fields left out of schemas and resources.
    pub hidden: &'static [&'static str],
    /// Fields left out of schemas only.
    pub unlisted: &'static [&'static str],
    /// Fields shown (and accepted) under one more name: (name, field, id prefix of the value).
    pub also: &'static [(&'static str, &'static str, &'static str)],
    /// Links under another name: (model's, dialect's).
    pub links: &'static [(&'static str, &'static str)],
    /// Fields that the model does not have; no row has a value for them.
    pub extra: &'static [Field],
}

const fn same(ty: &'static str, plural: &'static str, hidden: &'static [&'static str]) -> Words {
    Words {
        ty,
        name: ty,
        plural,
        prefix: None,
        hidden,
        unlisted: &[],
        also: &[],
        links: &[],
        extra: &[],
    }
}

/// The model's own words.
pub static V2_BETA: Dialect = Dialect {
    version: Version::V2Beta,
    hidden: legacy::NAMES,
    types: &[],
    newer_fields: true,
    lower_links: false,
};

impl Dialect {
    /// The words of a type, where the dialect has its own.
    pub fn words(&self, ty: &str) -> Option<&'static Words> {
        self.types.iter().find(|words| words.ty == ty)
    }

    /// A type's name in the dialect; also for kinds that are no types.
    pub fn name<'a>(&self, ty: &'a str) -> &'a str {
        self.words(ty).map_or(ty, |words| words.name)
    }
}

/// Types that offer no filters although they are listed.
pub const WITHOUT_FILTERS: &[&str] = &[
    "activeSetting",
    "configContent",
    "processDefinition",
    "publish",
    "resource",
    "resourceDefinition",
    "schema",
    "subscribe",
    "token",
    "typeDocumentation",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::registry;

    #[test]
    fn every_word_names_something_of_the_model() {
        for dialect in Version::ALL.map(Version::dialect) {
            for words in dialect.types {
                let entry = registry::lookup(words.ty).expect(words.ty);
                for field in words.also.iter().map(|also| also.1) {
                    assert!(entry.field(field).is_some(), "{}.{field}", words.ty);
                }
                for link in words.links {
                    let known = entry.ty.links.iter().any(|own| own.name() == link.0);
                    assert!(known, "{}.{}", words.ty, link.0);
                }
            }
        }
    }
}
