//! Guests: the crates and Python projects under `providers/`, `tests/guests/`, `tests/hostile/guests/` and `tests/python/`
//! that become WebAssembly components, and some of them native executables too. They are built as `igloo build` builds
//! one, and assembled into packages.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context, Result, bail};
use igloo_build::{
    cargo,
    package::{Engine, Source},
    python::Told,
};

use crate::{places, process, python_libraries, say};

/// A guest crate.
#[derive(Debug)]
pub(crate) struct Guest {
    /// The crate.
    pub(crate) source: Source,
    /// Whether it is of `providers/`, not a test's.
    pub(crate) first_party: bool,
}

/// All guests, in the order of their folders' names.
pub(crate) fn all() -> Result<Vec<Guest>> {
    within(&["providers", "tests/guests", "tests/hostile/guests", "tests/python", python_libraries::GUESTS, STAGED])
}

/// Projects that are made of what has to be fetched.
const STAGED: &str = "target/staged";
/// CPython's own tests of asyncio.
const ASYNCIO: &str = "asyncio-suite";

fn stage_asyncio() -> Result<()> {
    let mut stage = process::program(places::venv().join("bin/python"));
    stage.arg(places::root().join("tests/python/asyncio/stage.py"));
    stage.arg(places::root().join(STAGED).join(ASYNCIO));
    process::run(stage, "It downloads two packages of Debian: `apt-get update` may help, and see what apt-get says.")
}

/// The guests of these rooms, in the order of their folders' names.
pub(crate) fn within(rooms: &[&str]) -> Result<Vec<Guest>> {
    let mut folders = BTreeSet::new();
    for room in rooms {
        let Ok(entries) = fs::read_dir(places::root().join(room)) else { continue };
        for entry in entries {
            folders.insert(entry?.path());
        }
    }
    let is_source = |folder: &&PathBuf| {
        folder.join("igloo.toml").is_file()
            && ["Cargo.toml", "pyproject.toml"].iter().any(|file| folder.join(file).is_file())
    };
    folders.iter().filter(is_source).map(|folder| read(folder)).collect()
}

fn read(folder: &Path) -> Result<Guest> {
    let source = Source::read(folder)?;
    Ok(Guest { source, first_party: folder.starts_with(places::root().join("providers")) })
}

/// The guests of these names; all of them if there are none.
pub(crate) fn named(names: &[String]) -> Result<Vec<Guest>> {
    let guests = all()?;
    if names.is_empty() {
        return Ok(guests);
    }
    if let Some(unknown) = names.iter().find(|name| guests.iter().all(|guest| guest.source.name != **name)) {
        let known: Vec<&str> = guests.iter().map(|guest| guest.source.name.as_str()).collect();
        bail!("there is no guest '{unknown}'. There are: {}", known.join(", "));
    }
    Ok(guests.into_iter().filter(|guest| names.contains(&guest.source.name)).collect())
}

/// Builds guests and assembles their packages in `target/packages`.
pub(crate) fn build(names: &[String]) -> Result<()> {
    if names.is_empty() || names.iter().any(|name| name == ASYNCIO) {
        stage_asyncio()?;
    }
    let guests = named(names)?;
    let began = Instant::now();
    say::step(format!("Building {} guests for {}", guests.len(), igloo_build::TARGET));
    if guests.is_empty() {
        return Ok(());
    }
    let (python, guests): (Vec<Guest>, Vec<Guest>) = guests.into_iter().partition(|guest| guest.source.is_python());
    let mut changed = compile(cargo("build")?, &guests).context(
        "If it says that the target may not be installed, run `cargo xtask setup --run-only`; if one guest is broken, \
         `cargo xtask build-guests NAME…` builds the others",
    )?;
    for Guest { source, .. } in &guests {
        if source.engines().contains(&Engine::Process) {
            changed += usize::from(compile_native(source)?);
        }
    }
    let (step, note) = (|text: &str| say::note(text), |_: &str| ());
    for Guest { source, .. } in &python {
        say::step(format!("Building {}", source.name));
        for engine in source.engines() {
            let built = source.build(engine, &Told { step: &step, note: &note }, false)?;
            changed += usize::from(source.assemble(engine, &built, &places::packages())?);
        }
    }
    say::note(format!("target/packages: {changed} changed, {}", say::time(began.elapsed())));
    Ok(())
}

/// Runs a `build` of these guests and assembles their packages. How many of those changed.
pub(crate) fn compile(mut command: Command, guests: &[Guest]) -> Result<usize> {
    if guests.is_empty() {
        // cargo would take the whole workspace.
        return Ok(0);
    }
    command.args(arguments(guests));
    let made = cargo::build(command, "the guests")?;
    let mut changed = 0;
    for Guest { source, .. } in guests {
        let artifact = made.iter().find(|artifact| artifact.manifest.parent() == Some(&source.folder));
        let artifact = artifact.with_context(|| format!("{} has no `crate-type = [\"cdylib\"]`", source.name))?;
        changed += usize::from(source.assemble(Engine::Component, &artifact.clone().into(), &places::packages())?);
    }
    Ok(changed)
}

/// Builds a guest's executable and puts it into its package, which is another one then or not. cargo compiles one crate
/// at a time as a program; what they depend on it compiles once.
fn compile_native(source: &Source) -> Result<bool> {
    let mut command = cargo::native();
    process::in_workspace(&mut command);
    command.args(["--profile", "guest", "--config", "profile.guest.strip=\"symbols\"", "--package", &source.name]);
    command.arg("--target-dir").arg(places::native_target());
    let artifact = source.made(Engine::Process, cargo::build(command, &source.name)?)?;
    Ok(source.assemble(Engine::Process, &artifact.into(), &places::packages())?)
}

/// cargo, for guests.
pub(crate) fn cargo(subcommand: &str) -> Result<Command> {
    let mut command = cargo::command(subcommand)?;
    process::in_workspace(&mut command);
    Ok(command)
}

/// What cargo must be told to build these guests, or to check them.
pub(crate) fn arguments(guests: &[Guest]) -> Vec<String> {
    let mut arguments: Vec<String> = ["--profile", "guest"].map(String::from).into();
    arguments.push(format!("--target-dir={}", places::guest_target().display()));
    for guest in guests.iter().filter(|guest| !guest.source.is_python()) {
        arguments.extend(["--package".to_owned(), guest.source.name.clone()]);
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_guest_is_read() {
        assert!(!all().unwrap().is_empty());
        assert!(named(&["no-such-guest".to_owned()]).unwrap_err().to_string().contains("no-such-guest"));
    }
}
