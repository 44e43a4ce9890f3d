//! The release binary as a user runs it: started, asked, measured from the outside through `/proc`.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Clock ticks a second in `/proc/PID/stat` on every Linux in use.
const TICKS_PER_SECOND: f64 = 100.0;

/// The binary under test: `scripts/bench.sh` names the release build, which `cargo bench` itself would
/// overwrite with a build of its own profile.
pub fn binary() -> PathBuf {
    match std::env::var_os("RANCHETTE_BENCH_BINARY") {
        Some(path) => path.into(),
        None => env!("CARGO_BIN_EXE_ranchette").into(),
    }
}

/// The binary without the variables that are for benches: it refuses those that it does not know.
fn program() -> Command {
    let mut command = Command::new(binary());
    for name in ["BINARY", "DOCKER", "RUNS", "TABLE"] {
        command.env_remove(format!("RANCHETTE_BENCH_{name}"));
    }
    command
}

/// A server that runs; it is killed when dropped.
pub struct Server {
    child: Child,
    data: PathBuf,
    /// From exec to the first 200 on `/healthz`.
    pub ready_after: Duration,
}

impl Server {
    /// Starts `serve` on a free port with these environment variables.
    #[allow(clippy::disallowed_methods, reason = "a bench measures real time")]
    pub fn start(data: &Path, variables: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        drop(listener);
        let log = fs::OpenOptions::new().create(true).append(true).open(data.with_extension("log"));
        let start = Instant::now();
        let child = program()
            .args(["--data-dir"])
            .arg(data)
            .args(["serve", "--log-level", "warn", "--listen", &address])
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.expect("a log"))
            .spawn()
            .expect("the binary starts");
        while !healthy(&address) {
            assert!(start.elapsed() < Duration::from_secs(30), "the server does not answer");
            std::thread::sleep(Duration::from_millis(1));
        }
        Self { child, data: data.to_owned(), ready_after: start.elapsed() }
    }

    /// A verb of the command line against this server.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program();
        command.arg("--data-dir").arg(&self.data).args(arguments).stdin(Stdio::null());
        command
    }

    /// Runs a verb of the command line against this server; returns what it printed.
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().expect("the binary starts");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {text}{errors}");
        text
    }

    /// Resident memory in MB.
    pub fn resident_mb(&self) -> f64 {
        self.figure("status", "VmRSS:") / 1024.0
    }

    /// The most memory that was resident so far, in MB.
    pub fn peak_mb(&self) -> f64 {
        self.figure("status", "VmHWM:") / 1024.0
    }

    /// Bytes the server has caused to be written to disk.
    pub fn written_bytes(&self) -> f64 {
        self.figure("io", "write_bytes:")
    }

    /// Processor time used so far, in seconds.
    pub fn cpu_s(&self) -> f64 {
        let text = self.proc("stat");
        // The name in brackets may hold anything; fields 14 and 15 are counted from behind it.
        let behind = text.rsplit_once(')').map_or("", |(_, fields)| fields);
        let fields: Vec<f64> =
            behind.split_whitespace().filter_map(|field| field.parse().ok()).collect();
        // Field 3, the state, is not a number: 14 and 15 are the 11th and 12th left.
        (fields[10] + fields[11]) / TICKS_PER_SECOND
    }

    fn proc(&self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).expect("proc")
    }

    fn figure(&self, file: &str, name: &str) -> f64 {
        let text = self.proc(file);
        let line = text.lines().find_map(|line| line.strip_prefix(name)).expect(name);
        line.trim().trim_end_matches(" kB").parse().expect(name)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended by itself has failed a bench already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn healthy(address: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    let asked = stream.write_all(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n");
    let mut answer = [0; 12];
    asked.is_ok() && stream.read_exact(&mut answer).is_ok() && answer.ends_with(b" 200")
}
