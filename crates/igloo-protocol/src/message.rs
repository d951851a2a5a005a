//! What a hub and a provider say to each other: the records of `wit/provider.wit`.

use std::{fmt, time::Duration};

use igloo_model::Value;
use serde::{Deserialize, Serialize};

/// One new value of a component, by its handle in this session.
#[derive(Clone, PartialEq, Debug)]
pub struct Update {
    /// From the answer to a description.
    pub component: u32,
    /// The value.
    pub value: Value,
    /// The device's own time, nanoseconds since 1970 UTC.
    pub time: Option<i64>,
}

/// An update that was not applied.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadUpdate {
    /// Its place in the list.
    pub index: u32,
    /// Why.
    pub error: UpdateError,
}

/// Why an update was not applied.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum UpdateError {
    /// No such handle in this session.
    #[error("no such component in this session")]
    UnknownComponent,
    /// The value is not of the kind's type.
    #[error("the value is not of the kind's type")]
    WrongType,
    /// Over a limit.
    #[error("over a length limit")]
    Limit,
    /// The component has no state.
    #[error("the component has no state")]
    NotWritable,
}

/// Why a description was refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DescribeError {
    /// Over a limit; the text says which.
    #[error("{0}")]
    Limit(String),
    /// Not well formed; the text says where.
    #[error("{0}")]
    Invalid(String),
    /// The home cannot keep it now: the disk is full, say.
    #[error("{0}")]
    Unavailable(String),
}

/// Why an event was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EmitError {
    /// No such handle in this session.
    #[error("no such component in this session")]
    UnknownComponent,
    /// The component is not an event.
    #[error("the component is not an event")]
    NotAnEvent,
    /// It is not one of the component's `options`.
    #[error("the event is not one of the component's options")]
    UnknownEvent,
    /// The queue was full; so many events of this session are lost.
    #[error("above the limit of events; {0} are lost (the grant events=NUMBER/s allows more)")]
    Overflow(u64),
    /// Over a limit.
    #[error("over a length limit")]
    Limit,
}

/// What somebody asks of one entity.
#[derive(Clone, PartialEq, Debug)]
pub struct Command {
    /// Unique in the hub.
    pub id: u64,
    /// The provider's identifier of the device.
    pub device: String,
    /// The provider's identifier of the entity.
    pub entity: String,
    /// Kind and value, applied as one.
    pub changes: Vec<(String, Value)>,
    /// How long the change may take to complete.
    pub transition: Option<Duration>,
    /// How long the asker waits.
    pub deadline: Duration,
}

/// Why a command or an action did not succeed, as the provider says it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CommandError {
    /// It will not do it.
    #[error("rejected: {0}")]
    Rejected(String),
    /// Something else is under way.
    #[error("busy")]
    Busy,
    /// The device cannot be reached.
    #[error("unavailable")]
    Unavailable,
    /// Anything else: a code for programs, a text for people.
    #[error("{text} ({code})")]
    Other {
        /// For programs.
        code: String,
        /// For people.
        text: String,
    },
}

/// Why the key-value store did not do it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StoreError {
    /// The granted storage is used up, or the key or value is too large.
    #[error(
        "the limit of storage is reached (the grant storage=SIZE allows more), or the key or the value is too large"
    )]
    Quota,
    /// The disk is full or failing; nothing was changed.
    #[error("the store cannot be used now: {0}")]
    Unavailable(String),
}

/// How much a log line matters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// For the provider's author.
    Trace,
    /// For finding faults.
    Debug,
    /// Worth knowing.
    Info,
    /// Something is off.
    Warn,
    /// Something failed.
    Error,
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        })
    }
}
