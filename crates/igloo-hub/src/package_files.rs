//! A package's files on the disk: `packages/HASH/igloo.toml` and `component.wasm`.
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
    directory::{make_private, sync},
    info::PackageId,
};

/// A component's largest size in bytes.
pub(crate) const COMPONENT_BYTES: usize = 256 << 20;

const COMPONENT: &str = "component.wasm";
const MANIFEST: &str = "igloo.toml";
/// Directories that are being made begin with it; a hash never does.
const UNFINISHED: &str = "new-";

/// The SHA-256 of bytes, as hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// A package's identity. The manifest's length keeps the two parts apart.
pub(crate) fn identify(manifest: &str, component: &[u8]) -> PackageId {
    let mut hash = Sha256::new();
    hash.update(b"igloo package 1\0");
    hash.update((manifest.len() as u64).to_le_bytes());
    hash.update(manifest);
    hash.update(component);
    PackageId(hexadecimal(&hash.finalize()))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where a package's component is.
pub(crate) fn component(packages: &Path, id: &PackageId) -> PathBuf {
    packages.join(id.as_str()).join(COMPONENT)
}

/// Puts a package's files in their place. Durable when it returns.
pub(crate) fn write(packages: &Path, id: &PackageId, manifest: &str, component: &[u8]) -> io::Result<()> {
    let new = packages.join(format!("{UNFINISHED}{id}"));
    remove(&new)?;
    make_private(&new)?;
    let written = write_file(&new.join(MANIFEST), manifest.as_bytes())
        .and_then(|()| write_file(&new.join(COMPONENT), component))
        .and_then(|()| sync(&new));
    if let Err(error) = written {
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

fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)?;
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
    use super::*;

    #[test]
    fn written_again_after_an_interruption_and_tidied() {
        let directory = tempfile::tempdir().unwrap();
        let packages = directory.path();
        let id = identify("manifest", b"component");
        fs::create_dir(packages.join(format!("{UNFINISHED}{id}"))).unwrap();
        fs::create_dir(packages.join(id.as_str())).unwrap();
        write(packages, &id, "manifest", b"component").unwrap();
        assert_eq!(fs::read(component(packages, &id)).unwrap(), b"component");
        fs::create_dir(packages.join("new-1")).unwrap();
        tidy(packages, &HashSet::from([id.as_str()])).unwrap();
        assert_eq!(fs::read_dir(packages).unwrap().count(), 1);
        forget(packages, &id).unwrap();
        forget(packages, &id).unwrap();
        assert_eq!(fs::read_dir(packages).unwrap().count(), 0);
    }

    #[test]
    fn identities_tell_the_parts_apart() {
        assert_ne!(identify("ab", b"c"), identify("a", b"bc"));
        assert_eq!(identify("a", b"b").as_str().parse::<PackageId>().unwrap(), identify("a", b"b"));
    }
}
