//! The errors that an author meets.
//!
//! [`Error`] takes every `std::error::Error`, so `?` works everywhere; [`CommandError`] is a command's typed outcome.

use crate::{host, serial::SerialError};
use std::{any::Any, fmt, io};

/// What [`Provider::new`](crate::Provider::new) and [`Provider::run`](crate::Provider::run) answer.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a provider failed: any error, with its causes, as text for the owner.
pub struct Error(String);

impl Error {
    /// An error that says this.
    pub fn new(message: impl fmt::Display) -> Self {
        Self(message.to_string())
    }

    /// Says what was being done: `message: cause`.
    #[must_use]
    pub fn context(self, message: impl fmt::Display) -> Self {
        Self(format!("{message}: {}", self.0))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// `Error` is no `std::error::Error` itself: only so can it take every other one.
impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        Self(with_causes(&error))
    }
}

/// Adds what was being done to an error, on its way to [`Error`].
pub trait Context<T> {
    /// Turns the error into an [`Error`] that begins with `message`.
    fn context(self, message: impl fmt::Display) -> Result<T>;
}

impl<T, E: Into<Error>> Context<T> for Result<T, E> {
    fn context(self, message: impl fmt::Display) -> Result<T> {
        self.map_err(|error| error.into().context(message))
    }
}

impl<T> Context<T> for Option<T> {
    fn context(self, message: impl fmt::Display) -> Result<T> {
        self.ok_or_else(|| Error::new(message))
    }
}

/// `error: cause: its cause`, without repeating what an error already quotes of its cause.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// The outcome of a command or an action that did not succeed.
///
/// Any error becomes one with `?`: a lost or refused connection becomes [`Unavailable`](Self::Unavailable), everything
/// else `Other` with the code `failed`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandError {
    /// The device or the provider will not do it; the text is for the person who asked.
    Rejected(String),
    /// Try again later: something else is under way.
    Busy,
    /// The device cannot be reached now.
    Unavailable,
    /// Anything else: a code for programs, a text for people.
    Other {
        /// For programs.
        code: String,
        /// For people.
        text: String,
    },
}

impl CommandError {
    /// The device or the provider will not do it, for this reason.
    pub fn rejected(reason: impl fmt::Display) -> Self {
        Self::Rejected(reason.to_string())
    }

    fn failed(text: String) -> Self {
        Self::Other { code: "failed".to_owned(), text }
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(reason) => write!(f, "rejected: {reason}"),
            Self::Busy => f.write_str("busy"),
            Self::Unavailable => f.write_str("unavailable"),
            Self::Other { code, text } => write!(f, "{code}: {text}"),
        }
    }
}

impl<E: std::error::Error + 'static> From<E> for CommandError {
    fn from(error: E) -> Self {
        let text = with_causes(&error);
        let any: &dyn Any = &error;
        let lost = match (any.downcast_ref::<io::Error>(), any.downcast_ref::<SerialError>()) {
            (Some(error), _) => is_connection_lost(error.kind()),
            (_, Some(error)) => matches!(error, SerialError::NotFound | SerialError::Disconnected),
            _ => false,
        };
        if lost {
            host::log(crate::Level::Warn, &format!("device unavailable: {text}"));
            return Self::Unavailable;
        }
        Self::failed(text)
    }
}

impl From<Error> for CommandError {
    fn from(error: Error) -> Self {
        Self::failed(error.0)
    }
}

fn is_connection_lost(kind: io::ErrorKind) -> bool {
    use io::ErrorKind as K;
    matches!(
        kind,
        K::BrokenPipe
            | K::ConnectionAborted
            | K::ConnectionRefused
            | K::ConnectionReset
            | K::HostUnreachable
            | K::NetworkDown
            | K::NetworkUnreachable
            | K::NotConnected
            | K::TimedOut
            | K::UnexpectedEof
    )
}

/// The hub did not take a device's description.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DescribeError {
    /// A limit is exceeded; the text says which and how far.
    #[error("a limit is exceeded: {0}")]
    Limit(String),
    /// An identifier is empty, too long, has other characters, or stands twice; the text says which.
    #[error("not valid: {0}")]
    Invalid(String),
    /// Anything else.
    #[error("{code}: {text}")]
    Other {
        /// For programs.
        code: String,
        /// For people.
        text: String,
    },
}

/// Why one new value was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The component's device was not described in this session.
    #[error("its device is not described")]
    NotDescribed,
    /// The value is not of the kind's type, is not finite, or is out of the enumeration.
    #[error("the value's type is wrong or the value is not finite")]
    WrongType,
    /// A length limit is exceeded.
    #[error("a limit is exceeded")]
    Limit,
    /// The component has no state: emit instead.
    #[error("it has no state")]
    NotWritable,
    /// Anything else.
    #[error("{code}: {text}")]
    Other {
        /// For programs.
        code: String,
        /// For people.
        text: String,
    },
}

/// Some of the new values were refused; the others of the same write were taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteError {
    /// The position in the write, the component, and why.
    pub refused: Vec<(usize, String, Refusal)>,
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("refused: ")?;
        for (n, (_, component, why)) in self.refused.iter().take(3).enumerate() {
            write!(f, "{}{component}: {why}", if n == 0 { "" } else { "; " })?;
        }
        match self.refused.len() {
            0..=3 => Ok(()),
            more => write!(f, "; and {} more", more - 3),
        }
    }
}

impl std::error::Error for WriteError {}

/// An event was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EmitError {
    /// The component's device was not described in this session.
    #[error("the event's device is not described")]
    NotDescribed,
    /// The component is not an event.
    #[error("the component is not an event")]
    NotAnEvent,
    /// The queue was full and this event is lost. The number is how many this session has lost so far.
    #[error("the queue of events is full; {0} are lost so far")]
    Overflow(u64),
    /// A length limit is exceeded.
    #[error("a limit is exceeded")]
    Limit,
    /// Anything else.
    #[error("{code}: {text}")]
    Other {
        /// For programs.
        code: String,
        /// For people.
        text: String,
    },
}

/// The store did not do it; nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The granted storage is used up, or the key (256 bytes) or value (1 MiB) is too large.
    #[error("the granted storage is used up, or the key or value is too large")]
    Quota,
    /// The disk is full or failing.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// Anything else.
    #[error("{code}: {text}")]
    Other {
        /// For programs.
        code: String,
        /// For people.
        text: String,
    },
}
