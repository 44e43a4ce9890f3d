//! Facts about this machine: folders, space, port, clock, kernel.

use std::fs::Metadata;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Access, access, statvfs};

use super::judge::{self, Check};
use crate::config::{Surroundings, User};
use crate::network::policy::wall::{Nft, Wall as _};
use crate::server::data_dir;
use crate::store;

/// How long the program on our port may take to say whether it is a server.
const ANSWER: Duration = Duration::from_secs(2);
/// Where tools are that need rights; often missing in `PATH`.
const TOOL_FOLDERS: [&str; 3] = ["/usr/sbin", "/sbin", "/usr/local/sbin"];

/// The data folder and the database in it.
pub fn data_folder(dir: &Path) -> Vec<Check> {
    const NAME: &str = "data folder";
    let shown = dir.display();
    let meta = match std::fs::metadata(dir) {
        Ok(meta) => meta,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let parent = existing(dir);
            return vec![match access(&parent, Access::WRITE_OK | Access::EXEC_OK) {
                Ok(()) => Check::ok(NAME, format!("{shown} will be made")),
                Err(_) => Check::problem(
                    NAME,
                    format!("{shown} cannot be made in {}", parent.display()),
                )
                .hint("run the server as another user, or name another folder with --data-dir"),
            }];
        }
        Err(error) => {
            return vec![
                Check::problem(NAME, format!("{shown}: {error}"))
                    .hint("run this as the server's own user"),
            ];
        }
    };
    if !meta.is_dir() {
        return vec![
            Check::problem(NAME, format!("{shown} is not a folder"))
                .hint("name another one with --data-dir"),
        ];
    }
    let mut checks = match access(dir, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => vec![judge::mode(dir, meta.mode())],
        Err(_) => vec![
            Check::problem(NAME, format!("{shown} may not be written"))
                .hint(format!("run the server as its owner, user {}", meta.uid())),
        ],
    };
    checks.extend(database(dir));
    checks
}

fn database(dir: &Path) -> Option<Check> {
    let path = data_dir::database(dir);
    if !path.exists() {
        return None;
    }
    Some(match store::check_integrity(&path) {
        Ok(()) => Check::ok("database", format!("{} is sound", path.display())),
        Err(error) => Check::problem("database", error.to_string())
            .hint("stop the server and put a backup back with `ranchette restore FILE`"),
    })
}

/// Free space where a folder is or will be.
pub fn disk(name: &'static str, dir: &Path) -> Check {
    let dir = existing(dir);
    match statvfs(&dir) {
        Ok(found) => {
            let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
            judge::space(name, &dir, bytes(found.f_bavail), bytes(found.f_blocks))
        }
        Err(error) => Check::warning(name, format!("cannot look at {}: {error}", dir.display())),
    }
}

/// The nearest folder above that exists.
fn existing(dir: &Path) -> PathBuf {
    let mut above = dir.ancestors();
    above.find(|path| path.exists()).unwrap_or(Path::new("/")).to_owned()
}

/// Whether the address is free, or ours.
pub async fn port(listen: SocketAddr) -> Check {
    const NAME: &str = "port";
    let error = match TcpListener::bind(listen) {
        Ok(_) => return Check::ok(NAME, format!("{listen} is free")),
        Err(error) => error,
    };
    let in_use = error.kind() == std::io::ErrorKind::AddrInUse;
    if in_use && is_server(listen).await {
        return Check::ok(NAME, format!("a server runs at {listen}"));
    }
    if in_use {
        let tool = format!("`ss -ltnp 'sport = :{}'`", listen.port());
        return Check::problem(NAME, format!("another program has {listen}"))
            .hint(format!("{tool} shows which; choose another port with --listen"));
    }
    let check = Check::problem(NAME, format!("cannot listen at {listen}: {error}"));
    check.hint(match error.kind() == std::io::ErrorKind::PermissionDenied {
        true => "choose a port above 1023, or run the server as root",
        false => "choose an address of this machine with --listen",
    })
}

/// Whether a server of ours answers there.
async fn is_server(listen: SocketAddr) -> bool {
    let host = match listen.ip() {
        ip if ip.is_unspecified() => SocketAddr::from(([127, 0, 0, 1], listen.port())),
        _ => listen,
    };
    let Ok(http) = reqwest::Client::builder().timeout(ANSWER).build() else { return false };
    match http.get(format!("http://{host}/v2-beta")).send().await {
        Ok(response) => response.headers().contains_key("x-api-schemas"),
        Err(_) => false,
    }
}

/// The clock, against what the file system remembers.
pub fn clock(now_ms: i64, dir: &Path) -> Check {
    let written = std::fs::metadata(data_dir::database(dir)).ok();
    judge::clock(now_ms, written.as_ref().map(modified_ms))
}

fn modified_ms(meta: &Metadata) -> i64 {
    meta.mtime().saturating_mul(1000).saturating_add(meta.mtime_nsec() / 1_000_000)
}

/// Control groups.
pub fn cgroups() -> Check {
    let is = |path: &str| Path::new(path).exists();
    judge::cgroups(is("/sys/fs/cgroup/cgroup.controllers"), is("/sys/fs/cgroup/memory"))
}

/// Nat rules: the right to set them, and the tool.
pub fn nat(around: &Surroundings) -> Check {
    let path = around.var("PATH").unwrap_or_default();
    let folders = path.split(':').chain(TOOL_FOLDERS).filter(|folder| !folder.is_empty());
    let mut tools = folders.map(|folder| Path::new(folder).join("iptables"));
    judge::nat(around.user == User::Root, tools.find(|tool| tool.is_file()).as_deref())
}

/// The packet filter, asked as the server asks it.
pub async fn packet_filter() -> Check {
    judge::packet_filter(Nft.tables().await.map(drop).map_err(|error| error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::super::judge::Level;
    use super::*;

    #[test]
    fn folders_that_will_not_do() {
        let temp = tempfile::tempdir().unwrap();
        let at = |name: &str| temp.path().join(name);
        let level = |dir: &Path| data_folder(dir)[0].level;
        assert_eq!(level(&at("new/below")), Level::Ok);
        std::fs::write(at("file"), "").unwrap();
        assert_eq!(level(&at("file")), Level::Problem);
        assert_eq!(level(&at("file/below")), Level::Problem);
        std::fs::write(at("ranchette.db"), "no database").unwrap();
        let checks = data_folder(temp.path());
        assert_eq!((checks[1].name, checks[1].level), ("database", Level::Problem));
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_a_problem() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        // Whoever connects is turned away at once, as by a program that speaks something else.
        let turn_away = std::thread::spawn(move || drop(taken.accept()));
        assert_eq!(port(address).await.level, Level::Problem);
        turn_away.join().unwrap();
        assert_eq!(port(address).await.level, Level::Ok);
    }
}
