//! WASI's own interfaces in `wit/deps` are those that the hub's runtime implements, word for word.

#![allow(clippy::expect_used, clippy::panic)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value as Json;

/// Where cargo keeps the source of a package that the workspace depends on.
fn source_of(package: &str) -> PathBuf {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo metadata");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Json = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let found: Vec<&str> = packages
        .iter()
        .filter(|known| known["name"] == package)
        .filter_map(|known| known["manifest_path"].as_str())
        .collect();
    let [manifest] = found[..] else { panic!("one {package} in the dependencies, not {found:?}") };
    Path::new(manifest).parent().expect("a folder").to_owned()
}

#[test]
fn wasi_is_the_runtimes_own() {
    let theirs = source_of("wasmtime-wasi-http").join("src/p3/wit/deps");
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit/deps");
    for name in ["cli", "clocks", "filesystem", "http", "random", "sockets"] {
        let read =
            |path: PathBuf| fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let ours = read(ours.join(format!("{name}.wit")));
        let theirs = read(theirs.join(format!("{name}.wit")));
        assert_eq!(ours, theirs, "wit/deps/{name}.wit: copy it from the version of wasmtime-wasi-http in Cargo.lock");
    }
}
