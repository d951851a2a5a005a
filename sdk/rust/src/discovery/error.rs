//! What can go wrong with discovery.

use crate::bindings::igloo::discovery::types::ErrorCode;

/// Why the hub does not look.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoveryError {
    /// The owner has not granted this type or target.
    #[error("finding this is not granted to this provider")]
    AccessDenied,
    /// This hub cannot look.
    #[error("this hub cannot look for devices")]
    Unavailable,
    /// Not a service type such as `_hap._tcp`, or not a search target such as `roku:ecp`.
    #[error("not a service type such as _hap._tcp, or not a search target such as roku:ecp")]
    Invalid,
    /// Anything else.
    #[error("{code}: {text}")]
    Other {
        /// For programs.
        code: String,
        /// For people.
        text: String,
    },
}

impl From<ErrorCode> for DiscoveryError {
    fn from(error: ErrorCode) -> Self {
        match error {
            ErrorCode::AccessDenied => Self::AccessDenied,
            ErrorCode::Unavailable => Self::Unavailable,
            ErrorCode::InvalidArgument => Self::Invalid,
            ErrorCode::Other((code, text)) => Self::Other { code, text },
        }
    }
}
