//! Machines for tests: a real SSH server in a network namespace of its own, and a Docker Engine that is
//! reached through it.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use ranchette::clock::Clock;
use ranchette::engine::machine::{Login, Proof};
use tokio::sync::OnceCell;

use crate::docker_support::{OwnDocker, Place, on_path};

/// What has to be installed, by Debian package.
const PROGRAMS: [(&str, &str); 3] =
    [("sshd", "openssh-server"), ("ssh-keygen", "openssh-client"), ("ip", "iproute2")];

/// How long the SSH server may take to answer.
const START_DEADLINE_MS: i64 = 30_000;

/// The engine behind the machines of this test process.
pub async fn docker_there() -> &'static OwnDocker {
    static DOCKER: OnceCell<OwnDocker> = OnceCell::const_new();
    DOCKER.get_or_init(|| OwnDocker::start("behind", Place::Third)).await
}

/// A machine. Its user `root` logs in with a key and may use Docker; `cow` has the password `grass` and
/// may not.
pub struct Machine {
    /// Where its SSH server listens, on port 22.
    pub address: String,
    /// Its own files.
    pub dir: PathBuf,
    /// Name of our end of the cable to it.
    cable: String,
    namespace: String,
    keeper: Child,
}

impl Machine {
    /// Makes a machine whose SSH server runs. Its Docker is at [`Machine::socket`].
    pub async fn start() -> Machine {
        for (program, package) in PROGRAMS {
            assert!(on_path(program), "tests need `{program}`; install package {package}");
        }
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let (pid, number) = (std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
        let dir = std::env::temp_dir().join(format!("ranchette-machine-{pid}-{number}"));
        fs::create_dir_all(dir.join("bin")).unwrap();
        let net = format!("198.{}.{}.{}", 18 + (pid >> 8) % 2, pid % 256, number * 4);
        let ends =
            |end| net.rsplit_once('.').map(|(start, _)| format!("{start}.{}", number * 4 + end));
        let (ours, theirs) = (ends(1).unwrap(), ends(2).unwrap());
        let namespace = format!("ranchette-{pid}-{number}");
        let cable = format!("rm{pid}x{number}");
        let keeper = Command::new("sh")
            .args(["-c", include_str!("keeper.sh")])
            .env("DIR", &dir)
            .env("NS", &namespace)
            .env("CABLE", &cable)
            .env("OURS", format!("{ours}/30"))
            .env("THEIRS", format!("{theirs}/30"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("`sh` starts");
        let machine = Machine { address: theirs, cable, dir, namespace, keeper };
        machine.until("its keeper", || machine.dir.join("ready").exists()).await;
        machine.write_files();
        machine.start_ssh().await;
        machine
    }

    /// The path of Docker's socket there; nothing is there before [`Machine::has_docker`].
    pub fn socket(&self) -> String {
        self.dir.join("docker.sock").to_str().unwrap().to_owned()
    }

    /// Docker is installed on the machine.
    pub async fn has_docker(&self) {
        let there = docker_there().await;
        std::os::unix::fs::symlink(there.socket(), self.socket()).unwrap();
    }

    /// An engine runs on the machine, in its own network; it has to end before the machine does.
    pub async fn has_own_docker(&self) -> OwnDocker {
        let docker = OwnDocker::start_in("barn", Place::Fifth, Some(&self.namespace)).await;
        std::os::unix::fs::symlink(docker.socket(), self.socket()).unwrap();
        docker
    }

    /// What `nft` of the machine says.
    pub fn nft(&self, arguments: &[&str]) -> String {
        let said = Command::new("ip")
            .args(["netns", "exec", &self.namespace, "nft"])
            .args(arguments)
            .output()
            .expect("`nft` starts; install package nftables");
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        String::from_utf8(said.stdout).unwrap()
    }

    /// A program that is found before the machine's own.
    pub fn write_program(&self, name: &str, text: &str) {
        let path = self.dir.join("bin").join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// How `root` logs in.
    pub fn login(&self) -> Login {
        Login {
            host: self.address.clone(),
            port: 22,
            user: "root".to_owned(),
            proof: Proof::Key { text: self.key("login"), passphrase: None },
            host_key: None,
            socket: self.socket(),
        }
    }

    /// A private key of the machine's files: `login`, or `host`.
    pub fn key(&self, name: &str) -> String {
        fs::read_to_string(self.dir.join(name)).unwrap()
    }

    /// The fingerprint of its host key, as `ssh-keygen` writes it.
    pub fn host_key(&self) -> String {
        let path = self.dir.join("host.pub");
        let out = Command::new("ssh-keygen").arg("-lf").arg(path).output().unwrap();
        let text = String::from_utf8(out.stdout).unwrap();
        text.split(' ').nth(1).expect("a fingerprint").to_owned()
    }

    /// Starts the SSH server.
    pub async fn start_ssh(&self) {
        let status =
            self.inside(&["sshd", "-f", self.file("sshd_config"), "-E", self.file("ssh.log")]);
        assert!(status, "sshd starts; its log:\n{}", self.log("ssh.log"));
        let address = format!("{}:22", self.address);
        let greets = || {
            let mut greeting = [0; 4];
            let mut stream = std::net::TcpStream::connect(&address).ok()?;
            stream.read_exact(&mut greeting).ok()?;
            Some(&greeting == b"SSH-")
        };
        self.until("sshd", || greets() == Some(true)).await;
    }

    /// Ends the SSH server and every session it has.
    pub fn stop_ssh(&self) {
        let pids = Command::new("ip").args(["netns", "pids", &self.namespace]).output().unwrap();
        let pids = String::from_utf8(pids.stdout).unwrap();
        let name = |pid: &str| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        for pid in pids.split_whitespace().filter(|pid| name(pid).starts_with("sshd")) {
            // Sessions may have ended since.
            let _ = Command::new("kill").args(["-KILL", pid]).status();
        }
    }

    /// Pulls the cable, or puts it back.
    pub fn set_cable(&self, state: &str) {
        let done = Command::new("ip").args(["link", "set", &self.cable, state]).status().unwrap();
        assert!(done.success());
    }

    /// What the machine's `apt-get` was told to do.
    pub fn installed(&self) -> String {
        self.log("apt.log")
    }

    fn log(&self, name: &str) -> String {
        fs::read_to_string(self.dir.join(name)).unwrap_or_default()
    }

    fn file(&self, name: &str) -> &str {
        // Every path below the scratch directory is text.
        Box::leak(self.dir.join(name).to_str().unwrap().to_owned().into_boxed_str())
    }

    fn inside(&self, command: &[&str]) -> bool {
        let path = "/usr/sbin:/usr/bin:/sbin:/bin";
        let (program, arguments) = command.split_first().unwrap();
        let program = path
            .split(':')
            .map(|folder| Path::new(folder).join(program))
            .find(|program| program.exists())
            .unwrap();
        let mut inside = Command::new("ip");
        inside.args(["netns", "exec", &self.namespace]).arg(program).args(arguments);
        inside.env("PATH", path).stdin(Stdio::null()).status().unwrap().success()
    }

    /// Keys, the SSH server's configuration, and the programs that installing Docker calls. They are
    /// the machine's own: nothing is installed on the machine that runs the tests.
    fn write_files(&self) {
        for name in ["host", "login"] {
            let path = self.dir.join(name);
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(path)
                .stdin(Stdio::null())
                .status()
                .unwrap();
            assert!(made.success(), "ssh-keygen makes a key");
        }
        let dir = self.dir.display();
        let config = format!(
            "ListenAddress {}\nHostKey {dir}/host\nPidFile none\nUsePAM no\nStrictModes no\n\
             PermitRootLogin prohibit-password\nPasswordAuthentication yes\n\
             AuthorizedKeysFile {dir}/login.pub\nSetEnv PATH={dir}/bin:/usr/bin:/bin\n",
            self.address
        );
        fs::write(self.dir.join("sshd_config"), config).unwrap();
        let apt = format!(
            "#!/bin/sh\necho \"$*\" >>{dir}/apt.log\n\
             case \"$*\" in *docker.io*) ln -s $(cat {dir}/engine) {dir}/docker.sock;; esac\n"
        );
        for (name, text) in
            [("apt-get", apt.as_str()), ("systemctl", "#!/bin/sh\n"), ("service", "#!/bin/sh\n")]
        {
            self.write_program(name, text);
        }
    }

    /// `apt-get install docker.io` will bring an engine.
    pub async fn can_install_docker(&self) {
        fs::write(self.dir.join("engine"), docker_there().await.socket()).unwrap();
    }

    /// Asks until it is so: there is nothing to be notified by before a server listens.
    async fn until(&self, what: &str, ready: impl Fn() -> bool) {
        let deadline_ms = Clock::System.now_ms() + START_DEADLINE_MS;
        while !ready() {
            let logs = || format!("{}{}", self.log("keeper.log"), self.log("ssh.log"));
            assert!(Clock::System.now_ms() < deadline_ms, "no answer of {what}:\n{}", logs());
            Clock::System.sleep_ms(20).await;
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // The end of its input tells the keeper to clean up.
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}
