//! Images for tests, built on the spot: no public registry is needed.

use std::process::Command;

use bollard::query_parameters::{
    CreateImageOptions, PushImageOptions, RemoveImageOptions, TagImageOptions,
};
use bollard::{API_DEFAULT_VERSION, Docker};
use futures_util::TryStreamExt;

/// The image all tests use.
pub(super) const BUSYBOX: &str = "ranchette-test/busybox";
/// The image of balancers.
const HAPROXY: &str = "ranchette-test/haproxy";

/// Makes the image that is present.
pub(super) async fn prepare_busybox(endpoint: &str) -> Docker {
    let docker = if endpoint.starts_with("unix://") {
        Docker::connect_with_unix(endpoint, 120, API_DEFAULT_VERSION)
    } else {
        Docker::connect_with_http(endpoint, 120, API_DEFAULT_VERSION)
    };
    let docker = docker.unwrap().negotiate_version().await.unwrap();
    import(&docker, BUSYBOX, "latest", busybox_tar(0)).await;
    docker
}

/// Makes the images and fills the registry; returns the name of the image that is present.
pub(super) async fn prepare(endpoint: &str, registry: &str) -> String {
    let docker = prepare_busybox(endpoint).await;
    let (small, big) = (format!("{registry}/{BUSYBOX}"), format!("{registry}/ranchette-test/big"));
    let tag = TagImageOptions { repo: Some(small.clone()), tag: Some("1".to_owned()) };
    docker.tag_image(&format!("{BUSYBOX}:latest"), Some(tag)).await.unwrap();
    import(&docker, &big, "1", busybox_tar(3_000_000)).await;
    for name in [small, big] {
        let options = PushImageOptions { tag: Some("1".to_owned()), platform: None };
        docker.push_image(&name, Some(options), None).try_collect::<Vec<_>>().await.unwrap();
        let image = format!("{name}:1");
        docker.remove_image(&image, None::<RemoveImageOptions>, None).await.unwrap();
    }
    format!("{BUSYBOX}:latest")
}

/// Puts the usual image into a registry once more, under a name of its own.
pub(super) async fn publish(endpoint: &str, registry: &str, repo: &str) {
    let docker = prepare_busybox(endpoint).await;
    let name = format!("{registry}/{repo}");
    let tag = TagImageOptions { repo: Some(name.clone()), tag: Some("1".to_owned()) };
    docker.tag_image(&format!("{BUSYBOX}:latest"), Some(tag)).await.unwrap();
    let options = PushImageOptions { tag: Some("1".to_owned()), platform: None };
    docker.push_image(&name, Some(options), None).try_collect::<Vec<_>>().await.unwrap();
    let image = format!("{name}:1");
    docker.remove_image(&image, None::<RemoveImageOptions>, None).await.unwrap();
}

/// The image of Debian's HAProxy, made when first asked for.
pub(super) async fn prepare_haproxy(endpoint: &str) -> String {
    let docker = Docker::connect_with_unix(endpoint, 120, API_DEFAULT_VERSION).unwrap();
    let docker = docker.negotiate_version().await.unwrap();
    import(&docker, HAPROXY, "latest", haproxy_tar()).await;
    format!("{HAPROXY}:latest")
}

/// The program and the libraries it is linked with, each where it is on this machine.
fn haproxy_tar() -> Vec<u8> {
    let program = "/usr/sbin/haproxy";
    assert!(std::fs::exists(program).unwrap(), "tests need `haproxy`; install package haproxy");
    let libraries = Command::new("ldd").arg(program).output().unwrap();
    let libraries = String::from_utf8(libraries.stdout).unwrap();
    let mut paths: Vec<&str> =
        libraries.split_whitespace().filter(|word| word.starts_with('/')).collect();
    paths.push(program);
    let mut tar = tar::Builder::new(Vec::new());
    append(&mut tar, "tmp/", tar::EntryType::Directory, 0o1777, &[]);
    append(&mut tar, "etc/passwd", tar::EntryType::Regular, 0o644, b"root:x:0:0:root:/:/bin/sh\n");
    for path in paths {
        let content = std::fs::read(path).unwrap();
        let path = path.trim_start_matches('/');
        append(&mut tar, path, tar::EntryType::Regular, 0o755, &content);
    }
    tar.into_inner().unwrap()
}

async fn import(docker: &Docker, repo: &str, tag: &str, tar: Vec<u8>) {
    let options = CreateImageOptions {
        from_src: Some("-".to_owned()),
        repo: Some(repo.to_owned()),
        tag: Some(tag.to_owned()),
        changes: vec!["CMD [\"sh\"]".to_owned()],
        ..CreateImageOptions::default()
    };
    let body = bollard::body_full(tar.into());
    docker.create_image(Some(options), Some(body), None).try_collect::<Vec<_>>().await.unwrap();
}

/// Debian's static busybox with a link for each of its commands, and `ballast` bytes that do not
/// compress.
fn busybox_tar(ballast: usize) -> Vec<u8> {
    let path =
        ["/bin/busybox", "/usr/bin/busybox"].into_iter().find(|p| std::fs::exists(p).unwrap());
    let path = path.expect("busybox is installed; package busybox-static");
    let mut tar = tar::Builder::new(Vec::new());
    for dir in ["bin/", "tmp/", "etc/", "var/", "www/"] {
        append(&mut tar, dir, tar::EntryType::Directory, 0o1777, &[]);
    }
    append(&mut tar, "bin/busybox", tar::EntryType::Regular, 0o755, &std::fs::read(path).unwrap());
    append(&mut tar, "etc/passwd", tar::EntryType::Regular, 0o644, b"root:x:0:0:root:/:/bin/sh\n");
    let commands = Command::new(path).arg("--list").output().unwrap();
    for command in String::from_utf8(commands.stdout).unwrap().lines() {
        if command != "busybox" {
            let mut header = header(tar::EntryType::Symlink, 0o777, 0);
            tar.append_link(&mut header, format!("bin/{command}"), "busybox").unwrap();
        }
    }
    if ballast > 0 {
        let mut seed = 1_u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 56) as u8
        })
        .take(ballast)
        .collect();
        append(&mut tar, "var/ballast", tar::EntryType::Regular, 0o644, &noise);
    }
    tar.into_inner().unwrap()
}

fn append(
    tar: &mut tar::Builder<Vec<u8>>,
    path: &str,
    kind: tar::EntryType,
    mode: u32,
    content: &[u8],
) {
    let mut header = header(kind, mode, content.len());
    tar.append_data(&mut header, path, content).unwrap();
}

fn header(kind: tar::EntryType, mode: u32, size: usize) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size as u64);
    header
}
