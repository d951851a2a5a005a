//! The contract as functions and types: in a component generated from `wit/`, in a process the same names over
//! `igloo-wire`. Private: nothing of it appears in an author's code.

#[cfg(target_family = "wasm")]
mod component;
#[cfg(target_family = "wasm")]
pub use component::*;

#[cfg(not(target_family = "wasm"))]
mod process;
#[cfg(not(target_family = "wasm"))]
pub use process::*;
