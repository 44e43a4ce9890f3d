//! Opening the database: settings, migrations, copies and checks.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::error::{Error, Result};

mod migrations {
    refinery::embed_migrations!("migrations");
}

/// How long a connection waits for a lock held by another process (a backup, say).
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Statements kept prepared per connection.
const STATEMENTS: usize = 64;

/// Opens the file for writing, with every migration applied.
pub(super) fn migrated(path: &Path) -> Result<Connection> {
    let mut connection = Connection::open(path).map_err(|error| unusable(path, &error))?;
    configure(&connection).map_err(|error| unusable(path, &error))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // The log is folded into the file after this many pages (4 KiB each) and cut to this size.
    connection.pragma_update(None, "wal_autocheckpoint", 4000)?;
    connection.pragma_update(None, "journal_size_limit", 16 << 20)?;
    connection.pragma_update(None, "cache_size", -16384)?;
    refuse_newer(&connection)?;
    migrations::migrations::runner()
        .run(&mut connection)
        .map_err(|error| Error::internal(format!("cannot migrate the database: {error}")))?;
    Ok(connection)
}

/// Opens the file for reading.
pub(super) fn reader(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    configure(&connection)?;
    connection.pragma_update(None, "cache_size", -1024)?;
    Ok(connection)
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "temp_store", "MEMORY")
}

fn unusable(path: &Path, error: &rusqlite::Error) -> Error {
    Error::internal(format!("cannot open the database {}: {error}", path.display()))
}

/// Refuses a database that a newer version has migrated further than this one knows.
pub(super) fn refuse_newer(connection: &Connection) -> Result<()> {
    let known = migrations::migrations::runner()
        .get_migrations()
        .iter()
        .map(|migration| i64::from(migration.version()))
        .max()
        .unwrap_or(0);
    let found: i64 = connection
        .query_row("SELECT COALESCE(MAX(version), 0) FROM refinery_schema_history", [], |row| {
            row.get(0)
        })
        .unwrap_or(0);
    if found > known {
        return Err(Error::internal(format!(
            "the database is of schema version {found}, this ranchette knows only up to {known}: \
             it was used by a newer version; install that one, or restore a backup made before"
        )));
    }
    Ok(())
}

/// Copies the live database into a new file, consistently and while it is in use.
///
/// # Errors
/// When either file cannot be used.
pub fn backup(from: &Path, to: &Path) -> Result<()> {
    let source = reader(from)?;
    let mut target = Connection::open(to).map_err(|error| unusable(to, &error))?;
    {
        let copy = rusqlite::backup::Backup::new(&source, &mut target)?;
        copy.run_to_completion(1024, Duration::ZERO, None)?;
    }
    // The copy must be one file: no log beside it.
    target.pragma_update(None, "journal_mode", "DELETE")?;
    check(&target)
}

/// Checks that a file is a sound database of ours, no newer than this version.
///
/// # Errors
/// With what is wrong with it.
pub fn check_integrity(path: &Path) -> Result<()> {
    let connection = reader(path).map_err(|error| {
        Error::internal(format!("{} is not a readable database: {error}", path.display()))
    })?;
    check(&connection)?;
    connection
        .query_row("SELECT COUNT(*) FROM fact", [], |row| row.get::<_, i64>(0))
        .map_err(|_| Error::internal(format!("{} is not a ranchette database", path.display())))?;
    refuse_newer(&connection)
}

fn check(connection: &Connection) -> Result<()> {
    let verdict: String =
        connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" {
        return Ok(());
    }
    Err(Error::internal(format!("the database is damaged: {verdict}")))
}

/// The SQL schema after every migration, for the golden file.
///
/// # Errors
/// When a migration fails.
pub fn final_schema() -> Result<String> {
    let mut connection = Connection::open_in_memory()?;
    migrations::migrations::runner()
        .run(&mut connection)
        .map_err(|error| Error::internal(format!("cannot migrate: {error}")))?;
    let mut statement = connection.prepare(
        "SELECT sql FROM sqlite_schema
         WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' AND name <> 'refinery_schema_history'
         ORDER BY tbl_name, type DESC, name",
    )?;
    let parts: Vec<String> =
        statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    Ok(parts.iter().map(|sql| format!("{sql};\n")).collect::<Vec<_>>().join("\n"))
}
