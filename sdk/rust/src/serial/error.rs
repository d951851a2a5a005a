//! What can go wrong with a serial port.

use crate::bindings::igloo::serial::types::ErrorCode;
use std::io;

/// What went wrong with a serial port.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SerialError {
    /// The owner has not granted this slot, or the manifest does not name it.
    #[error("the slot is not granted to this provider, or its manifest does not name it")]
    AccessDenied,
    /// The port is not there now. [`wait_present`](super::wait_present) tells when it is.
    #[error("the port is not there now")]
    NotFound,
    /// Somebody else has the port open.
    #[error("somebody else has the port open")]
    Busy,
    /// The port cannot do these settings; the text says which.
    #[error("the port cannot do these settings: {0}")]
    InvalidSettings(String),
    /// The port has no such function.
    #[error("the port has no such function")]
    Unsupported,
    /// The port went away while it was open. Open it again when it has come back.
    #[error("the port went away")]
    Disconnected,
    /// The host gave up waiting for the port.
    #[error("the port took too long")]
    Timeout,
    /// Anything else.
    #[error("{code}: {text}")]
    Other {
        /// For programs.
        code: String,
        /// For people.
        text: String,
    },
}

impl From<ErrorCode> for SerialError {
    fn from(error: ErrorCode) -> Self {
        match error {
            ErrorCode::AccessDenied => Self::AccessDenied,
            ErrorCode::NotFound => Self::NotFound,
            ErrorCode::Busy => Self::Busy,
            ErrorCode::InvalidSettings(which) => Self::InvalidSettings(which),
            ErrorCode::Unsupported => Self::Unsupported,
            ErrorCode::Disconnected => Self::Disconnected,
            ErrorCode::Timeout => Self::Timeout,
            ErrorCode::Other((code, text)) => Self::Other { code, text },
        }
    }
}

impl From<SerialError> for io::Error {
    fn from(error: SerialError) -> Self {
        let kind = match &error {
            SerialError::AccessDenied => io::ErrorKind::PermissionDenied,
            SerialError::NotFound => io::ErrorKind::NotFound,
            SerialError::Busy => io::ErrorKind::ResourceBusy,
            SerialError::InvalidSettings(_) => io::ErrorKind::InvalidInput,
            SerialError::Unsupported => io::ErrorKind::Unsupported,
            SerialError::Disconnected => io::ErrorKind::NotConnected,
            SerialError::Timeout => io::ErrorKind::TimedOut,
            SerialError::Other { .. } => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}
