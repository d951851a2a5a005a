//! A package's files on the disk: `packages/HASH/igloo.toml`, `component.wasm`, `executable`, and `files/` of its archive.
//!
//! A package's directory appears whole and durable, or not at all. All of this blocks.

use std::{
    collections::HashSet,
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::{
    archive,
    directory::{make_private, sync},
    info::PackageId,
};

/// The largest size of a component, an executable or an archive in bytes.
pub(crate) const FILE_BYTES: usize = 256 << 20;

const COMPONENT: &str = "component.wasm";
const EXECUTABLE: &str = "executable";
/// What the executable needs, beside it: the folder that a sandbox shows is the package's own.
const FILES: &str = "files";
const MANIFEST: &str = "igloo.toml";
/// Directories that are being made begin with it; a hash never does.
const UNFINISHED: &str = "new-";

/// The SHA-256 of bytes, as hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// What a package's engines run. At least one of them is there.
#[derive(Clone, Debug, Default)]
pub struct PackageFiles {
    /// The WebAssembly component.
    pub component: Option<Vec<u8>>,
    /// The native executable.
    pub executable: Option<Vec<u8>>,
    /// An archive of files that the executable needs, uncompressed tar.
    pub files: Option<Vec<u8>>,
}

/// A package of a component alone.
impl From<Vec<u8>> for PackageFiles {
    fn from(component: Vec<u8>) -> Self {
        Self { component: Some(component), ..Self::default() }
    }
}

impl PackageFiles {
    /// Bytes of all.
    pub(crate) fn size(&self) -> u64 {
        [&self.component, &self.executable, &self.files].into_iter().flatten().map(|file| file.len() as u64).sum()
    }
}

/// A package's identity. The parts' lengths keep them apart. A component alone is hashed as it was before there were
/// executables or archives, so such a package is what it was.
pub(crate) fn identify(manifest: &str, files: &PackageFiles) -> PackageId {
    let mut hash = Sha256::new();
    hash.update(match (&files.files, &files.executable) {
        (None, None) => b"igloo package 1\0",
        (None, Some(_)) => b"igloo package 2\0",
        (Some(_), _) => b"igloo package 3\0",
    });
    hash.update((manifest.len() as u64).to_le_bytes());
    hash.update(manifest);
    if let Some(executable) = &files.executable {
        hash.update((executable.len() as u64).to_le_bytes());
        hash.update(executable);
        hash.update([u8::from(files.component.is_some())]);
    }
    if let Some(archive) = &files.files {
        hash.update((archive.len() as u64).to_le_bytes());
        hash.update(archive);
    }
    hash.update(files.component.as_deref().unwrap_or_default());
    PackageId(hexadecimal(&hash.finalize()))
}

/// Whether a file still has the content that was installed; if not, why it cannot be used. Nothing is read into memory
/// at once.
pub(crate) fn check(path: &Path, wanted: &str) -> Result<(), String> {
    let mut hash = Sha256::new();
    fs::File::open(path)
        .and_then(|mut file| io::copy(&mut file, &mut hash))
        .map_err(|error| format!("{}: {error}", path.display()))?;
    if hexadecimal(&hash.finalize()) != wanted {
        return Err(format!("{} is not what was installed: install the package again", path.display()));
    }
    Ok(())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where a package's component is.
pub(crate) fn component(packages: &Path, id: &PackageId) -> PathBuf {
    packages.join(id.as_str()).join(COMPONENT)
}

/// Where a package's executable is.
pub(crate) fn executable(packages: &Path, id: &PackageId) -> PathBuf {
    packages.join(id.as_str()).join(EXECUTABLE)
}

/// Where what a package's archive had is.
pub(crate) fn unpacked(packages: &Path, id: &PackageId) -> PathBuf {
    packages.join(id.as_str()).join(FILES)
}

/// Puts a package's files in their place. Durable when it returns.
pub(crate) fn write(packages: &Path, id: &PackageId, manifest: &str, files: &PackageFiles) -> io::Result<()> {
    let new = packages.join(format!("{UNFINISHED}{id}"));
    remove(&new)?;
    make_private(&new)?;
    let written = || {
        write_file(&new.join(MANIFEST), manifest.as_bytes(), 0o600)?;
        if let Some(component) = &files.component {
            write_file(&new.join(COMPONENT), component, 0o600)?;
        }
        if let Some(executable) = &files.executable {
            write_file(&new.join(EXECUTABLE), executable, 0o500)?;
        }
        if let Some(archive) = &files.files {
            archive::unpack(archive, &new.join(FILES))?;
        }
        sync(&new)
    };
    if let Err(error) = written() {
        // Its room is needed: the disk may be full.
        let _ = remove(&new);
        return Err(error);
    }
    let place = packages.join(id.as_str());
    // What an interrupted installation left; a finished one is never written again.
    remove(&place)?;
    fs::rename(&new, &place)?;
    sync(packages)
}

fn write_file(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().create_new(true).write(true).mode(mode).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Removes a package's files, if they are there.
pub(crate) fn forget(packages: &Path, id: &PackageId) -> io::Result<()> {
    remove(&packages.join(id.as_str()))?;
    sync(packages)
}

/// Removes what belongs to no package: unfinished installations, and those whose removal was interrupted.
pub(crate) fn tidy(packages: &Path, known: &HashSet<&str>) -> io::Result<()> {
    for entry in fs::read_dir(packages)? {
        let entry = entry?;
        if entry.file_name().to_str().is_none_or(|name| !known.contains(name)) {
            tracing::info!("removing {}, which belongs to no package", entry.path().display());
            remove(&entry.path())?;
        }
    }
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn files(component: Option<&[u8]>, executable: Option<&[u8]>) -> PackageFiles {
        PackageFiles { component: component.map(Vec::from), executable: executable.map(Vec::from), files: None }
    }

    #[test]
    fn written_again_after_an_interruption_and_tidied() {
        let directory = tempfile::tempdir().unwrap();
        let packages = directory.path();
        let files = files(Some(b"component"), Some(b"executable"));
        let id = identify("manifest", &files);
        fs::create_dir(packages.join(format!("{UNFINISHED}{id}"))).unwrap();
        fs::create_dir(packages.join(id.as_str())).unwrap();
        write(packages, &id, "manifest", &files).unwrap();
        assert_eq!(fs::read(component(packages, &id)).unwrap(), b"component");
        let executable = executable(packages, &id);
        assert_eq!(fs::metadata(&executable).unwrap().permissions().mode() & 0o777, 0o500);
        check(&executable, &sha256(b"executable")).unwrap();
        assert!(check(&executable, &sha256(b"another")).unwrap_err().contains("not what was installed"));
        fs::create_dir(packages.join("new-1")).unwrap();
        tidy(packages, &HashSet::from([id.as_str()])).unwrap();
        assert_eq!(fs::read_dir(packages).unwrap().count(), 1);
        forget(packages, &id).unwrap();
        forget(packages, &id).unwrap();
        assert_eq!(fs::read_dir(packages).unwrap().count(), 0);
    }

    #[test]
    fn identities_tell_the_parts_apart() {
        let all = [
            identify("ab", &files(Some(b"c"), None)),
            identify("a", &files(Some(b"bc"), None)),
            identify("a", &files(None, Some(b"bc"))),
            identify("a", &files(Some(b""), Some(b"bc"))),
            identify("a", &files(Some(b"c"), Some(b"b"))),
            identify("a", &files(Some(b"b"), Some(b"c"))),
        ];
        assert_eq!(all.iter().map(PackageId::as_str).collect::<HashSet<_>>().len(), all.len());
        assert_eq!(all[0].as_str().parse::<PackageId>().unwrap(), all[0]);
    }

    #[test]
    fn a_component_alone_is_what_it_was() {
        let id = identify("manifest", &b"component".to_vec().into());
        let mut before = b"igloo package 1\0".to_vec();
        before.extend(8_u64.to_le_bytes());
        before.extend(b"manifestcomponent");
        assert_eq!(id.as_str(), sha256(&before));
    }
}
