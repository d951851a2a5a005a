//! Why the hub did not do what was asked. Every message names the thing and, where there is one, the way out.

use igloo_protocol::Want;

/// Why the hub did not do what was asked.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// It stands against something that is there: a name that is taken, a package in use.
    #[error("{0}")]
    Conflict(String),
    /// What was given is not well formed.
    #[error("{0}")]
    Invalid(String),
    /// The new package asks for more than its owner has granted or seen.
    #[error("it asks for more than before: {}", wants_text(.0))]
    Wants(Vec<Want>),
    /// The disk is full or failing, or the data directory cannot be used. Nothing was changed unless the text says so.
    #[error("storage: {0}")]
    Storage(String),
    /// Not now: something else is under way, or the hub is stopping.
    #[error("{0}")]
    Busy(String),
}

fn wants_text(wants: &[Want]) -> String {
    wants.iter().map(|want| format!("{} ({})", want.grant, want.why)).collect::<Vec<_>>().join(", ")
}
