//! What one project may cost to read, so that a small hostile file cannot become a large tree.

use std::cell::Cell;

/// Nodes of all files of a project together, after aliases, merge keys and `extends`.
const MAX_NODES: usize = 100_000;
/// Bytes of text that interpolation may produce for a project.
const MAX_EXPANDED_BYTES: usize = 16 << 20;
/// Bytes of one YAML file.
pub(super) const MAX_FILE_BYTES: usize = 4 << 20;

/// Items of one list; readers compare items with each other, so lists must stay short.
pub(super) const MAX_ITEMS: usize = 5_000;

/// A budget that only shrinks.
pub(super) struct Budget {
    nodes: Cell<usize>,
    bytes: Cell<usize>,
}

/// The budget is used up.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Exhausted;

impl Default for Budget {
    fn default() -> Self {
        Budget { nodes: Cell::new(MAX_NODES), bytes: Cell::new(MAX_EXPANDED_BYTES) }
    }
}

impl Budget {
    /// Takes nodes from the budget; a refusal leaves nothing for later ones either.
    pub fn spend_nodes(&self, count: usize) -> Result<(), Exhausted> {
        spend(&self.nodes, count)
    }

    /// Takes bytes of interpolated text from the budget.
    pub fn spend_bytes(&self, count: usize) -> Result<(), Exhausted> {
        spend(&self.bytes, count)
    }

    /// The sentence for a used-up budget.
    pub fn explain() -> String {
        format!("the project grows beyond {MAX_NODES} values (aliases and `extends` included)")
    }
}

fn spend(left: &Cell<usize>, count: usize) -> Result<(), Exhausted> {
    match left.get().checked_sub(count) {
        Some(rest) => {
            left.set(rest);
            Ok(())
        }
        None => {
            left.set(0);
            Err(Exhausted)
        }
    }
}
