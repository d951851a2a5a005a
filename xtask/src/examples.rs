//! The examples: crates as an author has them, outside the workspace, built as an author builds them.

use anyhow::Result;

use crate::{places, process, say};

const PORTING: &str = "examples/porting";

/// Builds the driver as it was natively, and the provider with `igloo build`.
pub(crate) fn build() -> Result<()> {
    say::step(format!("Building {PORTING}"));
    let target = places::root().join("target/examples");
    let mut before = process::cargo(&["build", "--release", "--package", "station"]);
    before.arg(format!("--manifest-path={PORTING}/Cargo.toml")).env("CARGO_TARGET_DIR", &target);
    process::run(before, "It is ordinary Rust: see what the compiler says.")?;
    process::run(process::cargo(&["build", "--release", "--package", "igloo"]), "See what the compiler says.")?;
    let mut after = process::program(places::root().join("target/release/igloo"));
    after.args(["build", &format!("{PORTING}/after"), "--out"]).arg(places::packages());
    after.env("CARGO_TARGET_DIR", &target);
    process::run(after, "The provider is built as an author builds it: see what cargo says.")
}
