//! The API as clients see it: a real hub, a real provider, real sockets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod document;
mod guard;
mod metrics;
mod original;
mod sockets;
mod support;
