//! What each source does, what is refused and how it is said.

use std::path::Path;

use expect_test::{Expect, expect, expect_file};

use super::*;

/// Loads a file's text with variables and flags; the answer is what differs from the defaults, or
/// the problems.
fn check(file: &str, env: &[(&str, &str)], flags: &[(&str, &str, &str)], expect: Expect) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ranch.toml");
    std::fs::write(&path, file).unwrap();
    let mut around = around(env);
    around.env.push(("RANCHETTE_CONFIG".into(), path.display().to_string()));
    let overrides = flags.iter().fold(Overrides::default(), |o, (flag, key, value)| {
        o.with(flag, key, Some((*value).to_owned()))
    });
    let said = match Config::load(&around, &overrides) {
        Ok(config) => differences(&config),
        Err(problems) => problems.to_string(),
    };
    expect.assert_eq(&said.replace(&path.display().to_string(), "ranch.toml"));
}

fn around(env: &[(&str, &str)]) -> Surroundings {
    let env = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Surroundings { env, user: User::Plain }
}

fn differences(config: &Config) -> String {
    let defaults = Config::default().rows();
    let changed = config.rows().into_iter().zip(defaults).filter(|(a, b)| a != b);
    changed.map(|((key, value), _)| format!("{key} = {value}\n")).collect()
}

#[test]
fn the_example_file_lists_every_option_with_its_default() {
    expect_file!["../../config.example.toml"].assert_eq(&example());
    let text = std::fs::read_to_string("config.example.toml").unwrap();
    assert_eq!(Config::from_text(Path::new("config.example.toml"), &text), Ok(Config::default()));
    for option in OPTIONS {
        let line = format!("\n{} = ", option.name());
        assert!(text.contains(&line), "{} is missing from the example", option.key);
    }
}

#[test]
fn the_example_sets_every_option() {
    // Defaults that differ from `Config::default()` must all be overwritten by the example.
    let mut other = Config::default();
    let changes = [
        ("server.listen", "0.0.0.0:1"),
        ("server.data_dir", "/d"),
        ("server.vault_key_file", "/k"),
        ("server.url", "http://a"),
        ("server.trusted_proxies", "::1"),
        ("server.cors_origins", "https://a"),
        ("server.body_limit_bytes", "70000"),
        ("server.backup_dir", "/b"),
        ("server.workers", "9"),
        ("docker.host", "tcp://h:1"),
        ("docker.address", "192.0.2.7"),
        ("docker.concurrency", "9"),
        ("docker.compare_interval_s", "9"),
        ("docker.stop_timeout_s", "9"),
        ("auth.enabled", "false"),
        ("auth.argon2_memory_kib", "9"),
        ("auth.argon2_iterations", "9"),
        ("auth.argon2_parallelism", "9"),
        ("auth.token_lifetime_s", "90"),
        ("machines.ssh_key_file", "/k"),
        ("auth.throttle_free_attempts", "9"),
        ("auth.throttle_longest_s", "9"),
        ("log.level", "trace"),
        ("log.format", "json"),
        ("process.workers", "9"),
        ("keep.removed_s", "9"),
        ("keep.process_s", "9"),
        ("keep.service_log_s", "9"),
        ("keep.audit_s", "9"),
        ("keep.answers_s", "90"),
        ("sim.enabled", "true"),
        ("sim.hosts", "9"),
        ("sim.seed", "9"),
        ("sim.agents", "true"),
        ("network.subnet", "10.9.0.0/16"),
        ("network.names", "false"),
        ("catalog.builtin", "false"),
        ("catalog.sources", "home=/srv/catalog"),
        ("stacks.directories", "/opt/stacks, /srv/compose/"),
    ];
    let mut problems = Vec::new();
    for (key, value) in changes {
        let given = Given::Words(value.to_owned());
        options::set(&mut other, key, &given, Place::Together, &mut problems);
    }
    let untouched: Vec<_> =
        other.rows().into_iter().zip(Config::default().rows()).filter(|(a, b)| a == b).collect();
    assert_eq!((problems, untouched), (vec![], vec![]));
    let mut problems = Vec::new();
    file::apply(&mut other, Path::new("x"), &example(), &mut problems);
    assert_eq!((problems, other), (vec![], Config::default()));
}

#[test]
fn directories_of_stacks_are_absolute() {
    check(
        "[stacks]\ndirectories = ['/opt/stacks/', '/srv/a']",
        &[],
        &[],
        expect![[r#"
            server.data_dir = "./.local/share/ranchette"
            stacks.directories = ["/opt/stacks", "/srv/a"]
        "#]],
    );
    for wrong in ["/", "stacks", "/opt/../etc"] {
        let file = format!("[stacks]\ndirectories = ['{wrong}']");
        assert!(Config::from_text(Path::new("x"), &file).is_err(), "{wrong}");
    }
}

#[test]
fn flags_win_over_variables_and_variables_over_the_file() {
    check(
        "[server]\nlisten = '1.1.1.1:1'\nworkers = 3\n[log]\nlevel = 'warn'",
        &[("RANCHETTE_SERVER_LISTEN", "2.2.2.2:2"), ("RANCHETTE_SERVER_WORKERS", "4")],
        &[("--listen", "server.listen", "3.3.3.3:3"), ("--data-dir", "server.data_dir", "/d")],
        expect![[r#"
            server.listen = "3.3.3.3:3"
            server.data_dir = "/d"
            server.workers = 4
            log.level = "warn"
        "#]],
    );
}

#[test]
fn every_kind_of_value_is_read_from_text() {
    check(
        "[server]\ndata_dir = '/d'\nurl = 'https://ranch.example/'",
        &[
            ("RANCHETTE_SERVER_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8,::1"),
            ("RANCHETTE_SIM_ENABLED", "yes"),
            ("RANCHETTE_DOCKER_HOST", "tcp://[::1]:2375"),
            ("RANCHETTE_LOG_FORMAT", "json"),
            ("RANCHETTE_NETWORK_SUBNET", "172.20.0.0/20"),
        ],
        &[],
        expect![[r#"
            server.data_dir = "/d"
            server.url = "https://ranch.example"
            server.trusted_proxies = ["127.0.0.1/32", "10.0.0.0/8", "::1/128"]
            docker.host = "tcp://[::1]:2375"
            log.format = "json"
            sim.enabled = true
            network.subnet = "172.20.0.0/20"
        "#]],
    );
}

#[test]
fn an_unknown_key_is_named_with_its_place() {
    check(
        "listen = ':1'\n[server]\nlisen = 'x'\nfruit = 1\n[dokcer]\nhost = 'x'\n[[log]]\n",
        &[
            ("RANCHETTE_SERVER_LISTN", "x"),
            ("RANCHETTE_DATA_DIR", "x"),
            ("RANCHETTE_", "x"),
            ("RANCHETTE_URL", "http://x"),
            ("RANCHETTE_TEST_SLOW", "1"),
            ("RANCHER_URL", "x"),
        ],
        &[("--x", "server.xyz", "1")],
        expect![[r#"
            ranch.toml:1: unknown key `listen`; did you mean `server.listen`?
            ranch.toml:3: unknown key `server.lisen`; did you mean `server.listen`?
            ranch.toml:4: unknown key `server.fruit`
            ranch.toml:5: unknown key `dokcer`; did you mean `docker`?
            ranch.toml:7: `log` is of type array; allowed is a section, [log]
            environment variable RANCHETTE_SERVER_LISTN: unknown key `RANCHETTE_SERVER_LISTN`; did you mean `RANCHETTE_SERVER_LISTEN`?
            environment variable RANCHETTE_DATA_DIR: unknown key `RANCHETTE_DATA_DIR`; did you mean `RANCHETTE_SERVER_DATA_DIR`?
            environment variable RANCHETTE_: unknown key `RANCHETTE_`
            flag --x: unknown key `server.xyz`"#]],
    );
}

#[test]
fn a_bad_value_is_named_with_what_is_allowed() {
    check(
        "[server]\nlisten = 8080\nworkers = -1\nbody_limit_bytes = 1e9\n\
         trusted_proxies = ['10.0.0.0/33']\nurl = 'ftp://x'\n\
         [docker]\nhost = '/var/run/docker.sock'\nconcurrency = 999999999999999999999\n\
         [log]\nlevel = 'loud'\nformat = true\n[sim]\nenabled = 'perhaps'\nhosts = [1]\n\
         [network]\nsubnet = '10.42.0.1/16'\n",
        &[("RANCHETTE_SIM_SEED", "many"), ("RANCHETTE_SIM_HOSTS", "")],
        &[("--log", "log.level", "LOUD\n")],
        expect![[r#"
            ranch.toml:2: `server.listen` is 8080; allowed is an IP address and a port, such as "127.0.0.1:8080" or "[::1]:8080"
            ranch.toml:3: `server.workers` is -1; allowed is a whole number from 1 to 256
            ranch.toml:4: `server.body_limit_bytes` is 1e9; allowed is a whole number from 65536 to 10485760
            ranch.toml:5: `server.trusted_proxies` is ["10.0.0.0/33"]; allowed is a list of addresses and ranges, such as ["127.0.0.1", "10.0.0.0/8"]
            ranch.toml:6: `server.url` is "ftp://x"; allowed is an http or https URL without query, such as "https://ranch.example", or ""
            ranch.toml:8: `docker.host` is "/var/run/docker.sock"; allowed is a socket, "unix:///path", or an address, "tcp://host:port"
            ranch.toml:9: `docker.concurrency` is 999999999999999999999; allowed is a whole number from 1 to 256
            ranch.toml:11: `log.level` is "loud"; allowed is "error", "warn", "info", "debug" or "trace"
            ranch.toml:12: `log.format` is true; allowed is "text" or "json"
            ranch.toml:14: `sim.enabled` is "perhaps"; allowed is true or false
            ranch.toml:15: `sim.hosts` is [1]; allowed is a whole number from 1 to 10000
            ranch.toml:17: `network.subnet` is "10.42.0.1/16"; allowed is an IPv4 network of /8 to /24 without host bits, such as "10.42.0.0/16"
            environment variable RANCHETTE_SIM_SEED: `sim.seed` is "many"; allowed is a whole number from 0 to 9223372036854775807
            environment variable RANCHETTE_SIM_HOSTS: `sim.hosts` is ""; allowed is a whole number from 1 to 10000
            flag --log: `log.level` is "LOUD\n"; allowed is "error", "warn", "info", "debug" or "trace""#]],
    );
}

#[test]
fn a_file_that_is_not_toml_is_named_with_its_line() {
    check(
        "[server]\nlisten =\n",
        &[],
        &[],
        expect!["ranch.toml:2: string values must be quoted, expected literal string"],
    );
    check("[server]\nworkers = 1\nworkers = 2\n", &[], &[], expect!["ranch.toml:3: duplicate key"]);
}

#[test]
fn options_are_checked_together() {
    check(
        "[auth]\nargon2_memory_kib = 30\nargon2_parallelism = 4",
        &[],
        &[("--data-dir", "server.data_dir", "/d")],
        expect![
            "configuration: `auth.argon2_memory_kib` is 30; allowed is at least 8 for each of the 4 lanes of `auth.argon2_parallelism`"
        ],
    );
}

#[test]
fn access_control_is_off_on_loopback_only() {
    let off = "[auth]\nenabled = false\n";
    let on_loopback = Config::from_text(Path::new("ranch.toml"), off).unwrap();
    assert!(!on_loopback.auth.enabled && Config::default().auth.enabled);
    for listen in ["127.0.0.2:80", "[::1]:80"] {
        let text = format!("[server]\nlisten = \"{listen}\"\n{off}");
        Config::from_text(Path::new("ranch.toml"), &text).unwrap();
    }
    check(
        off,
        &[],
        &[("--listen", "server.listen", "0.0.0.0:8080")],
        expect![
            "configuration: `server.listen` is 0.0.0.0:8080; allowed is a loopback address such as 127.0.0.1:8080 while `auth.enabled` is false, which makes everyone who can reach the server its administrator"
        ],
    );
}

#[test]
fn a_named_file_must_exist_and_the_usual_one_need_not() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().display().to_string();
    let around = around(&[("HOME", &home)]);
    let config = Config::load(&around, &Overrides::default()).unwrap();
    assert_eq!(config.server.data_dir, folder.path().join(".local/share/ranchette"));

    let file = Some(folder.path().join("none.toml"));
    let missing = Config::load(&around, &Overrides { file, ..Overrides::default() });
    let said = missing.unwrap_err().to_string().replace(&home, "HOME");
    expect![
        "HOME/none.toml: cannot read the configuration file: No such file or directory (os error 2)"
    ]
    .assert_eq(&said);
}

#[test]
fn folders_follow_the_user_and_xdg() {
    let xdg = [("XDG_DATA_HOME", "/data"), ("XDG_CONFIG_HOME", "/conf"), ("HOME", "/home/me")];
    let mut around = around(&xdg);
    assert_eq!(around.data_dir(), Path::new("/data/ranchette"));
    assert_eq!(around.config_file(), Path::new("/conf/ranchette/config.toml"));
    around.user = User::Root;
    assert_eq!(around.data_dir(), Path::new("/var/lib/ranchette"));
    assert_eq!(around.config_file(), Path::new("/etc/ranchette/config.toml"));
}
