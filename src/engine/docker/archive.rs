//! Files going in and out of containers as streams, and an image that holds none.

use bollard::query_parameters::{
    CreateImageOptions, DownloadFromContainerOptions, UploadToContainerOptions,
};
use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};

use super::connect::Patience;
use super::failure::{Subject, status};
use super::{DockerEngine, checked};
use crate::engine::{ByteStream, Engine, EngineError};

/// A tar ends with two blocks of zeros; this one has nothing before them.
const EMPTY_TAR: &[u8] = &[0; 1024];

impl DockerEngine {
    pub(super) async fn freeze(&self, container: &str, frozen: bool) -> Result<(), EngineError> {
        let docker = self.client(Patience::Work).await?;
        let name = checked(container)?;
        let done = match frozen {
            true => docker.pause_container(name).await,
            false => docker.unpause_container(name).await,
        };
        let Err(err) = done else { return Ok(()) };
        let refused = status(&err);
        if refused == Some(409) || refused == Some(500) {
            // It may be so already; older engines say 500.
            let found = self.inspect(container).await?;
            let is_frozen =
                found.is_some_and(|found| found.state == crate::engine::ContainerState::Paused);
            if is_frozen == frozen {
                return Ok(());
            }
        }
        Err(self.failure(container, err))
    }

    pub(super) fn take_out(
        &self,
        container: &str,
        path: &str,
    ) -> BoxStream<'static, Result<Bytes, EngineError>> {
        let (engine, container, path) = (self.clone(), container.to_owned(), path.to_owned());
        let open = async move {
            let docker = engine.client(Patience::Stream).await?;
            let options = DownloadFromContainerOptions { path };
            let name = checked(&container)?.to_owned();
            let pieces = docker.download_from_container(&name, Some(options)).boxed();
            Ok::<_, EngineError>(pieces.map_err(move |err| engine.failure(&container, err)))
        };
        stream::once(open).try_flatten().boxed()
    }

    pub(super) async fn put_in(
        &self,
        container: &str,
        path: &str,
        tar: ByteStream,
    ) -> Result<(), EngineError> {
        let docker = self.client(Patience::Stream).await?;
        let options = UploadToContainerOptions {
            path: path.to_owned(),
            ..UploadToContainerOptions::default()
        };
        let body = bollard::body_try_stream(tar);
        let done = docker.upload_to_container(checked(container)?, Some(options), body).await;
        done.map_err(|err| self.failure(container, err))
    }

    pub(super) async fn import_empty(&self, image: &str) -> Result<(), EngineError> {
        if self.image_id(image).await?.is_some() {
            return Ok(());
        }
        let docker = self.client(Patience::Work).await?;
        let (repo, tag) = image.split_once(':').unwrap_or((image, "latest"));
        let options = CreateImageOptions {
            from_src: Some("-".to_owned()),
            repo: Some(repo.to_owned()),
            tag: Some(tag.to_owned()),
            ..CreateImageOptions::default()
        };
        let body = bollard::body_full(Bytes::from_static(EMPTY_TAR));
        let mut steps = std::pin::pin!(docker.create_image(Some(options), Some(body), None));
        while let Some(step) = steps.next().await {
            step.map_err(|err| self.connection.failure(Subject::Image(image), err))?;
        }
        Ok(())
    }
}
