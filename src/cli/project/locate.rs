//! Which files a project is made of, looked for as Docker Compose does.

use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use super::super::Result;
use super::super::args::Files;
use super::super::failure::Failure;
use super::super::settings::Settings;
use super::read_compose;
use crate::compose::{ComposeFile, layout};
use crate::folder::MAX_FILE_BYTES;

/// The files of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// Absolute path of the folder that paths in the files start from.
    pub folder: PathBuf,
    /// The folder as messages show it: from where the program was started.
    pub prefix: PathBuf,
    /// The compose files, each laid over the ones before, named relative to `folder`.
    pub files: Vec<ComposeFile>,
    /// Rancher's own file.
    pub rancher: Option<ComposeFile>,
}

impl Located {
    /// A file as the person would name it.
    pub fn shown(&self, file: &str) -> String {
        tidy(&self.prefix.join(file)).display().to_string()
    }
}

/// Finds and reads the files that the arguments mean.
///
/// # Errors
/// When there is none, or one cannot be read.
pub fn locate(settings: &Settings, args: &Files) -> Result<Located> {
    let mut said = args.files.clone();
    if said.is_empty()
        && let Some(list) = settings.around.var("COMPOSE_FILE")
    {
        said = list.split(':').filter(|part| !part.is_empty()).map(PathBuf::from).collect();
    }
    let (folder, names) = match said.first() {
        None => look_up(&settings.folder)?,
        Some(first) if first.as_os_str() == "-" => (settings.folder.clone(), said),
        Some(first) => {
            let first = tidy(&settings.absolute(first));
            let folder = first.parent().unwrap_or(Path::new("/")).to_owned();
            (folder, said.iter().map(|file| relative_to_start(settings, file)).collect())
        }
    };
    let mut files = Vec::new();
    for file in names {
        files.push(match file.as_os_str() == "-" {
            true => from_standard_input()?,
            false => {
                let path = tidy(&folder.join(&file));
                read_compose(&path, name_in(&folder, &path))?
            }
        });
    }
    let rancher = layout::rancher_file(|name| folder.join(name).is_file());
    let rancher = rancher
        .map(|name| folder.join(name))
        .map(|path| read_compose(&path, name_in(&folder, &path)))
        .transpose()?;
    let prefix = prefix(&settings.folder, &folder);
    Ok(Located { folder, prefix, files, rancher })
}

/// A file on the command line is meant from the folder the program was started in.
fn relative_to_start(settings: &Settings, file: &Path) -> PathBuf {
    match file.as_os_str() == "-" {
        true => file.to_owned(),
        false => settings.absolute(file),
    }
}

/// The nearest folder with a compose file, from `start` upwards, and the files in it.
fn look_up(start: &Path) -> Result<(PathBuf, Vec<PathBuf>)> {
    for folder in start.ancestors() {
        let names = layout::compose_files(|name| folder.join(name).is_file());
        if !names.is_empty() {
            return Ok((folder.to_owned(), names.into_iter().map(PathBuf::from).collect()));
        }
    }
    Err(Failure::usage(format!(
        "there is no {} here or in a folder above",
        layout::COMPOSE.join(", ")
    ))
    .hint("name one with -f FILE"))
}

fn from_standard_input() -> Result<ComposeFile> {
    let mut text = Vec::new();
    let read = std::io::stdin().take(MAX_FILE_BYTES + 1).read_to_end(&mut text);
    read.map_err(|error| Failure::new(format!("cannot read standard input: {error}")))?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(Failure::usage("the compose file on standard input is larger than 4 MiB"));
    }
    Ok(ComposeFile::new("compose.yaml", text))
}

/// A file's name for the project: relative to its folder, with `..` where it lies elsewhere.
fn name_in(folder: &Path, path: &Path) -> String {
    let mut up = PathBuf::new();
    for above in folder.ancestors() {
        if let Ok(rest) = path.strip_prefix(above) {
            return up.join(rest).display().to_string();
        }
        up.push("..");
    }
    path.display().to_string()
}

/// How the folder is shown to someone in `start`.
fn prefix(start: &Path, folder: &Path) -> PathBuf {
    match folder.strip_prefix(start) {
        Ok(rest) => rest.to_owned(),
        Err(_) => folder.to_owned(),
    }
}

/// A path without `.` and `a/..`; links are not followed.
pub fn tidy(path: &Path) -> PathBuf {
    let mut parts: Vec<Component<'_>> = Vec::new();
    for part in path.components() {
        match (part, parts.last()) {
            (Component::CurDir, _) | (Component::ParentDir, Some(Component::RootDir)) => {}
            (Component::ParentDir, Some(Component::Normal(_))) => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Surroundings;
    use expect_test::{Expect, expect};
    use tempfile::TempDir;

    fn tree(files: &[&str]) -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            let path = dir.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, format!("# {file}")).unwrap();
        }
        dir
    }

    fn check(files: &[&str], start: &str, said: &[&str], expect: Expect) {
        let dir = tree(files);
        let root = dir.path().canonicalize().unwrap();
        let folder = tidy(&root.join(start));
        std::fs::create_dir_all(&folder).unwrap();
        let settings = Settings { folder, around: Surroundings::default(), ..Settings::default() };
        let args = Files { files: said.iter().map(PathBuf::from).collect(), ..Files::default() };
        let text = match locate(&settings, &args) {
            Ok(found) => {
                let texts = found.files.iter().chain(&found.rancher);
                let names: Vec<String> = texts
                    .map(|file| format!("{} ({})", file.name, found.shown(&file.name)))
                    .collect();
                format!("{} in {}", names.join(", "), found.folder.display())
            }
            Err(failure) => format!("{} {failure}", failure.exit.code()),
        };
        expect.assert_eq(&text.replace(&root.display().to_string(), "ROOT"));
    }

    #[test]
    fn the_compose_file_is_looked_for_upwards() {
        check(
            &[
                "app/compose.yaml",
                "app/docker-compose.yml",
                "app/compose.override.yml",
                "app/a/b/x",
            ],
            "app/a/b",
            &[],
            expect![[
                "compose.yaml (ROOT/app/compose.yaml), compose.override.yml (ROOT/app/compose.override.yml) in ROOT/app"
            ]],
        );
        check(
            &["docker-compose.yml", "rancher-compose.yml"],
            "",
            &[],
            expect![[
                "docker-compose.yml (docker-compose.yml), rancher-compose.yml (rancher-compose.yml) in ROOT"
            ]],
        );
    }

    #[test]
    fn named_files_set_the_folder() {
        check(
            &["app/one.yaml", "app/sub/two.yaml", "three.yaml", "app/rancher-compose.yml"],
            "",
            &["./app/one.yaml", "app/sub/two.yaml", "three.yaml"],
            expect![[
                "one.yaml (app/one.yaml), sub/two.yaml (app/sub/two.yaml), ../three.yaml (three.yaml), rancher-compose.yml (app/rancher-compose.yml) in ROOT/app"
            ]],
        );
        check(&["x/y.yaml"], "x/z", &["../y.yaml"], expect![["y.yaml (ROOT/x/y.yaml) in ROOT/x"]]);
    }

    #[test]
    fn files_that_cannot_be_read_are_usage_errors() {
        check(
            &[],
            "",
            &["none.yaml"],
            expect!["2 cannot read ROOT/none.yaml: No such file or directory (os error 2)"],
        );
        check(&["folder/x"], "", &["folder"], expect!["2 ROOT/folder is not a file"]);
    }
}
