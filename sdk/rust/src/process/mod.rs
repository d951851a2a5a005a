//! The provider as a process: the contract over the socket that its hub passes as descriptor 3.
//!
//! - [`socket`] moves bytes and descriptors, and knows no message.
//! - [`connection`] gives frames their meaning: calls and their answers, and what the hub asks.
//! - [`known`] remembers what was described, so that a write is checked without asking the hub.
//! - [`current`] is the one connection of this process, and how the process begins and ends.
//! - [`bindings`](crate::bindings) has the functions that a component imports, over all of this.
//!
//! Promises: the SDK above it is the same for both engines; every queue and every wait is bounded.

pub(crate) mod connection;
pub(crate) mod current;
mod known;
pub(crate) mod socket;

#[cfg(test)]
mod tests;
