//! `cargo xtask test`: everything that must pass before a change is merged. A failing step does not keep the others
//! from running; the summary names it.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use crate::{examples, generate, guests, libraries, places, process, python_libraries, say, setup};

/// A guest whose cases run natively too, over crates that are there only when asked for.
const SERIAL_CASES: &str = "serial-cases";

enum Outcome {
    Passed,
    Skipped(&'static str),
    Failed(String),
}

/// What has run so far.
#[derive(Default)]
struct Report {
    steps: Vec<(&'static str, Duration, Outcome)>,
    /// The `test result:` lines of cargo's tests.
    results: Vec<String>,
}

/// Runs everything, or only the tests whose names contain `filter`.
pub(crate) fn test(filter: Option<&str>, long: bool) -> Result<()> {
    let mut report = Report::default();
    report.step("setup", |_| done(setup::setup(false)));
    report.step("build guests", |_| done(guests::build(&[])));
    report.step("build the libraries' guest", |_| done(libraries::build()));
    report.step("build the examples", |_| done(examples::build()));
    let guests = guests::all()?;
    let native = native(&guests);
    if filter.is_none() {
        lints(&mut report, &guests, &native);
    }
    report.step("tests of the host", |report| report.cargo_test(&[], filter, false));
    report.step("tests of the SDK and the providers", |report| report.cargo_test(&native, filter, false));
    if filter.is_none() {
        report.step("tests of Python's SDK", |_| python_sdk());
        report.step("serial libraries of Python, in a component", |_| python_serial("component"));
        report.step("serial libraries of Python, natively", |_| python_serial("process"));
        report.step("TLS and cryptography of Python", |_| python_tls());
        report.step("Python's libraries and providers", |_| {
            python_libraries::check(&[], false).map(|()| Outcome::Passed)
        });
    }
    if long {
        report.step("long tests", |report| report.cargo_test(&[], filter, true));
    } else if filter.is_none() {
        // What nobody is hurt by is shown every time, also where that takes long.
        let hostile = ["--package", "igloo-hostile"].map(str::to_owned);
        report.step("hostile cases that take long", |report| report.cargo_test(&hostile, filter, true));
    }
    report.finish()
}

fn lints(report: &mut Report, guests: &[guests::Guest], native: &[String]) {
    report.step("generated files", |_| done(generate::generate(true)));
    report.step("format", |_| command(process::cargo(&["fmt", "--all", "--check"]), "Run `cargo fmt --all`."));
    let clippy = |mut clippy: Command, arguments: &[String]| {
        clippy.args(arguments).args(["--", "--deny", "warnings"]);
        command(clippy, "Mend what clippy shows; see CONTRIBUTING.md about the lints.")
    };
    let host = ["--release", "--all-targets"].map(str::to_owned);
    report.step("lints of the host", |_| clippy(process::cargo(&["clippy"]), &host));
    report
        .step("lints of the SDK and the providers", |_| clippy(process::cargo(&["clippy"]), &[&host, native].concat()));
    report.step("lints of the guests", |_| clippy(guests::cargo("clippy")?, &guests::arguments(guests)));
    report.step("format of the libraries' guests", |_| {
        let mut format = process::cargo(&["fmt", "--all", "--check", "--manifest-path"]);
        format.arg(libraries::MANIFEST);
        command(format, "Run `cargo fmt --all --manifest-path tests/libraries/Cargo.toml`.")
    });
    report.step("lints of the libraries' guests", |_| {
        clippy(libraries::cargo("clippy")?, &guests::arguments(&libraries::guests()?))
    });
    report.step("lints of Python", |_| python());
    report.step("types of Python", |_| python_types());
    report.step("licences and sources", |_| licences());
    report.step("advisories", |_| advisories());
}

/// The guests that have tests of their own, and the SDK, as arguments for cargo.
fn native(guests: &[guests::Guest]) -> Vec<String> {
    let providers = guests
        .iter()
        .filter(|guest| guest.first_party && !guest.source.is_python())
        .map(|guest| guest.source.name.as_str());
    let packages = ["igloo-provider", SERIAL_CASES].into_iter().chain(providers);
    let features = ["--features".to_owned(), format!("igloo-provider/tls,{SERIAL_CASES}/native")];
    packages.flat_map(|name| ["--package".to_owned(), name.to_owned()]).chain(features).collect()
}

fn python() -> Result<Outcome> {
    let mut files = process::program("git");
    files.args(["ls-files", "*.py"]);
    if process::ask(files).is_none_or(|files| files.is_empty()) {
        return Ok(Outcome::Skipped("there is none"));
    }
    let mut ruff = process::program(places::venv().join("bin/ruff"));
    ruff.args(["check", "--quiet", "."]);
    command(ruff, "Mend what ruff shows. If there is no ruff, run `cargo xtask setup`.")
}

/// Where Python's SDK is.
const PYTHON_SDK: &str = "sdk/python";

fn python_types() -> Result<Outcome> {
    let mut mypy = process::program(places::venv().join("bin/mypy"));
    mypy.current_dir(places::root().join(PYTHON_SDK));
    command(mypy, "Mend what mypy shows. If there is no mypy, run `cargo xtask setup`.")
}

/// Python's SDK alone, and under the hub that is built for the other tests.
fn python_sdk() -> Result<Outcome> {
    process::run(process::cargo(&["build", "--release", "--package", "igloo"]), "See what the compiler says.")?;
    let mut pytest = process::program(places::venv().join("bin/pytest"));
    pytest.current_dir(places::root().join(PYTHON_SDK)).args(["--quiet", "-rs"]);
    pytest.env("IGLOO_COMMAND", places::root().join("target/release/igloo"));
    command(pytest, "Mend what pytest shows. If there is no pytest, run `cargo xtask setup`.")
}

/// Serial libraries of Python, on a slot.
fn python_serial(engine: &str) -> Result<Outcome> {
    let mut check = process::program(places::venv().join("bin/python"));
    check.arg(places::root().join("tests/python/serial/check.py"));
    check.arg(places::root().join("target/release/igloo")).arg(places::packages().join("serial-cases-py")).arg(engine);
    command(check, "Mend what it shows; a case's name behind the engine runs one case.")
}

/// What Python's `ssl` and `cryptography` do in a component, beside OpenSSL and the real package.
fn python_tls() -> Result<Outcome> {
    let python = places::venv().join("bin/python");
    let mut run = process::program(&python);
    run.arg(places::root().join("tests/python/tls/run.py"));
    run.arg(places::root().join("target/release/igloo")).arg(places::packages().join("python-tls-cases"));
    run.arg("--python").arg(&python);
    command(run, "Mend what it shows; `--case NAME` runs one case.")
}

const NO_CARGO_DENY: Outcome = Outcome::Skipped("no cargo-deny: cargo install --locked cargo-deny");

fn has_cargo_deny() -> bool {
    process::ask(process::cargo(&["deny", "--version"])).is_some()
}

fn licences() -> Result<Outcome> {
    if !has_cargo_deny() {
        return Ok(NO_CARGO_DENY);
    }
    command(process::cargo(&["deny", "check", "bans", "licenses", "sources"]), "See deny.toml.")
}

fn advisories() -> Result<Outcome> {
    if !has_cargo_deny() {
        return Ok(NO_CARGO_DENY);
    }
    if process::ask(process::cargo(&["deny", "fetch", "db"])).is_none() {
        return Ok(Outcome::Skipped("the database of advisories cannot be fetched"));
    }
    command(process::cargo(&["deny", "check", "advisories"]), "Update the crate: `cargo update -p CRATE`.")
}

fn command(command: Command, by_hand: &str) -> Result<Outcome> {
    done(process::run(command, by_hand))
}

fn done(result: Result<()>) -> Result<Outcome> {
    result.map(|()| Outcome::Passed)
}

impl Report {
    fn step(&mut self, name: &'static str, run: impl FnOnce(&mut Self) -> Result<Outcome>) {
        say::step(format!("Test: {name}"));
        let began = Instant::now();
        let outcome = run(self).unwrap_or_else(|error| {
            say::error(format!("{error:#}"));
            Outcome::Failed(format!("{error:#}"))
        });
        self.steps.push((name, began.elapsed(), outcome));
    }

    /// The tests of these packages, or of all that are for the host; the long ones only if asked for those.
    fn cargo_test(&mut self, packages: &[String], filter: Option<&str>, long: bool) -> Result<Outcome> {
        let mut command = process::cargo(&["test", "--release", "--no-fail-fast"]);
        command.args(packages);
        // Examples in documentation that are not compiled count as ignored too: not those.
        command.args(long.then_some("--tests")).arg("--").args(filter).args(long.then_some("--ignored"));
        let passed = process::run_with_lines(command, |line| {
            if line.starts_with("test result:") {
                self.results.push(line.to_owned());
            }
        })?;
        if passed { Ok(Outcome::Passed) } else { bail!("Look for `failures:` above, or for what did not compile.") }
    }

    /// The summary. Its last line is `N passed, N failed`.
    fn finish(self) -> Result<()> {
        say::line("");
        for (name, time, outcome) in &self.steps {
            let outcome = match outcome {
                Outcome::Passed => "passed".to_owned(),
                Outcome::Skipped(why) => format!("skipped: {why}"),
                Outcome::Failed(_) => "FAILED".to_owned(),
            };
            say::line(format!("{name:<36} {:>12}  {outcome}", say::time(*time)));
        }
        say::line("");
        self.results.iter().for_each(say::line);
        let failed: Vec<String> = self
            .steps
            .iter()
            .filter_map(|(name, _, outcome)| match outcome {
                Outcome::Failed(why) => Some(format!("{name}: {why}")),
                _ => None,
            })
            .collect();
        failed.iter().for_each(say::error);
        let sum = |word| self.results.iter().map(|line| count(line, word)).sum::<u64>();
        say::line(format!("{} passed, {} failed", sum("passed"), sum("failed")));
        if failed.is_empty() { Ok(()) } else { Err(Failed.into()) }
    }
}

/// Steps failed, and the summary has said which.
#[derive(Debug)]
pub(crate) struct Failed;

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("tests failed")
    }
}

impl std::error::Error for Failed {}

/// `test result: ok. 12 passed; 1 failed; …`, `failed` → 1.
fn count(line: &str, word: &str) -> u64 {
    line.split([';', '.'])
        .filter_map(|part| part.trim().strip_suffix(word)?.trim().parse::<u64>().ok())
        .next()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_are_counted() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.05s";
        assert_eq!((count(line, "passed"), count(line, "failed")), (12, 3));
        assert_eq!(count("something else", "passed"), 0);
    }
}
