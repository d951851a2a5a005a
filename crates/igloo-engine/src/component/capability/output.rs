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

/// Standard output or error of one instance.
#[derive(Clone)]
pub(crate) struct Output {
    home: Arc<dyn Home>,
    level: LogLevel,
    line: Arc<Mutex<Vec<u8>>>,
}

impl Output {
    pub(crate) fn new(home: Arc<dyn Home>, level: LogLevel) -> Self {
        Self { home, level, line: Arc::default() }
    }

    fn put(&self, bytes: &[u8]) {
        let mut line = self.line.lock();
        for byte in bytes {
            if *byte != b'\n' {
                line.push(*byte);
            }
            if *byte == b'\n' || line.len() >= LONGEST_LINE {
                self.home.log(self.level, &String::from_utf8_lossy(&line));
                line.clear();
            }
        }
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
        self.put(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
