//! The serial port of a bus, which tokio-modbus holds and which can be emptied all the same.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use igloo::serial::SerialPort;
use tokio::io::{self, AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, timeout_at};

/// A port that has several holders, of whom one at a time reads and writes.
#[derive(Clone, Debug)]
pub(crate) struct Port(Arc<Mutex<SerialPort>>);

impl Port {
    pub(crate) fn new(port: SerialPort) -> Self {
        Self(Arc::new(Mutex::new(port)))
    }

    /// Waits until then, and throws away what comes meanwhile or has come before.
    pub(crate) async fn quiet_until(&mut self, then: Instant) {
        // A port that is gone says so to whoever uses it next.
        let _ = timeout_at(then, io::copy(self, &mut io::sink())).await;
    }

    fn port(&self) -> MutexGuard<'_, SerialPort> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsyncRead for Port {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.port()).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Port {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.port()).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.port()).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.port()).poll_shutdown(cx)
    }
}
