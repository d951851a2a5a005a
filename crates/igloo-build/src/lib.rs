//! Builds a provider's crate, or its project in [Python](python), into a package: a folder with `igloo.toml` and a WebAssembly component, a native
//! executable or both.
//!
//! Used by `igloo build` for an author and by `cargo xtask` for this repository, so that both build the same way:
//!
//! 1. [`cargo`] compiles for [`TARGET`], with the SDK's [overlays](overlay) put in place of what some registry crates
//!    cannot do there. An author's `Cargo.toml` and `Cargo.lock` stay as they are.
//! 2. For a process, [`cargo::native`] compiles the same library as a program of the machine's own target.
//! 3. [`package::assemble`] checks what the component imports and puts it beside its manifest.
//!
//! It promises that nothing is changed outside the target folder, and must not know what a provider does.

pub mod cargo;
mod error;
pub mod overlay;
pub mod package;
pub mod python;
pub mod wrapper;

pub use error::{Error, NativeCode};

/// The target of every provider that is a WebAssembly component.
pub const TARGET: &str = "wasm32-wasip2";
