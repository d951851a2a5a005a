//! Write Igloo providers in Rust.
//!
//! A provider is a device driver: one struct that implements [`Provider`], and `igloo::provider!(MyProvider);`.
//! It is ordinary async Rust on an ordinary single-threaded tokio: `tokio::net`, `tokio::time`, `tokio::sync` and the
//! crates built on them work unchanged.
//!
//! The same crate, without a `cfg`, is compiled for either engine: to a WebAssembly component, whose hub is its host, or to
//! an executable, which its hub starts with a socket (`docs/process-protocol.md`). A component has no threads:
//! `std::thread` and blocking I/O end it with a message that says the way out. A process has them.
//!
//! - devices: [`Device`], [`Entity`], [`Component`] and the [`kinds`]
//! - what is asked of them: [`Command`], answered with `Ok` or a [`CommandError`]
//! - the hub: [`Home`], its [`store`], the log macros ([`info!`] …)
//! - hardware and network: [`serial`], [`discovery`], [`http`], [`net`], and all of `tokio::net`
//! - with the feature `tls`: the module `tls`, for tokio-rustls and the crates that are built on it
//!
//! This crate promises that no generated binding appears in an author's code, and must not know what a device means.

// The generated exports name this crate from the author's crate and from here.
#[cfg(target_family = "wasm")]
extern crate self as igloo;

#[doc(hidden)]
pub mod bindings;
mod command;
mod device;
pub mod discovery;
mod error;
mod home;
mod host;
pub mod http;
pub mod kinds;
mod log;
pub mod net;
#[cfg(not(target_family = "wasm"))]
mod process;
mod provider;
mod runtime;
pub mod serial;
pub mod store;
#[cfg(feature = "tls")]
pub mod tls;
mod value;

pub use command::{Change, Command};
pub use device::{Component, Device, Entity, Update};
pub use error::{CommandError, Context, DescribeError, EmitError, Error, Refusal, Result, StoreError, WriteError};
pub use home::Home;
pub use kinds::Access;
pub use log::Level;
pub use provider::{Commands, Provider, Ready};
pub use runtime::spawn;
pub use serde_json::{self, json};
pub use value::{Color, Date, TimeOfDay, Timestamp, Value, ValueType};

/// A JSON value: an action's parameters and answer.
pub type Json = serde_json::Value;

/// What a provider's file begins with: `use igloo::prelude::*;`.
pub mod prelude {
    pub use crate::{
        Command, CommandError, Component, Context, Device, Entity, Home, Json, Provider, Ready, Value, json, kinds,
    };
}

#[doc(hidden)]
pub mod __private {
    #[cfg(not(target_family = "wasm"))]
    pub use crate::process::current::main;
    pub use crate::{log::log, provider::Component};
    #[cfg(target_family = "wasm")]
    pub use {
        crate::bindings::{self, export_driver},
        wit_bindgen,
    };
}
