//! What a compose file means, in Rancher's terms: plain data for the CLI, the API and the planner.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::problem::{Problem, Severity};

/// A read compose project.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Project {
    /// The top-level `name`, made a valid stack name.
    pub name: Option<String>,
    /// Active services in the order of the file; sidekicks are inside their service.
    pub services: Vec<Service>,
    pub volumes: Vec<VolumeDecl>,
    pub networks: Vec<NetworkDecl>,
    pub secrets: Vec<FileDecl>,
    pub configs: Vec<FileDecl>,
    /// Environment variables of the caller that the result depends on. A client sends only these
    /// to the server.
    pub variables: BTreeMap<String, String>,
    /// Findings in the order of files and lines.
    pub problems: Vec<Problem>,
}

impl Project {
    /// Whether the project must not be deployed.
    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// The service of that name.
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name == name)
    }
}

/// The API type a service becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    Service,
    LoadBalancerService,
    ExternalService,
    DnsService,
}

impl Kind {
    /// The API type's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Service => "service",
            Kind::LoadBalancerService => "loadBalancerService",
            Kind::ExternalService => "externalService",
            Kind::DnsService => "dnsService",
        }
    }
}

/// One service of the stack.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// Valid under Rancher's rule for service names.
    pub name: String,
    pub kind: Kind,
    /// Containers wanted; none when the file does not say (keep what runs, else 1) and when global.
    pub scale: Option<u32>,
    /// One container on every host.
    pub global: bool,
    /// Whether it starts once it is made; where the file does not say, its stack does.
    pub start_on_create: Option<bool>,
    /// API `launchConfig`, without anything that needs ids.
    pub launch_config: Map<String, Value>,
    /// API `secondaryLaunchConfigs`, each with its `name`.
    pub secondary_launch_configs: Vec<Map<String, Value>>,
    /// Further API fields of the service: `metadata`, `scalePolicy`, `retainIp`, `lbConfig` (with
    /// `service`, `certs` and `defaultCert` as names for the caller to resolve),
    /// `externalIpAddresses`, `hostname`, `selectorLink`, `selectorContainer`, `healthCheck`.
    pub fields: Map<String, Value>,
    /// `inServiceStrategy` settings: `batchSize`, `intervalMillis`, `startFirst`.
    pub upgrade: Map<String, Value>,
    pub links: Vec<Link>,
    pub depends_on: Vec<Dependency>,
    /// How to build the image of the primary container.
    pub build: Option<Build>,
    /// How to build images of sidekicks, by sidekick name.
    pub sidekick_builds: BTreeMap<String, Build>,
    pub files: Vec<MountedFile>,
    /// SHA-256 in hex of everything that makes a running container differ; scale is not part.
    pub hash: String,
}

/// A service link. `target` is a service of the project, or `stack/service` of another stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Link {
    pub target: String,
    pub alias: String,
}

/// What must be true of a dependency before the dependent starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Condition {
    Started,
    Healthy,
    CompletedSuccessfully,
}

/// A `depends_on` entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dependency {
    pub service: String,
    pub condition: Condition,
}

/// A `build` section. The caller builds and tags; `tag` is what the launch config asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Build {
    /// Directory relative to the project directory, an absolute path, or a remote (URL, git).
    pub context: String,
    /// Path inside the context.
    pub dockerfile: Option<String>,
    /// Text of the Dockerfile itself, instead of a file.
    pub dockerfile_inline: Option<String>,
    pub args: BTreeMap<String, String>,
    pub labels: BTreeMap<String, String>,
    pub target: Option<String>,
    pub cache_from: Vec<String>,
    pub extra_hosts: Vec<String>,
    /// Bytes.
    pub shm_size: Option<i64>,
    pub network: Option<String>,
    pub platform: Option<String>,
    pub no_cache: bool,
    pub pull: bool,
    /// Name of the built image.
    pub tag: String,
    /// More names for the built image.
    pub extra_tags: Vec<String>,
}

/// A top-level volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeDecl {
    /// The key in the file.
    pub key: String,
    /// The name used in `dataVolumes`: `name` in the file, else the key.
    pub name: String,
    pub driver: Option<String>,
    pub driver_opts: BTreeMap<String, String>,
    pub labels: BTreeMap<String, String>,
    /// Exists already and is not to be created.
    pub external: bool,
    /// One volume for every container.
    pub per_container: bool,
}

/// A top-level network. All services of a stack share the environment's network; this is kept so
/// that a user sees what the file asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkDecl {
    pub key: String,
    pub name: String,
    pub driver: Option<String>,
    pub external: bool,
    pub internal: bool,
}

/// A top-level secret or config.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FileDecl {
    /// The key in the file.
    pub key: String,
    /// `name` in the file, else the key: the name of an external secret.
    pub name: String,
    pub content: FileContent,
}

/// Where the bytes of a secret or config come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum FileContent {
    /// Known: read from a file, a variable or written inline.
    Bytes(Vec<u8>),
    /// Exists on the server under [`FileDecl::name`].
    External,
}

/// Which top-level section a mounted file is declared in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum FileKind {
    Secret,
    Config,
}

/// A secret or config as one container sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MountedFile {
    pub kind: FileKind,
    /// [`FileDecl::key`] of the declaration.
    pub source: String,
    /// Absolute path in the container.
    pub target: String,
    pub uid: Option<String>,
    pub gid: Option<String>,
    /// File mode in octal digits, for example `0444`.
    pub mode: Option<String>,
    /// The sidekick that gets the file; none for the primary container.
    pub sidekick: Option<String>,
}
