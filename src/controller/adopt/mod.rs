//! Compose projects that somebody else runs, taken over as stacks while they run, and given back.
//!
//! Docker Compose says by labels what its containers belong to. A project's containers become those of the
//! services of a stack in one transaction: rows that say so, and nothing is asked of the engine but to connect
//! the containers to the environment's network, which a durable process does afterwards. Giving back is one
//! transaction, too. See docs/adr/0008.
//!
//! `found` reads what there is, `resolve` decides what would become of it (pure), `differ` compares what runs
//! with what files say (pure), `take` and `undo` put it into rows,
//! `home` binds a stack to the directory of its files.

mod differ;
mod found;
mod home;
mod resolve;
mod take;
mod undo;

pub use found::{Container, Running, running};
pub use home::{Home, by_hand};
pub use resolve::{Resolved, Taken, resolve};
pub use take::take;
pub use undo::{Adopted, adopted, undo};

use serde_json::{Map, Value};

use super::deploy::Request;

/// What images say of their containers, by Docker's id of the image.
pub type Images = std::collections::BTreeMap<String, Map<String, Value>>;

/// What is known of a project besides its containers.
#[derive(Clone, Debug)]
pub struct Sources {
    /// What its images say.
    pub images: Images,
    /// What its files ask for, or why they cannot be had.
    pub files: Result<Request, String>,
    /// The directory that its files are in.
    pub home: Home,
}

/// Field of a stack that was a compose project: the project's name, which its volumes have in theirs.
pub const PROJECT: &str = "composeProject";
/// Field of such a stack: where the project's files are.
pub const ORIGIN: &str = "composeOrigin";
/// Marks a volume that was there before its stack.
const OWN_VOLUME: &str = "adoptedVolume";
