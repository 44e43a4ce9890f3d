//! `backup` and `restore`: the database as one file.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::Result;
use super::failure::{Exit, Failure};
use super::output::Output;
use super::settings::Settings;
use crate::server::data_dir::{self, DataDir};
use crate::store;

/// Arguments of `backup`.
#[derive(Clone, Debug, Default, Args)]
pub struct BackupArgs {
    /// File to write; it holds secrets and gets mode 0600
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Replace the file if it exists
    #[arg(long)]
    pub force: bool,
}

/// Arguments of `restore`.
#[derive(Clone, Debug, Default, Args)]
pub struct RestoreArgs {
    /// File that `backup` wrote
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// Copies the database, consistently and while the server may be using it.
///
/// # Errors
/// When there is no database, or the copy cannot be written or is not sound.
pub fn backup(settings: &Settings, out: &Output, args: &BackupArgs) -> Result<Exit> {
    let database = data_dir::database(&settings.data_dir()?);
    if let Err(error) = File::open(&database) {
        return Err(no_database(&database, &error));
    }
    let to = settings.absolute(&args.file);
    if !args.force && to.exists() {
        return Err(Failure::usage(format!("{} exists already", args.file.display()))
            .hint("choose another name, or say --force to replace it"));
    }
    let part = part_of(&to);
    let written = copy(&database, &part).and_then(|()| {
        std::fs::rename(&part, &to).map_err(|error| Failure::file("write", &to, &error))
    });
    if written.is_err() {
        // The reason to tell is why it could not be written.
        let _ = std::fs::remove_file(&part);
    }
    written?;
    sync_folder(&to)?;
    let bytes = std::fs::metadata(&to).map(|meta| meta.len()).unwrap_or_default();
    let shown = to.display();
    out.say(
        format!("{shown}: {} KiB, checked", bytes.div_ceil(1024)),
        &json!({ "type": "backup", "file": shown.to_string(), "bytes": bytes }),
    );
    Ok(Exit::Ok)
}

/// The copy under its provisional name, complete and on disk.
fn copy(database: &Path, part: &Path) -> Result<()> {
    let failed = |error: std::io::Error| Failure::file("write", part, &error);
    match std::fs::remove_file(part) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    // Made by us first, so that nobody else can read it while it grows.
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(part).map_err(failed)?;
    store::backup(database, part)?;
    file.sync_all().map_err(failed)
}

fn part_of(to: &Path) -> PathBuf {
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    to.with_file_name(name)
}

fn sync_folder(of: &Path) -> Result<()> {
    let folder = of.parent().unwrap_or(Path::new("/"));
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| Failure::file("write", folder, &error))
}

fn no_database(database: &Path, error: &std::io::Error) -> Failure {
    if error.kind() == std::io::ErrorKind::NotFound {
        return Failure::new(format!("there is no database {}", database.display()))
            .hint("name the data folder with --data-dir, if the server uses another one");
    }
    Failure::file("read", database, error).hint("use `sudo`, or the server's own user")
}

/// Puts a copy back. The database that was there is kept beside it.
///
/// # Errors
/// When a server is using the data folder, or the file is not a sound copy; then nothing is changed.
pub fn restore(settings: &Settings, out: &Output, args: &RestoreArgs) -> Result<Exit> {
    let file = settings.absolute(&args.file);
    if let Err(error) = File::open(&file) {
        return Err(Failure::file("read", &file, &error));
    }
    let path = settings.data_dir()?;
    let dir = DataDir::open(&path).map_err(|error| {
        let busy = error.status == 409;
        let failure = Failure::from(error);
        match busy {
            true => failure.hint("stop the server first; its containers keep running"),
            false => failure,
        }
    })?;
    let had = dir.database().exists();
    data_dir::restore(&dir, &file)?;
    let kept = had.then(|| dir.database().with_extension("db.before-restore"));
    let kept = kept.map(|path| path.display().to_string());
    let (shown, database) = (file.display(), dir.database());
    let rest = kept.as_ref().map(|kept| format!("; the one before is {kept}")).unwrap_or_default();
    out.say(
        format!("{} is now {shown}{rest}", database.display()),
        &json!({ "type": "restore", "file": shown.to_string(),
            "database": database.display().to_string(), "kept": kept }),
    );
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Common;
    use crate::cli::output::{End, Format};
    use crate::clock::{Clock, Entropy};
    use std::os::unix::fs::PermissionsExt as _;

    fn settings(folder: &Path) -> Settings {
        let common = Common { data_dir: Some(folder.join("data")), ..Common::default() };
        let mut settings = Settings::real(&common);
        settings.around.env.clear();
        settings
    }

    fn quiet() -> Output {
        Output { format: Format::Json, out: End::Elsewhere, err: End::Elsewhere, width: None }
    }

    #[test]
    fn a_backup_is_taken_online_and_put_back_offline() {
        let temp = tempfile::tempdir().unwrap();
        let (settings, out) = (settings(temp.path()), quiet());
        let backup_to = |name: &str, force| {
            backup(&settings, &out, &BackupArgs { file: temp.path().join(name), force })
        };
        let missing = backup_to("b.db", false).unwrap_err();
        assert!(missing.message.starts_with("there is no database "), "{missing}");

        let dir = DataDir::open(&temp.path().join("data")).unwrap();
        let store = store::Store::open(&dir.database(), Clock::System, Entropy::seeded(1)).unwrap();
        backup_to("b.db", false).unwrap();
        let mode = std::fs::metadata(temp.path().join("b.db")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(!temp.path().join("b.db.part").exists());
        assert_eq!(backup_to("b.db", false).unwrap_err().exit, Exit::Usage);
        backup_to("b.db", true).unwrap();

        let args = RestoreArgs { file: temp.path().join("b.db") };
        let busy = restore(&settings, &out, &args).unwrap_err();
        assert!(busy.message.contains("is in use by process "), "{busy}");
        drop((store, dir));
        restore(&settings, &out, &args).unwrap();
        assert!(temp.path().join("data/ranchette.db.before-restore").exists());

        std::fs::write(&args.file, "no database").unwrap();
        restore(&settings, &out, &args).unwrap_err();
        store::check_integrity(&temp.path().join("data/ranchette.db")).unwrap();
    }
}
