//! What unmodified serial crates do in a component, one action for each case. The cases themselves are ordinary code
//! that names a port by its path, and run natively too: `tests/native.rs`.

#[cfg(target_family = "wasm")]
mod cases;
#[cfg(target_family = "wasm")]
mod provider;
