//! One compilation of the runtime: building the command alone and building everything give the crates that both have the
//! same features, so that `up`, `test` and `bench` share them.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::{collections::BTreeSet, env, path::Path, process::Command};

/// Every crate from a registry with its features, as cargo chooses them for these packages.
fn features(arguments: &[&str]) -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap());
    cargo.args(["tree", "--prefix", "none", "--no-dedupe", "--format", "{p} [{f}]"]).args(arguments);
    let output = cargo.current_dir(root).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // A path stands behind the packages of this workspace.
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter(|line| !line.contains(" (/")).map(|line| line.replace(" (proc-macro)", "")).collect()
}

#[test]
fn the_command_alone_has_the_features_of_everything() {
    let command = features(&["--package", "igloo", "--edges", "normal,build"]);
    let everything = features(&["--edges", "normal,build,dev"]);
    let only: Vec<_> = command.difference(&everything).collect();
    assert!(command.len() > 100 && only.is_empty(), "other features in a build of everything: {only:#?}");
}
