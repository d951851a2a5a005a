//! A folder of dependencies: what is native code in it, and what no provider needs.

use std::{
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
};

use super::resolve::Package;
use crate::{Error, error::at};

/// Endings of what compilers make: shared objects, Windows' and macOS' ones, archives and objects.
const NATIVE: [&str; 6] = ["so", "pyd", "dll", "dylib", "a", "o"];
/// What only checks of types, compilers and tests read.
const NOT_RUN: [&str; 9] = ["pyi", "pyc", "pyx", "pxd", "c", "h", "cc", "cpp", "hpp"];
/// Folders of them. `test` is not among them: some packages import theirs.
const NOT_IMPORTED: [&str; 2] = ["__pycache__", "tests"];
/// What is kept of a distribution's description: `importlib.metadata` reads it.
const METADATA: [&str; 3] = ["METADATA", "entry_points.txt", "top_level.txt"];

/// Native code in a folder: each package that has some, and its first such file.
pub(super) fn native_code(folder: &Path) -> Result<Vec<(Package, String)>, Error> {
    let mut found: Vec<(Package, String)> = Vec::new();
    let records = records(folder)?;
    each(folder, folder, &mut |_, inside| {
        if !is_native(inside) {
            return Ok(false);
        }
        let file = inside.to_string_lossy().into_owned();
        let owner = records.iter().find(|(_, record)| record.lines().any(|line| line.split(',').next() == Some(&file)));
        let unknown = || Package { name: "a dependency".to_owned(), version: String::new() };
        let package = owner.map_or_else(unknown, |(package, _)| package.clone());
        if found.iter().all(|(other, _)| *other != package) {
            found.push((package, file));
        }
        Ok(false)
    })?;
    Ok(found)
}

/// `libz.so`, `libz.so.1`, `x.cpython-311-x86_64-linux-gnu.so`; not what was compiled for a component.
fn is_native(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let ends = file.extension().is_some_and(|end| NATIVE.iter().any(|native| OsStr::new(native) == end));
    (ends || name.contains(".so.")) && !name.ends_with("-wasm32-wasi.so")
}

/// Each distribution's list of its files (PEP 376).
fn records(folder: &Path) -> Result<Vec<(Package, String)>, Error> {
    let mut records = Vec::new();
    for entry in fs::read_dir(folder).map_err(at(folder))? {
        let path = entry.map_err(at(folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let Some((name, version)) = name.strip_suffix(".dist-info").and_then(|name| name.rsplit_once('-')) {
            let record = fs::read_to_string(path.join("RECORD")).unwrap_or_default();
            // In a distribution's folder and in its wheel, `-` is written `_`.
            records.push((Package { name: name.replace('_', "-"), version: version.to_owned() }, record));
        }
    }
    Ok(records)
}

/// Removes what is never imported.
pub(super) fn strip(folder: &Path) -> Result<(), Error> {
    each(folder, folder, &mut |path, inside| {
        let name = inside.file_name().unwrap_or_default().to_string_lossy();
        let described = inside.parent().is_some_and(|above| above.extension() == Some(OsStr::new("dist-info")));
        let first = inside.components().next().is_some_and(|first| first.as_os_str() == "bin");
        let removed = if path.is_dir() {
            NOT_IMPORTED.contains(&name.as_ref())
        } else if described {
            !METADATA.contains(&name.as_ref())
        } else {
            first || inside.extension().is_some_and(|end| NOT_RUN.iter().any(|other| OsStr::new(other) == end))
        };
        if removed {
            let gone = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
            gone.map_err(at(path))?;
        }
        Ok(removed)
    })
}

/// Every file and folder below one, with its path inside; not what is in a folder that `visit` says is done with.
fn each(root: &Path, folder: &Path, visit: &mut dyn FnMut(&Path, &Path) -> Result<bool, Error>) -> Result<(), Error> {
    let entries: io::Result<Vec<PathBuf>> =
        fs::read_dir(folder).and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect());
    let mut entries = entries.map_err(at(folder))?;
    entries.sort();
    for path in entries {
        let inside = path.strip_prefix(root).unwrap_or(&path);
        // What this program keeps there itself.
        if inside.to_string_lossy().starts_with('.') {
            continue;
        }
        if !visit(&path, inside)? && path.is_dir() && !path.is_symlink() {
            each(root, &path, visit)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    #[test]
    fn native_code_is_found_with_its_package() {
        let folder =
            bundle(&["a/x.so", "a/lib.so.1", "a/x.py", "b/y.cpython-314-wasm32-wasi.so", "a_b-1.0.dist-info/X"]);
        let record = "a/x.so,sha256=0,1\na/lib.so.1,,\n";
        fs::write(folder.path().join("a_b-1.0.dist-info/RECORD"), record).unwrap();
        let found = native_code(folder.path()).unwrap();
        let package = Package { name: "a-b".to_owned(), version: "1.0".to_owned() };
        assert_eq!(found, [(package, "a/lib.so.1".to_owned())]);
    }

    #[test]
    fn what_is_not_imported_goes() {
        let kept = ["a/test/x.py", "a/x.py", "a/x.so", "a/data.json", "a-1.dist-info/METADATA"];
        let gone = ["a/x.pyi", "a/tests/x.py", "a/__pycache__/x.pyc", "a-1.dist-info/RECORD", "bin/tool", "a/x.c"];
        let folder = bundle(&[&kept[..], &gone[..]].concat());
        strip(folder.path()).unwrap();
        let there = |file: &&&str| folder.path().join(file).exists();
        assert_eq!(kept.iter().filter(there).count(), kept.len());
        assert_eq!(gone.iter().filter(there).count(), 0);
    }
}
