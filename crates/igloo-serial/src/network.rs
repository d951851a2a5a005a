//! TCP connections, and the port that is one and no more (`socket://`).
//!
//! Promises: small writes leave at once (TCP_NODELAY), and a peer that vanishes without a word is noticed within about
//! a minute, whether or not anything is being sent.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::net::sockopt;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::error::Error;
use crate::settings::{Buffers, Lines};
use crate::url::Endpoint;

/// Silence before the first keep-alive probe, the pause between probes, and how many go unanswered (tcp(7)).
const KEEP_ALIVE_IDLE: Duration = Duration::from_secs(30);
const KEEP_ALIVE_PAUSE: Duration = Duration::from_secs(10);
const KEEP_ALIVE_COUNT: u32 = 3;
/// How long sent bytes may stay unacknowledged, in milliseconds (TCP_USER_TIMEOUT, RFC 5482).
const USER_TIMEOUT_MS: u32 = 60_000;
/// How long a connection may take to end after its port was dropped.
pub(crate) const FAREWELL: Duration = Duration::from_secs(2);
/// Most that is read at once when input is thrown away, in bytes: no peer can send for ever.
const DISCARD_MAX: usize = 1024 * 1024;

pub(crate) async fn connect(port: &Arc<str>, endpoint: &Endpoint) -> Result<TcpStream, Error> {
    let stream = TcpStream::connect((endpoint.host(), endpoint.port())).await.map_err(|error| {
        // A name that does not resolve has no errno.
        if error.raw_os_error().is_none() {
            return Error::not_found(port, format!("{error}; check the host's name"));
        }
        Error::opening(port, error)
    })?;
    let tune = || {
        sockopt::set_tcp_nodelay(&stream, true)?;
        sockopt::set_socket_keepalive(&stream, true)?;
        sockopt::set_tcp_keepidle(&stream, KEEP_ALIVE_IDLE)?;
        sockopt::set_tcp_keepintvl(&stream, KEEP_ALIVE_PAUSE)?;
        sockopt::set_tcp_keepcnt(&stream, KEEP_ALIVE_COUNT)?;
        sockopt::set_tcp_user_timeout(&stream, USER_TIMEOUT_MS)
    };
    tune().map_err(|e| Error::opening(port, e))?;
    Ok(stream)
}

/// A port's bytes over plain TCP. Settings and lines have no way to the other end and are ignored.
#[derive(Debug)]
pub(crate) struct Socket {
    port: Arc<str>,
    /// `None` only while it is being dropped.
    stream: Option<TcpStream>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let (Some(stream), Ok(runtime)) = (self.stream.take(), Handle::try_current()) {
            runtime.spawn(farewell(stream));
        }
    }
}

/// Ends a connection in order, within [`FAREWELL`]. Closing it while there is something unread would reset it, and
/// then what was written last may never arrive.
pub(crate) async fn farewell(mut stream: TcpStream) {
    let end = async {
        stream.shutdown().await?;
        let mut scratch = [0; 1024];
        while stream.read(&mut scratch).await? > 0 {}
        Ok::<(), io::Error>(())
    };
    if !matches!(timeout(FAREWELL, end).await, Ok(Ok(()))) {
        tracing::debug!("the connection did not end in order");
    }
}

impl Socket {
    pub(crate) async fn open(port: &Arc<str>, endpoint: &Endpoint) -> Result<Self, Error> {
        Ok(Self { port: Arc::clone(port), stream: Some(connect(port, endpoint).await?) })
    }

    fn stream(&self) -> Result<&TcpStream, Error> {
        self.stream.as_ref().ok_or_else(|| Error::disconnected(&self.port))
    }

    pub(crate) fn poll_read(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<Result<(), Error>> {
        let stream = self.stream()?;
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        loop {
            ready!(stream.poll_read_ready(cx)).map_err(|e| Error::using(&self.port, e))?;
            match stream.try_read(buf.initialize_unfilled()) {
                Ok(0) => return Poll::Ready(Err(Error::disconnected(&self.port))),
                Ok(count) => {
                    buf.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(Error::using(&self.port, error))),
            }
        }
    }

    pub(crate) fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize, Error>> {
        let stream = self.stream()?;
        loop {
            ready!(stream.poll_write_ready(cx)).map_err(|e| Error::using(&self.port, e))?;
            match stream.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result.map_err(|e| Error::using(&self.port, e))),
            }
        }
    }

    pub(crate) fn set_lines(&self, lines: Lines) {
        tracing::debug!(port = %self.port, ?lines, "plain TCP carries no lines");
    }

    pub(crate) fn discard(&self, buffers: Buffers) -> Result<(), Error> {
        if !buffers.input() {
            return Ok(());
        }
        let stream = self.stream()?;
        let (mut scratch, mut total) = ([0; 4096], 0);
        while total < DISCARD_MAX {
            match stream.try_read(&mut scratch) {
                Ok(0) => return Err(Error::disconnected(&self.port)),
                Ok(count) => total += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(Error::using(&self.port, error)),
            }
        }
        Ok(())
    }
}
