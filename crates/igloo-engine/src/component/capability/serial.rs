//! `igloo:serial`: slots that the owner bound to ports, opened by the [`Outside`](crate::outside::Outside).

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use igloo_wire::{message::SerialControl, types::serial as wire};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::oneshot,
};
use wasmtime::{
    StoreContextMut,
    component::{
        Access, Accessor, Destination, FutureReader, Resource, Source, StreamConsumer, StreamProducer, StreamReader,
        StreamResult,
    },
};

use crate::{
    component::{
        bindings::igloo::serial::{
            ports::{Host, HostPort, HostPortWithStore, HostWithStore},
            types::{self, Buffers, ControlLines, ErrorCode, FlowControl, ModemLines, Parity, Settings, Slot},
        },
        state::{Everything, State},
    },
    outside::{self, PortControl, ports},
};

/// Bytes that the host reads for a slow reader.
const READ_AHEAD: usize = 8 * 1024;

type Reader = Box<dyn AsyncRead + Send + Sync + Unpin>;
type Writer = Box<dyn AsyncWrite + Send + Sync + Unpin>;

/// A port that a provider has open.
#[expect(unreachable_pub, reason = "named by generated code")]
pub struct OpenPort {
    reader: Option<Reader>,
    /// Taken while a send is under way.
    writer: Arc<Mutex<Option<Writer>>>,
    control: Arc<dyn PortControl>,
}

impl types::Host for State {}

impl Host for State {
    fn slots(&mut self) -> wasmtime::Result<Vec<Slot>> {
        Ok(self.outside.slots().into_iter().map(|slot| Slot { name: slot.name, bound: slot.bound }).collect())
    }
}

impl<T: Send + 'static> HostWithStore<T> for Everything {
    async fn wait_present(store: &Accessor<T, Self>, slot: String) -> wasmtime::Result<Result<(), ErrorCode>> {
        let present = store.with(|mut access| access.get().outside.wait_present(slot));
        Ok(present.await.map_err(error_code))
    }
}

impl HostPort for State {
    fn drop(&mut self, port: Resource<OpenPort>) -> wasmtime::Result<()> {
        self.table.delete(port)?;
        Ok(())
    }
}

impl<T: Send + 'static> HostPortWithStore<T> for Everything {
    async fn open(
        store: &Accessor<T, Self>,
        slot: String,
        settings: Settings,
    ) -> wasmtime::Result<Result<Resource<OpenPort>, ErrorCode>> {
        let opened = store.with(|mut access| access.get().outside.open_port(slot, wire_settings(settings)));
        let outside::OpenPort { reader, writer, control } = match opened.await {
            Ok(opened) => opened,
            Err(error) => return Ok(Err(error_code(error))),
        };
        let port = OpenPort { reader: Some(reader), writer: Arc::new(Mutex::new(Some(writer))), control };
        Ok(Ok(store.with(|mut access| access.get().table.push(port))?))
    }

    fn receive(
        mut store: Access<'_, T, Self>,
        port: Resource<OpenPort>,
    ) -> wasmtime::Result<(StreamReader<u8>, FutureReader<Result<(), ErrorCode>>)> {
        let reader = store.get().table.get_mut(&port)?.reader.take();
        let (ended, why) = oneshot::channel();
        match reader {
            Some(reader) => {
                let bytes = StreamReader::new(&mut store, Incoming { reader, ended: Some(ended) })?;
                Ok((bytes, FutureReader::new(&mut store, why)?))
            }
            None => {
                let _ = ended.send(Err(ErrorCode::Busy));
                Ok((StreamReader::new(&mut store, std::iter::empty())?, FutureReader::new(&mut store, why)?))
            }
        }
    }

    async fn send(
        store: &Accessor<T, Self>,
        port: Resource<OpenPort>,
        mut data: StreamReader<u8>,
    ) -> wasmtime::Result<Result<(), ErrorCode>> {
        let (done, result) = oneshot::channel();
        let started = store.with(|mut access| {
            let home_of_writer = access.get().table.get(&port)?.writer.clone();
            let Some(writer) = home_of_writer.lock().take() else {
                data.close(&mut access)?;
                return wasmtime::error::Ok(false);
            };
            data.pipe(&mut access, Outgoing { writer: Some(writer), home_of_writer, done: Some(done) })?;
            Ok(true)
        })?;
        if !started {
            return Ok(Err(ErrorCode::Busy));
        }
        Ok(result.await.unwrap_or(Ok(())))
    }

    async fn configure(
        store: &Accessor<T, Self>,
        port: Resource<OpenPort>,
        settings: Settings,
    ) -> wasmtime::Result<Result<(), ErrorCode>> {
        control(store, &port, SerialControl::Configure(wire_settings(settings))).await
    }

    async fn set_lines(
        store: &Accessor<T, Self>,
        port: Resource<OpenPort>,
        lines: ControlLines,
    ) -> wasmtime::Result<Result<(), ErrorCode>> {
        let lines = wire::ControlLines {
            data_terminal_ready: lines.data_terminal_ready,
            request_to_send: lines.request_to_send,
        };
        control(store, &port, SerialControl::SetLines(lines)).await
    }

    async fn lines(
        store: &Accessor<T, Self>,
        port: Resource<OpenPort>,
    ) -> wasmtime::Result<Result<ModemLines, ErrorCode>> {
        let lines = ask(store, &port, SerialControl::Lines {}).await?;
        Ok(match lines {
            Ok(Some(lines)) => Ok(ModemLines {
                clear_to_send: lines.clear_to_send,
                data_set_ready: lines.data_set_ready,
                ring_indicator: lines.ring_indicator,
                carrier_detect: lines.carrier_detect,
            }),
            Ok(None) => Err(ErrorCode::Unsupported),
            Err(error) => Err(error_code(error)),
        })
    }

    async fn send_break(
        store: &Accessor<T, Self>,
        port: Resource<OpenPort>,
        milliseconds: u32,
    ) -> wasmtime::Result<Result<(), ErrorCode>> {
        control(store, &port, SerialControl::SendBreak(milliseconds)).await
    }

    async fn drain(store: &Accessor<T, Self>, port: Resource<OpenPort>) -> wasmtime::Result<Result<(), ErrorCode>> {
        control(store, &port, SerialControl::Drain {}).await
    }

    async fn discard(
        store: &Accessor<T, Self>,
        port: Resource<OpenPort>,
        what: Buffers,
    ) -> wasmtime::Result<Result<(), ErrorCode>> {
        let what = match what {
            Buffers::Input => wire::Buffers::Input,
            Buffers::Output => wire::Buffers::Output,
            Buffers::Both => wire::Buffers::Both,
        };
        control(store, &port, SerialControl::Discard(what)).await
    }
}

async fn ask<T: Send + 'static>(
    store: &Accessor<T, Everything>,
    port: &Resource<OpenPort>,
    what: SerialControl,
) -> wasmtime::Result<Result<Option<wire::ModemLines>, wire::ErrorCode>> {
    let control = store.with(|mut access| wasmtime::error::Ok(access.get().table.get(port)?.control.clone()))?;
    Ok(control.control(what).await)
}

async fn control<T: Send + 'static>(
    store: &Accessor<T, Everything>,
    port: &Resource<OpenPort>,
    what: SerialControl,
) -> wasmtime::Result<Result<(), ErrorCode>> {
    Ok(ask(store, port, what).await?.map(drop).map_err(error_code))
}

fn wire_settings(settings: Settings) -> wire::Settings {
    wire::Settings {
        baud_rate: settings.baud_rate,
        data_bits: settings.data_bits,
        parity: match settings.parity {
            Parity::None => wire::Parity::None,
            Parity::Odd => wire::Parity::Odd,
            Parity::Even => wire::Parity::Even,
        },
        stop_bits: settings.stop_bits,
        flow_control: match settings.flow_control {
            FlowControl::None => wire::FlowControl::None,
            FlowControl::Software => wire::FlowControl::Software,
            FlowControl::Hardware => wire::FlowControl::Hardware,
        },
    }
}

fn error_code(error: wire::ErrorCode) -> ErrorCode {
    match error {
        wire::ErrorCode::AccessDenied => ErrorCode::AccessDenied,
        wire::ErrorCode::NotFound => ErrorCode::NotFound,
        wire::ErrorCode::Busy => ErrorCode::Busy,
        wire::ErrorCode::InvalidSettings(text) => ErrorCode::InvalidSettings(text),
        wire::ErrorCode::Unsupported => ErrorCode::Unsupported,
        wire::ErrorCode::Disconnected => ErrorCode::Disconnected,
        wire::ErrorCode::Timeout => ErrorCode::Timeout,
        wire::ErrorCode::Other(other) => ErrorCode::Other(other),
    }
}

/// Bytes on their way from a port to a provider.
struct Incoming {
    reader: Reader,
    ended: Option<oneshot::Sender<Result<(), ErrorCode>>>,
}

impl<D> StreamProducer<D> for Incoming {
    type Item = u8;
    type Buffer = bytes::BytesMut;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut store: StoreContextMut<'a, D>,
        destination: Destination<'a, Self::Item, Self::Buffer>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        if destination.remaining(&mut store) == Some(0) {
            // A question whether there is something: the next real read waits for it.
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        let mut destination = destination.as_direct(store, READ_AHEAD);
        let mut buffer = ReadBuf::new(destination.remaining());
        match Pin::new(&mut self.reader).poll_read(context, &mut buffer) {
            Poll::Ready(Ok(())) => {
                let count = buffer.filled().len();
                destination.mark_written(count);
                if count > 0 {
                    return Poll::Ready(Ok(StreamResult::Completed));
                }
                self.end(Err(ErrorCode::Disconnected));
                Poll::Ready(Ok(StreamResult::Dropped))
            }
            Poll::Ready(Err(error)) => {
                self.end(Err(error_code(ports::why(&error))));
                Poll::Ready(Ok(StreamResult::Dropped))
            }
            Poll::Pending if finish => Poll::Ready(Ok(StreamResult::Cancelled)),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Incoming {
    fn end(&mut self, why: Result<(), ErrorCode>) {
        if let Some(ended) = self.ended.take() {
            let _ = ended.send(why);
        }
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.end(Ok(()));
    }
}

/// Bytes on their way from a provider to a port.
struct Outgoing {
    writer: Option<Writer>,
    home_of_writer: Arc<Mutex<Option<Writer>>>,
    done: Option<oneshot::Sender<Result<(), ErrorCode>>>,
}

impl<D> StreamConsumer<D> for Outgoing {
    type Item = u8;

    fn poll_consume(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        store: StoreContextMut<'_, D>,
        source: Source<'_, Self::Item>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let mut source = source.as_direct(store);
        if source.remaining().is_empty() {
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        let Some(writer) = &mut self.writer else { return Poll::Ready(Ok(StreamResult::Dropped)) };
        match Pin::new(writer).poll_write(context, source.remaining()) {
            Poll::Ready(Ok(count)) => {
                source.mark_read(count);
                Poll::Ready(Ok(StreamResult::Completed))
            }
            Poll::Ready(Err(error)) => {
                self.end(Err(error_code(ports::why(&error))));
                Poll::Ready(Ok(StreamResult::Dropped))
            }
            Poll::Pending if finish => Poll::Ready(Ok(StreamResult::Cancelled)),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Outgoing {
    fn end(&mut self, result: Result<(), ErrorCode>) {
        if let Some(writer) = self.writer.take() {
            *self.home_of_writer.lock() = Some(writer);
        }
        if let Some(done) = self.done.take() {
            let _ = done.send(result);
        }
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.end(Ok(()));
    }
}
