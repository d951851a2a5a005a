//! Python libraries, and the providers in Python, against real counterparts: `tests/python-libraries`, which is in Python.

use anyhow::Result;

use crate::{guests, places, process, say};

/// The providers that have the libraries.
pub(crate) const GUESTS: &str = "tests/python-libraries/guests";

/// Builds what they need and runs them. With `write`, and all of them, writes docs/python-libraries.md, else compares.
pub(crate) fn run(cases: &[String], write: bool) -> Result<()> {
    process::run(process::cargo(&["build", "--release", "--package", "igloo"]), "See what the compiler says.")?;
    let names = guests::within(&["providers", GUESTS])?.into_iter().filter(|guest| guest.source.is_python());
    guests::build(&names.map(|guest| guest.source.name).collect::<Vec<_>>())?;
    check(cases, write)
}

/// The same, with everything built.
pub(crate) fn check(cases: &[String], write: bool) -> Result<()> {
    say::step("Running Python libraries and providers against their counterparts");
    let mut python = process::program(places::venv().join("bin/python"));
    python.current_dir(places::root()).arg("tests/python-libraries/run.py").args(cases);
    if write {
        python.arg("--write");
    }
    process::run(python, "If a counterpart is missing, run `cargo xtask setup`.")
}
