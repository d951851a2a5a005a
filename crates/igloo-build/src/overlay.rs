//! Overlays: what is put in place of a registry crate's own lines when it is compiled for [`TARGET`](crate::TARGET).
//!
//! A few crates that everybody uses need something that a component does not have: a thread to look a name up, a
//! serial port's file, the place where a Unix keeps its root certificates. For each there is either a handful of
//! edits, every one of which must fit, or a whole source of ours with the same API. Both are text in `overlays/`. The
//! crate that is compiled for any other target is untouched, and so are the author's files: see [`wrapper`](crate::wrapper).
//!
//! An overlay is a debt: its file says what would make it unnecessary. Why this way: `docs/rust-libraries-how.md`.

use std::{
    ffi::OsStr,
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::error::{Error, at};

/// Folders of a package that its library is not compiled from.
const NOT_COMPILED: [&str; 5] = ["tests", "benches", "examples", "target", ".git"];

/// An overlay: of a crate by its name in `Cargo.toml`, and what becomes of its source.
#[derive(Debug, Clone, Copy)]
struct Overlay {
    name: &'static str,
    change: Change,
}

#[derive(Debug, Clone, Copy, Hash)]
enum Change {
    /// TOML: see [`Edits`].
    Edits(&'static str),
    /// The root module, instead of the crate's own.
    Source(&'static str),
}

/// A build script, where a package has one.
const BUILD_SCRIPT: &str = "build.rs";

const ALL: &[Overlay] = &[
    Overlay { name: "ring", change: Change::Edits(include_str!("../overlays/ring.toml")) },
    Overlay { name: "tokio", change: Change::Edits(include_str!("../overlays/tokio.toml")) },
    Overlay { name: "hyper-util", change: Change::Edits(include_str!("../overlays/hyper-util.toml")) },
    Overlay {
        name: "rustls-native-certs",
        change: Change::Edits(include_str!("../overlays/rustls-native-certs.toml")),
    },
    Overlay {
        name: "rustls-platform-verifier",
        change: Change::Edits(include_str!("../overlays/rustls-platform-verifier.toml")),
    },
    Overlay { name: "serialport", change: Change::Source(include_str!("../overlays/serialport.rs")) },
    Overlay { name: "mio-serial", change: Change::Source(include_str!("../overlays/mio-serial.rs")) },
    Overlay { name: "tokio-serial", change: Change::Source(include_str!("../overlays/tokio-serial.rs")) },
];

/// What an overlay's TOML says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Edits {
    edit: Vec<Edit>,
}

/// One edit of one file: text in place of text, or text at the end.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    file: String,
    /// Each place of this text…
    find: Option<String>,
    /// …becomes this one.
    #[serde(default)]
    replace: String,
    /// Added at the file's end.
    #[serde(default)]
    append: String,
}

/// A number that changes with any overlay: what was compiled with others must be compiled again.
#[must_use]
pub fn fingerprint() -> String {
    let mut hasher = DefaultHasher::new();
    for overlay in ALL {
        (overlay.name, overlay.change).hash(&mut hasher);
    }
    format!("{:016x}", hasher.finish())
}

/// The root module to compile instead of `root` of the crate `name`, or `None` if it stays as it is. `package` is the
/// crate's folder, and what is made goes below `folder`.
pub(crate) fn apply(
    name: &str,
    version: &str,
    package: &Path,
    root: &Path,
    folder: &Path,
) -> Result<Option<PathBuf>, Error> {
    let Some(overlay) = ALL.iter().find(|overlay| overlay.name == name) else { return Ok(None) };
    // What cargo compiles is the library or, for the machine itself, its build script.
    let root = package.join(root);
    let Ok(inside) = root.strip_prefix(package) else { return Ok(None) };
    let edits = match overlay.change {
        Change::Edits(text) => Some(read(name, text)?),
        Change::Source(_) => None,
    };
    let edits_script = || edits.iter().flatten().any(|edit| edit.file == BUILD_SCRIPT);
    if inside == Path::new(BUILD_SCRIPT) && !edits_script() {
        return Ok(None);
    }
    let made = folder.join(format!("{name}-{version}-{}", fingerprint()));
    if !made.is_dir() {
        // Another compiler may be doing the same: whoever is first wins.
        let new = folder.join(format!("{name}-{version}.{}.new", std::process::id()));
        copy(package, &new)?;
        if let Change::Source(text) = overlay.change {
            fs::write(new.join(inside), text).map_err(at(&new))?;
        }
        edit(name, version, &new, edits.unwrap_or_default())?;
        if let Err(error) = fs::rename(&new, &made)
            && !made.is_dir()
        {
            return Err(at(&made)(error));
        }
        // Only there if somebody else was first.
        let _ = fs::remove_dir_all(&new);
    }
    Ok(Some(made.join(inside)))
}

fn read(name: &str, text: &str) -> Result<Vec<Edit>, Error> {
    let edits: Edits = toml::from_str(text).map_err(|error| Error::Invalid {
        path: PathBuf::from(format!("overlays/{name}.toml")),
        text: error.to_string(),
    })?;
    Ok(edits.edit)
}

fn edit(name: &str, version: &str, folder: &Path, edits: Vec<Edit>) -> Result<(), Error> {
    for Edit { file, find, replace, append } in edits {
        let path = folder.join(&file);
        let mut source = fs::read_to_string(&path).map_err(at(&path))?;
        if let Some(find) = find {
            if !source.contains(&find) {
                return Err(Error::Overlay { name: name.to_owned(), version: version.to_owned(), file, find });
            }
            source = source.replace(&find, &replace);
        }
        source += &append;
        fs::write(&path, source).map_err(at(&path))?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    fs::create_dir_all(to).map_err(at(to))?;
    for entry in fs::read_dir(from).map_err(at(from))? {
        let entry = entry.map_err(at(from))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            if !NOT_COMPILED.iter().any(|name| OsStr::new(name) == entry.file_name()) {
                copy(&source, &target)?;
            }
        } else {
            // Not `fs::copy`: it would copy that a registry's file is read-only.
            let content = fs::read(&source).map_err(at(&source))?;
            fs::write(&target, content).map_err(at(&target))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(lines: &str) -> tempfile::TempDir {
        let package = tempfile::tempdir().unwrap();
        fs::create_dir_all(package.path().join("src")).unwrap();
        fs::create_dir_all(package.path().join("tests")).unwrap();
        fs::write(package.path().join("src/lib.rs"), lines).unwrap();
        fs::write(package.path().join("tests/a.rs"), "").unwrap();
        package
    }

    #[test]
    fn every_overlay_reads() {
        for overlay in ALL {
            if let Change::Edits(text) = overlay.change {
                let edits: Edits = toml::from_str(text).unwrap();
                assert!(!edits.edit.is_empty(), "{}", overlay.name);
            }
        }
    }

    #[test]
    fn crates_without_an_overlay_stay_as_they_are() {
        let (package, out) = (package("one"), tempfile::tempdir().unwrap());
        let root = package.path().join("src/lib.rs");
        assert_eq!(apply("serde", "1.0.0", package.path(), &root, out.path()).unwrap(), None);
    }

    #[test]
    fn edits_are_made_in_a_copy_once() {
        let (package, out) = (package("use std::vec;\n"), tempfile::tempdir().unwrap());
        let root = package.path().join("src/lib.rs");
        let name = "rustls-native-certs";
        let made = apply(name, "0.8.5", package.path(), &root, out.path()).unwrap().unwrap();
        assert!(fs::read_to_string(&made).unwrap().contains("/etc/ssl/certs/ca-certificates.crt"));
        assert_eq!(fs::read_to_string(&root).unwrap(), "use std::vec;\n");
        assert!(!made.parent().unwrap().parent().unwrap().join("tests").exists());
        assert_eq!(apply(name, "0.8.5", package.path(), &root, out.path()).unwrap().unwrap(), made);
        assert_eq!(fs::read_dir(out.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_version_that_does_not_fit_is_named_with_the_way_out() {
        let (package, out) = (package("something else"), tempfile::tempdir().unwrap());
        fs::create_dir_all(package.path().join("src/client/legacy/connect")).unwrap();
        fs::write(package.path().join("src/client/legacy/connect/dns.rs"), "new").unwrap();
        let root = package.path().join("src/lib.rs");
        let error = apply("hyper-util", "9.0.0", package.path(), &root, out.path()).unwrap_err().to_string();
        assert!(error.contains("hyper-util") && error.contains("9.0.0") && error.contains("cargo update"), "{error}");
    }
}
