//! Where things are in the workspace.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The target of guests.
pub(crate) const WASM: &str = "wasm32-wasip2";

/// The workspace's root. Known when xtask is compiled, which is where it runs.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// Guests are compiled apart from the host, so that neither waits for the other's lock or throws away its work.
pub(crate) fn guest_target() -> PathBuf {
    root().join("target/guests")
}

/// Assembled packages, a folder each.
pub(crate) fn packages() -> PathBuf {
    root().join("target/packages")
}

/// Python's packages for tests.
pub(crate) fn venv() -> PathBuf {
    root().join("target/venv")
}

/// Writes a file if its content is another one; a reader sees the old or the new file, never half of one.
/// True if it was written.
pub(crate) fn write_if_changed(path: &Path, content: &[u8]) -> io::Result<bool> {
    if fs::read(path).is_ok_and(|old| old == content) {
        return Ok(false);
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = path.with_file_name(name);
    fs::write(&new, content)?;
    fs::rename(&new, path)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unchanged_files_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a/b");
        assert!(write_if_changed(&file, b"one").unwrap());
        assert!(!write_if_changed(&file, b"one").unwrap());
        assert!(write_if_changed(&file, b"two").unwrap());
        assert_eq!(fs::read(&file).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path().join("a")).unwrap().count(), 1);
    }
}
