//! `cargo xtask up`: from a fresh clone to a running home, in one command.

use std::{
    os::unix::process::CommandExt,
    path::{self, PathBuf},
};

use anyhow::{Context, Result};

use crate::{guests, places, process, say, setup};

/// The packages that the home starts with, and the smart meter's telegrams.
const PACKAGES: [&str; 2] = ["demo-home", "p1-meter"];
const TELEGRAMS: &str = "providers/p1-meter/telegrams/home.txt";

/// Builds what is needed and becomes `igloo up`. Returns only if something failed.
pub(crate) fn up(data: Option<PathBuf>, more: &[String]) -> Result<()> {
    setup::setup(true)?;
    guests::build(&PACKAGES.map(str::to_owned))?;
    say::step("Building the hub (minutes the first time, seconds after)");
    process::run(
        process::cargo(&["build", "--release", "--package", "igloo"]),
        "If the linker or a C compiler is missing, run `cargo xtask setup --run-only`.",
    )?;
    let igloo_folder = places::root().join("target/release");
    let igloo = igloo_folder.join("igloo");
    // The command must find it from anywhere.
    let data = path::absolute(data.unwrap_or_else(|| places::root().join("target/home")))?;
    let telegrams = places::root().join(TELEGRAMS);
    say::step(format!("Starting the home in {}", data.display()));
    say::note("In a second terminal:");
    say::note(format!("  export IGLOO_DATA={} PATH={}:$PATH", data.display(), igloo_folder.display()));
    say::note("  igloo watch");
    let mut command = process::program(&igloo);
    command.arg("up").arg("--data").arg(&data);
    for package in PACKAGES {
        command.arg("--package").arg(places::packages().join(package));
    }
    command.arg("--grant");
    command.arg(format!("p1-meter=serial:meter=replay:{}?loop=true&baud=9600", telegrams.display()));
    command.args(more);
    let error = command.exec();
    Err(error).with_context(|| format!("{} did not start", igloo.display()))
}
