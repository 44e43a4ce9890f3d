//! What Docker's messages mean.
//!
//! Docker tells failures apart by status and by prose. The prose has changed over its versions; the
//! patterns below are those of 19.03 to 28, most specific first.

use bollard::errors::Error as BollardError;

use super::connect::Connection;
use crate::engine::EngineError;
use crate::engine::error::Transient;

/// What a call was about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Subject<'a> {
    Engine,
    Container(&'a str),
    Image(&'a str),
    Build(&'a str),
    Network(&'a str),
    Volume(&'a str),
}

impl Subject<'_> {
    fn name(self) -> String {
        match self {
            Subject::Engine => "docker".to_owned(),
            Subject::Container(name)
            | Subject::Image(name)
            | Subject::Build(name)
            | Subject::Network(name)
            | Subject::Volume(name) => name.to_owned(),
        }
    }
}

impl Connection {
    /// Turns an error of the client into ours.
    pub(super) fn failure(&self, subject: Subject<'_>, err: BollardError) -> EngineError {
        match self.away(err) {
            Ok(away) => away,
            Err(err) => match answer(&err) {
                Some((status, message)) => classify(subject, status, message.trim()),
                None => EngineError::Other {
                    what: subject.name(),
                    detail: err.to_string(),
                    transient: Transient::No,
                },
            },
        }
    }
}

/// Status and message of an answer of Docker's; 500 for an error within a stream.
fn answer(err: &BollardError) -> Option<(u16, &str)> {
    if let BollardError::DockerResponseServerError { status_code, message } = err {
        return Some((*status_code, message));
    }
    if let BollardError::DockerStreamError { error } = err {
        return Some((500, error));
    }
    None
}

/// The status of an answer, for the cases where "already so" is no failure.
pub(super) fn status(err: &BollardError) -> Option<u16> {
    answer(err).map(|(status, _)| status)
}

/// Whether a create call failed because its name is taken.
pub(super) fn is_name_conflict(err: &BollardError) -> bool {
    answer(err).is_some_and(|(_, message)| {
        message.contains("name") && message.contains("already in use by")
    })
}

/// Reads one of Docker's messages. `status` is that of HTTP, 500 for errors inside streams.
pub(super) fn classify(subject: Subject<'_>, status: u16, message: &str) -> EngineError {
    let what = subject.name();
    let detail = first_lower(message);
    let lower = message.to_ascii_lowercase();
    let has = |needle: &str| lower.contains(needle);
    if has("no space left on device") || has("disk quota exceeded") {
        return EngineError::DiskFull { what };
    }
    if has("exec format error") || has("no matching manifest") {
        return EngineError::WrongArchitecture { what };
    }
    match subject {
        Subject::Image(image) => image_failure(image, status, detail, &lower),
        Subject::Build(tag) => EngineError::BuildFailed { tag: tag.to_owned(), detail },
        Subject::Container(container) => container_failure(container, status, detail, &lower),
        Subject::Network(network) if status == 404 && !has("plugin") => {
            EngineError::NoSuchNetwork { network: network.to_owned() }
        }
        Subject::Network(_) if has("active endpoints") || has("pool overlaps") => {
            EngineError::InUse { what, detail }
        }
        Subject::Volume(_) if status == 409 => EngineError::InUse { what, detail },
        Subject::Engine | Subject::Network(_) | Subject::Volume(_) => {
            general_failure(what, status, detail)
        }
    }
}

fn image_failure(image: &str, status: u16, detail: String, lower: &str) -> EngineError {
    let image = image.to_owned();
    let has = |needle: &str| lower.contains(needle);
    if has("pull access denied") || has("manifest unknown") || has("name unknown") {
        return EngineError::ImageNotFound { image, detail };
    }
    if has("unauthorized")
        || has("no basic auth")
        || has("authentication required")
        || has("denied")
    {
        return EngineError::PullDenied { image, detail };
    }
    match status {
        404 => EngineError::ImageNotFound { image, detail },
        400 => EngineError::BadSpec { what: image, detail },
        _ if has("manifest for") && has("not found") => {
            EngineError::ImageNotFound { image, detail }
        }
        _ => EngineError::PullFailed { image, detail },
    }
}

fn container_failure(container: &str, status: u16, detail: String, lower: &str) -> EngineError {
    let what = container.to_owned();
    let has = |needle: &str| lower.contains(needle);
    if has("port is already allocated") || (has("bind") && has("address already in use")) {
        let port = taken_port(lower).unwrap_or(0);
        return EngineError::PortTaken { port, container: what };
    }
    if has("address already in use") {
        return EngineError::AddressTaken { container: what };
    }
    if has("no such image") {
        let image = detail.rsplit_once(": ").map_or("", |(_, image)| image).to_owned();
        return EngineError::ImageNotFound { image, detail: String::new() };
    }
    if has("no such container") {
        // The message may name another container than the one asked about (network, volumes).
        let named = detail.rsplit_once(": ").map(|(_, name)| name.to_owned());
        return EngineError::NoSuchContainer { container: named.unwrap_or(what) };
    }
    if status == 404 && has("network") && has("not found") {
        let name = detail.strip_suffix(" not found").and_then(|rest| rest.rsplit(' ').next());
        return EngineError::NoSuchNetwork { network: name.unwrap_or_default().to_owned() };
    }
    if has("cannot join network of a non running container") {
        return EngineError::Other { what, detail, transient: Transient::Yes };
    }
    if has("is not running") {
        return EngineError::NotRunning { container: what };
    }
    let names_a_program = has("exec: ") || has("exec failed") || has("starting container process");
    if names_a_program && (has("not found in") || has("no such file or directory")) {
        return EngineError::CommandNotFound { container: what, detail: essence(&detail) };
    }
    if has("permission denied") || status == 403 && has("marked read-only") {
        return EngineError::PermissionDenied { what, detail: essence(&detail) };
    }
    general_failure(what, status, essence(&detail))
}

fn general_failure(what: String, status: u16, detail: String) -> EngineError {
    match status {
        400 | 405 | 422 => EngineError::BadSpec { what, detail },
        403 => EngineError::PermissionDenied { what, detail },
        404 | 409 => EngineError::Other { what, detail, transient: Transient::No },
        _ => EngineError::Other { what, detail, transient: Transient::Yes },
    }
}

/// The port in `bind for 0.0.0.0:8080 failed`, `listen tcp4 0.0.0.0:8080: bind: ..` or
/// `failed to bind host port for 0.0.0.0:8080:172.17.0.2:80/tcp`.
fn taken_port(lower: &str) -> Option<u16> {
    let starts = ["bind for ", "listen tcp4 ", "listen tcp6 ", "listen tcp ", "listen udp4 "];
    let more = ["listen udp6 ", "listen udp ", "host port for ", "host port ", "expose "];
    let found = starts.iter().chain(&more).find_map(|start| lower.split_once(start));
    let address = found?.1.split([' ', '/']).next()?;
    let address = address.rsplit_once("]:").map_or(address, |(_, rest)| rest);
    address.split(':').find_map(|part| part.parse().ok())
}

/// The OCI runtime wraps its reason in five layers of itself; the innermost says what happened.
fn essence(detail: &str) -> String {
    let detail = detail.strip_suffix(": unknown").unwrap_or(detail);
    let inner = [
        "container process caused: ",
        "unable to start container process: ",
        "exec failed: ",
        "oci runtime create failed: ",
    ];
    let found = inner.iter().find_map(|mark| {
        let at = detail.to_ascii_lowercase().find(mark)?;
        detail.get(at + mark.len()..)
    });
    found.unwrap_or(detail).to_owned()
}

pub(super) fn first_lower(message: &str) -> String {
    let message = message.trim_end_matches('.');
    let mut letters = message.chars();
    match letters.next() {
        // An abbreviation keeps its capitals.
        Some(first) if !letters.clone().next().is_some_and(char::is_uppercase) => {
            first.to_lowercase().chain(letters).collect()
        }
        Some(_) | None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(subject: Subject<'_>, status: u16, message: &str, expect: Expect) {
        let err = classify(subject, status, message);
        let again = if err.retryable() { "again" } else { "final" };
        let kind = format!("{err:?}");
        let kind = kind.split(' ').next().unwrap_or_default();
        expect.assert_eq(&format!("{kind} ({again}): {err}"));
    }

    #[test]
    fn taken_ports() {
        let web = Subject::Container("r-web-1");
        check(
            web,
            500,
            "driver failed programming external connectivity on endpoint r-web-1 (6a): Bind for 0.0.0.0:8080 failed: port is already allocated",
            expect![
                "PortTaken (again): port 8080 is already in use on the host of container `r-web-1`"
            ],
        );
        check(
            web,
            500,
            "driver failed programming external connectivity on endpoint r-web-1 (6a): Error starting userland proxy: listen tcp4 0.0.0.0:8080: bind: address already in use",
            expect![
                "PortTaken (again): port 8080 is already in use on the host of container `r-web-1`"
            ],
        );
        check(
            web,
            500,
            "failed to set up container networking: driver failed programming external connectivity on endpoint r-web-1 (6a): failed to bind host port for 0.0.0.0:8080:172.17.0.2:80/tcp: address already in use",
            expect![
                "PortTaken (again): port 8080 is already in use on the host of container `r-web-1`"
            ],
        );
        check(
            web,
            500,
            "driver failed programming external connectivity on endpoint r-web-1 (6a): failed to bind host port [::]:8080/tcp: address already in use",
            expect![
                "PortTaken (again): port 8080 is already in use on the host of container `r-web-1`"
            ],
        );
    }

    #[test]
    fn starting() {
        let web = Subject::Container("r-web-1");
        check(
            web,
            403,
            "Address already in use",
            expect![
                "AddressTaken (again): address of container `r-web-1` is already in use on its network"
            ],
        );
        check(
            web,
            400,
            "OCI runtime create failed: runc create failed: unable to start container process: exec: \"nope\": executable file not found in $PATH: unknown",
            expect![[
                r#"CommandNotFound (final): command of `r-web-1` not found in its image: exec: "nope": executable file not found in $PATH"#
            ]],
        );
        check(
            web,
            400,
            "failed to create task for container: failed to create shim task: OCI runtime create failed: container_linux.go:380: starting container process caused: exec: \"/etc\": permission denied: unknown",
            expect![[
                r#"PermissionDenied (final): permission denied for `r-web-1`: exec: "/etc": permission denied"#
            ]],
        );
        check(
            web,
            404,
            "network env-1a5 not found",
            expect!["NoSuchNetwork (again): no network `env-1a5`"],
        );
        check(
            web,
            409,
            "cannot join network of a non running container: 4f0c",
            expect![
                "Other (again): `r-web-1`: cannot join network of a non running container: 4f0c"
            ],
        );
    }

    #[test]
    fn creating() {
        let web = Subject::Container("r-web-1");
        check(
            web,
            404,
            "No such image: registry.example:5000/web:1",
            expect!["ImageNotFound (final): image `registry.example:5000/web:1` not found"],
        );
        check(
            web,
            400,
            "invalid CPU shares: too small.",
            expect!["BadSpec (final): `r-web-1` is not acceptable: invalid CPU shares: too small"],
        );
        check(
            web,
            500,
            "mkdir /var/lib/docker/overlay2/x: no space left on device",
            expect!["DiskFull (again): no space left on the host's disk for `r-web-1`"],
        );
        check(
            web,
            404,
            "No such container: 4f0c",
            expect!["NoSuchContainer (final): no container `4f0c`"],
        );
        check(
            web,
            409,
            "Container 4f0c is not running",
            expect!["NotRunning (final): container `r-web-1` is not running"],
        );
    }

    #[test]
    fn pulling() {
        let image = Subject::Image("web:1");
        check(
            image,
            404,
            "pull access denied for web, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
            expect![
                "ImageNotFound (final): image `web:1` not found: pull access denied for web, repository does not exist or may require 'docker login': denied: requested access to the resource is denied"
            ],
        );
        check(
            image,
            404,
            "manifest for web:1 not found: manifest unknown: manifest unknown",
            expect![
                "ImageNotFound (final): image `web:1` not found: manifest for web:1 not found: manifest unknown: manifest unknown"
            ],
        );
        check(
            image,
            500,
            "Get \"http://localhost:5000/v2/web/manifests/1\": unauthorized: authentication required",
            expect![[
                r#"PullDenied (final): pulling `web:1` was refused: get "http://localhost:5000/v2/web/manifests/1": unauthorized: authentication required"#
            ]],
        );
        check(
            image,
            500,
            "Get \"https://index.docker.io/v2/\": dial tcp: lookup index.docker.io: no such host",
            expect![[
                r#"PullFailed (again): pulling `web:1` failed: get "https://index.docker.io/v2/": dial tcp: lookup index.docker.io: no such host"#
            ]],
        );
        check(
            image,
            500,
            "no matching manifest for linux/arm64/v8 in the manifest list entries",
            expect![
                "WrongArchitecture (final): image of `web:1` is built for another processor architecture"
            ],
        );
    }

    #[test]
    fn networks_and_volumes() {
        check(
            Subject::Network("env-1a5"),
            403,
            "error while removing network: network env-1a5 id 5e has active endpoints",
            expect![
                "InUse (again): `env-1a5` is still in use: error while removing network: network env-1a5 id 5e has active endpoints"
            ],
        );
        check(
            Subject::Volume("data"),
            409,
            "remove data: volume is in use - [4f0c]",
            expect![
                "InUse (again): `data` is still in use: remove data: volume is in use - [4f0c]"
            ],
        );
        check(
            Subject::Volume("data"),
            404,
            "create data: error looking up volume plugin nfs: plugin \"nfs\" not found",
            expect![[
                r#"Other (final): `data`: create data: error looking up volume plugin nfs: plugin "nfs" not found"#
            ]],
        );
    }
}
