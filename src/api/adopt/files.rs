//! The files of a compose project that runs on this machine.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use crate::compose::{self, ComposeFile, Input, LoadError, Recorder};
use crate::controller::adopt::Running;
use crate::controller::deploy::Request;

/// Largest file that is read.
const MAX_FILE_BYTES: u64 = 4 << 20;
/// Where the variables are that every compose file sees.
const DOTENV: &str = ".env";
/// What the address of an engine of this machine begins with.
const HERE: &str = "unix:";

/// The folder and the compose files of a project, if they are on this machine.
pub fn place(running: &Running) -> Result<(PathBuf, Vec<PathBuf>), String> {
    let here = running.host.str("engineUrl").is_some_and(|url| url.starts_with(HERE));
    if !here {
        return Err("its files are on another machine".to_owned());
    }
    let first = running.files.first().ok_or("its containers do not say where its files are")?;
    let parent = || Path::new(first).parent().map(Path::to_owned);
    let folder = running.folder.as_ref().map(PathBuf::from).or_else(parent);
    let folder = folder.filter(|folder| folder.is_absolute());
    let folder = folder.ok_or("its containers do not say where its folder is")?;
    Ok((folder.clone(), running.files.iter().map(|file| folder.join(file)).collect()))
}

/// What the project's files say, as the request of whoever would deploy them; why they cannot be read.
pub async fn read(running: &Running) -> Result<Request, String> {
    let (folder, files) = place(running)?;
    let name = compose::stack_name(&running.project);
    let env_files: Vec<PathBuf> = running.env_files.iter().map(|file| folder.join(file)).collect();
    let read = move || request(name, &folder, &files, &env_files);
    let done = tokio::task::spawn_blocking(read).await;
    done.unwrap_or_else(|error| Err(error.to_string()))
}

fn request(
    name: String,
    folder: &Path,
    files: &[PathBuf],
    env_files: &[PathBuf],
) -> Result<Request, String> {
    let mut texts = Vec::new();
    for path in files {
        let shown = path.strip_prefix(folder).unwrap_or(path).to_string_lossy().into_owned();
        texts.push(ComposeFile::new(shown, limited(path).map_err(|why| why.of(path))?));
    }
    let mut dotenv = Vec::new();
    for path in env_files {
        dotenv.extend(limited(path).map_err(|why| why.of(path))?);
        dotenv.push(b'\n');
    }
    let root = folder.to_owned();
    let own = !env_files.is_empty();
    let mut recorder = Recorder::new(move |path: &str| match own && path == DOTENV {
        true => Ok(dotenv.clone()),
        false => limited(&root.join(path)).map_err(|why| why.of_named(path)),
    });
    let shown = folder.to_string_lossy().into_owned();
    let input = Input {
        files: texts.clone(),
        project_dir: Some(&shown),
        project_name: Some(&name),
        ..Input::default()
    };
    let mut load = |path: &str| recorder.load(path);
    // What it means is asked for again where it is used; this is for what it reads.
    compose::parse(&input, &mut load);
    let mut texts = texts.into_iter();
    let first = texts.next().ok_or("it has no compose file")?;
    let text = String::from_utf8(first.text).map_err(|_| format!("{} is not text", first.name))?;
    Ok(Request {
        name: Some(name),
        docker_compose: text,
        overlays: texts.collect(),
        environment: BTreeMap::new(),
        files: recorder.into_files(),
        project_dir: Some(shown),
        ..Request::default()
    })
}

/// Why a file was not read.
enum Unread {
    Io(std::io::Error),
    Not(&'static str),
}

impl Unread {
    fn words(&self) -> String {
        match self {
            Self::Io(error) => format!("cannot be read: {error}"),
            Self::Not(what) => (*what).to_owned(),
        }
    }

    fn of(&self, path: &Path) -> String {
        format!("{} {}", path.display(), self.words())
    }

    fn of_named(self, path: &str) -> LoadError {
        let absent = matches!(
            &self,
            Self::Io(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
        );
        match absent {
            true => LoadError::NotFound(path.to_owned()),
            false => LoadError::Refused(path.to_owned(), self.words()),
        }
    }
}

/// Reads an ordinary file of bounded size: a pipe or device could keep us for ever.
fn limited(path: &Path) -> Result<Vec<u8>, Unread> {
    if !std::fs::metadata(path).map_err(Unread::Io)?.is_file() {
        return Err(Unread::Not("is not a file"));
    }
    let file = std::fs::File::open(path).map_err(Unread::Io)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(Unread::Io)?;
    match bytes.len() as u64 > MAX_FILE_BYTES {
        true => Err(Unread::Not("is larger than 4 MiB")),
        false => Ok(bytes),
    }
}
