//! A bucket of an S3-compatible server: archives go up in parts and come back checked. Every request is signed
//! (AWS Signature Version 4); the secret itself is never sent.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming as Body;
use hyper::{Response, StatusCode};
use reqwest::Url;
use rusty_s3::actions::{CompleteMultipartUploadResponse, CreateMultipartUpload};
use rusty_s3::{Bucket as Address, Credentials, S3Action, UrlStyle};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::files::{self, Incoming, blocking, changed};
use crate::clock::Clock;
use crate::outbound::{self, Client, Fault, Request, Rules};

/// Bytes of a part, at least: servers take no smaller ones but the last.
const PART: usize = 8 * 1024 * 1024;
/// Parts of an archive, at most: servers take no more than 10,000.
const PARTS: u64 = 9000;
/// How long a signature is good for.
const SIGNED: Duration = Duration::from_secs(3600);
/// How long a server may take to answer what it has got, and to send the next piece of an answer.
const ANSWER: Duration = Duration::from_secs(120);
/// Bytes a second that arrive at a server at least.
const SLOWEST: u64 = 32 * 1024;
/// Bytes of an answer that is no archive.
const WORDS: usize = 1024 * 1024;
/// Bytes of an answer that are looked at for a reason.
const REASON: usize = 2000;

/// Where a bucket is, and who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Address of the server.
    pub endpoint: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Region that requests are signed for.
    pub region: String,
    /// What the names of all objects begin with.
    pub prefix: String,
    /// Name of the key.
    pub access_key: String,
    /// Who vouches for a server with TLS besides the authorities of this machine: certificates in PEM.
    pub authorities: String,
}

impl Place {
    /// As a row keeps it.
    pub fn of_json(map: &Map<String, Value>) -> Self {
        let text = |field: &str| {
            let text = map.get(field).and_then(Value::as_str).unwrap_or_default();
            text.trim().to_owned()
        };
        Self {
            endpoint: text("endpoint"),
            bucket: text("bucket"),
            region: text("region"),
            prefix: text("prefix").trim_matches('/').to_owned(),
            access_key: text("accessKey"),
            authorities: text("caCert"),
        }
    }

    fn address(&self) -> Result<Address, Unfit> {
        let wrong = |why: &str| {
            Unfit::endpoint(format!("`{}` is not the address of a server: {why}", self.endpoint))
        };
        let url = Url::parse(&self.endpoint).map_err(|error| wrong(&error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("it has to begin with `https://` or `http://`"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Unfit::endpoint(
                "the key belongs into `accessKey` and `secretKey`, not into `endpoint`",
            ));
        }
        Address::new(url, UrlStyle::Path, self.bucket.clone(), self.region.clone())
            .map_err(|error| wrong(&error.to_string()))
    }
}

/// What keeps a place from being that of a bucket.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Unfit {
    /// The field of the place, as the API calls it.
    pub field: &'static str,
    /// What is wrong with it, in words.
    pub why: String,
}

impl Unfit {
    fn endpoint(why: impl Into<String>) -> Self {
        Self { field: "endpoint", why: why.into() }
    }
}

/// A bucket that can be asked.
pub struct Bucket {
    address: Address,
    credentials: Credentials,
    place: Place,
    client: Client,
    rules: Arc<Rules>,
    clock: Clock,
}

impl Bucket {
    /// A bucket, which is not asked yet.
    ///
    /// # Errors
    /// What is wrong with its place.
    pub fn new(place: Place, secret_key: &str, clock: Clock, rules: &Rules) -> Result<Self, Unfit> {
        let address = place.address()?;
        outbound::check_literal(rules, &place.endpoint)
            .map_err(|fault| Unfit::endpoint(fault.to_string()))?;
        let client = Client::trusting(clock.clone(), &place.authorities).map_err(|why| Unfit {
            field: "caCert",
            why: format!("`caCert` is no certificate in PEM: {why}"),
        })?;
        let credentials = Credentials::new(place.access_key.as_str(), secret_key);
        let rules = Arc::new(rules.clone());
        Ok(Self { address, credentials, place, client, rules, clock })
    }

    /// The name of an object.
    fn key(&self, name: &str) -> String {
        match self.place.prefix.as_str() {
            "" => name.to_owned(),
            prefix => format!("{prefix}/{name}"),
        }
    }

    /// What people know an object by.
    pub fn uri(&self, name: &str) -> String {
        format!("s3://{}/{}", self.place.bucket, self.key(name))
    }

    /// Puts an archive whose checksum is known into the bucket. It appears there once it is whole.
    ///
    /// # Errors
    /// When the archive is not what it was, or the server does not take it.
    pub async fn put_file(&self, from: &Path, name: &str, sha256: &str) -> io::Result<()> {
        let mut source = Source::open(from).await?;
        let first = source.next().await?;
        if first.len() < source.part {
            source.check(from, sha256)?;
            return self.put(name, first).await;
        }
        let key = self.key(name);
        let upload = self.begin(&key).await?;
        let sent = self.parts(&key, &upload, first, source, from, sha256).await;
        if sent.is_err() {
            // What has arrived would be kept, and paid for. That it failed is told in any case.
            let drop = self.address.abort_multipart_upload(Some(&self.credentials), &key, &upload);
            let _ = self.send("DELETE", self.sign(&drop)?, Bytes::new()).await;
        }
        sent
    }

    async fn begin(&self, key: &str) -> io::Result<String> {
        let begin = self.address.create_multipart_upload(Some(&self.credentials), key);
        let answer = self.send("POST", self.sign(&begin)?, Bytes::new()).await?;
        let text = self.text(answer).await?;
        let begun = CreateMultipartUpload::parse_response(&text).map_err(io::Error::other)?;
        Ok(begun.upload_id().to_owned())
    }

    async fn parts(
        &self,
        key: &str,
        upload: &str,
        first: Vec<u8>,
        mut source: Source,
        from: &Path,
        sha256: &str,
    ) -> io::Result<()> {
        let mut tags = Vec::new();
        let mut part = first;
        for number in 1u16.. {
            let put = self.address.upload_part(Some(&self.credentials), key, number, upload);
            let answer = self.send("PUT", self.sign(&put)?, part.into()).await?;
            let tag = answer.headers().get("etag").and_then(|tag| tag.to_str().ok());
            tags.push(tag.ok_or_else(|| io::Error::other("a part has no tag"))?.to_owned());
            part = source.next().await?;
            if part.is_empty() {
                break;
            }
        }
        source.check(from, sha256)?;
        let tags = tags.iter().map(String::as_str);
        let end =
            self.address.complete_multipart_upload(Some(&self.credentials), key, upload, tags);
        let url = self.sign(&end)?;
        let answer = self.send("POST", url, end.body().into()).await?;
        let status = answer.status();
        let text = self.text(answer).await?;
        // A server that finds something wrong while it puts the parts together has already said 200.
        match CompleteMultipartUploadResponse::parse(&text) {
            Ok(_) => Ok(()),
            Err(_) => Err(self.refusal(status, &text)),
        }
    }

    /// Puts a small object into the bucket.
    ///
    /// # Errors
    /// When the server does not take it.
    pub async fn put(&self, name: &str, content: Vec<u8>) -> io::Result<()> {
        let key = self.key(name);
        let put = self.address.put_object(Some(&self.credentials), &key);
        self.send("PUT", self.sign(&put)?, content.into()).await.map(drop)
    }

    /// Copies an archive whose checksum and size are known out of the bucket into a file.
    ///
    /// # Errors
    /// When it is not there, not what it was, or the file cannot be written.
    pub async fn get_file(&self, name: &str, to: &Path, sha256: &str, size: u64) -> io::Result<()> {
        let key = self.key(name);
        let get = self.address.get_object(Some(&self.credentials), &key);
        let answer = self.send("GET", self.sign(&get)?, Bytes::new()).await?;
        files::save(Incoming::new(pieces(answer.into_body())), to, name, sha256, size).await
    }

    /// Removes an object; one that is gone is fine.
    ///
    /// # Errors
    /// When the server does not do it.
    pub async fn remove(&self, name: &str) -> io::Result<()> {
        let key = self.key(name);
        let delete = self.address.delete_object(Some(&self.credentials), &key);
        match self.send("DELETE", self.sign(&delete)?, Bytes::new()).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done.map(drop),
        }
    }

    fn sign<'a>(&self, action: &impl S3Action<'a>) -> io::Result<Url> {
        let now =
            jiff::Timestamp::from_millisecond(self.clock.now_ms()).map_err(io::Error::other)?;
        Ok(action.sign_with_time(SIGNED, &now))
    }

    async fn send(
        &self,
        method: &'static str,
        url: Url,
        body: Bytes,
    ) -> io::Result<Response<Body>> {
        let sending = u64::try_from(body.len()).unwrap_or(u64::MAX) / SLOWEST;
        let request = Request { method, url: url.into(), headers: Vec::new(), body };
        let patience = ANSWER + Duration::from_secs(sending);
        let answer = tokio::time::timeout(patience, self.client.open(&self.rules, &request)).await;
        let answer = answer.map_err(|_| self.unreachable(&"it does not answer"))?;
        let answer = answer.map_err(|fault| match &fault {
            Fault::Unreachable { why, .. } => self.unreachable(why),
            Fault::Address { .. }
            | Fault::Blocked { .. }
            | Fault::Slow { .. }
            | Fault::Large { .. }
            | Fault::Redirects { .. } => self.unreachable(&fault),
        })?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let text = self.text(answer).await.unwrap_or_default();
        Err(self.refusal(status, &text))
    }

    /// An answer in words.
    async fn text(&self, answer: Response<Body>) -> io::Result<String> {
        let body = Limited::new(answer.into_body(), WORDS).collect();
        let body = tokio::time::timeout(ANSWER, body).await;
        let body = body.map_err(|_| self.unreachable(&"its answer does not end"))?;
        let body = body.map_err(|error| self.unreachable(&error))?;
        Ok(String::from_utf8_lossy(&body.to_bytes()).into_owned())
    }

    /// Nothing of the address but the server is told: it is signed.
    fn unreachable(&self, why: &dyn std::fmt::Display) -> io::Error {
        io::Error::other(format!("the server at {} cannot be reached: {why}", self.place.endpoint))
    }

    /// Why the server did not do it, in its own words.
    fn refusal(&self, status: StatusCode, text: &str) -> io::Error {
        let code = between(text, "<Code>", "</Code>");
        let said = match (code, between(text, "<Message>", "</Message>")) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (Some(code), None) => code.to_owned(),
            _ => status.to_string(),
        };
        let kind = match status {
            StatusCode::NOT_FOUND => io::ErrorKind::NotFound,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => io::ErrorKind::Other,
            status if status.is_client_error() => io::ErrorKind::PermissionDenied,
            _ => io::ErrorKind::Other,
        };
        let (bucket, endpoint) = (&self.place.bucket, &self.place.endpoint);
        io::Error::new(kind, format!("bucket `{bucket}` at {endpoint} says: {said}"))
    }
}

/// What comes of an answer, piece by piece.
fn pieces(body: Body) -> impl Stream<Item = io::Result<Bytes>> {
    stream::unfold(body.into_data_stream(), async |mut body| {
        let piece = match tokio::time::timeout(ANSWER, body.next()).await {
            Ok(piece) => piece?.map_err(io::Error::other),
            Err(_) => {
                Err(io::Error::new(io::ErrorKind::TimedOut, "the server has stopped sending"))
            }
        };
        Some((piece, body))
    })
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let text = text.get(..REASON).unwrap_or(text);
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}

/// A file that is read part by part, and summed.
struct Source {
    file: Option<File>,
    sum: Sha256,
    part: usize,
}

impl Source {
    async fn open(path: &Path) -> io::Result<Self> {
        let path = path.to_owned();
        blocking(move || {
            let file = File::open(path)?;
            let large = usize::try_from(file.metadata()?.len() / PARTS).unwrap_or(usize::MAX);
            Ok(Self { file: Some(file), sum: Sha256::new(), part: PART.max(large) })
        })
        .await
    }

    /// The next part; an empty one after the last.
    async fn next(&mut self) -> io::Result<Vec<u8>> {
        let Some(mut file) = self.file.take() else { return Ok(Vec::new()) };
        let (mut sum, size) = (self.sum.clone(), self.part);
        let (file, sum, part) = blocking(move || {
            let mut part = Vec::new();
            (&mut file).take(size as u64).read_to_end(&mut part)?;
            sum.update(&part);
            Ok((file, sum, part))
        })
        .await?;
        (self.file, self.sum) = (Some(file), sum);
        Ok(part)
    }

    fn check(self, path: &Path, sha256: &str) -> io::Result<()> {
        if hex::encode(self.sum.finalize()) == sha256 { Ok(()) } else { Err(changed(path)) }
    }
}
