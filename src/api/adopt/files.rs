//! The files of a compose project that runs on this machine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::compose::{self, ComposeFile, Input, Recorder};
use crate::controller::adopt::Running;
use crate::controller::deploy::Request;
use crate::folder::ordinary;

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
        texts.push(ComposeFile::new(shown, bytes(path)?));
    }
    let mut dotenv = Vec::new();
    for path in env_files {
        dotenv.extend(bytes(path)?);
        dotenv.push(b'\n');
    }
    let root = folder.to_owned();
    let own = !env_files.is_empty();
    let mut recorder = Recorder::new(move |path: &str| match own && path == DOTENV {
        true => Ok(dotenv.clone()),
        false => ordinary(&root.join(path)).map_err(|why| why.named(path)),
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

fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    ordinary(path).map_err(|why| format!("{} {}", path.display(), why.words()))
}
