//! Through the streams of `igloo:serial`, as host futures.

use crate::{
    bindings::{igloo::serial::ports::Port, wit_stream},
    serial::{SerialError, pipe::Pipe},
};
use std::{pin::pin, sync::Arc, task::Poll};
use wit_bindgen::rt::async_support::StreamResult;

pub(in crate::serial) async fn receive(port: Arc<Port>, input: Arc<Pipe>) {
    let (mut bytes, result) = port.receive();
    while input.room().await {
        let (status, read) = {
            let mut read = pin!(bytes.read(Vec::with_capacity(4096)));
            let step = std::future::poll_fn(|cx| {
                // A port that is dropped while nothing arrives must not wait for something to arrive.
                if input.is_ended() {
                    return Poll::Ready(None);
                }
                input.register_room(cx);
                read.as_mut().poll(cx).map(Some)
            });
            let Some(step) = step.await else { return };
            step
        };
        input.push(&read);
        if status == StreamResult::Dropped {
            drop(bytes);
            return input.end(result.await.map_err(SerialError::from));
        }
    }
}

pub(in crate::serial) async fn send(port: Arc<Port>, output: Arc<Pipe>, input: Arc<Pipe>) {
    let (mut writer, bytes) = wit_stream::new();
    let write = async {
        while let Some(bytes) = output.take().await {
            let left = writer.write_all(bytes).await;
            output.handed_on();
            if !left.is_empty() {
                break;
            }
        }
        drop(writer);
    };
    let send = async {
        if let Err(error) = port.send(bytes).await {
            let error = SerialError::from(error);
            output.end(Err(error.clone()));
            input.end(Err(error));
        }
    };
    tokio::join!(send, write);
}
