//! How a port's bytes travel between its [pipes](super::pipe) and the hub: the one part of serial ports that the engines
//! do not share.
//!
//! - `receive` carries what arrives, until the port goes away or nobody reads any more.
//! - `send` carries what is written, until the port goes away or the provider is done. The port's end is the reader's
//!   too.

#[cfg(target_family = "wasm")]
mod component;
#[cfg(target_family = "wasm")]
pub(super) use component::{receive, send};

#[cfg(not(target_family = "wasm"))]
mod process;
#[cfg(not(target_family = "wasm"))]
pub(super) use process::{receive, send};
