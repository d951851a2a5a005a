//! Puts the Python SDK and the contract into this crate, so that an installed `igloo` builds Python providers.

use std::{
    env, fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// Below the workspace: what is put in, and its name in the cache.
const FOLDERS: [(&str, &str); 2] = [("sdk/python/src", "sdk"), ("wit", "wit")];

fn main() -> io::Result<()> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let mut files = Vec::new();
    for (folder, name) in FOLDERS {
        println!("cargo::rerun-if-changed={}", workspace.join(folder).display());
        collect(&workspace.join(folder), Path::new(name), &mut files)?;
    }
    files.sort();
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("embedded.rs");
    let mut out = io::BufWriter::new(fs::File::create(out)?);
    writeln!(out, "&[")?;
    for (name, path) in files {
        writeln!(out, "    ({name:?}, include_bytes!({path:?})),")?;
    }
    writeln!(out, "]")?;
    out.flush()
}

/// Files below a folder; what Python leaves behind when it runs does not count.
fn collect(folder: &Path, name: &Path, files: &mut Vec<(PathBuf, PathBuf)>) -> io::Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let entry = entry?;
        let (path, name) = (entry.path(), name.join(entry.file_name()));
        let left_behind =
            entry.file_name().to_string_lossy().ends_with(".egg-info") || entry.file_name() == "__pycache__";
        if path.is_dir() && !left_behind {
            collect(&path, &name, files)?;
        } else if path.is_file() {
            files.push((name, path));
        }
    }
    Ok(())
}
