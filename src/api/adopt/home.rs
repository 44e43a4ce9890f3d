//! The directory of a compose project, if stacks may be bound to it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::files;
use crate::api::hooks;
use crate::api::serve::Session;
use crate::compose::{self, layout};
use crate::controller::adopt::{Home, Running, by_hand};
use crate::controller::bound::{self, Binding};
use crate::controller::deploy;
use crate::error::{Error, Result};
use crate::folder::{self, Folders, Refused};

/// What is to be looked at.
struct Place {
    name: String,
    folder: PathBuf,
    files: Vec<PathBuf>,
    env_files: Vec<PathBuf>,
    /// Whether whoever asks may bind stacks.
    may_bind: bool,
}

/// The directory of a project, and what the files in it ask for when they are read there.
///
/// # Errors
/// When nobody looks any more.
pub async fn of(session: &Session<'_>, running: &Running) -> Result<Home> {
    let site = &session.state.site;
    let Ok((folder, files)) = files::place(running) else { return Ok(Home::Elsewhere) };
    if site.folders.roots().is_empty() {
        return Ok(Home::Elsewhere);
    }
    let place = Place {
        name: compose::stack_name(&running.project),
        env_files: running.env_files.iter().map(|file| folder.join(file)).collect(),
        files,
        folder,
        may_bind: hooks::may_use_directory(session.caller, false, false).is_ok(),
    };
    let folders = Arc::clone(&site.folders);
    let look = tokio::task::spawn_blocking(move || place.look(&folders));
    let mut home = look.await.map_err(Error::internal)?;
    if let Home::Open(request) = &mut home {
        request.images = deploy::images(site, request).await;
    }
    Ok(home)
}

impl Place {
    fn look(&self, folders: &Folders) -> Home {
        let directory = folder::tidy(&self.folder.to_string_lossy());
        match folders.open(&directory) {
            Ok(_) => {}
            // Which directories are allowed is told to those who may use them.
            Err(Refused::Outside(_)) if !self.may_bind => return Home::Elsewhere,
            Err(refused) => return Home::Closed(refused.to_string()),
        }
        let binding = Binding { files: self.names(), directory, ..Binding::default() };
        let by_hand = by_hand(&binding.directory, &binding.files, &self.name);
        if !self.may_bind {
            let why = format!("only administrators bind stacks; {by_hand} does it");
            return Home::Closed(why);
        }
        let usual = self.folder.join(layout::DOTENV);
        if let Some(other) = self.env_files.iter().find(|file| **file != usual) {
            return Home::Closed(format!(
                "its variables come from `{}`, and those of a bound stack from `{}`; {by_hand} does it",
                self.shown(other),
                layout::DOTENV
            ));
        }
        match bound::read(folders, Some(&self.name), &binding, Default::default()) {
            Ok((request, _)) => Home::Open(Box::new(request)),
            Err(refused) => Home::Closed(refused.to_string()),
        }
    }

    /// The compose files; none if they are those that are looked for anyway.
    fn names(&self) -> Vec<String> {
        let names: Vec<String> = self.files.iter().map(|file| self.shown(file)).collect();
        let has = |name: &str| self.folder.join(name).symlink_metadata().is_ok();
        match layout::compose_files(has) == names {
            true => Vec::new(),
            false => names,
        }
    }

    fn shown(&self, file: &Path) -> String {
        file.strip_prefix(&self.folder).unwrap_or(file).to_string_lossy().into_owned()
    }
}
