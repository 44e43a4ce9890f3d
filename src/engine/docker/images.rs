//! Pulling and building images, with progress people can read.

use std::collections::{BTreeMap, HashMap};

use bollard::auth::DockerCredentials;
use bollard::models::CreateImageInfo;
use bollard::query_parameters::{BuildImageOptions, CreateImageOptions};
use bytes::Bytes;
use futures_util::StreamExt;
use serde_json::Value;

use super::connect::{Connection, Patience};
use super::failure::{Subject, classify, status};
use crate::engine::{
    BaseImages, BuildCache, BuildLeftovers, BuildOptions, BuildReport, ByteStream, EngineError,
    PullProgress, PullReport, RegistryAuth,
};

impl Connection {
    pub(super) async fn image_id(&self, image: &str) -> Result<Option<String>, EngineError> {
        let docker = self.client(Patience::Control).await?;
        match docker.inspect_image(checked(image)?).await {
            Ok(found) => Ok(Some(found.id.unwrap_or_default())),
            Err(err) if status(&err) == Some(404) => Ok(None),
            Err(err) => Err(self.failure(Subject::Image(image), err)),
        }
    }

    pub(super) async fn image_digests(&self, image: &str) -> Result<Vec<String>, EngineError> {
        let docker = self.client(Patience::Control).await?;
        match docker.inspect_image(checked(image)?).await {
            Ok(found) => Ok(found.repo_digests.unwrap_or_default()),
            Err(err) if status(&err) == Some(404) => Ok(Vec::new()),
            Err(err) => Err(self.failure(Subject::Image(image), err)),
        }
    }

    pub(super) async fn image_config(&self, image: &str) -> Result<Option<Value>, EngineError> {
        let docker = self.client(Patience::Control).await?;
        match docker.inspect_image(checked(image)?).await {
            Ok(found) => Ok(Some(serde_json::to_value(found.config).unwrap_or_default())),
            Err(err) if status(&err) == Some(404) => Ok(None),
            Err(err) => Err(self.failure(Subject::Image(image), err)),
        }
    }

    pub(super) async fn image_offered(
        &self,
        image: &str,
        auth: Option<&RegistryAuth>,
    ) -> Result<(), EngineError> {
        let docker = self.client(Patience::Stream).await?;
        let asked = docker.inspect_registry_image(checked(image)?, auth.map(credentials)).await;
        asked.map(|_| ()).map_err(|err| self.failure(Subject::Image(image), err))
    }

    pub(super) async fn pull(
        &self,
        image: &str,
        auth: Option<&RegistryAuth>,
        report: PullReport<'_>,
    ) -> Result<(), EngineError> {
        let docker = self.client(Patience::Stream).await?;
        let options = CreateImageOptions {
            from_image: Some(with_tag(checked(image)?)),
            ..CreateImageOptions::default()
        };
        let mut layers = Layers::new(image);
        report(layers.progress());
        let mut steps = docker.create_image(Some(options), None, auth.map(credentials));
        while let Some(step) = steps.next().await {
            let step = step.map_err(|err| self.failure(Subject::Image(image), err))?;
            if layers.learn(&step) {
                report(layers.progress());
            }
        }
        Ok(())
    }

    pub(super) async fn build(
        &self,
        context: ByteStream,
        options: &BuildOptions,
        report: BuildReport<'_>,
    ) -> Result<(), EngineError> {
        let subject = Subject::Build(&options.tag);
        let docker = self.client(Patience::Stream).await?;
        let query = BuildImageOptions {
            dockerfile: options.dockerfile.clone().unwrap_or_else(|| "Dockerfile".to_owned()),
            t: Some(options.tag.clone()),
            remote: options.remote.clone(),
            nocache: options.cache == BuildCache::Ignore,
            rm: options.leftovers != BuildLeftovers::Keep,
            forcerm: options.leftovers == BuildLeftovers::ForceRemove,
            buildargs: some(&options.args),
            labels: some(&options.labels),
            target: options.target.clone().unwrap_or_default(),
            networkmode: options.network.clone(),
            platform: options.platform.clone().unwrap_or_default(),
            shmsize: options.shm_size,
            cachefrom: (!options.cache_from.is_empty()).then(|| options.cache_from.clone()),
            extrahosts: (!options.extra_hosts.is_empty()).then(|| options.extra_hosts.join(",")),
            pull: (options.base == BaseImages::Pull).then(|| "true".to_owned()),
            ..BuildImageOptions::default()
        };
        // The client library wants a body even where the engine fetches the context itself.
        let body = match options.remote {
            Some(_) => bollard::body_full(Bytes::new()),
            None => bollard::body_try_stream(context),
        };
        let mut steps = std::pin::pin!(docker.build_image(query, None, Some(body)));
        let mut lines = Lines::default();
        while let Some(step) = steps.next().await {
            let step = step.map_err(|err| self.failure(subject, err))?;
            if let Some(error) = step.error_detail.and_then(|detail| detail.message) {
                return Err(classify(subject, 500, &error));
            }
            lines.feed(&step.stream.or(step.status).unwrap_or_default(), report);
        }
        lines.end(report);
        Ok(())
    }
}

fn some(map: &BTreeMap<String, String>) -> Option<HashMap<String, String>> {
    let pairs = || map.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    (!map.is_empty()).then(pairs)
}

/// Names reach Docker as part of a path, so what cannot be a name must not get there.
fn checked(image: &str) -> Result<&str, EngineError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
    if !image.is_empty() && image.chars().all(fits) && !image.contains("..") {
        return Ok(image);
    }
    let detail = "an image name looks like `registry:port/name:tag`".to_owned();
    Err(EngineError::BadSpec { what: image.to_owned(), detail })
}

/// Without a tag Docker would pull every tag there is.
fn with_tag(image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or(image);
    if last.contains([':', '@']) { image.to_owned() } else { format!("{image}:latest") }
}

fn credentials(auth: &RegistryAuth) -> DockerCredentials {
    DockerCredentials {
        username: Some(auth.username.clone()),
        password: Some(auth.password.clone()),
        serveraddress: Some(auth.server.clone()),
        ..DockerCredentials::default()
    }
}

/// What is known about the layers of an image being pulled.
struct Layers {
    image: String,
    layers: BTreeMap<String, Layer>,
    shown: String,
}

#[derive(Default)]
struct Layer {
    done: bool,
    fetched: u64,
    size: u64,
}

impl Layers {
    fn new(image: &str) -> Layers {
        Layers { image: image.to_owned(), layers: BTreeMap::new(), shown: String::new() }
    }

    fn progress(&self) -> PullProgress {
        PullProgress {
            image: self.image.clone(),
            layers_done: self.layers.values().filter(|layer| layer.done).count(),
            layers: self.layers.len(),
            bytes_done: self.layers.values().map(|layer| layer.fetched).sum(),
            bytes: self.layers.values().map(|layer| layer.size).sum(),
        }
    }

    /// Takes in one of Docker's messages; true if people would see a difference.
    fn learn(&mut self, step: &CreateImageInfo) -> bool {
        let (Some(id), Some(status)) = (&step.id, &step.status) else { return false };
        // "Pulling from library/nginx" carries the tag where the others carry the layer.
        if status.starts_with("Pulling from") {
            return false;
        }
        let layer = self.layers.entry(id.clone()).or_default();
        let bytes = |number: Option<i64>| number.and_then(|n| u64::try_from(n).ok());
        let detail = step.progress_detail.as_ref();
        match status.as_str() {
            "Downloading" => {
                layer.fetched = detail.and_then(|d| bytes(d.current)).unwrap_or(layer.fetched);
                layer.size = detail.and_then(|d| bytes(d.total)).unwrap_or(layer.size);
            }
            "Download complete" | "Verifying Checksum" => layer.fetched = layer.size,
            "Pull complete" | "Already exists" => {
                layer.fetched = layer.size;
                layer.done = true;
            }
            _ => {}
        }
        let shown = self.progress().to_string();
        let news = shown != self.shown;
        self.shown = shown;
        news
    }
}

/// Puts a build's output back into lines: Docker cuts it where it likes.
#[derive(Default)]
struct Lines {
    rest: String,
}

impl Lines {
    fn feed(&mut self, text: &str, report: BuildReport<'_>) {
        self.rest.push_str(text);
        while let Some((line, rest)) = self.rest.split_once('\n') {
            report(line.trim_end());
            self.rest = rest.to_owned();
        }
    }

    fn end(&mut self, report: BuildReport<'_>) {
        if !self.rest.is_empty() {
            report(self.rest.trim_end());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bollard::models::ProgressDetail;

    #[test]
    fn tags() {
        assert_eq!(with_tag("nginx"), "nginx:latest");
        assert_eq!(with_tag("localhost:5000/nginx"), "localhost:5000/nginx:latest");
        assert_eq!(with_tag("localhost:5000/nginx:1.27"), "localhost:5000/nginx:1.27");
        assert_eq!(with_tag("nginx@sha256:00ff"), "nginx@sha256:00ff");
    }

    #[test]
    fn progress_of_a_pull() {
        let mut layers = Layers::new("nginx:1.27");
        let mut seen = vec![layers.progress().to_string()];
        let mut say = |id: &str, status: &str, detail: Option<(i64, i64)>| {
            let step = CreateImageInfo {
                id: Some(id.to_owned()),
                status: Some(status.to_owned()),
                progress_detail: detail
                    .map(|(now, all)| ProgressDetail { current: Some(now), total: Some(all) }),
                ..CreateImageInfo::default()
            };
            if layers.learn(&step) {
                seen.push(layers.progress().to_string());
            }
        };
        say("1.27", "Pulling from library/nginx", None);
        say("aa", "Already exists", None);
        say("bb", "Pulling fs layer", None);
        say("bb", "Downloading", Some((500_000, 2_000_000)));
        say("bb", "Downloading", Some((500_001, 2_000_000)));
        say("bb", "Download complete", None);
        say("bb", "Extracting", Some((2_000_000, 2_000_000)));
        say("bb", "Pull complete", None);
        expect_test::expect![[r#"
            pulling nginx:1.27
            pulling nginx:1.27: 1 of 1 layers
            pulling nginx:1.27: 1 of 2 layers
            pulling nginx:1.27: 1 of 2 layers, 0.5 of 2.0 MB
            pulling nginx:1.27: 1 of 2 layers, 2.0 of 2.0 MB
            pulling nginx:1.27: 2 of 2 layers, 2.0 of 2.0 MB
        "#]]
        .assert_eq(&(seen.join("\n") + "\n"));
    }
}
