//! Compose files into services.

use crate::error::Result;
use crate::process::site::{Importer, Site};
use crate::store::Tx;

/// Makes services from the compose files that a stack was created with.
pub struct ComposeImporter;

impl Importer for ComposeImporter {
    fn import(&self, _tx: &mut Tx<'_>, _site: &Site, _stack_id: i64) -> Result<()> {
        Ok(())
    }
}
