//! Facts about the Docker Engine: its socket, version, clock and disk.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use ipnet::Ipv4Net;
use rustix::fs::{Access, access};

use super::judge::{self, Check};
use super::{machine, routes};
use crate::clock::Clock;
use crate::config::{Surroundings, User};
use crate::engine::docker::DockerEngine;
use crate::engine::{Engine as _, EngineInfo};

/// How long the engine may take to tell its time.
const ANSWER: Duration = Duration::from_secs(2);
/// Bytes of an answer's head that are looked at.
const HEAD: usize = 4096;

/// Everything about the engine at `unix:///path` or `tcp://host:port`.
pub async fn checks(host: &str, subnet: Ipv4Net, around: &Surroundings) -> Vec<Check> {
    if let Some(problem) = host.strip_prefix("unix://").and_then(|path| socket(path, around)) {
        return vec![problem];
    }
    let docker = DockerEngine::new(host);
    let info =
        match docker.info().await {
            Ok(info) => info,
            Err(error) => {
                return vec![Check::problem("docker", error.to_string()).hint(
                    "see `systemctl status docker`, or name another engine with --docker-host",
                )];
            }
        };
    let mut checks = vec![judge::version(&info.version, &info.api_version), size(&info)];
    let root = Path::new(&info.root_dir);
    if host.starts_with("unix://") && root.is_absolute() && root.exists() {
        checks.push(machine::disk("docker disk", root));
    }
    if host.starts_with("unix://")
        && let Ok(networks) = docker.networks().await
    {
        checks.push(routes::check(subnet, &networks));
    }
    let now = Clock::System.now_ms();
    let engine = host.to_owned();
    let told = tokio::task::spawn_blocking(move || engine_ms(&engine)).await;
    if let Ok(Some(engine)) = told {
        checks.push(judge::engine_clock(now, engine));
    }
    checks
}

fn size(info: &EngineInfo) -> Check {
    let memory = info.memory_bytes >> 20;
    let text = format!(
        "{} CPUs, {memory} MiB, {}, kernel {}, storage {}",
        info.cpus, info.os, info.kernel, info.storage_driver
    );
    Check::ok("docker host", text)
}

/// What is wrong with the socket, if anything is.
fn socket(path: &str, around: &Surroundings) -> Option<Check> {
    const NAME: &str = "docker";
    let meta = match std::fs::metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Some(
                Check::problem(NAME, format!("there is no socket {path}")).hint(
                    "install Docker (`apt install docker.io`), or start it with `systemctl start docker`",
                ),
            );
        }
        Err(error) => {
            return Some(Check::problem(NAME, format!("cannot look at {path}: {error}")));
        }
    };
    if !meta.file_type().is_socket() {
        return Some(
            Check::problem(NAME, format!("{path} is not a socket"))
                .hint("name the engine's socket with --docker-host"),
        );
    }
    match access(path, Access::READ_OK | Access::WRITE_OK) {
        Ok(()) => None,
        Err(_) => {
            let check = Check::problem(NAME, format!("{path} may not be opened by this user"));
            Some(check.hint(match around.user {
                User::Plain => "add the user to the group `docker` and log in again: `sudo usermod -aG docker $USER`",
                User::Root => "see who owns it with `ls -l`, and what confines this process",
            }))
        }
    }
}

/// The engine's own time, from the head of an answer; none if it does not tell.
fn engine_ms(host: &str) -> Option<i64> {
    let head = match host.split_once("://")? {
        ("unix", path) => {
            let stream = UnixStream::connect(path).ok()?;
            stream.set_read_timeout(Some(ANSWER)).ok()?;
            ping(stream)?
        }
        ("tcp", address) => {
            let stream = TcpStream::connect(address).ok()?;
            stream.set_read_timeout(Some(ANSWER)).ok()?;
            ping(stream)?
        }
        _ => return None,
    };
    date_ms(&head)
}

fn ping(mut stream: impl Read + Write) -> Option<String> {
    stream.write_all(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n").ok()?;
    let mut head = Vec::new();
    let mut piece = [0u8; 512];
    while head.len() < HEAD && !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => break,
            Ok(count) => head.extend_from_slice(piece.get(..count)?),
        }
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}

/// The `Date` of an HTTP answer.
fn date_ms(head: &str) -> Option<i64> {
    let date = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("date").then(|| value.trim())
    })?;
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).ok()?;
    Some(date.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::super::judge::Level;
    use super::*;

    #[test]
    fn the_date_of_an_answer() {
        let head =
            "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nDate: Sun, 15 Jun 2025 15:06:40 GMT\r\n\r\n";
        assert_eq!(date_ms(head), Some(1_750_000_000_000));
        assert_eq!(date_ms("HTTP/1.1 200 OK\r\nDate: soon\r\n"), None);
        assert_eq!(date_ms(""), None);
    }

    #[test]
    fn sockets_that_will_not_do() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("docker.sock").display().to_string();
        let around = Surroundings::default();
        let level = || socket(&path, &around).map(|check| check.level);
        assert_eq!(level(), Some(Level::Problem));
        std::fs::write(&path, "").unwrap();
        assert_eq!(level(), Some(Level::Problem));
        std::fs::remove_file(&path).unwrap();
        let _listens = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert_eq!(level(), None);
    }
}
