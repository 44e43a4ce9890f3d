//! The command line as a whole: help texts as golden files, and what may be written.

use clap::{CommandFactory as _, Parser as _};

use super::args::{Cli, Verb, WIDTH};

/// Help texts are promises: a change shows up as a change of a file, to be reviewed.
#[test]
fn help_texts_are_golden_files() {
    let golden = |name: &str| format!("{}/tests/golden/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    let mut command = Cli::command().term_width(WIDTH);
    command.build();
    let help = command.render_long_help().to_string();
    expect_test::expect_file![golden("help")].assert_eq(&help);
    for verb in command.get_subcommands_mut() {
        let name = verb.get_name().to_owned();
        let help = verb.clone().term_width(WIDTH).render_long_help().to_string();
        expect_test::expect_file![golden(&format!("help.{name}"))].assert_eq(&help);
        for below in verb.get_subcommands_mut() {
            let name = format!("{name}.{}", below.get_name());
            let help = below.clone().term_width(WIDTH).render_long_help().to_string();
            expect_test::expect_file![golden(&format!("help.{name}"))].assert_eq(&help);
        }
    }
}

#[test]
fn arguments_are_consistent() {
    Cli::command().debug_assert();
}

/// What a verb shares with its second word has a name of its own: under the same one, one would be the other.
#[test]
fn second_words_do_not_take_what_is_shared() {
    for verb in Cli::command().get_subcommands() {
        let shared: Vec<_> =
            verb.get_arguments().filter(|one| one.is_global_set()).map(clap::Arg::get_id).collect();
        for below in verb.get_subcommands() {
            let taken = below.get_arguments().find(|one| shared.contains(&one.get_id()));
            let (verb, below) = (verb.get_name(), below.get_name());
            assert!(taken.is_none(), "{verb} {below}: {taken:?}");
        }
    }
}

#[test]
fn what_may_be_written() {
    let check = |line: &str, expect: Result<&str, &str>| {
        let words = std::iter::once("ranchette").chain(line.split_whitespace());
        let found = match Cli::try_parse_from(words) {
            Ok(cli) => {
                let verb = format!("{:?}", cli.verb.unwrap_or_default());
                let name: String = verb.chars().take_while(|c| c.is_alphanumeric()).collect();
                Ok(format!("{name} json={}", cli.common.json))
            }
            Err(error) => Err(error.kind().to_string()),
        };
        let found = found.as_deref().map_err(String::as_str);
        assert_eq!(found, expect, "of `{line}`");
    };
    check("", Ok("Serve json=false"));
    check("--data-dir /d --json", Ok("Serve json=true"));
    check("serve --listen 0.0.0.0:8080 --docker-host unix:///d", Ok("Serve json=false"));
    check("up -f a.yaml -f b.yaml -p x --profile p --build --dry-run --json", Ok("Up json=true"));
    check(
        "up --wait -d",
        Err("an argument cannot be used with one or more of the other specified arguments"),
    );
    check("logs -f --tail 5 web hello/db", Ok("Logs json=false"));
    check("secrets create x --url http://h --environment e", Ok("Secrets json=false"));
    check("hosts --url http://h evacuate barn", Ok("Hosts json=false"));
    check("scale", Err("one or more required arguments were not provided"));
    check("scale web=3 db=0", Ok("Scale json=false"));
    check("scale web", Err("invalid value for one of the arguments"));
    check("down hello --volumes --yes", Ok("Down json=false"));
    check(
        "down hello -p hello",
        Err("an argument cannot be used with one or more of the other specified arguments"),
    );
    check("backup", Err("one or more required arguments were not provided"));
    check("pull", Err("one or more required arguments were not provided"));
    check("pull shop blog/web --cached", Ok("Pull json=false"));
    check("restart a b -d", Ok("Restart json=false"));
    check("audit verify --head ab --json", Ok("Audit json=true"));
    check("audit check", Err("unrecognized subcommand"));
    check("pss", Err("unrecognized subcommand"));
}

#[test]
fn every_flag_of_a_verb_is_an_option_that_exists() {
    // Flags that set options go through the option table; a wrong key would be a problem there.
    let settings = super::settings::Settings::default();
    let flags = settings.overrides.clone();
    for (flag, key, value) in [
        ("--listen", "server.listen", "127.0.0.1:1"),
        ("--public-url", "server.url", "http://x"),
        ("--docker-host", "docker.host", "unix:///x"),
        ("--log-level", "log.level", "debug"),
        ("--log-format", "log.format", "json"),
        ("--hosts", "sim.hosts", "3"),
        ("--seed", "sim.seed", "4"),
        ("--data-dir", "server.data_dir", "/d"),
    ] {
        let one = flags.clone().with(flag, key, Some(value.to_owned()));
        settings.config_with(&one).unwrap();
    }
    assert!(matches!(Verb::default(), Verb::Serve(_)));
}
