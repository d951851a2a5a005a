//! Floods of bytes: taken and never read, sent to who never reads, swallowed without end.

use igloo::{
    http::{self, HttpError, Request},
    serial::Settings,
};
use std::{any::Any, cell::RefCell, fmt, io, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// Shorter than the servers of these cases wait before they pour.
const BEGIN: Duration = Duration::from_millis(150);
/// Longer than anything takes that is not stuck.
const STALL: Duration = Duration::from_millis(500);

/// What is held and never touched again.
#[derive(Default)]
pub(crate) struct Flows(RefCell<Vec<Box<dyn Any>>>);

impl Flows {
    pub(crate) fn keep(&self, flow: impl Any) -> usize {
        self.0.borrow_mut().push(Box::new(flow));
        self.0.borrow().len()
    }
}

/// A request whose answer may be as long as it likes.
pub(crate) fn endless(url: &str) -> Request {
    http::get(url).limit(usize::MAX).timeout(Duration::from_secs(3600))
}

/// A port's settings, of no matter.
pub(crate) fn line() -> Settings {
    Settings::new(115_200)
}

/// Asks, and stops looking at it when the body is about to come.
pub(crate) async fn hold_body(flows: &Flows, url: &str) -> Result<usize, HttpError> {
    let mut exchange = Box::pin(endless(url).send());
    match timeout(BEGIN, &mut exchange).await {
        Ok(answered) => answered.map(|answer| answer.body.len()),
        Err(_) => Ok(flows.keep(exchange)),
    }
}

/// Holds one after the other until it is refused.
pub(crate) async fn hold_bodies(flows: &Flows, url: &str) -> String {
    for count in 0..64 {
        if let Err(error) = hold_body(flows, url).await {
            return format!("refused: {error} after {count}");
        }
    }
    String::from("done: 64")
}

/// Writes until nothing more is taken.
pub(crate) async fn pour(mut to: impl AsyncWrite + Unpin) -> io::Result<impl fmt::Debug> {
    let chunk = vec![b'x'; 64 << 10];
    let mut poured = 0;
    loop {
        match timeout(STALL, to.write(&chunk)).await {
            Ok(count) => poured += count?,
            Err(_) => return Ok(format!("stalled after {} KiB", poured >> 10)),
        }
    }
}

/// Reads for ever, and looks at nothing of it.
pub(crate) fn swallow(mut stream: TcpStream) {
    igloo::spawn(async move {
        let mut buffer = vec![0; 64 << 10];
        while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
    });
}
