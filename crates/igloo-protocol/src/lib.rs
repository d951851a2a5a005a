//! The contract between a hub and a provider, as Rust types: what they say to each other ([`message`]), what a package
//! says of itself ([`manifest`]), what its owner allows ([`grants`]), what bounds it ([`limits`]), and how it runs ([`run_as`]).
//!
//! `wit/` is the source; the types here are its Rust form, with names checked and values typed. This crate does no I/O and
//! knows no engine.

pub mod grants;
pub mod limits;
pub mod manifest;
pub mod message;
pub mod protection;
pub mod run_as;

pub use grants::{Grant, Grants, Want};
pub use limits::{Limit, Limits};
pub use manifest::Manifest;
pub use message::{
    BadUpdate, Command, CommandError, DescribeError, EmitError, LogLevel, StoreError, Update, UpdateError,
};
pub use protection::{Protection, ProtectionReport};
pub use run_as::{Engine, Placement, RunAs, RunAsChoice};
