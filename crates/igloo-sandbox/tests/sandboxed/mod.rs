//! The parts of the test program.

pub(crate) mod cases;
pub(crate) mod home;
pub(crate) mod hub;
pub(crate) mod inside;
pub(crate) mod runner;
