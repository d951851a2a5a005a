//! The guests of `tests/libraries`: a workspace of its own, so that nobody else pays for their dependencies.

mod blocked;

use std::{process::Command, time::Instant};

use anyhow::{Context, Result};

use crate::{guests, process, say};

const FOLDER: &str = "tests/libraries";

/// Their workspace.
pub(crate) const MANIFEST: &str = "tests/libraries/Cargo.toml";

/// `cargo xtask libraries`: runs every library and writes docs/rust-libraries.md.
pub(crate) fn libraries() -> Result<()> {
    build()?;
    say::step("Running every library against its counterpart");
    let mut command = process::cargo(&["test", "--release", "--package", "igloo-real-tests", "--test", "libraries"]);
    command.env("IGLOO_WRITE_DOCS", "1");
    process::run(command, "If a counterpart is missing, run `cargo xtask setup`.")
}

/// Builds them and assembles their packages, and tries those that do not compile.
pub(crate) fn build() -> Result<()> {
    let began = Instant::now();
    let guests = guests()?;
    say::step(format!("Building {} guests of {FOLDER}", guests.len()));
    let changed = guests::compile(cargo("build")?, &guests).context("the compiler says above which library it is")?;
    say::note(format!("target/packages: {changed} changed, {}", say::time(began.elapsed())));
    say::step("Compiling libraries that do not compile");
    blocked::check(cargo)?;
    Ok(())
}

/// The guests that are there.
pub(crate) fn guests() -> Result<Vec<guests::Guest>> {
    guests::within(&[FOLDER])
}

/// cargo, for these guests.
pub(crate) fn cargo(subcommand: &str) -> Result<Command> {
    let mut command = guests::cargo(subcommand)?;
    command.args(["--manifest-path", MANIFEST]);
    Ok(command)
}
