//! What a component can reach: each capability in a module of its own, all asking the one
//! [`Outside`](crate::outside::Outside).
//!
//! Linked are WASI 0.3, and of WASI 0.2 only what Rust's and Python's standard libraries import: io, clocks, random,
//! cli and filesystem. WASI 0.2 sockets and HTTP are not there: they would be a second way around the policy. A component
//! that imports its sockets all the same, as every one in Python does, finds that there are none (`no_sockets`).

pub(crate) mod crypto;
mod discovery;
mod home;
pub(crate) mod http;
mod names;
pub(crate) mod no_sockets;
pub(crate) mod serial;
mod sockets;
mod store;
pub(crate) mod tls;

use wasmtime::component::Linker;
use wasmtime_wasi::{
    WasiView as _,
    cli::{WasiCli, WasiCliView as _},
    filesystem::{WasiFilesystem, WasiFilesystemView as _},
    random::WasiRandom,
};

use super::{
    bindings::igloo,
    state::{Everything, State},
};

/// Adds everything a provider may import.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    add_wasi_0_2(linker)?;
    wasmtime_wasi::p3::cli::add_to_linker(linker)?;
    wasmtime_wasi::p3::clocks::add_to_linker(linker)?;
    wasmtime_wasi::p3::filesystem::add_to_linker(linker)?;
    wasmtime_wasi::p3::random::add_to_linker(linker)?;
    sockets::add_to_linker(linker)?;
    names::add_to_linker(linker)?;
    wasmtime_wasi_http::p3::add_to_linker(linker)?;
    igloo::provider::home::add_to_linker::<_, Everything>(linker, |state| state)?;
    igloo::provider::store::add_to_linker::<_, Everything>(linker, |state| state)?;
    igloo::serial::ports::add_to_linker::<_, Everything>(linker, |state| state)?;
    igloo::discovery::browser::add_to_linker::<_, Everything>(linker, |state| state)?;
    crypto::add_to_linker(linker)?;
    tls::add_to_linker(linker)
}

/// The part of WASI 0.2 that the standard libraries need.
fn add_wasi_0_2(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    use wasmtime_wasi::p2::bindings::{cli, filesystem, random};
    wasmtime_wasi::p2::add_to_linker_proxy_interfaces_async(linker)?;
    filesystem::types::add_to_linker::<State, WasiFilesystem>(linker, State::filesystem)?;
    filesystem::preopens::add_to_linker::<State, WasiFilesystem>(linker, State::filesystem)?;
    random::insecure::add_to_linker::<State, WasiRandom>(linker, |state| state.ctx().ctx.random())?;
    random::insecure_seed::add_to_linker::<State, WasiRandom>(linker, |state| state.ctx().ctx.random())?;
    cli::environment::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::exit::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_input::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_output::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_stdin::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_stdout::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_stderr::add_to_linker::<State, WasiCli>(linker, State::cli)
}
