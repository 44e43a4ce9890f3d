//! Commands in simulated containers, and the files uploaded to them.

use std::collections::BTreeMap;
use std::io::Read;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use tokio::io::{AsyncReadExt, DuplexStream};
use tokio::sync::mpsc;

use super::SimEngine;
use super::life::output;
use super::program::{Program, Step};
use crate::engine::{
    Chunk, ContainerSpec, ContainerState, EngineError, ExecSession, ExecSpec, Output, Stdin,
    Terminal,
};

/// Finished commands whose exit code is remembered.
const EXECS_KEPT: usize = 1024;

/// End of transmission: what a terminal sends for Ctrl-D.
const EOT: u8 = 4;

/// The regular files of a tar, by path without a leading slash.
pub(super) fn untar(below: &str, tar: &[u8]) -> std::io::Result<BTreeMap<String, Bytes>> {
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(tar).entries()? {
        let mut entry = entry?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = entry.path()?.to_string_lossy().trim_start_matches("./").to_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        let below = below.trim_matches('/');
        let path = if below.is_empty() { path } else { format!("{below}/{path}") };
        files.insert(path, Bytes::from(bytes));
    }
    Ok(files)
}

pub(super) fn open(
    engine: &SimEngine,
    container: &str,
    spec: &ExecSpec,
) -> Result<ExecSession, EngineError> {
    let mut state = engine.host.lock();
    let no_container = || EngineError::NoSuchContainer { container: container.to_owned() };
    let found = state.get(container).ok_or_else(no_container)?;
    if found.state != ContainerState::Running {
        return Err(EngineError::NotRunning { container: container.to_owned() });
    }
    let (spec_of, files) = (std::sync::Arc::clone(&found.spec), found.files.clone());
    let id = state.new_id();
    if state.execs.len() >= EXECS_KEPT {
        state.execs.retain(|_, code| code.is_none());
    }
    state.execs.insert(id.clone(), None);
    drop(state);

    let (input, stdin) = tokio::io::duplex(64 * 1024);
    let (sender, receiver) = mpsc::channel(64);
    let command = Command {
        engine: engine.clone(),
        spec: spec_of,
        files,
        terminal: spec.terminal,
        stdin: (spec.stdin == Stdin::Attached).then_some(stdin),
        sender,
    };
    let (words, exec) = (spec.command.clone(), id.clone());
    tokio::spawn(async move {
        let engine = command.engine.clone();
        let code = command.run(&words).await;
        engine.host.lock().execs.insert(exec, Some(code));
    });
    let next = |mut receiver: mpsc::Receiver<Chunk>| async move {
        receiver.recv().await.map(|chunk| (Ok(chunk), receiver))
    };
    let output = stream::unfold(receiver, next).boxed();
    Ok(ExecSession { id, output, input: Box::pin(input) })
}

struct Command {
    engine: SimEngine,
    spec: std::sync::Arc<ContainerSpec>,
    files: BTreeMap<String, Bytes>,
    terminal: Terminal,
    stdin: Option<DuplexStream>,
    sender: mpsc::Sender<Chunk>,
}

impl Command {
    /// Runs a command line and returns its exit code. The output ends with it.
    async fn run(mut self, words: &[String]) -> i64 {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if let ["sh" | "/bin/sh" | "bash" | "/bin/bash"] = words.as_slice() {
            return self.shell().await;
        }
        match Program::parse(&words) {
            Program::Script(steps) => self.steps(&steps).await.unwrap_or_else(|code| code),
            Program::NotFound(command) => {
                let text = format!("exec failed: exec: \"{command}\": no such file or directory");
                self.write(Output::Stdout, &text).await;
                127
            }
            Program::Server => {
                self.write(Output::Stdout, &format!("simulated: {}", words.join(" "))).await;
                0
            }
        }
    }

    /// The last status, or the code of an `exit` as an error.
    async fn steps(&mut self, steps: &[Step]) -> Result<i64, i64> {
        let mut status = 0;
        for step in steps {
            match step {
                Step::Sleep { ms } => self.engine.host.shared.clock.sleep_ms(*ms).await,
                Step::Forever => std::future::pending().await,
                Step::Exit { code } => return Err(code.unwrap_or(status)),
                Step::Copy => self.copy().await,
                Step::Clear { path } => {
                    let mut state = self.engine.host.lock();
                    if let Some(serial) = state.named_serial(&self.spec.name) {
                        state.clear_files(serial, path);
                    }
                }
                Step::Echo { .. }
                | Step::Cat { .. }
                | Step::Haproxy { .. }
                | Step::Env
                | Step::Status { .. } => {
                    let (lines, code) = output(step, &self.spec, &self.files);
                    status = code;
                    for (stream, text) in lines {
                        self.write(stream, &text).await;
                    }
                }
            }
        }
        Ok(status)
    }

    async fn copy(&mut self) {
        let Some(mut stdin) = self.stdin.take() else { return };
        let mut buffer = vec![0; 4096];
        while let Ok(count @ 1..) = stdin.read(&mut buffer).await {
            let bytes = Bytes::copy_from_slice(buffer.get(..count).unwrap_or_default());
            if self.sender.send(self.chunk(Output::Stdout, bytes)).await.is_err() {
                return;
            }
        }
    }

    /// A shell that reads lines and knows a handful of commands.
    async fn shell(&mut self) -> i64 {
        let Some(mut stdin) = self.stdin.take() else { return 0 };
        let mut line = Vec::new();
        self.prompt().await;
        while let Ok(byte) = stdin.read_u8().await {
            match byte {
                EOT => break,
                b'\r' | b'\n' => {
                    let text = String::from_utf8_lossy(&line).trim().to_owned();
                    line.clear();
                    if self.terminal == Terminal::Tty {
                        self.write(Output::Stdout, "").await;
                    }
                    if let Err(code) = self.shell_line(&text).await {
                        return code;
                    }
                    self.prompt().await;
                }
                other => {
                    line.push(other);
                    if self.terminal == Terminal::Tty {
                        let echo = self.chunk(Output::Stdout, Bytes::copy_from_slice(&[other]));
                        // A reader that went away ends the shell at its next read.
                        let _ = self.sender.send(echo).await;
                    }
                }
            }
        }
        0
    }

    async fn shell_line(&mut self, text: &str) -> Result<i64, i64> {
        if let Program::Script(steps) = Program::script(text) {
            return Box::pin(self.steps(&steps)).await;
        }
        let command = text.split_whitespace().next().unwrap_or_default();
        self.write(Output::Stderr, &format!("sh: {command}: not found")).await;
        Ok(127)
    }

    async fn prompt(&mut self) {
        if self.terminal == Terminal::Tty {
            let prompt = self.chunk(Output::Stdout, Bytes::from_static(b"/ # "));
            let _ = self.sender.send(prompt).await;
        }
    }

    async fn write(&mut self, stream: Output, text: &str) {
        let end = if self.terminal == Terminal::Tty { "\r\n" } else { "\n" };
        let chunk = self.chunk(stream, Bytes::from(format!("{text}{end}")));
        // Nobody may be reading any more; the command runs on all the same.
        let _ = self.sender.send(chunk).await;
    }

    fn chunk(&self, stream: Output, bytes: Bytes) -> Chunk {
        let stream = if self.terminal == Terminal::Tty { Output::Tty } else { stream };
        Chunk { stream, bytes }
    }
}
