//! Folders on a real file system: what may be read, and what saving leaves alone.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt, symlink};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::clock::Entropy;

struct Disk {
    _folder: TempDir,
    root: PathBuf,
    folders: Folders,
}

impl Disk {
    /// A directory `stacks` that is allowed, with `blog/compose.yaml` in it, and one beside it that is not.
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("a path");
        std::fs::create_dir_all(root.join("stacks/blog")).expect("made");
        std::fs::create_dir_all(root.join("elsewhere/secret")).expect("made");
        let disk = Self { _folder: folder, folders: Folders::default(), root };
        disk.folders.allow(vec![disk.root.join("stacks")]);
        disk.write("stacks/blog/compose.yaml", "services:\n  web:\n    image: nginx\n");
        disk.write("elsewhere/secret/compose.yaml", "services: {}\n");
        disk
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path(path), text).expect("written");
    }

    fn bytes(&self, path: &str) -> Vec<u8> {
        std::fs::read(self.path(path)).expect("read")
    }

    fn open(&self, path: &str) -> Result<Folder> {
        self.folders.open(self.path(path).to_str().expect("text"))
    }

    fn blog(&self) -> Folder {
        self.open("stacks/blog").expect("a folder")
    }

    fn save(&self, name: &str, edit: Edit<'_>, base: Option<&str>) -> Result<Saved> {
        save(&self.blog(), name, edit, base, &Entropy::seeded(1))
    }

    fn edit(&self, name: &str, text: &str) -> Result<Saved> {
        let base = hash(&self.blog().bytes(name)?);
        self.save(name, Edit::Text(text), Some(&base))
    }

    fn say<T: std::fmt::Debug>(&self, refused: Result<T>) -> String {
        let text = refused.expect_err("it is refused").to_string();
        text.replace(self.root.to_str().expect("text"), "ROOT")
    }

    fn names(&self, path: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(path)).expect("listed");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("one").file_name().to_string_lossy().into()).collect();
        names.sort();
        names
    }
}

#[test]
fn only_folders_below_the_allowed_directories_are_opened() {
    let disk = Disk::new();
    symlink(disk.path("elsewhere/secret"), disk.path("stacks/way-out")).expect("a link");
    symlink("blog", disk.path("stacks/same")).expect("a link");
    disk.write("stacks/file", "");
    assert_eq!(disk.blog().given, disk.path("stacks/blog"));
    assert!(disk.open("stacks/same").is_ok(), "a link may lead to another folder that is allowed");
    let not_below = "does not lie below `ROOT/stacks`, which may be used";
    for (path, expect) in [
        ("stacks", format!("`ROOT/stacks` {not_below}")),
        ("elsewhere/secret", format!("`ROOT/elsewhere/secret` {not_below}")),
        ("elsewhere/nothing", format!("`ROOT/elsewhere/nothing` {not_below}")),
        ("stacks/way-out", format!("`ROOT/stacks/way-out` {not_below}")),
        (
            "stacks/../elsewhere/secret",
            "`ROOT/stacks/../elsewhere/secret` is no absolute path of a directory without `..`"
                .into(),
        ),
        ("stacks/nothing", "the directory `ROOT/stacks/nothing` is not there".into()),
        ("stacks/file", "`ROOT/stacks/file` is no directory".into()),
    ] {
        assert_eq!(disk.say(disk.open(path)), expect);
    }
    assert!(matches!(disk.folders.open("blog"), Err(Refused::Outside(_))));
    disk.folders.allow(Vec::new());
    let none =
        "`ROOT/stacks/blog` may not be used: the option `stacks.directories` allows no directory";
    assert_eq!(disk.say(disk.open("stacks/blog")), none);
}

#[test]
fn files_outside_are_not_read_whatever_names_them() {
    let disk = Disk::new();
    disk.write("elsewhere/secret/key", "hush");
    std::fs::create_dir(disk.path("stacks/shared")).expect("made");
    disk.write("stacks/shared/common.env", "A=1\n");
    symlink("../shared/common.env", disk.path("stacks/blog/common.env")).expect("a link");
    symlink(disk.path("stacks/shared"), disk.path("stacks/blog/folder")).expect("a link");
    symlink(disk.path("elsewhere/secret/key"), disk.path("stacks/blog/stolen")).expect("a link");
    symlink(disk.path("elsewhere"), disk.path("stacks/blog/way-out")).expect("a link");
    symlink("nowhere", disk.path("stacks/blog/dangling")).expect("a link");
    let fifo = rustix::fs::FileType::Fifo;
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, disk.path("stacks/blog/pipe"), fifo, mode, 0)
        .expect("a pipe");
    disk.write("stacks/blog/large", vec![b'x'; MAX_FILE_BYTES as usize + 1]);
    let blog = disk.blog();
    for name in ["common.env", "folder/common.env", "./common.env"] {
        assert_eq!(blog.bytes(name).expect("it lies in the directory"), b"A=1\n", "{name}");
    }
    let own = disk.path("stacks/blog/compose.yaml");
    assert!(blog.bytes(own.to_str().expect("text")).is_ok());
    let outside = "lies outside of the stack's directory";
    let link = "is a link out of the directories that may be used";
    for (name, expect) in [
        ("../shared/common.env", format!("file `../shared/common.env` {outside}")),
        ("a/../../shared/common.env", format!("file `a/../../shared/common.env` {outside}")),
        ("/etc/shadow", format!("file `/etc/shadow` {outside}")),
        ("", format!("file `` {outside}")),
        ("stolen", format!("file `stolen` {link}")),
        ("way-out/secret/key", format!("file `way-out/secret/key` {link}")),
        ("dangling", "file `dangling` does not exist".to_owned()),
        ("pipe", "`pipe` is no ordinary file".to_owned()),
        ("folder", "`folder` is no ordinary file".to_owned()),
        ("large", "file `large` is larger than 4 MiB".to_owned()),
    ] {
        assert_eq!(disk.say(blog.bytes(name)), expect);
        assert_ne!(disk.say(disk.save(name, Edit::Text("x"), Some(&hash(b"hush")))), "", "{name}");
    }
    assert_eq!(disk.bytes("elsewhere/secret/key"), b"hush");
}

/// A link that is put in the way after the path was resolved leads nowhere.
#[test]
fn a_link_that_comes_later_is_not_followed() {
    let disk = Disk::new();
    std::fs::create_dir(disk.path("stacks/blog/conf")).expect("made");
    disk.write("stacks/blog/conf/a.env", "A=1\n");
    disk.write("elsewhere/secret/a.env", "hush");
    let place = disk.blog().place("conf/a.env").expect("a place");
    std::fs::rename(disk.path("stacks/blog/conf"), disk.path("stacks/blog/old")).expect("moved");
    symlink(disk.path("elsewhere/secret"), disk.path("stacks/blog/conf")).expect("a link");
    assert!(place.open(rustix::fs::OFlags::RDONLY, "conf/a.env").is_err());
}

#[test]
fn a_project_is_read_with_what_it_names() {
    let disk = Disk::new();
    let text = "services:\n  web:\n    image: nginx:${TAG}\n    env_file: [web.env, ../up.env]\n";
    disk.write("stacks/blog/compose.yaml", text);
    disk.write("stacks/blog/.env", "TAG=1\nHUSH=2\n");
    disk.write("stacks/blog/web.env", "B=2\n");
    disk.write("stacks/up.env", "C=3\n");
    disk.write("stacks/blog/compose.override.yaml", "services: {}\n");
    let wanted = Wanted::default();
    let files = read(&disk.blog(), &wanted).expect("read");
    let named: Vec<&str> = files.named.keys().map(String::as_str).collect();
    let compose: Vec<&str> = files.compose.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(
        (compose, named),
        (vec!["compose.yaml", "compose.override.yaml"], vec![".env", "web.env"])
    );
    let same = read(&disk.blog(), &wanted).expect("read");
    assert_eq!(files.fingerprint, same.fingerprint);
    for (path, text) in [("stacks/blog/.env", "TAG=2\n"), ("stacks/blog/web.env", "B=3\n")] {
        let before = read(&disk.blog(), &wanted).expect("read").fingerprint;
        disk.write(path, text);
        assert_ne!(read(&disk.blog(), &wanted).expect("read").fingerprint, before, "{path}");
    }
    disk.write("stacks/blog/data", "unrelated");
    let before = read(&disk.blog(), &wanted).expect("read").fingerprint;
    disk.write("stacks/blog/data", "changed");
    assert_eq!(read(&disk.blog(), &wanted).expect("read").fingerprint, before);
    let unsaved = [("compose.yaml".to_owned(), b"services: {}\n".to_vec())].into();
    let tried = read(&disk.blog(), &Wanted { unsaved, ..Wanted::default() }).expect("read");
    assert_eq!(tried.compose[0].text, b"services: {}\n");
    std::fs::remove_file(disk.path("stacks/blog/compose.yaml")).expect("removed");
    let gone = disk.say(read(&disk.blog(), &wanted));
    assert_eq!(gone, "the directory `ROOT/stacks/blog` has no compose file");
}

#[test]
fn candidates_are_the_folders_with_a_compose_file() {
    let disk = Disk::new();
    for folder in ["stacks/deep/er", "stacks/.hidden", "stacks/empty"] {
        std::fs::create_dir_all(disk.path(folder)).expect("made");
    }
    disk.write("stacks/deep/er/docker-compose.yml", "services: {}\n");
    disk.write("stacks/.hidden/compose.yaml", "services: {}\n");
    disk.write("stacks/compose.yaml", "services: {}\n");
    symlink(disk.path("elsewhere/secret"), disk.path("stacks/way-out")).expect("a link");
    let found = disk.folders.candidates();
    let found: Vec<(String, String)> = found
        .into_iter()
        .map(|one| {
            (one.directory.replace(disk.root.to_str().expect("text"), ""), one.files.join(" "))
        })
        .collect();
    let expect = [("/stacks/blog", "compose.yaml"), ("/stacks/deep/er", "docker-compose.yml")];
    assert_eq!(found, expect.map(|(folder, file)| (folder.to_owned(), file.to_owned())));
}

#[test]
fn saving_keeps_owner_mode_and_attributes() {
    let disk = Disk::new();
    let path = disk.path("stacks/blog/.env");
    disk.write("stacks/blog/.env", "A=1\r\nB=2\r\n");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).expect("a mode");
    let root = rustix::process::geteuid().is_root();
    if root {
        std::os::unix::fs::chown(&path, Some(1234), Some(4321)).expect("an owner");
    }
    let file = std::fs::File::open(&path).expect("open");
    let flags = rustix::fs::XattrFlags::empty();
    let attributes = rustix::fs::fsetxattr(&file, "user.note", b"mine", flags).is_ok();
    let before = std::fs::metadata(&path).expect("facts");
    let saved = disk.edit(".env", "A=1\nB=3\n").expect("saved");
    let after = std::fs::metadata(&path).expect("facts");
    assert_eq!(disk.bytes("stacks/blog/.env"), b"A=1\r\nB=3\r\n");
    assert_eq!(saved, Saved { hash: hash(b"A=1\r\nB=3\r\n"), changed: true });
    assert_eq!(
        (after.uid(), after.gid(), after.mode()),
        (before.uid(), before.gid(), before.mode())
    );
    assert!(!root || (after.uid(), after.gid()) == (1234, 4321));
    assert_ne!(after.ino(), before.ino(), "a new file took its place at once");
    if attributes {
        let file = std::fs::File::open(&path).expect("open");
        let mut value = vec![0; 64];
        let length =
            rustix::fs::fgetxattr(&file, "user.note", value.as_mut_slice()).expect("a value");
        assert_eq!(&value[..length], b"mine");
    }
    assert_eq!(disk.names("stacks/blog"), [".env", "compose.yaml"], "nothing is left over");
}

#[test]
fn what_a_new_file_would_lose_is_written_in_place() {
    let disk = Disk::new();
    disk.write("stacks/blog/one.env", "A=1\n");
    std::fs::hard_link(disk.path("stacks/blog/one.env"), disk.path("stacks/two.env"))
        .expect("a name");
    let before = std::fs::metadata(disk.path("stacks/blog/one.env")).expect("facts");
    disk.edit("one.env", "A=2, and longer\n").expect("saved");
    assert_eq!(disk.bytes("stacks/two.env"), b"A=2, and longer\n");
    disk.edit("one.env", "A\n").expect("saved");
    assert_eq!(disk.bytes("stacks/two.env"), b"A\n");
    let after = std::fs::metadata(disk.path("stacks/blog/one.env")).expect("facts");
    assert_eq!((before.ino(), before.mode()), (after.ino(), after.mode()));

    // A link stays one; what it leads to is saved.
    disk.write("stacks/common.env", "A=1\n");
    symlink("../common.env", disk.path("stacks/blog/link.env")).expect("a link");
    disk.edit("link.env", "A=2\n").expect("saved");
    assert_eq!(disk.bytes("stacks/common.env"), b"A=2\n");
    assert!(disk.path("stacks/blog/link.env").is_symlink());
}

#[test]
fn what_has_changed_meanwhile_is_not_overwritten() {
    let disk = Disk::new();
    disk.write("stacks/blog/.env", "A=1\n");
    let read = hash(b"A=1\n");
    disk.write("stacks/blog/.env", "A=theirs\n");
    let refused = disk.save(".env", Edit::Text("A=mine\n"), Some(&read));
    assert!(matches!(&refused, Err(Refused::Changed(_))), "{refused:?}");
    assert_eq!(disk.bytes("stacks/blog/.env"), b"A=theirs\n");
    std::fs::remove_file(disk.path("stacks/blog/.env")).expect("removed");
    let refused = disk.save(".env", Edit::Text("A=mine\n"), Some(&read));
    assert_eq!(refused, Err(Refused::Changed("file `.env` is no longer there".to_owned())));
    let saved = disk.save(".env", Edit::Text("A=new\n"), None).expect("made");
    assert!(saved.changed);
    let facts = std::fs::metadata(disk.path("stacks/blog/.env")).expect("facts");
    assert_eq!(facts.mode() & 0o777, 0o600, "variables are for the owner's eyes");
    let again = disk.save(".env", Edit::Text("A=again\n"), None);
    assert!(matches!(again, Err(Refused::Changed(_))));
    assert!(disk.save("a/b", Edit::Text(""), None).is_err(), "no folders are made");
    disk.write("stacks/blog/bytes", b"\xff\xfe");
    assert_eq!(disk.edit("bytes", "x"), Err(Refused::Unfit("file `bytes` is no text".to_owned())));
    let exact = disk.save("bytes", Edit::Bytes(b"\xff"), Some(&hash(b"\xff\xfe")));
    assert!(exact.is_ok() && disk.bytes("stacks/blog/bytes") == b"\xff");
}

#[test]
fn a_file_that_stays_the_same_is_not_written() {
    let disk = Disk::new();
    let before = std::fs::metadata(disk.path("stacks/blog/compose.yaml")).expect("facts");
    let text = String::from_utf8(disk.bytes("stacks/blog/compose.yaml")).expect("text");
    assert!(!disk.edit("compose.yaml", &text).expect("saved").changed);
    let after = std::fs::metadata(disk.path("stacks/blog/compose.yaml")).expect("facts");
    assert_eq!((before.ino(), before.mtime_nsec()), (after.ino(), after.mtime_nsec()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Files of any content, edited anywhere, on a real disk.
    #[test]
    fn a_saved_file_differs_in_the_edit_only(
        lines in prop::collection::vec("[a-z: \u{e4}]{0,8}(\n|\r\n)", 1..12),
        marked in any::<bool>(),
        line in any::<prop::sample::Index>(),
        typed in "[a-z\u{20ac}]{1,6}",
        end in "[a-z]{0,3}",
    ) {
        let disk = Disk::new();
        let mark = if marked { "\u{feff}" } else { "" };
        let at = line.index(lines.len());
        let (front, back) = (lines[..at].concat(), lines[at..].concat());
        let original = format!("{mark}{front}{back}{end}");
        disk.write("stacks/blog/.env", &original);
        let edited = format!("{}{typed}{}{end}", front.replace("\r\n", "\n"), back.replace("\r\n", "\n"));
        disk.edit(".env", &edited).expect("saved");
        let saved = String::from_utf8(disk.bytes("stacks/blog/.env")).expect("text");
        prop_assert_eq!(saved, format!("{mark}{front}{typed}{back}{end}"));
    }
}
