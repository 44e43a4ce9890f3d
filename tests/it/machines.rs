//! Machines that are reached over SSH and become hosts.

use std::os::unix::fs::MetadataExt as _;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::StreamExt;
use ranchette::clock::{Clock, Entropy};
use ranchette::engine::docker::ssh::SshMachines;
use ranchette::engine::machine::{FilterError, Install, Login, Machines, Proof};
use ranchette::engine::{ContainerSpec, Engine, RemoveVolumes, SecretFile};
use ranchette::model::resource::NewResource;
use ranchette::store::Store;
use ranchette::vault::{self, Vault};
use serde_json::json;

use crate::machine_support::{Machine, docker_there};

/// Longer than it takes to notice that a cable was pulled.
const PATIENCE: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_is_prepared() {
    let machine = Machine::start().await;
    let machines = SshMachines::new(Clock::System);
    let said = Mutex::new(Vec::new());
    let progress = |text: &str| said.lock().unwrap().push(text.to_owned());

    let missing = machines.prepare(&machine.login(), Install::Never, &progress).await.unwrap_err();
    assert!(missing.to_string().contains("nobody answers at"), "{missing}");
    assert_eq!(machine.installed(), "");

    machine.can_install_docker().await;
    said.lock().unwrap().clear();
    let ready = machines.prepare(&machine.login(), Install::IfMissing, &progress).await.unwrap();
    assert_eq!(ready.host_key, machine.host_key());
    assert!(!ready.info.version.is_empty());
    let endpoint = machine.login().endpoint();
    assert_eq!(
        *said.lock().unwrap(),
        [
            format!("logging in at {endpoint}"),
            "looking for Docker".to_owned(),
            "installing Docker; this takes some minutes".to_owned()
        ]
    );
    assert_eq!(
        machine.installed(),
        "update -q\ninstall -q -y --no-install-recommends docker.io nftables\n"
    );

    // The second time there is nothing to install.
    let pinned = Login { host_key: Some(ready.host_key.clone()), ..machine.login() };
    let again = machines.prepare(&pinned, Install::IfMissing, &progress).await.unwrap();
    assert_eq!(again.info.id, ready.info.id);
    assert_eq!(machine.installed().lines().count(), 2);
    secrets_are_kept_in_its_memory(&*machines.engine(&machine.login())).await;
}

/// The machine shares this one's memory, so what it keeps can be looked at from here.
async fn secrets_are_kept_in_its_memory(engine: &dyn Engine) {
    let file = |path: &str, mode| SecretFile {
        path: path.to_owned(),
        uid: 7,
        gid: 8,
        mode,
        content: b"hush".to_vec(),
    };
    let files = [file("/run/secrets/deep/key", 0o440), file("/etc/key", 0o400)];
    let uuid = format!("kept-{}", std::process::id());
    for _ in 0..2 {
        let mounts = engine.secrets_put(&uuid, &files).await.unwrap();
        let targets: Vec<&str> = mounts.iter().map(|mount| mount.target.as_str()).collect();
        assert_eq!(targets, ["/run/secrets", "/etc/key"]);
        let [together, alone] = [0, 1].map(|at: usize| mounts[at].source.clone());
        for (path, mode) in [(format!("{together}/deep/key"), 0o440), (alone, 0o400)] {
            let meta = std::fs::metadata(&path).unwrap();
            assert_eq!((meta.uid(), meta.gid(), meta.mode() & 0o7777), (7, 8, mode), "{path}");
            assert_eq!(std::fs::read(&path).unwrap(), b"hush");
        }
        engine.secrets_remove(&uuid).await.unwrap();
        assert!(!std::fs::exists(&together).unwrap());
    }
    engine.secrets_remove(&uuid).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_that_does_not_let_us_in_says_why() {
    let machine = Machine::start().await;
    let check = async |login: Login, words: &str| {
        let machines = SshMachines::new(Clock::System);
        let failed = machines.prepare(&login, Install::Never, &|_| ()).await.unwrap_err();
        assert!(failed.to_string().contains(words), "{failed}");
    };
    let cow = |password: &str| Login {
        user: "cow".to_owned(),
        proof: Proof::Password(password.to_owned()),
        ..machine.login()
    };
    check(cow("hay"), "the password of user `cow` is wrong").await;
    machine.has_docker().await;
    check(cow("grass"), "put the user into the group `docker`").await;
    let stranger = Proof::Key { text: machine.key("host"), passphrase: None };
    check(Login { proof: stranger, ..machine.login() }, "add it to the user's authorized_keys")
        .await;
    let other = Some("SHA256:0000".to_owned());
    check(Login { host_key: other, ..machine.login() }, &machine.host_key()).await;
    machine.stop_ssh();
    check(machine.login(), "cannot be reached over SSH").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_has_a_packet_filter() {
    let machine = Machine::start().await;
    let filter = |login: &Login| {
        SshMachines::new(Clock::System).engine(login).packet_filter().expect("a packet filter")
    };
    let root = filter(&machine.login());
    // More than one packet, and more than an answer that is only looked at may have.
    let names: Vec<String> = (0..500).map(|number| format!("table_{number}")).collect();
    let script: Vec<String> =
        names.iter().map(|name| format!("add table bridge {name}\n")).collect();
    root.run(&script.concat()).await.unwrap();
    let listed = root.tables().await.unwrap();
    assert_eq!(listed.lines().count(), 500, "{listed}");
    assert_eq!(listed, machine.nft(&["list", "tables", "bridge"]));
    let refused = root.run("add chain bridge nowhere forward\n").await.unwrap_err();
    let FilterError::Refused(words) = &refused else { panic!("{refused:?}") };
    assert!(words.contains("Error: "), "{words}");

    // Who is not root needs sudo, and is told what it says.
    let cow = Login {
        user: "cow".to_owned(),
        proof: Proof::Password("grass".to_owned()),
        ..machine.login()
    };
    machine.write_program("sudo", "#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n");
    let refused = filter(&cow).tables().await.unwrap_err();
    assert_eq!(refused, FilterError::Forbidden("sudo: a password is required".to_owned()));
    machine.write_program("sudo", "#!/bin/sh\necho \"$*\"\ncat\n");
    let said = filter(&cow).tables().await.unwrap();
    let nft = said.strip_prefix("-n ").and_then(|said| said.strip_suffix(" list tables bridge\n"));
    assert!(nft.is_some_and(|nft| nft.starts_with('/') && nft.ends_with("/nft")), "{said}");
    filter(&cow).run("add table bridge x\n").await.unwrap();

    let doctor = doctor_of(&machine).await;
    assert!(doctor().contains("with nft on machine `barn`"), "{}", doctor());
    machine.stop_ssh();
    let said = "network policies are not enforced on machine `barn`: it cannot be reached over SSH";
    assert!(doctor().contains(said), "{}", doctor());
    let away = filter(&machine.login()).tables().await.unwrap_err();
    let FilterError::Away(why) = &away else { panic!("{away:?}") };
    assert!(why.starts_with("it cannot be reached over SSH: "), "{why}");
}

/// What `ranchette doctor` says beside a database that knows the machine.
async fn doctor_of(machine: &Machine) -> impl Fn() -> String {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("ranchette.db");
    Vault::open(&folder.path().join(vault::FILE), Entropy::System).unwrap();
    let store = Store::open(&database, Clock::System, Entropy::System).unwrap();
    let row = NewResource::new("physicalHost", "barn".to_owned())
        .name("barn")
        .state("active")
        .with("driver", "generic")
        .with("genericConfig", json!({ "address": machine.address }));
    store.write(move |tx| tx.insert(row)).await.unwrap();
    let key = machine.dir.join("login");
    move || {
        let said = std::process::Command::new(env!("CARGO_BIN_EXE_ranchette"))
            .arg("doctor")
            .env("RANCHETTE_SERVER_DATA_DIR", folder.path())
            .env("RANCHETTE_MACHINES_SSH_KEY_FILE", &key)
            .output()
            .unwrap();
        String::from_utf8(said.stdout).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_is_found_again_after_its_machine_was_away() {
    let machine = Machine::start().await;
    machine.has_docker().await;
    let engine = SshMachines::new(Clock::System).engine(&machine.login());
    let since_ms = Clock::System.now_ms() - 1000;
    let spec = ContainerSpec {
        name: "seen-again".to_owned(),
        image: docker_there().await.image.clone(),
        ..ContainerSpec::default()
    };
    let container = engine.create(&spec).await.unwrap();
    for cut in [Cut::Server, Cut::Cable] {
        let mut events = engine.events(Some(since_ms));
        events.next().await.unwrap().unwrap();
        let lost = async {
            match cut {
                Cut::Server => machine.stop_ssh(),
                Cut::Cable => machine.set_cable("down"),
            }
            loop {
                if let Err(lost) = events.next().await.unwrap() {
                    return lost;
                }
            }
        };
        let lost = tokio::time::timeout(PATIENCE, lost).await.expect("the loss is noticed");
        assert!(lost.is_unavailable(), "{lost}");
        let away = engine.info().await.unwrap_err();
        assert!(away.is_unavailable() && away.retryable(), "{away}");
        match cut {
            Cut::Server => machine.start_ssh().await,
            Cut::Cable => machine.set_cable("up"),
        }
        let back = async {
            loop {
                if let Ok(info) = engine.info().await {
                    return info;
                }
            }
        };
        let info = tokio::time::timeout(PATIENCE, back).await.expect("the machine is found again");
        let address = info.address.map(|address| address.to_string());
        assert_eq!(address.as_deref(), Some(machine.address.as_str()), "its ports are there");
    }
    engine.remove(&container, RemoveVolumes::Anonymous).await.unwrap();
}

/// What is cut.
#[derive(Clone, Copy, Debug)]
enum Cut {
    Server,
    Cable,
}
