//! Every way in which a provider can be hostile, each a row: denied or contained, visible with its reason, and not
//! noticed by a neighbour.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod floods;
mod life;
mod orphans;
mod outside;
mod rebinding;
mod sandbox;
mod wire;
