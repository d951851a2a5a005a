//! `cargo xtask`: sets up, builds, runs, tests and measures Igloo.

mod guests;
mod places;
mod process;
mod say;

use std::process::ExitCode;

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
    /// Build providers and test guests, and assemble their packages in target/packages.
    BuildGuests {
        /// Only these crates.
        names: Vec<String>,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::error(format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    match task {
        Task::BuildGuests { names } => guests::build(&names),
    }
}
