//! What can go wrong with a port, in words that name the port and the way out.

use std::io;
use std::sync::Arc;

use rustix::io::Errno;

/// Why an operation on a port failed.
///
/// Every message names the port as the owner wrote it and what to do about it. It is meant for the owner's eyes:
/// a sandboxed program must not see it, because it names the port.
///
/// Readers and writers speak [`io::Error`]; [`Error::of`] finds this error inside one.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The port is not there (unplugged, not yet found, nobody listens). See [`wait_until_present`].
    ///
    /// [`wait_until_present`]: crate::wait_until_present
    #[error("{port} is not there: {hint}")]
    NotFound {
        /// The port's URL.
        port: Arc<str>,
        /// What to look at.
        hint: String,
    },
    /// Another program, or this one, has the port open.
    #[error("{port} is in use: close the other program that has it open (`fuser -v {port}` names it)")]
    Busy {
        /// The port's URL.
        port: Arc<str>,
    },
    /// The operating system refuses access.
    #[error(
        "no permission to open {port}: add the user that runs Igloo to the group that owns it (`sudo usermod -aG \
         dialout USER` on Debian), then log in again"
    )]
    PermissionDenied {
        /// The port's URL.
        port: Arc<str>,
    },
    /// The path exists and is something else than a serial port.
    #[error("{port} is not a serial port but {what}: choose one of those under /dev/serial/by-id")]
    NotASerialDevice {
        /// The port's URL.
        port: Arc<str>,
        /// What it is instead.
        what: &'static str,
    },
    /// The port cannot do these settings.
    #[error("{port} cannot be set up like this: {reason}")]
    InvalidSettings {
        /// The port's URL.
        port: Arc<str>,
        /// Which setting, and what would work.
        reason: String,
    },
    /// The port has no such function.
    #[error("{port} has no {what}")]
    Unsupported {
        /// The port's URL.
        port: Arc<str>,
        /// The missing function.
        what: &'static str,
    },
    /// The port went away while it was open: open it again when it has come back.
    #[error("{port} went away: plug it in or switch it on again, then reopen it")]
    Disconnected {
        /// The port's URL.
        port: Arc<str>,
    },
    /// The port did not answer in time.
    #[error("{port} did not answer in time: {waiting_for}")]
    Timeout {
        /// The port's URL.
        port: Arc<str>,
        /// What was waited for.
        waiting_for: String,
    },
    /// Anything else the operating system said.
    #[error("{port}: {source}")]
    Io {
        /// The port's URL.
        port: Arc<str>,
        /// The operating system's error.
        source: Arc<io::Error>,
    },
}

impl Error {
    /// The error of this crate inside an [`io::Error`] from a reader or writer.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    pub(crate) fn not_found(port: &Arc<str>, hint: impl Into<String>) -> Self {
        Self::NotFound { port: Arc::clone(port), hint: hint.into() }
    }

    pub(crate) fn disconnected(port: &Arc<str>) -> Self {
        Self::Disconnected { port: Arc::clone(port) }
    }

    pub(crate) fn timeout(port: &Arc<str>, waiting_for: impl Into<String>) -> Self {
        Self::Timeout { port: Arc::clone(port), waiting_for: waiting_for.into() }
    }

    pub(crate) fn unsupported(port: &Arc<str>, what: &'static str) -> Self {
        Self::Unsupported { port: Arc::clone(port), what }
    }

    pub(crate) fn invalid(port: &Arc<str>, reason: impl Into<String>) -> Self {
        Self::InvalidSettings { port: Arc::clone(port), reason: reason.into() }
    }

    /// An error of opening or looking for a port: what is missing is not found.
    pub(crate) fn opening(port: &Arc<str>, error: impl Into<io::Error>) -> Self {
        let error = error.into();
        // EIO is what a pseudo-terminal says whose other end is gone.
        match Errno::from_io_error(&error) {
            Some(Errno::NOENT | Errno::NOTDIR | Errno::NXIO | Errno::NODEV | Errno::IO) => {
                Self::not_found(port, "plug it in, and look for its name with `ls -l /dev/serial/by-id`")
            }
            Some(Errno::CONNREFUSED | Errno::HOSTUNREACH | Errno::NETUNREACH | Errno::CONNRESET | Errno::TIMEDOUT) => {
                Self::not_found(port, format!("{error}; check that the host is on and serves this port"))
            }
            Some(Errno::BUSY | Errno::AGAIN) => Self::Busy { port: Arc::clone(port) },
            Some(Errno::ACCESS | Errno::PERM) => Self::PermissionDenied { port: Arc::clone(port) },
            Some(Errno::NOTTY) => {
                Self::NotASerialDevice { port: Arc::clone(port), what: "a device without terminal functions" }
            }
            _ => Self::Io { port: Arc::clone(port), source: Arc::new(error) },
        }
    }

    /// An error of an open port: what is missing has gone away.
    pub(crate) fn using(port: &Arc<str>, error: impl Into<io::Error>) -> Self {
        let error = error.into();
        match Errno::from_io_error(&error) {
            Some(
                Errno::IO
                | Errno::NXIO
                | Errno::NODEV
                | Errno::PIPE
                | Errno::CONNRESET
                | Errno::CONNABORTED
                | Errno::NOTCONN
                | Errno::TIMEDOUT
                | Errno::HOSTUNREACH
                | Errno::NETUNREACH,
            ) => Self::disconnected(port),
            _ => Self::Io { port: Arc::clone(port), source: Arc::new(error) },
        }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::NotFound { .. } => io::ErrorKind::NotFound,
            Error::Busy { .. } => io::ErrorKind::ResourceBusy,
            Error::PermissionDenied { .. } => io::ErrorKind::PermissionDenied,
            Error::NotASerialDevice { .. } | Error::InvalidSettings { .. } => io::ErrorKind::InvalidInput,
            Error::Unsupported { .. } => io::ErrorKind::Unsupported,
            Error::Disconnected { .. } => io::ErrorKind::BrokenPipe,
            Error::Timeout { .. } => io::ErrorKind::TimedOut,
            Error::Io { source, .. } => source.kind(),
        };
        Self::new(kind, error)
    }
}
