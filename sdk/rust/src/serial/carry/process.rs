//! Through the descriptor that the hub passed when the port was opened.

use crate::{
    bindings::igloo::serial::ports::Port,
    serial::{SerialError, pipe::Pipe},
};
use std::{future::poll_fn, io, sync::Arc, task::Poll, time::Duration};

/// How long a port that was dropped may take to send what was written.
const LINGER: Duration = Duration::from_secs(3);

pub(in crate::serial) async fn receive(port: Arc<Port>, input: Arc<Pipe>) {
    let mut bytes = vec![0; 4096];
    while input.room().await {
        let readable = poll_fn(|cx| {
            // A port that is dropped while nothing arrives must not wait for something to arrive.
            if input.is_ended() {
                return Poll::Ready(false);
            }
            input.register_room(cx);
            port.stream().poll_read_ready(cx).map(|_| true)
        });
        if !readable.await {
            return;
        }
        match port.stream().try_read(&mut bytes) {
            Ok(0) => break,
            Ok(count) => input.push(&bytes[..count]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
    }
    if !input.is_ended() {
        input.end(port.reason().await.map_err(SerialError::from));
    }
}

pub(in crate::serial) async fn send(port: Arc<Port>, output: Arc<Pipe>, _input: Arc<Pipe>) {
    while let Some(bytes) = output.take().await {
        let sent = send_all(&port, &output, &bytes).await;
        output.handed_on();
        if sent.is_err() {
            // The reader sees the same end, and learns why.
            return output.end(Err(SerialError::Disconnected));
        }
    }
}

async fn send_all(port: &Port, output: &Pipe, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match tokio::time::timeout(LINGER, port.stream().writable()).await {
            Ok(ready) => ready?,
            Err(_) if output.is_ended() => return Err(io::ErrorKind::TimedOut.into()),
            Err(_) => continue,
        }
        match port.stream().try_write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
