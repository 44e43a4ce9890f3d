//! The catalog that is in the program: everything in `catalog/`.

use rust_embed::RustEmbed;

use super::tree::Tree;

/// Everything in `catalog/`.
#[derive(RustEmbed)]
#[folder = "catalog/"]
struct Files;

/// Its files.
pub fn tree() -> Tree {
    let file = |path: std::borrow::Cow<'static, str>| {
        Files::get(&path).map(|file| (path.into_owned(), file.data.into_owned()))
    };
    Tree { files: Files::iter().filter_map(file).collect(), problems: Vec::new() }
}
