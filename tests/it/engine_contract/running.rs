//! What running containers say, and what can be done in them.

use futures_util::{StreamExt, TryStreamExt};
use ranchette::clock::Clock;
use ranchette::engine::spec::NetworkAttachment;
use ranchette::engine::{
    EventKind, ExecSession, ExecSpec, Follow, LogOptions, Stdin, Terminal, Timestamps, TtySize,
};
use tokio::io::AsyncWriteExt;

use super::{Ground, tar_with, text};

pub async fn logs_keep_their_streams_apart(ground: Ground) {
    let engine = &ground.engine;
    let spec = ground.script("streams", "echo one; echo two; sleep 0.2; echo bad >&2").await;
    let id = ground.run(&spec).await;
    assert_eq!(ground.output(&id).await, "out: one\nout: two\nerr: bad\n");

    let last = LogOptions { tail: Some(1), ..LogOptions::default() };
    assert_eq!(text(engine.logs(&id, &last)).await, "err: bad\n");
    let timed = LogOptions { tail: Some(1), timestamps: Timestamps::Yes, ..LogOptions::default() };
    let line = text(engine.logs(&spec.name, &timed)).await;
    let (time, rest) = line.trim_start_matches("err: ").split_once(' ').unwrap();
    let written: jiff::Timestamp = time.parse().unwrap();
    let started = ground.look(&id).await.started_ms.unwrap();
    assert!(written.as_millisecond() >= started && time.len() == 30 && rest == "bad\n", "{line}");
    let later = LogOptions { since_s: Some(written.as_second() + 2), ..LogOptions::default() };
    assert_eq!(text(engine.logs(&id, &later)).await, "");
    ground.remove(&[&id]).await;
}

pub async fn logs_follow_until_the_end(ground: Ground) {
    let spec = ground.script("follow", "echo first; sleep 1; echo last").await;
    let id = ground.run(&spec).await;
    let options = LogOptions { follow: Follow::Yes, ..LogOptions::default() };
    let mut lines = ground.engine.logs(&id, &options);
    assert_eq!(lines.next().await.unwrap().unwrap().bytes, "first\n");
    assert!(ground.look(&id).await.is_running(), "the line came while it ran");
    assert_eq!(lines.next().await.unwrap().unwrap().bytes, "last\n");
    assert!(lines.next().await.is_none(), "the stream ends with the container");
    ground.remove(&[&id]).await;
}

pub async fn a_terminal_mixes_its_streams(ground: Ground) {
    let mut spec = ground.script("tty", "echo out; echo err >&2").await;
    spec.process.tty = true;
    let id = ground.run(&spec).await;
    assert_eq!(ground.output(&id).await, "tty: out\ntty: err\n");
    ground.remove(&[&id]).await;
}

pub async fn events_tell_the_story(ground: Ground) {
    let spec = ground.script("story", "exit 3").await;
    let stopped = ground.sleeper("story-stop").await;
    let since = Clock::System.now_ms();
    let id = ground.run(&spec).await;
    ground.output(&id).await;
    ground.remove(&[&id]).await;
    let other = ground.run(&stopped).await;
    ground.engine.stop(&other, 0).await.unwrap();
    ground.remove(&[&other]).await;

    let mut story = Vec::new();
    let mut events = ground.engine.events(Some(since));
    let mut ends = 0;
    while ends < 2 {
        let event = events.next().await.unwrap().unwrap();
        if event.container != id && event.container != other {
            continue;
        }
        assert!(event.at_ms >= since && event.image == ground.image);
        ends += usize::from(event.kind == EventKind::Destroy);
        // Which signals are sent, and what the shell makes of them, is each engine's own.
        if matches!(event.kind, EventKind::Kill { .. }) {
            continue;
        }
        let own = matches!(event.kind, EventKind::Die { .. }) && event.container == other;
        let kind = if own { "Die".to_owned() } else { format!("{:?}", event.kind) };
        story.push(format!("{} {} {kind}", event.name, event.uuid.unwrap()));
    }
    expect_test::expect![[r#"
        contract-story uuid-story Create
        contract-story uuid-story Start
        contract-story uuid-story Die { exit_code: 3 }
        contract-story uuid-story Destroy
        contract-story-stop uuid-story-stop Create
        contract-story-stop uuid-story-stop Start
        contract-story-stop uuid-story-stop Die
        contract-story-stop uuid-story-stop Stop
        contract-story-stop uuid-story-stop Destroy
    "#]]
    .assert_eq(&(story.join("\n") + "\n"));
}

pub async fn statistics_grow(ground: Ground) {
    let spec = ground.script("stats", "while true; do true; done").await;
    let id = ground.run(&spec).await;
    let mut samples = ground.engine.stats(&id);
    let first = samples.next().await.unwrap().unwrap();
    let second = samples.next().await.unwrap().unwrap();
    assert!(second.at_ms > first.at_ms && second.cpu_total_ns > first.cpu_total_ns);
    assert!(second.memory_bytes > 0 && second.memory_limit_bytes >= second.memory_bytes);
    assert_eq!(second.network[0].name, "eth0");
    ground.engine.stop(&id, 0).await.unwrap();
    assert!(samples.try_collect::<Vec<_>>().await.unwrap().len() < 5, "the stream ends");
    ground.remove(&[&id]).await;
}

pub async fn files_arrive_before_the_start(ground: Ground) {
    let spec = ground.script("files", "cat /etc/app.conf").await;
    let id = ground.engine.create(&spec).await.unwrap();
    ground.engine.upload(&id, "/etc", tar_with("app.conf", "answer = 42\n")).await.unwrap();
    ground.engine.start(&id).await.unwrap();
    assert_eq!(ground.output(&id).await, "out: answer = 42\n");
    ground.remove(&[&id]).await;
}

pub async fn commands_run_inside_containers(ground: Ground) {
    let id = ground.run(&ground.sleeper("exec").await).await;
    let shell = |script: &str| ExecSpec {
        command: ["sh", "-c", script].map(str::to_owned).to_vec(),
        ..ExecSpec::default()
    };
    let session = ground.engine.exec(&id, &shell("echo yes; echo no >&2; exit 4")).await.unwrap();
    // The two streams are two pipes: which of them is read first is chance.
    let mut lines: Vec<String> = text(session.output).await.lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines, ["err: no", "out: yes"]);
    assert_eq!(exit_code(&ground, &session.id).await, 4);

    let copy =
        ExecSpec { command: vec!["cat".to_owned()], stdin: Stdin::Attached, ..ExecSpec::default() };
    let ExecSession { id: exec, output, mut input } = ground.engine.exec(&id, &copy).await.unwrap();
    input.write_all(b"through and back\n").await.unwrap();
    input.shutdown().await.unwrap();
    assert_eq!(text(output).await, "out: through and back\n");
    assert_eq!(exit_code(&ground, &exec).await, 0);

    let waiting = ground.engine.exec(&id, &copy).await.unwrap();
    assert_eq!(ground.engine.exec_exit_code(&waiting.id).await.unwrap(), None);
    ground.remove(&[&id]).await;
}

pub async fn terminals_pass_every_byte(ground: Ground) {
    let id = ground.run(&ground.sleeper("bytes").await).await;
    let bytes = "\u{1}\u{0}\u{0}\u{0}\u{0}\u{0}\u{2}\u{2}x\n";
    ground.engine.upload(&id, "/tmp", tar_with("bytes", bytes)).await.unwrap();
    let cat = ExecSpec {
        command: vec!["cat".to_owned(), "/tmp/bytes".to_owned()],
        terminal: Terminal::Tty,
        ..ExecSpec::default()
    };
    let session = ground.engine.exec(&id, &cat).await.unwrap();
    assert_eq!(text(session.output).await, format!("tty: {bytes}"));
    assert_eq!(exit_code(&ground, &session.id).await, 0);

    let shell = ExecSpec {
        command: vec!["sh".to_owned()],
        terminal: Terminal::Tty,
        stdin: Stdin::Attached,
    };
    let mut session = ground.engine.exec(&id, &shell).await.unwrap();
    ground.engine.exec_resize(&session.id, TtySize { cols: 100, rows: 40 }).await.unwrap();
    session.input.write_all(b"exit 5\n").await.unwrap();
    assert!(text(session.output).await.contains("exit 5"), "a terminal echoes");
    assert_eq!(exit_code(&ground, &session.id).await, 5);
    ground.remove(&[&id]).await;
}

/// The output ends a moment before the engine knows the exit code.
async fn exit_code(ground: &Ground, exec: &str) -> i64 {
    loop {
        if let Some(code) = ground.engine.exec_exit_code(exec).await.unwrap() {
            return code;
        }
        tokio::task::yield_now().await;
    }
}

pub async fn containers_share_a_network(ground: Ground) {
    let first = ground.sleeper("shared").await;
    let mut second = ground.sleeper("sharing").await;
    let id = ground.engine.create(&first).await.unwrap();
    second.network = NetworkAttachment::Container(id.clone());
    let sharing = ground.engine.create(&second).await.unwrap();
    let early = ground.engine.start(&sharing).await.unwrap_err();
    assert!(early.retryable(), "{early}");
    ground.engine.start(&id).await.unwrap();
    ground.engine.start(&sharing).await.unwrap();
    assert_eq!(ground.look(&sharing).await.network_mode, format!("container:{id}"));
    ground.remove(&[&sharing, &id]).await;
}
