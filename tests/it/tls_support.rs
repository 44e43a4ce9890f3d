//! Certificates and clients of TLS, as `openssl` makes them.

use std::path::Path;
use std::process::{Command, Stdio};

/// Makes a certificate for a name; the texts of both.
pub fn certificate(folder: &Path, name: &str) -> (String, String) {
    let path = |end: &str| folder.join(format!("{name}.{end}")).to_string_lossy().into_owned();
    let (cert, key) = (path("pem"), path("key"));
    let output = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
        .args(["-days", "3650", "-subj", &format!("/CN={name}")])
        .args(["-addext", &format!("subjectAltName=DNS:{name}")])
        .args(["-out", &cert, "-keyout", &key])
        .output()
        .expect("`openssl` starts; install package openssl");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read = |path: &str| std::fs::read_to_string(path).expect("a file");
    (read(&cert), read(&key))
}

/// What a client that asks for a name sees: the certificate and the answer to a request.
pub async fn ask(port: u16, name: &str, path: &str) -> Result<String, String> {
    let mut command = tokio::process::Command::new("openssl");
    command
        .args(["s_client", "-connect", &format!("127.0.0.1:{port}"), "-servername", name])
        .args(["-ign_eof", "-showcerts"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let mut client = command.spawn().map_err(|error| error.to_string())?;
    let mut stdin = client.stdin.take().ok_or("no input")?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: {name}\r\n\r\n");
    tokio::io::AsyncWriteExt::write_all(&mut stdin, request.as_bytes())
        .await
        .map_err(|error| error.to_string())?;
    let output = client.wait_with_output();
    let patience = std::time::Duration::from_secs(30);
    let output = tokio::time::timeout(patience, output).await.map_err(|error| error.to_string())?;
    let output = output.map_err(|error| error.to_string())?;
    drop(stdin);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
