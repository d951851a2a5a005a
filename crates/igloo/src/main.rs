//! The `igloo` command: runs a hub (`igloo up`), and talks to a running one (everything else).
//!
//! `cli` is the tree of commands; `commands` has one file for each group of them; `output` is the only place that
//! prints. What a hub does is in `igloo-hub`, how it answers in `igloo-api`: this crate only reads and shows.

mod cli;
mod client;
mod commands;
mod failure;
mod output;
mod packages;
mod paths;
mod place;
mod show;
mod values;

use std::process::ExitCode;

use clap::Parser;

use crate::{cli::Arguments, output::Output};

fn main() -> ExitCode {
    // A hub starts this program to be a sandbox's init, or a worker in one.
    if let Some(done) = igloo_engine::process::run_if_asked() {
        return done;
    }
    // `igloo build` has cargo start this program in rustc's place.
    if let Some(done) = igloo_build::wrapper::run_if_asked() {
        return done;
    }
    let arguments = Arguments::parse();
    let output = Output::new(arguments.json);
    match commands::run(arguments, output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let (text, way_out, code) = failure::report(&error);
            output.error(text, way_out.as_deref());
            ExitCode::from(code)
        }
    }
}
