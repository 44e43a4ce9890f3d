//! Commands in containers: exit codes, pipes and terminals.

use serde_json::json;

use super::desk::Desk;
use crate::docker_support::docker;

#[actix_web::test]
async fn a_command_ends_with_its_own_exit_code() {
    let desk = Desk::logged_in().await;
    desk.place.container("web", json!({})).await;
    for (args, code, out, err) in [
        (&["exec", "web", "--", "echo", "hello"][..], 0, "hello\n", ""),
        (&["exec", "web", "sh", "-c", "echo a; echo b >&2; exit 3"], 3, "a\n", "b\n"),
        (&["exec", "-i", "web", "cat"], 0, "typed\n", ""),
        (&["exec", "web", "cat"], 0, "", ""),
    ] {
        let ran = desk.run_with(args, "typed\n").await;
        assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (code, out, err), "{args:?}");
    }
    for (args, why) in [
        (&["exec", "wbe", "ls"][..], "there is no stack, service or container `wbe`"),
        (&["exec", "-t", "web", "ls"], "a command can be given a terminal only from one"),
        (&["exec", "web"], "there is no command"),
        (&["exec", "web", "--context", "lost", "ls"], "there is no context `lost`"),
    ] {
        let ran = desk.run(args).await;
        assert_eq!(ran.code, 125, "{args:?}: {ran:?}");
        assert!(ran.err.contains(why), "{args:?}: {}", ran.err);
    }
    desk.place.stop().await;
}

#[actix_web::test]
async fn a_terminal_is_handed_on_and_given_back() {
    let desk = Desk::logged_in().await;
    desk.place.container("web", json!({})).await;
    let mut terminal = desk.terminal(&["exec", "web"]);
    terminal.until("/ # ").await;
    terminal.press("echo hi\r").await;
    terminal.until("echo hi\r\nhi\r\n/ # ").await;
    terminal.press("exit 7\r").await;
    let (rest, code) = terminal.end().await;
    assert_eq!((rest.as_str(), code), ("exit 7\r\n", 7));
    desk.place.stop().await;
}

#[actix_web::test]
async fn real_commands_get_bytes_sizes_and_exit_codes() {
    let docker = docker().await;
    let desk = Desk::on_docker(&docker.endpoint).await;
    let image = format!("docker:{}", docker.image);
    let name = format!("cli-exec-{}", std::process::id());
    let command = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"];
    let more = json!({"imageUuid": image, "command": command});
    let id = desk.place.container(&name, more).await;

    // Every byte, many times over, there and back.
    let bytes: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
    let (ran, back) = desk.run_bytes(&["exec", "-i", &name, "--", "cat"], &bytes).await;
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(back == bytes, "{} of {} bytes came back", back.len(), bytes.len());
    let script = "wc -c; echo bad >&2; kill -9 $$";
    let ran = desk.run_with(&["exec", "-i", &name, "sh", "-c", script], "12345").await;
    assert_eq!((ran.code, ran.out.trim(), ran.err.as_str()), (137, "5", "bad\n"));
    let ran = desk.run(&["exec", &name, "no-such-command"]).await;
    assert!(matches!(ran.code, 125..=127), "{ran:?}");

    let mut terminal = desk.terminal(&["exec", "-it", &name, "sh"]);
    terminal.until("# ").await;
    terminal.press("until stty size | grep '^24 80'; do :; done\r").await;
    terminal.until("\n24 80").await;
    terminal.resize(40, 100);
    terminal.press("until stty size | grep '^40 100'; do :; done\r").await;
    terminal.until("\n40 100").await;
    // Ctrl-C is for the command, not for us.
    terminal.until("# ").await;
    terminal.press("echo go''ing; sleep 1000\r").await;
    terminal.until("going\r\n").await;
    terminal.press("\u{3}").await;
    terminal.until("# ").await;
    terminal.press("exit 9\r").await;
    let (shown, code) = terminal.end().await;
    assert_eq!(code, 9, "{shown}");

    desk.place.owner.delete(&format!("/containers/{id}")).await.ok(200);
    desk.place.state(&id, "removed").await;
    desk.place.all_closed().await;
    desk.place.stop().await;
}
