//! Carries a serial port's bytes between the port and a process's descriptor.
//!
//! What a process writes before it asks for something (to drain, to change the settings) is handed to the port before
//! that is done, as if it wrote to the port itself. Only to discard overtakes: that ends a drain which waits for flow
//! control.

use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    io,
    pin::Pin,
    sync::Arc,
    task::Poll,
};

use futures::{FutureExt as _, future::BoxFuture};
use igloo_wire::{
    message::SerialControl,
    types::serial::{Buffers, ErrorCode, ModemLines},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
    sync::{mpsc, oneshot},
};

use crate::outside::{OpenPort, PortControl, ports};

/// Bytes that are held in each direction.
const HELD: usize = 8 * 1024;
/// Operations that wait for their turn.
const ASKED: usize = 16;

type Controlled = Result<Option<ModemLines>, ErrorCode>;

/// Something to be done with the port, and where its outcome goes.
pub(super) type Asked = (SerialControl, oneshot::Sender<Controlled>);

/// The way to the operations of a port that is being carried.
pub(super) struct Controls {
    control: Arc<dyn PortControl>,
    queue: mpsc::Sender<Asked>,
}

impl Controls {
    pub(super) fn new(control: Arc<dyn PortControl>) -> (Self, mpsc::Receiver<Asked>) {
        let (queue, asked) = mpsc::channel(ASKED);
        (Self { control, queue }, asked)
    }

    /// Has it done, in order with what was written where that matters.
    pub(super) fn ask(&self, what: SerialControl) -> BoxFuture<'static, Controlled> {
        let in_order = matches!(
            what,
            SerialControl::Configure(_)
                | SerialControl::Drain {}
                | SerialControl::Discard(_)
                | SerialControl::SendBreak(_)
        );
        if !in_order {
            return self.control.control(what);
        }
        let (reply, outcome) = oneshot::channel();
        if self.queue.try_send((what, reply)).is_err() {
            return std::future::ready(Err(ErrorCode::Busy)).boxed();
        }
        async move { outcome.await.unwrap_or(Err(ErrorCode::Disconnected)) }.boxed()
    }
}

/// Carries until one side ends; why, if it was the port. The process's end of file is its way to close.
pub(super) async fn carry(port: OpenPort, process: &UnixStream, asked: mpsc::Receiver<Asked>) -> Option<ErrorCode> {
    let OpenPort { reader, writer, control } = port;
    tokio::select! {
        error = incoming(reader, process) => error,
        error = outgoing(process, writer, control, asked) => error,
    }
}

async fn incoming(mut port: impl tokio::io::AsyncRead + Unpin, process: &UnixStream) -> Option<ErrorCode> {
    let mut buffer = vec![0; HELD];
    loop {
        match port.read(&mut buffer).await {
            Ok(0) => return Some(ErrorCode::Disconnected),
            Ok(count) => send(process, buffer.get(..count).unwrap_or_default()).await.ok()?,
            Err(error) => return Some(ports::why(&error)),
        }
    }
}

async fn send(process: &UnixStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        process.writable().await?;
        match process.try_write(bytes) {
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn outgoing(
    process: &UnixStream,
    mut port: impl tokio::io::AsyncWrite + Unpin,
    control: Arc<dyn PortControl>,
    mut asked: mpsc::Receiver<Asked>,
) -> Option<ErrorCode> {
    let mut held = Held::default();
    let mut later: VecDeque<Asked> = VecDeque::new();
    let mut doing: Option<(BoxFuture<'static, Controlled>, oneshot::Sender<Controlled>)> = None;
    loop {
        if doing.is_none() && held.is_empty() && held.take(process).is_none_or(|count| count == 0) {
            doing = later.pop_front().map(|(what, reply)| (control.control(what), reply));
        }
        tokio::select! {
            Some((what, reply)) = asked.recv(), if later.len() < ASKED => match what {
                SerialControl::Discard(buffers) => {
                    if buffers != Buffers::Input {
                        held.clear();
                        while held.take(process).is_some_and(|count| count > 0) {
                            held.clear();
                        }
                    }
                    let _ = reply.send(control.control(SerialControl::Discard(buffers)).await);
                }
                what => later.push_back((what, reply)),
            },
            outcome = wait_for(&mut doing) => if let Some((_, reply)) = doing.take() {
                let _ = reply.send(outcome);
            },
            written = port.write(held.rest()), if doing.is_none() && !held.is_empty() => match written {
                Ok(count) => held.written(count),
                Err(error) => return Some(ports::why(&error)),
            },
            ready = process.readable(), if doing.is_none() && held.is_empty() && later.is_empty() => {
                ready.ok()?;
                if held.take(process).is_some_and(|count| count == 0) {
                    return None;
                }
            }
        }
    }
}

async fn wait_for(doing: &mut Option<(BoxFuture<'static, Controlled>, oneshot::Sender<Controlled>)>) -> Controlled {
    poll_fn(|context| match doing {
        Some((future, _)) => Pin::new(future).poll(context),
        None => Poll::Pending,
    })
    .await
}

/// Bytes that were taken from the process and not yet by the port.
#[derive(Default)]
struct Held {
    bytes: Vec<u8>,
    written: usize,
}

impl Held {
    fn is_empty(&self) -> bool {
        self.written == self.bytes.len()
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.written..).unwrap_or_default()
    }

    fn written(&mut self, count: usize) {
        self.written += count;
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.written = 0;
    }

    /// Takes what the process has written; how much. `None` if there is nothing now, 0 at its end.
    fn take(&mut self, process: &UnixStream) -> Option<usize> {
        self.bytes.resize(HELD, 0);
        let taken = process.try_read(&mut self.bytes);
        let count = taken.as_ref().copied().unwrap_or_default();
        self.bytes.truncate(count);
        self.written = 0;
        match taken {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            _ => Some(count),
        }
    }
}
