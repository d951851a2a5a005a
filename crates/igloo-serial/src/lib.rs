//! Serial ports by URL: ttys, RFC 2217, raw TCP and replayed files behind one asynchronous type.
//!
//! The owner names a port with a [`PortUrl`]; [`Port::open`] gives something that reads and writes bytes
//! (`AsyncRead + AsyncWrite`) and a [`Control`] for everything beside the bytes.
//!
//! Promises:
//! - Every buffer here is bounded, whatever the other end sends, and nothing polls.
//! - A tty is held exclusively and is known to be a serial device, each time it is opened.
//! - A port that goes away ends its reads and writes with [`Error::Disconnected`], never with an end of file, and
//!   [`wait_until_present`] tells when it is back.
//! - Every error names the port and the way out.
//!
//! It must not decide who may open which port: it opens what it is told. It knows nothing of providers. It keeps no
//! list of ports, and reopens nothing by itself.
//!
//! | | tty | pseudo-terminal | `rfc2217://` | `socket://` | `replay:` |
//! |---|---|---|---|---|---|
//! | settings | yes | the baud rate | yes, confirmed | ignored | the pace |
//! | set lines | yes | ignored | yes | ignored | ignored |
//! | read lines | yes | unsupported | yes | unsupported | unsupported |
//! | break | yes | ignored | yes | unsupported | unsupported |
//! | drain | transmitted | handed over | handed to the server | handed to the kernel | at once |
//! | discard input | yes | yes | yes | what has come so far | yes |
//! | discard output | yes | yes | yes | no: it has left | nothing to do |
#![deny(unsafe_code)]

mod error;
mod network;
mod pipe;
mod presence;
mod replay;
mod rfc2217;
mod settings;
mod tty;
mod url;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout;

pub use crate::error::Error;
pub use crate::presence::wait_until_present;
pub use crate::settings::{
    Buffers, DataBits, FlowControl, Lines, ModemLines, Parity, Settings, SettingsError, StopBits,
};
pub use crate::url::{Endpoint, PortUrl, Replay, UrlError};

/// How long [`Port::open`] may take in all.
pub const OPEN_DEADLINE: Duration = Duration::from_secs(10);
/// The longest break that can be sent.
pub const MAX_BREAK: Duration = Duration::from_secs(5);

#[derive(Debug)]
enum Backend {
    Tty(tty::Tty),
    Rfc2217(rfc2217::Rfc2217),
    Socket(network::Socket),
    Replay(replay::Player),
}

impl Backend {
    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<Result<(), Error>> {
        match self {
            Self::Tty(tty) => tty.poll_read(cx, buf),
            Self::Rfc2217(port) => port.poll_read(cx, buf),
            Self::Socket(socket) => socket.poll_read(cx, buf),
            Self::Replay(player) => player.poll_read(cx, buf),
        }
    }

    fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize, Error>> {
        match self {
            _ if bytes.is_empty() => Poll::Ready(Ok(0)),
            Self::Tty(tty) => tty.poll_write(cx, bytes),
            Self::Rfc2217(port) => port.poll_write(cx, bytes),
            Self::Socket(socket) => socket.poll_write(cx, bytes),
            Self::Replay(_) => Poll::Ready(Ok(bytes.len())),
        }
    }
}

/// An open port. It closes when its last handle is dropped: then a tty is free for others at once, and what was
/// written is still sent for a while, so that a program may say goodbye and go.
#[derive(Debug)]
pub struct Port {
    reader: Reader,
    writer: Writer,
    control: Control,
}

impl Port {
    /// Opens a port. Gives up after [`OPEN_DEADLINE`].
    ///
    /// # Errors
    /// Any variant of [`Error`] but [`Error::Unsupported`] for a tty; an RFC 2217 server that refuses the option gives
    /// that too.
    pub async fn open(url: &PortUrl, settings: Settings) -> Result<Self, Error> {
        let port: Arc<str> = url.to_string().into();
        settings.validate().map_err(|e| Error::invalid(&port, e.to_string()))?;
        let open = async {
            Ok(match url {
                PortUrl::Tty(path) => Backend::Tty(tty::Tty::open(&port, path, settings).await?),
                PortUrl::Rfc2217(endpoint) => {
                    Backend::Rfc2217(rfc2217::Rfc2217::open(&port, endpoint, settings).await?)
                }
                PortUrl::Socket(endpoint) => Backend::Socket(network::Socket::open(&port, endpoint).await?),
                PortUrl::Replay(replay) => Backend::Replay(replay::Player::open(&port, replay, settings).await?),
            })
        };
        let backend = timeout(OPEN_DEADLINE, open)
            .await
            .unwrap_or_else(|_| Err(Error::timeout(&port, "it could not be opened within 10 s")))?;
        let backend = Arc::new(backend);
        Ok(Self {
            reader: Reader { backend: Arc::clone(&backend) },
            writer: Writer { backend: Arc::clone(&backend) },
            control: Control { backend, port },
        })
    }

    /// The handle for everything beside the bytes.
    #[must_use]
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// The port in parts that can go separate ways.
    #[must_use]
    pub fn split(self) -> (Reader, Writer, Control) {
        (self.reader, self.writer, self.control)
    }
}

/// The bytes that arrive.
///
/// A read never gives an end of file: it fails with [`Error::Disconnected`] (see [`Error::of`]) when the port goes
/// away.
#[derive(Debug)]
pub struct Reader {
    backend: Arc<Backend>,
}

/// The bytes to send.
///
/// Flushing and shutting down do nothing, as there is no end of file on a line: [`Control::drain`] waits until
/// everything is sent.
#[derive(Debug)]
pub struct Writer {
    backend: Arc<Backend>,
}

impl AsyncRead for Reader {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.backend.poll_read(cx, buf).map_err(Into::into)
    }
}

impl AsyncWrite for Writer {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.backend.poll_write(cx, bytes).map_err(Into::into)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Port {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.reader).poll_read(cx, buf)
    }
}

impl AsyncWrite for Port {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.writer).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Everything beside the bytes. What each kind of port makes of it is in the table of the [crate]'s documentation.
///
/// All operations fail with [`Error::Disconnected`] once the port has gone away, and, over RFC 2217, with
/// [`Error::Timeout`] when the server does not answer.
#[derive(Debug, Clone)]
pub struct Control {
    backend: Arc<Backend>,
    port: Arc<str>,
}

impl Control {
    /// Changes the settings, at once: bytes still being sent may suffer, unless [`Control::drain`] came before.
    ///
    /// # Errors
    /// [`Error::InvalidSettings`] if the port cannot do them; some of them may then hold.
    pub async fn configure(&self, settings: Settings) -> Result<(), Error> {
        settings.validate().map_err(|e| Error::invalid(&self.port, e.to_string()))?;
        match &*self.backend {
            Backend::Tty(tty) => tty.configure(settings).await,
            Backend::Rfc2217(port) => port.configure(settings).await,
            Backend::Socket(_) => Ok(()),
            Backend::Replay(player) => {
                player.configure(settings);
                Ok(())
            }
        }
    }

    /// Drives DTR and RTS. Does nothing on a port without them.
    ///
    /// # Errors
    /// As every operation here.
    pub async fn set_lines(&self, lines: Lines) -> Result<(), Error> {
        match &*self.backend {
            Backend::Tty(tty) => tty.set_lines(lines).await,
            Backend::Rfc2217(port) => port.set_lines(lines).await,
            Backend::Socket(socket) => {
                socket.set_lines(lines);
                Ok(())
            }
            Backend::Replay(_) => Ok(()),
        }
    }

    /// Reads CTS, DSR, RI and CD. Over RFC 2217 this is what the server last reported.
    ///
    /// # Errors
    /// [`Error::Unsupported`] on a port without them, such as a pseudo-terminal.
    pub async fn lines(&self) -> Result<ModemLines, Error> {
        match &*self.backend {
            Backend::Tty(tty) => tty.lines().await,
            Backend::Rfc2217(port) => port.lines().await,
            Backend::Socket(_) | Backend::Replay(_) => Err(Error::unsupported(&self.port, "modem lines")),
        }
    }

    /// Holds the break condition for this long, at most [`MAX_BREAK`]. Dropping the future ends the break on a tty;
    /// over RFC 2217 it ends in its own time.
    ///
    /// # Errors
    /// [`Error::Unsupported`] on a port without it.
    pub async fn send_break(&self, duration: Duration) -> Result<(), Error> {
        let duration = duration.min(MAX_BREAK);
        match &*self.backend {
            Backend::Tty(tty) => tty.send_break(duration).await,
            Backend::Rfc2217(port) => port.send_break(duration).await,
            Backend::Socket(_) | Backend::Replay(_) => Err(Error::unsupported(&self.port, "break")),
        }
    }

    /// Waits until what was written has been transmitted, as far as that can be known. Flow control can make this
    /// wait without end; [`Control::discard`] of the output ends it.
    ///
    /// # Errors
    /// As every operation here.
    pub async fn drain(&self) -> Result<(), Error> {
        match &*self.backend {
            Backend::Tty(tty) => tty.drain().await,
            Backend::Rfc2217(port) => port.drain().await,
            Backend::Socket(_) | Backend::Replay(_) => Ok(()),
        }
    }

    /// Throws away what has arrived and was not read, what was written and not sent, or both.
    ///
    /// # Errors
    /// As every operation here.
    pub async fn discard(&self, buffers: Buffers) -> Result<(), Error> {
        match &*self.backend {
            Backend::Tty(tty) => tty.discard(buffers),
            Backend::Rfc2217(port) => port.discard(buffers).await,
            Backend::Socket(socket) => socket.discard(buffers),
            Backend::Replay(player) => {
                player.discard(buffers);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_go_anywhere() {
        fn anywhere<T: Send + Sync + Unpin + 'static>() {}
        anywhere::<Port>();
        anywhere::<Reader>();
        anywhere::<Writer>();
        anywhere::<Control>();
        anywhere::<Error>();
    }
}
