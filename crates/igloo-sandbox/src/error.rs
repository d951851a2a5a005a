//! Why a program does not run in a sandbox.

use std::io;

use crate::protection::Protection;

/// What can go wrong from start to end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A protection that must be in force is not.
    #[error(
        "{name:?} does not start: the machine lacks {protection} ({why}). Provide it, or accept that it is missing: \
         accept_lacking = [\"{protection}\"]"
    )]
    Lacking {
        /// Whose start it was.
        name: String,
        /// Which one.
        protection: Protection,
        /// Why it is not in force.
        why: String,
    },
    /// The provider's program cannot be executed.
    #[error("{name:?} does not start: cannot {what}: {error}")]
    Execute {
        /// Whose start it was.
        name: String,
        /// What failed.
        what: String,
        /// The kernel's answer.
        error: io::Error,
    },
    /// The sandbox cannot be made.
    #[error("no sandbox for {name:?}: cannot {what}: {error}")]
    Setup {
        /// Whose start it was.
        name: String,
        /// What failed.
        what: String,
        /// The kernel's answer.
        error: io::Error,
    },
    /// What is to be run is described wrongly.
    #[error("{name:?} does not start: {what}")]
    Spec {
        /// Whose start it was.
        name: String,
        /// What is wrong.
        what: String,
    },
    /// The sandbox's init did not do its part in time.
    #[error("no sandbox for {name:?}: it was not ready after {seconds} s")]
    Deadline {
        /// Whose start it was.
        name: String,
        /// How long was waited.
        seconds: u64,
    },
    /// It runs no more.
    #[error("{name:?} runs no more")]
    Ended {
        /// Who was asked for.
        name: String,
    },
}
