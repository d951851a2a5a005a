//! Where the socket broker's filter is installed.

use std::io;
use std::os::fd::OwnedFd;

/// Puts the filter on this process and gives the descriptor on which its questions are answered.
pub(super) fn install() -> io::Result<OwnedFd> {
    crate::sockets::filter::supported().map_err(io::Error::other)?;
    crate::sockets::filter::install()
}
