//! Igloo's benchmarks. Each figure stands beside a baseline measured in the same run, because machines differ and
//! ratios last. `cargo xtask bench` builds what they need and runs them.

mod backbone;
mod commands;
mod engines;
mod hub;
mod memory;
mod neighbours;
#[path = "../../tests/guests/bench/src/net.rs"]
#[allow(dead_code, reason = "what the component does all day is not measured natively")]
mod net;
mod process;
mod python;
mod report;
mod rust_crates;
mod start;
mod watches;
mod writes;

use clap::{Parser, Subcommand};

/// Measures Igloo.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// From a command to its outcome and from a write to a watcher, through the whole hub.
    Backbone {
        /// Also print one line of JSON with the key figures.
        #[arg(long)]
        json: bool,
    },
    /// One provider as a component in the hub, as a component in a worker process, and as a native process.
    Engines {
        /// Also print one line of JSON with the key figures.
        #[arg(long)]
        json: bool,
    },
    /// A part of `engines`, on the one core that it is started on.
    #[command(hide = true)]
    EnginesPinned,
    /// The other side of a ping-pong.
    #[command(hide = true)]
    Pong,
    /// A provider in Python as a component, beside the same one as a native process.
    Python {
        /// Also print one line of JSON with the key figures.
        #[arg(long)]
        json: bool,
    },
    /// Ordinary tokio code in a component, beside the same code natively.
    RustCrates {
        /// Also print one line of JSON with the key figures.
        #[arg(long)]
        json: bool,
    },
}

fn main() -> anyhow::Result<()> {
    // Like the hub's: two threads for the home, the guests have their own.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    match Arguments::parse().what {
        What::Backbone { json } => runtime.block_on(backbone::run(json)),
        What::Engines { json } => runtime.block_on(engines::run(json)),
        What::EnginesPinned => runtime.block_on(engines::run_pinned()),
        What::Pong => engines::pong(),
        What::Python { json } => runtime.block_on(python::run(json)),
        What::RustCrates { json } => runtime.block_on(rust_crates::run(json)),
    }
}
