//! Real programs in real sandboxes, as whoever runs the tests, and once more as nobody when that is root.
//!
//! This program plays all parts: the runner of the tests, the sandbox's init, what runs inside, and a hub to be killed.

// Always: cargo says so of this target. Clippy allows tests what it does not allow others.
#[cfg(test)]
mod sandboxed;

use std::process::ExitCode;

use sandboxed::{hub, inside, runner};

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    match args.next().as_deref().and_then(std::ffi::OsStr::to_str) {
        Some("sandbox-init") => igloo_sandbox::init_main(args),
        Some("sandbox-inside") => inside::main(args),
        Some("sandbox-hub") => hub::main(args),
        _ => runner::main(),
    }
}
