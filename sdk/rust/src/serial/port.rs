//! An open port: two futures carry its bytes, its functions are single calls.

use super::{
    Buffers, ControlLines, ModemLines, SerialError, Settings,
    carry::{receive, send},
    pipe::Pipe,
};
use crate::{
    bindings::igloo::serial::{ports::Port, types::ErrorCode},
    runtime,
};
use std::{
    fmt, io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// An open serial port: `AsyncRead` and `AsyncWrite`, with bounded buffers in both directions. Dropping it closes it.
///
/// Flushing waits until the hub has the bytes; [`drain`](Self::drain) until they have been transmitted.
pub struct SerialPort {
    slot: String,
    port: Arc<Port>,
    input: Arc<Pipe>,
    output: Arc<Pipe>,
}

impl SerialPort {
    pub(super) fn start(slot: &str, port: Port) -> Self {
        let this = Self { slot: slot.to_owned(), port: Arc::new(port), input: Arc::default(), output: Arc::default() };
        runtime::start(receive(this.port.clone(), this.input.clone()));
        runtime::start(send(this.port.clone(), this.output.clone(), this.input.clone()));
        this
    }

    /// The slot that it was opened by.
    pub fn slot(&self) -> &str {
        &self.slot
    }

    /// Changes the settings of the open port.
    pub async fn configure(&self, settings: Settings) -> Result<(), SerialError> {
        self.call(async move |port| port.configure(settings.into()).await).await
    }

    /// Drives DTR and RTS. On ports without lines this does nothing and succeeds.
    pub async fn set_lines(&self, lines: ControlLines) -> Result<(), SerialError> {
        self.call(async move |port| port.set_lines(lines.into()).await).await
    }

    /// Reads CTS, DSR, RI and CD.
    pub async fn lines(&self) -> Result<ModemLines, SerialError> {
        self.call(async |port| port.lines().await).await.map(ModemLines::from)
    }

    /// Holds the break condition, 1 ms to 5 s.
    pub async fn send_break(&self, duration: Duration) -> Result<(), SerialError> {
        let milliseconds = u32::try_from(duration.as_millis()).unwrap_or(u32::MAX);
        self.call(async move |port| port.send_break(milliseconds).await).await
    }

    /// Waits until everything written has been transmitted.
    pub async fn drain(&self) -> Result<(), SerialError> {
        let flushed = std::future::poll_fn(|cx| self.output.poll_flush(cx)).await;
        flushed.map_err(|_| SerialError::Disconnected)?;
        self.call(async |port| port.drain().await).await
    }

    /// Throws away what has arrived and was not read, what was written and not sent, or both.
    pub async fn discard(&self, what: Buffers) -> Result<(), SerialError> {
        if what != Buffers::Output {
            self.input.clear();
        }
        if what != Buffers::Input {
            self.output.clear();
        }
        self.call(async move |port| port.discard(what.into()).await).await
    }

    async fn call<T: 'static>(
        &self,
        import: impl AsyncFnOnce(&Port) -> Result<T, ErrorCode> + 'static,
    ) -> Result<T, SerialError> {
        let port = self.port.clone();
        Ok(runtime::host_call(async move { import(&port).await }).await?)
    }
}

impl Drop for SerialPort {
    fn drop(&mut self) {
        self.input.end(Ok(()));
        self.output.end(Ok(()));
    }
}

impl fmt::Debug for SerialPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SerialPort({})", self.slot)
    }
}

impl AsyncRead for SerialPort {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.input.poll_read(cx, buffer)
    }
}

impl AsyncWrite for SerialPort {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.output.poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.output.poll_flush(cx)
    }

    /// Nothing can be written any more; what was is still sent, and reading goes on.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.output.end(Ok(()));
        self.output.poll_flush(cx)
    }
}
