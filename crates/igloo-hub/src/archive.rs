//! The archive of a package: files that its executable needs, as an uncompressed tar (POSIX.1-2017, pax, "ustar").
//!
//! It comes from an author and is hostile. So it has regular files alone, each at a relative path without `..`, once; no
//! links, no devices, nothing sparse. Nothing is compressed: what it takes on the disk is what was sent, whose size is
//! bounded, and the number of files is bounded here. What is unpacked is read-only, and is checked against its digest
//! before it is run, as an executable is.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Component, Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

/// Files in an archive. Python's largest libraries have some thousands.
const FILES: usize = 32 * 1024;
/// Bytes of a path in it.
const PATH_BYTES: usize = 512;
/// Folders above a file in it.
const DEPTH: usize = 32;

/// A file in an archive.
struct File<'a> {
    content: &'a [u8],
    executable: bool,
}

/// What an archive has, by path, or why it is refused.
fn read(archive: &[u8]) -> Result<BTreeMap<PathBuf, File<'_>>, String> {
    let mut files = BTreeMap::new();
    let unreadable = |error: io::Error| format!("no tar archive: {error}");
    for entry in tar::Archive::new(archive).entries().map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path().map_err(unreadable)?.into_owned();
        let shown = path.to_string_lossy().escape_debug().to_string();
        let kind = entry.header().entry_type();
        check_path(&path).map_err(|why| format!("'{shown}' {why}"))?;
        if kind.is_dir() {
            continue;
        }
        if kind != tar::EntryType::Regular {
            return Err(format!("'{shown}' is no regular file"));
        }
        let mode = entry.header().mode().map_err(unreadable)?;
        let begin = usize::try_from(entry.raw_file_position()).ok();
        let end = begin.zip(usize::try_from(entry.size()).ok()).and_then(|(begin, size)| begin.checked_add(size));
        let content = begin.zip(end).and_then(|(begin, end)| archive.get(begin..end));
        let content = content.ok_or_else(|| format!("'{shown}' goes beyond the archive's end"))?;
        if files.insert(path, File { content, executable: mode & 0o100 != 0 }).is_some() {
            return Err(format!("'{shown}' is there twice"));
        }
        if files.len() > FILES {
            return Err(format!("it has more than {FILES} files"));
        }
    }
    let above = |path: &Path| path.ancestors().skip(1).any(|above| files.contains_key(above));
    match files.keys().find(|path| above(path)) {
        Some(path) => Err(format!("'{}' is below a file", path.to_string_lossy().escape_debug())),
        None => Ok(files),
    }
}

fn check_path(path: &Path) -> Result<(), &'static str> {
    let mut parts = path.components();
    if path.as_os_str().len() > PATH_BYTES || parts.clone().count() > DEPTH {
        return Err("is too long a path");
    }
    // A folder's `.` is none of its files.
    if !parts.all(|part| matches!(part, Component::Normal(_))) || path.as_os_str().is_empty() {
        return Err("is not a path inside the archive");
    }
    Ok(())
}

/// The digest of what an archive has, once it is seen to be one that can be unpacked.
pub(crate) fn digest(archive: &[u8]) -> Result<String, String> {
    let mut digest = Tree::default();
    for (path, File { content, executable }) in read(archive)? {
        digest.add(&path, executable, content.len() as u64);
        digest.0.update(content);
    }
    Ok(digest.end())
}

/// Unpacks an archive into a folder that is not there yet. Durable when it returns.
pub(crate) fn unpack(archive: &[u8], folder: &Path) -> io::Result<()> {
    let files = read(archive).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    let mut folders = BTreeSet::from([folder.to_owned()]);
    folders.extend(files.keys().flat_map(|path| path.ancestors().skip(1)).map(|above| folder.join(above)));
    for path in &folders {
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists || path == folder => return Err(error),
            _ => {}
        }
    }
    for (path, File { content, executable }) in files {
        let mode = if executable { 0o500 } else { 0o400 };
        let mut file = OpenOptions::new().create_new(true).write(true).mode(mode).open(folder.join(path))?;
        file.write_all(content)?;
        file.sync_all()?;
    }
    folders.iter().try_for_each(|path| fs::File::open(path)?.sync_all())
}

/// Whether a folder still has what was unpacked; if not, why it cannot be used.
pub(crate) fn check(folder: &Path, wanted: &str) -> Result<(), String> {
    let unreadable = |error: io::Error| format!("{}: {error}", folder.display());
    let mut files = BTreeMap::new();
    list(folder, folder, &mut files).map_err(unreadable)?;
    let mut digest = Tree::default();
    for (inside, path) in files {
        let mut file = fs::File::open(&path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        digest.add(&inside, metadata.permissions().mode() & 0o100 != 0, metadata.len());
        io::copy(&mut file, &mut digest.0).map_err(unreadable)?;
    }
    if digest.end() != wanted {
        return Err(format!("{} is not what was installed: install the package again", folder.display()));
    }
    Ok(())
}

fn list(root: &Path, folder: &Path, files: &mut BTreeMap<PathBuf, PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            list(root, &path, files)?;
        } else {
            files.insert(path.strip_prefix(root).unwrap_or(&path).to_owned(), path);
        }
    }
    Ok(())
}

/// A digest of files, in the order of their paths. Lengths keep the parts apart.
#[derive(Default)]
struct Tree(Sha256);

impl Tree {
    /// A file, whose content follows.
    fn add(&mut self, path: &Path, executable: bool, size: u64) {
        let path = path.as_os_str().as_encoded_bytes();
        self.0.update((path.len() as u64).to_le_bytes());
        self.0.update(path);
        self.0.update([u8::from(executable)]);
        self.0.update(size.to_le_bytes());
    }

    fn end(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tar::{Builder, EntryType, Header};

    use super::*;

    fn archive(entries: &[(&str, EntryType, u32, &[u8])]) -> Vec<u8> {
        let mut builder = Builder::new(Vec::new());
        for (path, kind, mode, content) in entries {
            let mut header = Header::new_gnu();
            // Not `set_path`, which refuses what is to be refused here.
            header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
            header.set_entry_type(*kind);
            header.set_mode(*mode);
            header.set_size(content.len() as u64);
            if !matches!(kind, EntryType::Regular | EntryType::Directory) {
                header.set_link_name("/etc/passwd").unwrap();
            }
            header.set_cksum();
            builder.append(&header, *content).unwrap();
        }
        builder.into_inner().unwrap()
    }

    #[test]
    fn unpacked_read_only_and_checked() {
        let room = tempfile::tempdir().unwrap();
        let folder = room.path().join("files");
        let bytes = archive(&[
            ("a", EntryType::Directory, 0o777, b""),
            ("a/b/x.so", EntryType::Regular, 0o755, b"native"),
            ("y.py", EntryType::Regular, 0o666, b"text"),
        ]);
        unpack(&bytes, &folder).unwrap();
        let mode = |path: &str| fs::metadata(folder.join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("a/b/x.so"), mode("y.py"), mode("a")), (0o500, 0o400, 0o700));
        let wanted = digest(&bytes).unwrap();
        check(&folder, &wanted).unwrap();
        fs::write(folder.join("z"), "").unwrap();
        assert!(check(&folder, &wanted).unwrap_err().contains("not what was installed"));
    }

    #[test]
    fn what_leads_elsewhere_is_refused() {
        let kinds = [
            EntryType::Symlink,
            EntryType::Link,
            EntryType::Char,
            EntryType::Block,
            EntryType::Fifo,
            EntryType::GNUSparse,
            EntryType::Continuous,
        ];
        for kind in kinds {
            assert!(digest(&archive(&[("x", kind, 0o644, b"")])).is_err(), "{kind:?}");
        }
        for path in ["../x", "/x", "a/../../x", "", ".", &"a/".repeat(40)] {
            assert!(digest(&archive(&[(path, EntryType::Regular, 0o644, b"")])).is_err(), "{path}");
        }
        let file = |path| (path, EntryType::Regular, 0o644, &b""[..]);
        assert!(digest(&archive(&[file("x"), file("x")])).unwrap_err().contains("twice"));
        assert!(digest(&archive(&[file("x"), file("x/y")])).unwrap_err().contains("below a file"));
        let mut cut = archive(&[("x", EntryType::Regular, 0o644, &[1; 2000])]);
        cut.truncate(1000);
        assert!(digest(&cut).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>, at in 0_usize..1536, byte: u8) {
            let _ = digest(&bytes);
            let mut one = archive(&[("a/b", EntryType::Regular, 0o644, b"content")]);
            one[at % 1024] = byte;
            let room = tempfile::tempdir().unwrap();
            let folder = room.path().join("files");
            if let Ok(wanted) = digest(&one) {
                unpack(&one, &folder).unwrap();
                check(&folder, &wanted).unwrap();
            }
        }
    }
}
