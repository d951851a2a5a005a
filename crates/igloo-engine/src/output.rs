//! What a provider prints goes to its log, line by line.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use igloo_protocol::LogLevel;
use parking_lot::Mutex;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};

use crate::home::Home;

/// A line without an end is cut here.
const LONGEST_LINE: usize = 4096;

/// Cuts what a provider prints into lines of its log.
pub(crate) struct Lines {
    home: Arc<dyn Home>,
    level: LogLevel,
    line: Vec<u8>,
}

impl Lines {
    pub(crate) fn new(home: Arc<dyn Home>, level: LogLevel) -> Self {
        Self { home, level, line: Vec::new() }
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte != b'\n' {
                self.line.push(*byte);
            }
            if *byte == b'\n' || self.line.len() >= LONGEST_LINE {
                self.home.log(self.level, &String::from_utf8_lossy(&self.line));
                self.line.clear();
            }
        }
    }
}

/// Standard output or error of a component.
#[derive(Clone)]
pub(crate) struct Output(Arc<Mutex<Lines>>);

impl Output {
    pub(crate) fn new(home: Arc<dyn Home>, level: LogLevel) -> Self {
        Self(Arc::new(Mutex::new(Lines::new(home, level))))
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }
}

impl AsyncWrite for Output {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.lock().put(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
