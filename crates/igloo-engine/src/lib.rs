//! How a provider runs: one instance in one sandbox, with nothing but what its owner granted.
//!
//! [`component`] runs WebAssembly components inside this process. Each capability is enforced in one place behind one
//! [`Policy`]. The engine promises that a provider can hurt nobody else: its CPU time, memory and every queue are
//! bounded, it can be killed at any instant, and its failure is an [`Exit`] with a reason. It does not know what
//! devices mean: that is behind [`Home`].

mod budget;
pub mod component;
mod convert;
mod counted;
pub mod discovery;
pub mod home;
pub mod instance;
mod output;
mod outside;
pub mod policy;
pub mod process;
mod quota;
pub mod roots;
#[doc(hidden)]
pub mod test_home;

pub use discovery::Discovery;
pub use home::{Denial, Home};
pub use instance::{ActionOutcome, Exit, Instance, Outcome, Stats};
pub use policy::Policy;
pub use roots::Roots;
