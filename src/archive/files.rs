//! Archive files: written as a stream comes, read as one, checked and copied.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio_util::io::{StreamReader, SyncIoBridge};

use super::{Archive, contents, inside};

/// Bytes in a piece of a stream.
const PIECE: usize = 256 * 1024;
/// Pieces read ahead.
const AHEAD: usize = 4;

/// A tar that comes over time.
pub struct Incoming(BoxStream<'static, io::Result<Bytes>>);

impl Incoming {
    /// A tar out of these pieces.
    pub fn new<E: std::error::Error + Send + Sync + 'static>(
        pieces: impl futures_util::Stream<Item = Result<Bytes, E>> + Send + 'static,
    ) -> Self {
        Self(pieces.map(|piece| piece.map_err(io::Error::other)).boxed())
    }

    /// A reader for a thread that may block.
    pub(super) fn reader(self) -> impl Read {
        SyncIoBridge::new(StreamReader::new(self.0))
    }
}

/// Runs what blocks on a thread for it.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

/// Keeps the bytes that pass through and their checksum.
struct Summing<W> {
    inner: W,
    sum: Sha256,
    size: u64,
}

impl<W> Summing<W> {
    fn new(inner: W) -> Self {
        Self { inner, sum: Sha256::new(), size: 0 }
    }
}

impl<W: Write> Write for Summing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.sum.update(bytes.get(..count).unwrap_or_default());
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Whatever is read is written, too.
struct Tee<R, W> {
    from: R,
    to: W,
}

impl<R: Read, W: Write> Read for Tee<R, W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(buffer)?;
        self.to.write_all(buffer.get(..count).unwrap_or_default())?;
        Ok(count)
    }
}

/// Writes a tar to the file `path`, compressed. An earlier file of that name is replaced.
///
/// # Errors
/// When the tar breaks off or is none, or the file cannot be written.
pub async fn write(path: &Path, tar: Incoming) -> io::Result<Archive> {
    let path = path.to_owned();
    blocking(move || {
        let draft = Draft::begin(&path)?;
        let zip = GzEncoder::new(Summing::new(draft.writer()?), Compression::default());
        let mut tee = Tee { from: tar.reader(), to: zip };
        let contents = contents::of(&mut tee)?;
        let Summing { inner, sum, size } = tee.to.finish()?;
        draft.finish(inner)?;
        Ok(Archive { contents, size, sha256: hex::encode(sum.finalize()) })
    })
    .await
}

/// Copies an archive whose checksum is known; the copy appears once it is whole.
///
/// # Errors
/// When the archive is not what it was, or the copy cannot be written.
pub async fn copy(from: &Path, to: &Path, sha256: &str) -> io::Result<()> {
    let (from, to, sha256) = (from.to_owned(), to.to_owned(), sha256.to_owned());
    blocking(move || {
        let draft = Draft::begin(&to)?;
        let mut copy = Summing::new(draft.writer()?);
        io::copy(&mut opened(&from)?, &mut copy)?;
        let Summing { inner, sum, .. } = copy;
        if hex::encode(sum.finalize()) != sha256 {
            return Err(changed(&from));
        }
        draft.finish(inner)
    })
    .await
}

/// Writes a small file beside an archive.
///
/// # Errors
/// When it cannot be written.
pub async fn note(path: &Path, text: Vec<u8>) -> io::Result<()> {
    let path = path.to_owned();
    blocking(move || {
        let draft = Draft::begin(&path)?;
        let mut file = draft.writer()?;
        file.write_all(&text)?;
        draft.finish(file)
    })
    .await
}

/// Names of the files in a folder; none if there is no folder.
///
/// # Errors
/// When it cannot be read.
pub async fn names(folder: &Path) -> io::Result<Vec<String>> {
    let folder = folder.to_owned();
    blocking(move || {
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut names = Vec::new();
        for entry in entries {
            names.extend(entry?.file_name().into_string());
        }
        names.sort();
        Ok(names)
    })
    .await
}

/// Makes sure that an archive is what was written.
///
/// # Errors
/// When it is not, or cannot be read.
pub async fn verify(path: &Path, sha256: &str) -> io::Result<()> {
    let (path, sha256) = (path.to_owned(), sha256.to_owned());
    blocking(move || {
        let mut sum = Summing::new(io::sink());
        io::copy(&mut opened(&path)?, &mut sum)?;
        if hex::encode(sum.sum.finalize()) == sha256 { Ok(()) } else { Err(changed(&path)) }
    })
    .await
}

/// Makes sure that nothing in an archive can get anywhere but into the volume it is put into.
///
/// # Errors
/// Which entry could, or why the archive cannot be read.
pub async fn fits(path: &Path) -> io::Result<()> {
    let path = path.to_owned();
    blocking(move || inside::check(GzDecoder::new(BufReader::new(opened(&path)?)))).await
}

/// An archive of ours, or that somebody has put in its place: a link leads elsewhere, and a device or pipe has
/// no end.
fn opened(path: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::LOOP) => return Err(no_file(path)),
        Err(error) => return Err(error.into()),
    };
    if file.metadata()?.is_file() { Ok(file) } else { Err(no_file(path)) }
}

fn no_file(path: &Path) -> io::Error {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    io::Error::new(io::ErrorKind::InvalidData, format!("archive `{name}` is not a file"))
}

/// Writes an archive whose checksum and size are known to a file; it appears once it is whole. What goes on
/// beyond its size is not read.
///
/// # Errors
/// When it breaks off, is not what it was, or cannot be written.
pub async fn save(
    archive: Incoming,
    to: &Path,
    name: &str,
    sha256: &str,
    size: u64,
) -> io::Result<()> {
    let (to, name, sha256) = (to.to_owned(), name.to_owned(), sha256.to_owned());
    blocking(move || {
        let draft = Draft::begin(&to)?;
        let mut copy = Summing::new(draft.writer()?);
        io::copy(&mut archive.reader().take(size.saturating_add(1)), &mut copy)?;
        let Summing { inner, sum, .. } = copy;
        if hex::encode(sum.finalize()) != sha256 {
            return Err(changed(Path::new(&name)));
        }
        draft.finish(inner)
    })
    .await
}

/// An archive is not what was written.
pub(super) fn changed(path: &Path) -> io::Error {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("archive `{name}` is damaged: its checksum is not the one that was noted"),
    )
}

/// The tar in an archive, piece by piece.
pub fn read(path: PathBuf) -> BoxStream<'static, io::Result<Bytes>> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = send(&path, &sender) {
            // Whoever read it is gone: nobody is left to be told.
            let _ = sender.blocking_send(Err(error));
        }
    });
    let next = |mut receiver: mpsc::Receiver<io::Result<Bytes>>| async move {
        receiver.recv().await.map(|piece| (piece, receiver))
    };
    stream::unfold(receiver, next).boxed()
}

fn send(path: &Path, sender: &mpsc::Sender<io::Result<Bytes>>) -> io::Result<()> {
    let mut tar = GzDecoder::new(BufReader::new(opened(path)?));
    loop {
        let mut piece = Vec::with_capacity(PIECE);
        let count = (&mut tar).take(PIECE as u64).read_to_end(&mut piece)?;
        if count == 0 || sender.blocking_send(Ok(piece.into())).is_err() {
            return Ok(());
        }
    }
}

/// Removes an archive; one that is gone is fine.
///
/// # Errors
/// When it is there and cannot be removed.
pub async fn remove(path: &Path) -> io::Result<()> {
    let path = path.to_owned();
    blocking(move || match fs::remove_file(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    })
    .await
}

/// A file that gets its name when it is whole.
struct Draft {
    path: PathBuf,
    part: PathBuf,
}

impl Draft {
    fn begin(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        Ok(Self { path: path.to_owned(), part: part.into() })
    }

    fn writer(&self) -> io::Result<BufWriter<File>> {
        // What an earlier run has left, or somebody has put there, is not written through.
        match fs::remove_file(&self.part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = fs::OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&self.part)?;
        Ok(BufWriter::with_capacity(PIECE, file))
    }

    fn finish(&self, written: BufWriter<File>) -> io::Result<()> {
        written.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(&self.part, &self.path)?;
        match self.path.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // What was cut off is of no use; once it has its name, there is nothing left to remove.
        let _ = fs::remove_file(&self.part);
    }
}
