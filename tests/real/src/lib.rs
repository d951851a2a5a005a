//! What tests with real counterparts share: a home with a provider in it, a serial line, programs of the
//! system, and processes in Python.
//!
//! Nothing here waits for a time to pass: it waits for something to be so, and fails when it is not so in time. What a
//! test starts ends with it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test's way to say that it failed")]

mod home;
mod line;
mod network;
mod program;
mod python;
mod relay;

pub use home::{Home, component, device, number, value, workspace};
pub use line::Line;
pub use network::{in_own_network, in_own_network_with_names, in_own_network_without_cgroups};
pub use program::{Program, ask, free_port};
pub use python::{Python, run, venv};
pub use relay::Relay;

/// How long anything may take: many times what it does.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);
