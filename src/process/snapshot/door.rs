//! A way to what is in a volume: a container that mounts it, through which the engine takes files out and puts
//! them in. It is never started, needs no image but an empty one, and works on engines of other machines.

use std::io::ErrorKind;
use std::sync::Arc;

use crate::archive::{Contents, Incoming, PLACE, of_stream};
use crate::clock::Clock;
use crate::engine::spec::{Limits, NetworkAttachment, ProcessSpec, StorageSpec};
use crate::engine::{ByteStream, ContainerSpec, Engine, EngineError, RemoveVolumes, VolumeSpec};
use crate::process::helper::{self, Ended};
use crate::process::step::{Failure, Retry};

/// An image without a file.
const EMPTY: &str = "ranchette/empty:1";

/// What may be done with a volume.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Files are taken out.
    Out,
    /// Files are put in.
    In,
}

/// An open way to a volume.
pub struct Door {
    engine: Arc<dyn Engine>,
    container: String,
}

impl Door {
    /// Opens a way to a volume, which is made if need be. `token` names whoever opens it: what an earlier run
    /// of the same has left is closed first.
    pub async fn open(
        engine: &Arc<dyn Engine>,
        volume: &VolumeSpec,
        token: &str,
        way: Way,
    ) -> Result<Self, EngineError> {
        engine.volume_ensure(volume).await?;
        engine.empty_image(EMPTY).await?;
        let mode = if way == Way::Out { "ro,nocopy" } else { "nocopy" };
        let spec = container(&volume.name, token, EMPTY, mode, &["-"]);
        engine.remove(&spec.name, RemoveVolumes::None).await?;
        engine.create(&spec).await?;
        Ok(Self { engine: Arc::clone(engine), container: spec.name })
    }

    /// What is in the volume, as a tar.
    pub fn tar(&self) -> Incoming {
        Incoming::new(self.engine.download(&self.container, PLACE))
    }

    /// Puts a tar that came out of a volume into this one.
    pub async fn put(&self, tar: ByteStream) -> Result<(), EngineError> {
        self.engine.unpack(&self.container, "/", tar).await
    }

    /// What is in the volume, counted.
    pub async fn contents(&self) -> Result<Contents, Failure> {
        of_stream(self.tar()).await.map_err(broken)
    }

    /// Closes the way; the volume stays.
    pub async fn close(self) -> Result<(), EngineError> {
        self.engine.remove(&self.container, RemoveVolumes::None).await
    }
}

fn container(
    volume: &str,
    token: &str,
    image: &str,
    mode: &str,
    command: &[&str],
) -> ContainerSpec {
    ContainerSpec {
        name: helper::name(token),
        uuid: token.to_owned(),
        image: image.to_owned(),
        labels: helper::labels(token, "volume"),
        process: ProcessSpec {
            entry_point: command.iter().map(|word| (*word).to_owned()).collect(),
            ..ProcessSpec::default()
        },
        network: NetworkAttachment::None,
        storage: StorageSpec {
            binds: vec![format!("{volume}:{PLACE}:{mode}")],
            ..StorageSpec::default()
        },
        limits: Limits { cpu_shares: 2, ..Limits::default() },
        ..ContainerSpec::default()
    }
}

/// A volume that is there for a moment, to see what comes out of an archive.
pub fn scratch(token: &str) -> VolumeSpec {
    VolumeSpec {
        name: helper::name(token),
        labels: [(helper::LABEL.to_owned(), "scratch".to_owned())].into(),
        ..VolumeSpec::default()
    }
}

/// A failure on the way of a stream: that of the engine, if it was one.
pub fn broken(error: std::io::Error) -> Failure {
    let engine = error.get_ref().and_then(|inner| inner.downcast_ref::<EngineError>());
    match engine {
        Some(engine) => engine.clone().into(),
        // What is damaged or forbidden will be so the next time.
        None if matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::PermissionDenied) => {
            Failure { message: error.to_string(), retry: Retry::Never }
        }
        None => Failure { message: error.to_string(), retry: Retry::Later },
    }
}

/// Takes everything out of a volume. One that only Docker's own driver knows, and no container, is made anew;
/// else `image` is asked to do it with its `find` and `rm`.
pub async fn empty(
    engine: &Arc<dyn Engine>,
    clock: &Clock,
    volume: &VolumeSpec,
    token: &str,
    image: &str,
) -> Result<(), Failure> {
    if volume.driver_opts.is_empty() && crate::model::storage::is_local(&volume.driver) {
        match engine.volume_remove(&volume.name).await {
            Ok(()) => {
                engine.volume_ensure(volume).await?;
                return Ok(());
            }
            Err(EngineError::InUse { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if engine.image_id(image).await?.is_none() {
        engine.pull(image, None, &|_| ()).await.map_err(|error| {
            let failure = Failure::from(error);
            let message = format!(
                "{}; it is the image that empties volumes (setting `volume.helper.image`)",
                failure.message
            );
            Failure { message, ..failure }
        })?;
    }
    // Not every `find` can delete by itself: that of busybox often cannot.
    let words = "-mindepth 1 -maxdepth 1 -exec rm -rf {} +".split(' ');
    let command: Vec<&str> = ["find", PLACE].into_iter().chain(words).collect();
    let spec = container(&volume.name, token, image, "nocopy", &command);
    let Ended { code, said } = helper::run(engine, clock, &spec, None).await?;
    if code == 0 {
        return Ok(());
    }
    let message =
        format!("cannot empty volume `{}`: `find` of {image} says: {}", volume.name, said.trim());
    Err(Failure { message, retry: Retry::Later })
}
