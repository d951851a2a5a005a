//! A native program in a sandbox, with everything the kernel has.
//!
//! [`start`] runs a provider's executable in namespaces, behind Landlock and a filter of system calls, without
//! capabilities, in control groups; [`Running`] ends it, waits for it, and tells what it uses. Between the hub and the
//! provider stands the sandbox's *init*, which is the hub's own program started with [`Launcher`]'s arguments: it must
//! call [`init_main`] first of all.
//!
//! Promises:
//! - Nothing of a provider runs before every protection that must be in force is; [`Running::report`] tells of each.
//! - A provider gets descriptors 0 to 3 and those it is given, the environment it is given, and nothing else.
//! - Its whole tree ends with it, with [`Running`], and with the hub, however the hub ends.
//! - It works for root and for everybody else; what a machine lacks is told with the reason ([`Machine`]).
//!
//! It must not decide what a provider may reach: sockets are answered by the broker's policy. It knows nothing of
//! Igloo's protocol. It needs Linux 5.14 on x86_64 or aarch64.

mod cgroup;
mod deleted;
mod error;
mod init;
mod machine;
mod protection;
mod running;
mod seccomp;
pub mod sockets;
mod spawner;
mod spec;
mod start;
mod sys;
mod usage;
mod wire;

pub use crate::error::Error;
pub use crate::init::init_main;
pub use crate::machine::Machine;
pub use crate::protection::{Outcome, Protection, Report};
pub use crate::running::{Exit, Running};
pub use crate::spec::{Launcher, Limits, MAX_EXTRA_FDS, Spec};
pub use crate::start::{START_DEADLINE, start};
pub use crate::usage::Usage;
