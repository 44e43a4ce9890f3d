//! `audit verify`: whether the audit log is what was written.

use std::fs::File;

use clap::{Args, Subcommand};
use serde_json::json;

use super::Result;
use super::failure::{Exit, Failure};
use super::output::Output;
use super::settings::Settings;
use crate::server::data_dir;
use crate::store::{self, ChainReport};

/// Arguments of `audit`.
#[derive(Clone, Debug, Args)]
pub struct AuditArgs {
    /// What to do with the log.
    #[command(subcommand)]
    pub verb: AuditVerb,
}

/// What can be done with the log.
#[derive(Clone, Debug, Subcommand)]
pub enum AuditVerb {
    /// Check that no entry was changed, added or taken away
    ///
    /// Each entry carries a hash of itself and of the entry before it. Works on the database of this
    /// machine, also while the server runs; entries purged for their age leave the rest verifiable.
    Verify(VerifyArgs),
}

/// Arguments of `audit verify`.
#[derive(Clone, Debug, Default, Args)]
pub struct VerifyArgs {
    /// Hash that an earlier check printed, which must still be in the chain
    ///
    /// Whoever can write to the database could make the whole chain anew. A hash noted down on another
    /// machine shows that as well.
    #[arg(long, value_name = "HASH")]
    pub head: Option<String>,
}

/// Runs the verb.
///
/// # Errors
/// When the database cannot be read, or the chain is broken.
pub fn run(settings: &Settings, out: &Output, args: &AuditArgs) -> Result<Exit> {
    let AuditVerb::Verify(args) = &args.verb;
    verify(settings, out, args)
}

fn verify(settings: &Settings, out: &Output, args: &VerifyArgs) -> Result<Exit> {
    let database = data_dir::database(&settings.data_dir()?);
    if let Err(error) = File::open(&database) {
        return Err(Failure::file("read", &database, &error)
            .hint("name the server's data folder with --data-dir, and use the server's own user"));
    }
    let known = args.head.as_deref().map(|head| head.trim().to_ascii_lowercase());
    let report = store::verify_audit(&database, known.as_deref())?;
    if let Some(broken) = report.broken {
        return Err(Failure::new(format!("the audit log has been tampered with: {broken}"))
            .hint("a backup from before may still hold what was there"));
    }
    out.say(
        said(&report),
        &json!({
            "type": "auditReport", "entries": report.entries, "older": report.older,
            "lastId": report.head.id, "head": report.head.hash,
        }),
    );
    Ok(Exit::Ok)
}

fn said(report: &ChainReport) -> String {
    let entries = match report.entries {
        1 => "1 entry is".to_owned(),
        count => format!("{count} entries are"),
    };
    let older = match report.older {
        0 => String::new(),
        count => format!("; {count} from before the log was chained cannot be checked"),
    };
    format!("{entries} as written{older}\nhead {}", report.head.hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Common;
    use crate::cli::output::{End, Format};
    use crate::clock::{Clock, Entropy};
    use crate::server::data_dir::DataDir;
    use crate::store::{NewAudit, Store};

    #[tokio::test]
    async fn a_log_is_checked_while_the_server_runs() {
        let temp = tempfile::tempdir().unwrap();
        let common = Common { data_dir: Some(temp.path().to_owned()), ..Common::default() };
        let mut settings = Settings::real(&common);
        settings.around.env.clear();
        let out =
            Output { format: Format::Json, out: End::Elsewhere, err: End::Elsewhere, width: None };
        let check = |head: Option<&str>| {
            verify(&settings, &out, &VerifyArgs { head: head.map(str::to_owned) })
        };
        let missing = check(None).unwrap_err();
        assert!(missing.message.starts_with("cannot read "), "{missing}");

        let dir = DataDir::open(temp.path()).unwrap();
        let store = Store::open(&dir.database(), Clock::System, Entropy::seeded(1)).unwrap();
        let entry = NewAudit {
            account_id: None,
            authenticated_as: None,
            event: "api.stack.create".to_owned(),
            resource_type: None,
            resource_id: None,
            data: serde_json::Map::new(),
        };
        store.write(move |tx| tx.audit_insert(&entry)).await.unwrap();
        check(None).unwrap();
        let head = store::verify_audit(&dir.database(), None).unwrap().head.hash;
        check(Some(&head.to_uppercase())).unwrap();
        let other = check(Some("ab")).unwrap_err();
        assert_eq!(
            other.message,
            "the audit log has been tampered with: the entry that was noted down is not in the chain"
        );
        assert_eq!(other.exit, Exit::Failed);
    }

    #[test]
    fn what_was_found_is_said_in_words() {
        let head = store::ChainLink { id: 9, hash: "ab".to_owned() };
        let report =
            |entries, older| ChainReport { entries, older, head: head.clone(), broken: None };
        assert_eq!(said(&report(1, 0)), "1 entry is as written\nhead ab");
        let mixed = "4 entries are as written; 2 from before the log was chained cannot be checked";
        assert_eq!(said(&report(4, 2)), format!("{mixed}\nhead ab"));
    }
}
