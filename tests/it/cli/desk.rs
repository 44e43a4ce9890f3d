//! Somebody at a desk: a home folder, a server on a simulated host, and the program.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use pty_process::{Pty, Size};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use crate::streams::place::Place;

/// Longest a test waits for something that ought to happen: a failure, not a pace.
const DEADLINE: Duration = Duration::from_secs(90);
/// How long the end of a terminal is waited for after its program has ended.
const LEFTOVER: Duration = Duration::from_secs(1);

/// A server, and a home folder without contexts.
pub struct Desk {
    pub place: Place,
    home: TempDir,
}

/// What came of a verb.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// What was printed, after checking the exit code.
    pub fn ok(self) -> String {
        assert_eq!(self.code, 0, "{}\n{}", self.out, self.err);
        self.out
    }

    /// The objects of `--json`.
    pub fn records(self) -> Vec<serde_json::Value> {
        let text = self.ok();
        let record =
            |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        text.lines().map(record).collect()
    }
}

impl Desk {
    /// Nobody is logged in yet.
    pub async fn start() -> Self {
        let home = TempDir::new().expect("temporary folder");
        Desk { place: Place::start().await, home }
    }

    /// With a context for the server, which is in use.
    pub async fn logged_in() -> Self {
        Self::at(Place::start().await).await
    }

    /// The same with a real Docker Engine.
    pub async fn on_docker(endpoint: &str) -> Self {
        Self::at(Place::on_docker(endpoint).await).await
    }

    async fn at(place: Place) -> Self {
        let desk = Desk { place, home: TempDir::new().expect("temporary folder") };
        let (access, secret) = desk.place.site.key_of(1).await;
        let url = desk.place.site.url.clone();
        let login = ["login", &url, "--access-key", &access, "--name", "farm"];
        let login = [&login[..], &["--environment", "1a5"]].concat();
        desk.run_with(&login, &secret).await.ok();
        desk
    }

    /// The file with the keys.
    pub fn book(&self) -> PathBuf {
        self.home.path().join(".config/ranchette/contexts.json")
    }

    /// A file below the home folder, in which every verb starts.
    pub fn home_path(&self, path: &str) -> PathBuf {
        self.home.path().join(path)
    }

    /// A file in the home folder; its path.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.home.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path.to_string_lossy().into_owned()
    }

    /// The variables of the program: only those that a test knows.
    fn variables(&self) -> Vec<(String, String)> {
        let home = self.home.path().to_string_lossy().into_owned();
        let path = std::env::var("PATH").unwrap_or_default();
        let pairs = [("HOME", home.as_str()), ("PATH", &path), ("TERM", "xterm-256color")];
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    }

    /// The program, to be started in the home folder.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ranchette"));
        command.env_clear().envs(self.variables()).current_dir(self.home.path());
        command.args(args).kill_on_drop(true);
        command
    }

    /// Runs a verb to its end; there is nothing on its standard input.
    pub async fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, "").await
    }

    /// Runs a verb to its end.
    pub async fn run_with(&self, args: &[&str], input: &str) -> Ran {
        self.run_bytes(args, input.as_bytes()).await.0
    }

    /// Runs a verb to its end; also the very bytes of its standard output.
    pub async fn run_bytes(&self, args: &[&str], input: &[u8]) -> (Ran, Vec<u8>) {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("`ranchette` starts");
        let mut stdin = child.stdin.take().expect("standard input");
        let say = async {
            // A verb that does not read its input may have ended before.
            let _ = stdin.write_all(input).await;
            drop(stdin);
        };
        let run = async { tokio::join!(say, child.wait_with_output()).1.expect("an end") };
        let output = tokio::time::timeout(DEADLINE, run).await;
        let output = output.unwrap_or_else(|_| panic!("{args:?} does not end"));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let code = output.status.code().unwrap_or(-1);
        let ran = Ran { code, out: text(&output.stdout), err: text(&output.stderr) };
        (ran, output.stdout)
    }

    /// Starts a verb on a terminal of its own.
    pub fn terminal(&self, args: &[&str]) -> Terminal {
        let (pty, pts) = pty_process::open().expect("a terminal");
        pty.resize(Size::new(24, 80)).expect("its size");
        let mut command = pty_process::Command::new(env!("CARGO_BIN_EXE_ranchette"))
            .env_clear()
            .current_dir(self.home.path())
            .args(args)
            .kill_on_drop(true);
        for (name, value) in self.variables() {
            command = command.env(name, value);
        }
        let child = command.spawn(pts).expect("`ranchette` starts");
        Terminal { pty, child, seen: String::new() }
    }
}

/// A verb on a terminal.
pub struct Terminal {
    pty: Pty,
    child: Child,
    /// Everything that was shown.
    pub seen: String,
}

impl Terminal {
    /// Presses keys.
    pub async fn press(&mut self, keys: &str) {
        self.pty.write_all(keys.as_bytes()).await.expect("the terminal takes keys");
    }

    /// Sets rows and columns.
    pub fn resize(&mut self, rows: u16, columns: u16) {
        self.pty.resize(Size::new(rows, columns)).expect("another size");
    }

    /// What the terminal shows next; nothing when the verb has ended.
    async fn more(&mut self) -> bool {
        let mut piece = [0; 4096];
        match self.pty.read(&mut piece).await {
            // The end of a terminal that nobody has open any more is an error on Linux.
            Ok(0) | Err(_) => false,
            Ok(count) => {
                self.seen.push_str(&String::from_utf8_lossy(&piece[..count]));
                true
            }
        }
    }

    /// Waits until the terminal has shown a text since the last wait.
    pub async fn until(&mut self, text: &str) {
        let wait = async {
            while !self.seen.contains(text) {
                if !self.more().await {
                    return false;
                }
            }
            true
        };
        let found = tokio::time::timeout(DEADLINE, wait).await.unwrap_or(false);
        assert!(found, "`{text}` is not shown: {:?}", self.seen);
        let end = self.seen.find(text).unwrap_or_default() + text.len();
        self.seen.drain(..end);
    }

    /// Ends the verb from outside.
    pub fn kill(&mut self) {
        self.child.start_kill().expect("a verb that runs");
    }

    /// Waits for the end of the verb: what was shown since the last wait, and the exit code.
    pub async fn end(mut self) -> (String, i32) {
        let mut piece = [0; 4096];
        let wait = async {
            loop {
                tokio::select! {
                    status = self.child.wait() => return status.expect("an end"),
                    read = self.pty.read(&mut piece) => match read {
                        Ok(count @ 1..) => {
                            self.seen.push_str(&String::from_utf8_lossy(&piece[..count]));
                        }
                        // Nobody has the terminal open any more.
                        Ok(0) | Err(_) => return self.child.wait().await.expect("an end"),
                    },
                }
            }
        };
        let status = tokio::time::timeout(DEADLINE, wait).await;
        let status = status.unwrap_or_else(|_| panic!("no end after {:?}", self.seen));
        // What it wrote is there by now; nothing but the end of the terminal may still come.
        while let Ok(true) = tokio::time::timeout(LEFTOVER, self.more()).await {}
        (self.seen, status.code().unwrap_or(-1))
    }
}
