//! `cargo xtask`: sets up, builds, runs, tests and measures Igloo.

mod examples;
mod generate;
mod guests;
mod libraries;
mod places;
mod process;
mod python_libraries;
mod say;
mod setup;
mod test;
mod up;
mod variety;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Sets up, builds, runs, tests and measures Igloo.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

const EXAMPLES: &str = "\
Examples:
  cargo xtask up                     from a fresh clone to a running home
  cargo xtask test                   everything that must pass, as CI runs it
  cargo xtask test restart           only the tests with `restart` in their names
  cargo xtask build-guests p1-meter  one provider's package, in target/packages";

#[derive(Subcommand)]
enum Task {
    /// Install what is missing: Rust's WebAssembly target, and the tools that tests use.
    Setup {
        /// Only what `up` needs.
        #[arg(long)]
        run_only: bool,
    },
    /// Build everything and start a home with a demo and a smart meter.
    Up {
        /// Where the home is kept [default: target/home].
        #[arg(long, value_name = "FOLDER")]
        data: Option<PathBuf>,
        /// More arguments for `igloo up`.
        #[arg(last = true)]
        more: Vec<String>,
    },
    /// Build, lint and test everything, as CI does.
    Test {
        /// Only tests whose names contain this, and no lints.
        filter: Option<String>,
        /// Also the tests that take long.
        #[arg(long)]
        long: bool,
    },
    /// Write docs/component-kinds.md from model/*.toml.
    Generate {
        /// Write nothing; fail if it is not up to date.
        #[arg(long)]
        check: bool,
    },
    /// Run Rust libraries in a component against real counterparts, and write docs/rust-libraries.md.
    Libraries,
    /// Run Python libraries and the providers in Python against real counterparts, and write docs/python-libraries.md.
    PythonLibraries {
        /// Only these, and nothing is written: `xknx`, `aiohttp/process`.
        cases: Vec<String>,
    },
    /// Measure.
    Bench {
        #[command(subcommand)]
        what: Bench,
    },
    /// Build providers and test guests, and assemble their packages in target/packages.
    BuildGuests {
        /// Only these crates.
        names: Vec<String>,
    },
}

#[derive(Subcommand)]
enum Bench {
    /// From a command to its outcome and from a write to a watcher, through the whole hub.
    Backbone {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// One provider as a component in the hub, isolated, and as a native process.
    Engines {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// A provider in Python as a component, beside the same one as a native process.
    Python {
        /// Also print one line of JSON with the key figures.
        #[arg(long)]
        json: bool,
    },
    /// Ordinary tokio code in a component, beside the same code natively.
    RustCrates {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

fn main() -> ExitCode {
    if let Some(done) = igloo_build::wrapper::run_if_asked() {
        return done;
    }
    match run(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        // The summary has said it, and its count is the last line.
        Err(error) if error.is::<test::Failed>() => ExitCode::FAILURE,
        Err(error) => {
            say::error(format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    match task {
        Task::Setup { run_only } => setup::setup(run_only),
        Task::Up { data, more } => up::up(data, &more),
        Task::Test { filter, long } => test::test(filter.as_deref(), long),
        Task::Generate { check } => generate::generate(check),
        Task::Bench { what: Bench::Backbone { json } } => bench("backbone", json),
        Task::Bench { what: Bench::Engines { json } } => bench("engines", json),
        Task::Bench { what: Bench::Python { json } } => {
            variety::build()?;
            bench("python", json)
        }
        Task::Bench { what: Bench::RustCrates { json } } => bench("rust-crates", json),
        Task::PythonLibraries { cases } => python_libraries::run(&cases, true),
        Task::Libraries => libraries::libraries(),
        Task::BuildGuests { names } => guests::build(&names),
    }
}

fn bench(what: &str, json: bool) -> Result<()> {
    // What else is in Python takes minutes to build, and is not measured.
    let is_measured =
        |guest: &guests::Guest| !guest.source.is_python() || (what == "python" && guest.source.name == "bench-py");
    let measured = guests::all()?.into_iter().filter(is_measured).map(|guest| guest.source.name);
    guests::build(&measured.collect::<Vec<_>>())?;
    // It starts sandboxes.
    process::run(process::cargo(&["build", "--release", "--package", "igloo"]), "Look at what cargo says.")?;
    let mut command = process::cargo(&["run", "--release", "--package", "igloo-bench", "--", what]);
    command.args(json.then_some("--json"));
    process::run(command, "If it did not compile, `cargo build --release -p igloo-bench` shows only that.")
}
