//! A real Docker Engine for tests: one for the whole test process, started when first asked for.
//!
//! With `RANCHETTE_TEST_DOCKER_HOST` (e.g. `unix:///var/run/docker.sock`) set, that engine is used.
//! Otherwise a private one is started, which needs root and the programs named in [`PROGRAMS`]; their
//! absence fails the tests that need them, it never skips them.

mod images;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;

use ranchette::clock::Clock;
use ranchette::engine::RegistryAuth;
use tokio::sync::{Mutex, OnceCell};

/// What has to be installed, by Debian package.
const PROGRAMS: [(&str, &str); 4] = [
    ("dockerd", "docker.io"),
    ("docker-registry", "docker-registry"),
    ("busybox", "busybox-static"),
    ("setpriv", "util-linux"),
];

/// How long the engine and the registries may take to answer.
const START_DEADLINE_MS: i64 = 60_000;

/// Held while an engine starts: two that start at once trip over each other's packet filter chains.
static STARTING: Mutex<()> = Mutex::const_new(());

/// `user tester, password secret`, as htpasswd writes it.
const LOGIN: &str = "tester:$2b$04$A.VhXrgTmfkJhP.f7crNq.0sTMm6KjinWzBF.qmiL3pICwfpjTpou\n";

/// A Docker Engine with an image, and registries to pull from.
pub struct TestDocker {
    /// Where the engine listens.
    pub endpoint: String,
    /// An image that is present: busybox with all its commands, and `sh` as its command.
    pub image: String,
    /// A registry for everyone, `127.0.0.1:port`. It has `ranchette-test/busybox:1` and, 3 MB larger,
    /// `ranchette-test/big:1`; neither is present in the engine.
    pub registry: String,
    /// The same images, for those who know [`TestDocker::login`].
    pub locked_registry: String,
}

impl TestDocker {
    /// An image that only those who know [`TestDocker::login`] may pull, and that no other test has.
    pub async fn private_image(&self, name: &str) -> String {
        let repo = format!("ranchette-test/{name}");
        images::publish(&self.endpoint, &self.registry, &repo).await;
        format!("{}/{repo}:1", self.locked_registry)
    }

    /// What opens the locked registry.
    pub fn login(&self) -> RegistryAuth {
        RegistryAuth {
            username: "tester".to_owned(),
            password: "secret".to_owned(),
            server: self.locked_registry.clone(),
        }
    }
}

/// The name of an image with HAProxy, in the engine of this test process.
pub async fn haproxy_image() -> &'static str {
    static IMAGE: OnceCell<String> = OnceCell::const_new();
    IMAGE.get_or_init(async || images::prepare_haproxy(&docker().await.endpoint).await).await
}

/// The engine of this test process.
pub async fn docker() -> &'static TestDocker {
    static DOCKER: OnceCell<TestDocker> = OnceCell::const_new();
    DOCKER.get_or_init(start).await
}

/// An engine that a test has for itself, because it stops it.
pub struct OwnDocker {
    /// Where the engine listens.
    pub endpoint: String,
    /// An image that is present.
    pub image: String,
    dir: PathBuf,
}

impl OwnDocker {
    /// Starts it; there is one of each place for each test process.
    pub async fn start(name: &str, place: Place) -> Self {
        Self::start_in(name, place, None).await
    }

    /// The same in a network namespace, where its bridges and its packet filter are; [`OwnDocker::end`] it
    /// before the namespace goes.
    pub async fn start_in(name: &str, place: Place, namespace: Option<&str>) -> Self {
        let dir = std::env::temp_dir().join(format!("ranchette-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let docker = Self {
            endpoint: format!("unix://{}", dir.join("docker.sock").display()),
            image: images::BUSYBOX.to_owned() + ":latest",
            dir,
        };
        let starting = STARTING.lock().await;
        keep(&docker.dir, Some(place), namespace);
        docker.answers().await;
        drop(starting);
        images::prepare_busybox(&docker.endpoint).await;
        docker
    }

    /// The path of its socket.
    pub fn socket(&self) -> &str {
        self.endpoint.strip_prefix("unix://").unwrap_or_default()
    }

    /// Stops the engine as a system's administrator would; its containers end with it.
    pub async fn stop(&self) {
        fs::write(self.dir.join("away"), "").unwrap();
        let pid = fs::read_to_string(self.dir.join("docker.pid")).unwrap();
        let killed = Command::new("kill").args(["-TERM", pid.trim()]).status().unwrap();
        assert!(killed.success(), "dockerd {pid} is told to end");
        let gone = self.dir.join("gone");
        wait_for("dockerd's keeper", &self.dir.join("docker.log"), || gone.exists()).await;
    }

    /// Starts the engine again.
    pub async fn start_again(&self) {
        let _starting = STARTING.lock().await;
        fs::remove_file(self.dir.join("away")).unwrap();
        self.answers().await;
    }

    /// Ends the engine, its containers, and everything that was made for it.
    pub fn end(&self) {
        let pid = fs::read_to_string(self.dir.join("keeper.pid")).unwrap_or_default();
        let killed = Command::new("kill").args(["-TERM", pid.trim()]).status();
        let deadline_ms = Clock::System.now_ms() + START_DEADLINE_MS;
        let told = killed.is_ok_and(|status| status.success());
        while told && self.dir.exists() && Clock::System.now_ms() < deadline_ms {
            std::thread::yield_now();
        }
    }

    async fn answers(&self) {
        let socket = self.dir.join("docker.sock");
        wait_for("dockerd", &self.dir.join("docker.log"), || pings(&socket)).await;
    }
}

impl Drop for OwnDocker {
    fn drop(&mut self) {
        // Only a running engine can be made to take its networks away.
        if fs::remove_file(self.dir.join("away")).is_ok() {
            let deadline_ms = Clock::System.now_ms() + START_DEADLINE_MS;
            while !pings(&self.dir.join("docker.sock")) && Clock::System.now_ms() < deadline_ms {
                std::thread::yield_now();
            }
        }
    }
}

/// Which addresses an engine has for itself: those of several on one machine must not overlap.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// [`docker`] has this one.
    First,
    /// For the test that stops its engine.
    Second,
    /// For the machines that are reached over SSH.
    Third,
    /// For the test in which everything is killed.
    Fourth,
    /// For machines that have an engine of their own.
    Fifth,
}

async fn start() -> TestDocker {
    let external = std::env::var("RANCHETTE_TEST_DOCKER_HOST").ok();
    for (program, package) in PROGRAMS {
        let needed = program != "dockerd" || external.is_none();
        assert!(!needed || on_path(program), "tests need `{program}`; install package {package}");
    }
    let dir = std::env::temp_dir().join(format!("ranchette-test-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    let (registry, locked_registry) = (free_address(), free_address());
    write_registry_configs(&dir, &registry, &locked_registry);
    let starting = STARTING.lock().await;
    keep(&dir, external.is_none().then_some(Place::First), None);
    let socket = dir.join("docker.sock");
    if external.is_none() {
        wait_for("dockerd", &dir.join("docker.log"), || pings(&socket)).await;
    }
    drop(starting);
    let endpoint = external.unwrap_or_else(|| format!("unix://{}", socket.display()));
    for (name, address) in [("open", &registry), ("locked", &locked_registry)] {
        let log = dir.join(format!("{name}.log"));
        wait_for("docker-registry", &log, || std::net::TcpStream::connect(address).is_ok()).await;
    }
    let image = images::prepare(&endpoint, &registry).await;
    TestDocker { endpoint, image, registry, locked_registry }
}

pub fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // `su` without a login leaves the system directories out.
    let system = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(system).any(|dir| dir.join(program).is_file())
}

fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// Both registries serve the same directory.
fn write_registry_configs(dir: &Path, open: &str, locked: &str) {
    let storage = dir.join("registry");
    let passwords = dir.join("htpasswd");
    fs::write(&passwords, LOGIN).unwrap();
    let auth = format!("auth:\n  htpasswd:\n    realm: test\n    path: {}\n", passwords.display());
    for (name, address, auth) in [("open", open, ""), ("locked", locked, auth.as_str())] {
        let config = format!(
            "version: 0.1\nlog:\n  level: warn\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: {address}\n{auth}",
            storage.display()
        );
        fs::write(dir.join(format!("{name}.yml")), config).unwrap();
    }
}

/// Starts `keeper.sh` from a thread that lives as long as the process: a parent-death signal is sent
/// when the *thread* that started the child ends, and test threads end early.
fn keep(dir: &Path, docker: Option<Place>, namespace: Option<&str>) {
    let pid = std::process::id();
    // Several test processes may run at once, so each has addresses of its own.
    let (bridge, address, pool) = match docker {
        None => (String::new(), 31, String::new()),
        Some(Place::First) => (format!("rt{pid}"), 31, format!("10.{}", 130 + pid % 100)),
        Some(Place::Second) => (format!("ro{pid}"), 30, format!("10.{}", 20 + pid % 100)),
        Some(Place::Third) => (format!("rh{pid}"), 29, format!("100.{}", 64 + pid % 64)),
        Some(Place::Fourth) => (format!("rc{pid}"), 28, format!("198.{}", 18 + pid % 2)),
        Some(Place::Fifth) => (format!("rs{pid}"), 27, "10.200".to_owned()),
    };
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM"]);
    if let Some(namespace) = namespace {
        // `ip netns exec` would hide the control groups.
        command.args(["nsenter", &format!("--net=/run/netns/{namespace}")]);
    }
    command
        .args(["sh", "-c", include_str!("keeper.sh")])
        .env("DIR", dir)
        .env("BRIDGE", bridge)
        .env("ADDRESS", format!("172.{address}.{}.1/24", 128 + pid % 100))
        .env("POOL", format!("{pool}.0.0/16"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let (started, when_started) = mpsc::channel();
    std::thread::spawn(move || {
        let child = command.spawn();
        started.send(child.as_ref().map(|_| ()).map_err(ToString::to_string)).unwrap();
        if let Ok(mut child) = child {
            let _ = child.wait();
        }
        loop {
            std::thread::park();
        }
    });
    when_started.recv().unwrap().expect("`setpriv` starts");
}

/// Asks until it is so: there is nothing to be notified by before a daemon listens.
async fn wait_for(program: &str, log: &Path, ready: impl Fn() -> bool) {
    let deadline_ms = Clock::System.now_ms() + START_DEADLINE_MS;
    while !ready() {
        let log = || fs::read_to_string(log).unwrap_or_default();
        let in_time = Clock::System.now_ms() < deadline_ms;
        assert!(in_time, "`{program}` does not answer; its log:\n{}", log());
        Clock::System.sleep_ms(20).await;
    }
}

fn pings(socket: &Path) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = UnixStream::connect(socket)?;
        stream.write_all(b"GET /_ping HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.contains(" 200 "))
}
