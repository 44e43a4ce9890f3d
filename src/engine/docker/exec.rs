//! Commands in running containers.

use bollard::exec::{StartExecOptions, StartExecResults};
use bollard::models::ExecConfig;
use bollard::query_parameters::ResizeExecOptions;
use futures_util::StreamExt;

use super::connect::{Connection, Patience};
use super::failure::Subject;
use super::streams::chunk;
use crate::engine::error::Transient;
use crate::engine::{EngineError, ExecSession, ExecSpec, Stdin, Terminal, TtySize};

impl Connection {
    pub(super) async fn exec(
        self: &std::sync::Arc<Self>,
        container: &str,
        spec: &ExecSpec,
    ) -> Result<ExecSession, EngineError> {
        let subject = Subject::Container(container);
        let docker = self.client(Patience::Work).await?;
        let tty = spec.terminal == Terminal::Tty;
        let config = ExecConfig {
            attach_stdin: Some(spec.stdin == Stdin::Attached),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            tty: Some(tty),
            cmd: Some(spec.command.clone()),
            ..ExecConfig::default()
        };
        let created = docker.create_exec(container, config).await;
        let id = created.map_err(|err| self.failure(subject, err))?.id;
        if tty {
            let api = docker.client_version().to_string();
            let (output, input) = self.start_terminal(container, &id, &api).await?;
            return Ok(ExecSession { id, output, input });
        }
        let start = StartExecOptions { detach: false, tty: false, output_capacity: None };
        let streaming = self.client(Patience::Stream).await?;
        let started = streaming.start_exec(&id, Some(start)).await;
        match started.map_err(|err| self.failure(subject, err))? {
            StartExecResults::Attached { output, input } => {
                let (connection, container) = (std::sync::Arc::clone(self), container.to_owned());
                let output = output.map(move |piece| {
                    let failed = |err| connection.failure(Subject::Container(&container), err);
                    piece.map(chunk).map_err(failed)
                });
                Ok(ExecSession { id, output: output.boxed(), input })
            }
            StartExecResults::Detached => Err(EngineError::Other {
                what: container.to_owned(),
                detail: "docker did not attach to the command".to_owned(),
                transient: Transient::Yes,
            }),
        }
    }

    pub(super) async fn exec_resize(&self, exec: &str, size: TtySize) -> Result<(), EngineError> {
        let docker = self.client(Patience::Control).await?;
        let options = ResizeExecOptions { h: size.rows.into(), w: size.cols.into() };
        let resized = docker.resize_exec(exec, options).await;
        resized.map_err(|err| self.failure(Subject::Container(exec), err))
    }

    pub(super) async fn exec_exit_code(&self, exec: &str) -> Result<Option<i64>, EngineError> {
        let docker = self.client(Patience::Control).await?;
        let found = docker.inspect_exec(exec).await;
        let found = found.map_err(|err| self.failure(Subject::Container(exec), err))?;
        Ok(found.exit_code.filter(|_| found.running != Some(true)))
    }
}
