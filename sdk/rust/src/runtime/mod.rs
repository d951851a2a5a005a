//! How a provider's futures run. The one boundary between the SDK and its surroundings: in a WebAssembly component
//! tokio is driven turn by turn from the exports, natively it is an ordinary tokio.
//!
//! - [`run`] is the body of the export `run`: it lives as long as the provider.
//! - [`call`] is the body of every other export: it runs beside `run`.
//! - [`host_call`] waits for an asynchronous import from within a tokio task; [`start`] starts several beside it.
//! - [`spawn`] starts a task that need not be `Send`.

#[cfg(target_family = "wasm")]
mod component;
#[cfg(target_family = "wasm")]
mod wasi2;
#[cfg(target_family = "wasm")]
pub(crate) use component::{call, host_call, run, start};

#[cfg(not(target_family = "wasm"))]
mod native;
#[cfg(not(target_family = "wasm"))]
pub(crate) use native::{call, host_call, run, start};

use std::future::Future;
use tokio::task::JoinHandle;

/// Starts a task beside `run`, like `tokio::spawn`, but the future need not be `Send`: a provider has one thread.
///
/// To be called while the provider runs (from `new`, `run`, a command or a task); elsewhere it panics.
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    tokio::task::spawn_local(future)
}

/// The way out, for panics that a component meets because it has no threads.
pub(crate) fn explain_panic(message: &str) -> &'static str {
    if message.contains("spawn worker thread") || message.contains("failed to spawn thread") {
        " (a provider has no threads: use async code; a tokio that is built with `igloo build` runs spawn_blocking at once \
         and resolves names)"
    } else {
        ""
    }
}
