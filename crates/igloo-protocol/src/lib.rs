//! The contract between a hub and a provider, as Rust types: what they say to each other ([`message`]), what a package
//! says of itself ([`manifest`]) and what its owner allows ([`grants`]).
//!
//! `wit/` is the source; the types here are its Rust form, with names checked and values typed. This crate does no I/O and
//! knows no engine.

pub mod grants;
pub mod manifest;
pub mod message;

pub use grants::{Grant, Grants, Limits, Want};
pub use manifest::Manifest;
pub use message::{
    BadUpdate, Command, CommandError, DescribeError, EmitError, LogLevel, StoreError, Update, UpdateError,
};
