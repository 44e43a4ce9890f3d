//! Catalogs: templates of stacks, from folders, git repositories and the program itself.
//!
//! The way of a template: [`tree`] (files of a catalog) -> [`read`] (templates, versions, questions) ->
//! [`Catalogs`] (which catalogs there are and what was last read of them) -> the API.
//!
//! Architecture invariant: nothing here knows HTTP, the database or stacks. A name that somebody asks for is
//! looked up in what was read; it never becomes part of a path.

pub mod origin;
pub mod template;
pub mod tree;
pub mod version;

mod builtin;
mod git;
mod read;
mod shelf;

#[cfg(test)]
mod tests;

pub use origin::{Origin, Place, Scope};
pub use shelf::{Catalog, Catalogs, Settings};
pub use template::{Icon, Template, Version};
