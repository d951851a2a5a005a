//! What a call that the broker makes for a program comes to.

use std::io;

/// Why a call has no value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Failure {
    /// The program is told this error number.
    Errno(i32),
    /// The call is over: the program was killed or interrupted, or the descriptor was handed in with the answer.
    Over,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Errno(error.raw_os_error().unwrap_or(libc::EIO))
    }
}

/// A call's value, as its system call returns it.
pub(crate) type Outcome<T> = Result<T, Failure>;

/// The outcome of a libc call that returns -1 and sets `errno`.
pub(crate) fn check(value: i32) -> io::Result<i32> {
    if value < 0 { Err(io::Error::last_os_error()) } else { Ok(value) }
}

/// As [`check`], for calls that return a size.
pub(crate) fn check_size(value: isize) -> io::Result<usize> {
    usize::try_from(value).map_err(|_| io::Error::last_os_error())
}
