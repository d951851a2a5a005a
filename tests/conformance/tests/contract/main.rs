//! The contract, through the hub, for every way to run a provider.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test's way to say that it failed")]

mod commands;
mod discovery;
mod examples;
mod http;
mod life;
mod network;
mod protections;
mod serial;
mod store;
mod values;
