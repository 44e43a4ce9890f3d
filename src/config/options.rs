//! The table of options: key, field, and the sentences that document it. A new option is a field
//! in `sections` and a row here; the example file is generated from both.

use std::fmt::Write as _;

use super::env;
use super::error::{Place, Problem};
use super::sections::Config;
use super::slot::{Given, Slot};

/// One option.
pub struct Opt {
    /// Section and name: `server.listen`.
    pub key: &'static str,
    /// Its field, with what it allows.
    pub slot: for<'a> fn(&'a mut Config) -> Slot<'a>,
    /// What it does, for the example file; lines of at most 96 characters.
    pub doc: &'static str,
}

impl Opt {
    /// `server` of `server.listen`.
    pub fn section(&self) -> &'static str {
        self.key.split_once('.').map_or("", |(section, _)| section)
    }

    /// `listen` of `server.listen`.
    pub fn name(&self) -> &'static str {
        self.key.split_once('.').map_or(self.key, |(_, name)| name)
    }
}

const DAY: u64 = 86_400;
const TEN_YEARS: u64 = 3_650 * DAY;

/// Every option in the order of the example file; rows of one section stand together.
#[rustfmt::skip]
pub const OPTIONS: &[Opt] = &[
    Opt { key: "server.listen", slot: |c| Slot::Address(&mut c.server.listen),
        doc: "Address of the API and the dashboard. Until an administrator exists the server listens on\n\
              loopback only, whatever stands here." },
    Opt { key: "server.data_dir", slot: |c| Slot::Path(&mut c.server.data_dir),
        doc: "Folder of the database, keys and backups, mode 0700. Empty: /var/lib/ranchette for root,\n\
              $XDG_DATA_HOME/ranchette for anyone else." },
    Opt { key: "server.vault_key_file", slot: |c| Slot::Path(&mut c.server.vault_key_file),
        doc: "The key that secrets in the database are sealed with, mode 0600; made if it is missing. Keep a\n\
              copy apart from the database's. Empty: vault.key in the data folder." },
    Opt { key: "server.backup_dir", slot: |c| Slot::Path(&mut c.server.backup_dir),
        doc: "Folder of backup targets: backups of volumes go to the folder in it that has the target's\n\
              name, where a share or a disk may be mounted. Empty: `backups` in the data directory." },
    Opt { key: "server.url", slot: |c| Slot::Url(&mut c.server.url),
        doc: "Public URL used in links, such as \"https://ranch.example\". Empty: taken from each request." },
    Opt { key: "server.trusted_proxies", slot: |c| Slot::Ranges(&mut c.server.trusted_proxies),
        doc: "Proxies whose X-Forwarded-For, -Proto and -Host are believed: addresses or ranges." },
    Opt { key: "server.cors_origins", slot: |c| Slot::Origins(&mut c.server.cors_origins),
        doc: "Other sites whose pages may use the API with a key in a browser (CORS): none unless named." },
    Opt { key: "server.body_limit_bytes", slot: |c| Slot::Count(&mut c.server.body_limit_bytes, 65_536..=10_485_760),
        doc: "Largest request body that is read." },
    Opt { key: "server.workers", slot: |c| Slot::Count(&mut c.server.workers, 1..=256),
        doc: "HTTP worker threads." },

    Opt { key: "docker.host", slot: |c| Slot::Engine(&mut c.docker.host),
        doc: "The Docker Engine to drive: \"unix:///path\" or \"tcp://host:port\"." },
    Opt { key: "docker.address", slot: |c| Slot::Ip(&mut c.docker.address),
        doc: "Address of the engine's machine, at which published ports are said to be reached. Empty: the\n\
              one that this machine reaches others from, or that of a \"tcp://\" engine." },
    Opt { key: "docker.concurrency", slot: |c| Slot::Count(&mut c.docker.concurrency, 1..=256),
        doc: "Calls under way at once on one engine." },
    Opt { key: "docker.compare_interval_s", slot: |c| Slot::Long(&mut c.docker.compare_interval_s, 1..=DAY),
        doc: "Seconds between full comparisons with the engine, which catch what its events missed." },
    Opt { key: "docker.stop_timeout_s", slot: |c| Slot::Long(&mut c.docker.stop_timeout_s, 0..=DAY),
        doc: "Seconds from the stop signal to SIGKILL for containers that do not say otherwise." },

    Opt { key: "machines.ssh_key_file", slot: |c| Slot::Path(&mut c.machines.ssh_key_file),
        doc: "A private SSH key, without a passphrase, for machines that are added with neither a key nor a\n\
              password of their own. Empty: there is none." },

    Opt { key: "auth.enabled", slot: |c| Slot::Switch(&mut c.auth.enabled),
        doc: "Whether callers must prove who they are. With false everyone on this machine is the first\n\
              administrator, until access control is switched on through the API; the server then\n\
              listens on loopback addresses only, or does not start." },
    Opt { key: "auth.argon2_memory_kib", slot: |c| Slot::Small(&mut c.auth.argon2_memory_kib, 8..=4_194_304),
        doc: "Argon2id: memory of one password hash. The defaults are OWASP's minimum." },
    Opt { key: "auth.argon2_iterations", slot: |c| Slot::Small(&mut c.auth.argon2_iterations, 1..=1_000),
        doc: "Argon2id: passes over that memory." },
    Opt { key: "auth.argon2_parallelism", slot: |c| Slot::Small(&mut c.auth.argon2_parallelism, 1..=64),
        doc: "Argon2id: lanes; each needs at least 8 KiB of the memory." },
    Opt { key: "auth.token_lifetime_s", slot: |c| Slot::Long(&mut c.auth.token_lifetime_s, 60..=TEN_YEARS),
        doc: "How long a session lives, unless the setting api.auth.jwt.token.expiry is stored." },
    Opt { key: "auth.throttle_free_attempts", slot: |c| Slot::Small(&mut c.auth.throttle_free_attempts, 1..=1_000),
        doc: "Wrong passwords for one account or from one address before answers become slower." },
    Opt { key: "auth.throttle_longest_s", slot: |c| Slot::Long(&mut c.auth.throttle_longest_s, 1..=DAY),
        doc: "The longest wait after a wrong password; it doubles from one second up to this." },

    Opt { key: "log.level", slot: |c| Slot::Level(&mut c.log.level),
        doc: "The least severe level that is logged: error, warn, info, debug or trace." },
    Opt { key: "log.format", slot: |c| Slot::Format(&mut c.log.format),
        doc: "\"text\" for people or \"json\" for programs, one object a line." },

    Opt { key: "process.workers", slot: |c| Slot::Count(&mut c.process.workers, 1..=4_096),
        doc: "Process instances that run at once." },

    Opt { key: "keep.removed_s", slot: |c| Slot::Long(&mut c.keep.removed_s, 0..=TEN_YEARS),
        doc: "Seconds that removed resources can still be seen before they are purged,\n\
              unless the setting main_tables.purge.after.seconds is stored." },
    Opt { key: "keep.process_s", slot: |c| Slot::Long(&mut c.keep.process_s, 0..=TEN_YEARS),
        doc: "Seconds that finished process instances are kept,\n\
              unless the setting process_instance.purge.after.seconds is stored." },
    Opt { key: "keep.service_log_s", slot: |c| Slot::Long(&mut c.keep.service_log_s, 0..=TEN_YEARS),
        doc: "Seconds that service log entries are kept,\n\
              unless the setting service_log.purge.after.seconds is stored." },
    Opt { key: "keep.audit_s", slot: |c| Slot::Long(&mut c.keep.audit_s, 0..=TEN_YEARS),
        doc: "Seconds that audit log entries are kept,\n\
              unless the setting audit_log.purge.after.seconds is stored." },
    Opt { key: "keep.answers_s", slot: |c| Slot::Long(&mut c.keep.answers_s, 60..=TEN_YEARS),
        doc: "Seconds that a create with an Idempotency-Key is remembered: sent again, it is answered\n\
              as before and makes nothing." },

    Opt { key: "sim.enabled", slot: |c| Slot::Switch(&mut c.sim.enabled),
        doc: "Simulated hosts in memory in place of Docker, as `ranchette demo` uses them." },
    Opt { key: "sim.hosts", slot: |c| Slot::Count(&mut c.sim.hosts, 1..=10_000),
        doc: "How many hosts are simulated." },
    Opt { key: "sim.seed", slot: |c| Slot::Long(&mut c.sim.seed, 0..=i64::MAX as u64),
        doc: "Seed of the simulated delays and faults; the same seed gives the same run." },
    Opt { key: "sim.agents", slot: |c| Slot::Switch(&mut c.sim.agents),
        doc: "Whether agents whose address begins with sim:// may register as simulated hosts, beside whatever else runs containers. For trying out clients; images named sim:... run on them." },

    Opt { key: "network.subnet", slot: |c| Slot::Subnet(&mut c.network.subnet),
        doc: "Network of the first environment; the following ones take the next networks of its size." },
    Opt { key: "network.names", slot: |c| Slot::Switch(&mut c.network.names),
        doc: "Whether containers ask the server for names and metadata: then names follow health and links. \
              It needs the right to change nat rules; without, or with false, Docker answers the names." },

    Opt { key: "catalog.builtin", slot: |c| Slot::Switch(&mut c.catalog.builtin),
        doc: "Whether the catalog `ranchette` that comes with the program is offered." },
    Opt { key: "catalog.sources", slot: |c| Slot::Sources(&mut c.catalog.sources),
        doc: "Catalogs of templates for everyone: \"name=/folder\", \"name=https://host/repository.git\" or\n\
              \"name=https://host/repository.git#branch\". Repositories need the program git." },

    Opt { key: "stacks.directories", slot: |c| Slot::Folders(&mut c.stacks.directories),
        doc: "Directories, such as \"/opt/stacks\", below which stacks may have folders of their own: their compose\n\
              files are read and watched there, and written when somebody saves them in the editor. The\n\
              server needs the right to. Empty: stacks have no folders." },
];

/// Sets one option by its key, or adds the problem that prevented it.
pub fn set(
    config: &mut Config,
    key: &str,
    given: &Given,
    place: Place,
    problems: &mut Vec<Problem>,
) {
    let Some(option) = OPTIONS.iter().find(|o| o.key == key) else {
        let nearest = nearest(key, OPTIONS.iter().map(|o| o.key.to_owned()));
        problems.push(Problem::UnknownKey { place, key: key.to_owned(), nearest });
        return;
    };
    if (option.slot)(config).set(given).is_none() {
        let allowed = (option.slot)(config).allowed();
        let (key, value) = (key.to_owned(), given.shown());
        problems.push(Problem::BadValue { place, key, value, allowed });
    }
}

/// Adds what no single option can see.
pub fn check_together(config: &Config, problems: &mut Vec<Problem>) {
    let auth = &config.auth;
    if !auth.enabled && !config.server.listen.ip().is_loopback() {
        problems.push(Problem::BadValue {
            place: Place::Together,
            key: "server.listen".into(),
            value: config.server.listen.to_string(),
            allowed:
                "a loopback address such as 127.0.0.1:8080 while `auth.enabled` is false, which \
                      makes everyone who can reach the server its administrator"
                    .into(),
        });
    }
    // RFC 9106, section 3.1: memory is at least 8 KiB for each lane.
    if auth.argon2_memory_kib < 8 * auth.argon2_parallelism {
        problems.push(Problem::BadValue {
            place: Place::Together,
            key: "auth.argon2_memory_kib".into(),
            value: auth.argon2_memory_kib.to_string(),
            allowed: format!(
                "at least 8 for each of the {} lanes of `auth.argon2_parallelism`",
                auth.argon2_parallelism
            ),
        });
    }
}

/// The name that `word` was probably meant to be.
pub fn nearest(word: &str, names: impl Iterator<Item = String>) -> Option<String> {
    let names: Vec<String> = names.collect();
    crate::nearest::nearest(word, names.iter().map(String::as_str)).map(str::to_owned)
}

/// The text of `config.example.toml`: every option with its documentation and default.
pub fn example() -> String {
    let mut text = String::from(HEAD);
    let mut defaults = Config::default();
    let mut section = "";
    for option in OPTIONS {
        if option.section() != section {
            section = option.section();
            let _ = write!(text, "\n[{section}]\n");
        }
        text.push('\n');
        for line in option.doc.lines() {
            let _ = writeln!(text, "# {line}");
        }
        let slot = (option.slot)(&mut defaults);
        let _ = writeln!(text, "# Allowed: {}.", slot.allowed());
        let _ = writeln!(text, "# Variable: {}", env::variable(option.key));
        let _ = writeln!(text, "{} = {}", option.name(), slot.shown());
    }
    text
}

const HEAD: &str = "\
# Ranchette's configuration: every option with its default.
#
# Read from --config FILE, else $RANCHETTE_CONFIG, else /etc/ranchette/config.toml (root) or
# $XDG_CONFIG_HOME/ranchette/config.toml (anyone else) if it exists. Environment variables come
# after the file and flags after both. A key that does not exist is an error that names it.
# `ranchette check-config` shows what is in force.
#
# Generated from src/config by `make golden`; a test holds it to the defaults.
";
