//! A command in a container: base64 both ways.

use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::{mpsc, watch};

use super::frames::{self, Input};
use super::line::{Failed, Frames, Last, Line};
use super::tickets::ExecOutput;
use crate::clock::Clock;
use crate::engine::{Engine, EngineError, ExecSession, ExecSpec, Stdin, Terminal, TtySize};

/// Frames from the client that wait for the command to read.
const INPUT: usize = 4;
/// What a terminal sends for Ctrl-D.
const END_OF_TRANSMISSION: &[u8] = &[4];
/// How often, and how many times, a command whose output has ended is asked for its exit code.
const EXIT_EVERY_MS: u64 = 20;
const EXIT_TRIES: u32 = 250;
/// How long a command that does not read is waited for at its end.
const FAREWELL_MS: u64 = 5_000;

/// Runs the command until it ends or the line does.
pub async fn serve(
    line: Line,
    engine: Arc<dyn Engine>,
    container: String,
    spec: ExecSpec,
    output: ExecOutput,
) {
    match engine.exec(&container, &spec).await {
        Ok(session) => {
            let (queue, input) = mpsc::channel(INPUT);
            let code = exit(line.clock.clone(), Arc::clone(&engine), session.id.clone());
            let keyboard = Keyboard {
                clock: line.clock.clone(),
                engine,
                exec: session.id.clone(),
                terminal: spec.terminal,
                stdin: spec.stdin,
            };
            let ExecSession { output: written, input: stdin, .. } = session;
            let frames = written.flat_map(move |piece| {
                stream::iter(match (piece, output) {
                    (Ok(piece), ExecOutput::Attached) => {
                        frames::output(&piece.bytes).into_iter().map(Ok).collect()
                    }
                    (Ok(piece), ExecOutput::Apart) => {
                        let frames = frames::output_apart(piece.stream, &piece.bytes);
                        frames.into_iter().map(Ok).collect()
                    }
                    (Ok(_), ExecOutput::Dropped) => Vec::new(),
                    (Err(error), _) => vec![Err(failed(&error, output).into())],
                })
            });
            actix_web::rt::spawn(keyboard.serve(input, stdin));
            let frames = frames.chain(stream::once(code).filter_map(std::future::ready));
            line.carry(frames.boxed(), Some(queue)).await;
        }
        Err(error) => {
            let frames: Frames = stream::iter([Err(failed(&error, output).into())]).boxed();
            line.carry(frames, None).await;
        }
    }
}

/// The last frame of a command: `exit <code>`, when its engine knows the code.
async fn exit(clock: Clock, engine: Arc<dyn Engine>, exec: String) -> Option<Result<String, Last>> {
    for _ in 0..EXIT_TRIES {
        match engine.exec_exit_code(&exec).await {
            Ok(Some(code)) => return Some(Err(Last::Well(format!("exit {code}")))),
            // The output ends a moment before the command does.
            Ok(None) => clock.sleep_ms(EXIT_EVERY_MS).await,
            Err(_) => return None,
        }
    }
    None
}

/// Says in the terminal what happened. Who has output and errors apart reads it in the close frame.
fn failed(error: &EngineError, output: ExecOutput) -> Failed {
    let why = error.to_string();
    let frame = match output {
        ExecOutput::Apart => String::new(),
        ExecOutput::Attached | ExecOutput::Dropped => {
            frames::output(format!("{why}\r\n").as_bytes()).concat()
        }
    };
    Failed { frame, why }
}

/// From the client to the command.
struct Keyboard {
    clock: Clock,
    engine: Arc<dyn Engine>,
    exec: String,
    terminal: Terminal,
    stdin: Stdin,
}

impl Keyboard {
    /// Until the line is gone; then the command is told that its input has ended.
    async fn serve(
        self,
        mut input: mpsc::Receiver<String>,
        mut stdin: std::pin::Pin<Box<dyn tokio::io::AsyncWrite + Send>>,
    ) {
        let (sizes, wanted) = watch::channel(None);
        actix_web::rt::spawn(resize(Arc::clone(&self.engine), self.exec.clone(), wanted));
        let mut reads = self.stdin == Stdin::Attached;
        while let Some(frame) = input.recv().await {
            match frames::input(&frame) {
                Some(Input::Bytes(bytes)) if reads => {
                    let written = async {
                        stdin.write_all(&bytes).await?;
                        stdin.flush().await
                    };
                    if written.await.is_err() {
                        // The command reads no more; what else comes is for nobody.
                        input.close();
                    }
                }
                Some(Input::Resize(size)) => {
                    sizes.send_replace(Some(size));
                }
                Some(Input::End) if reads => {
                    reads = false;
                    self.farewell(&mut stdin).await;
                }
                Some(Input::Bytes(_) | Input::End) | None => {}
            }
        }
        if reads || self.stdin == Stdin::Closed {
            self.farewell(&mut stdin).await;
        }
    }

    /// Tells the command that there is no more to read.
    async fn farewell(&self, stdin: &mut std::pin::Pin<Box<dyn tokio::io::AsyncWrite + Send>>) {
        let farewell = async {
            // A command that has ended hears nothing, which is fine.
            if self.terminal == Terminal::Tty && self.stdin == Stdin::Attached {
                let _ = stdin.write_all(END_OF_TRANSMISSION).await;
                let _ = stdin.flush().await;
            }
            let _ = stdin.shutdown().await;
        };
        tokio::select! {
            () = farewell => {}
            () = self.clock.sleep_ms(FAREWELL_MS) => {}
        }
    }
}

/// Tells the terminal its newest size; those in between are skipped.
async fn resize(
    engine: Arc<dyn Engine>,
    exec: String,
    mut wanted: watch::Receiver<Option<TtySize>>,
) {
    while wanted.changed().await.is_ok() {
        let size = *wanted.borrow_and_update();
        if let Some(size) = size
            && let Err(error) = engine.exec_resize(&exec, size).await
        {
            tracing::debug!(%error, "a terminal keeps its size");
        }
    }
}
