//! `igloo:serial`: slots that the owner bound to ports. The provider is told nothing of the port behind a slot, in
//! errors either.

use std::{
    collections::HashSet,
    pin::Pin,
    str::FromStr as _,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use igloo_serial::{Control, Port, PortUrl, Reader, Writer};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead as _, AsyncWrite as _, ReadBuf},
    sync::oneshot,
};
use wasmtime::{
    StoreContextMut,
    component::{
        Access, Accessor, Destination, FutureReader, Resource, Source, StreamConsumer, StreamProducer, StreamReader,
        StreamResult,
    },
};

use crate::component::{
    bindings::igloo::serial::{
        ports::{Host, HostPort, HostPortWithStore, HostWithStore},
        types::{self, Buffers, ControlLines, ErrorCode, FlowControl, ModemLines, Parity, Settings, Slot},
    },
    state::{Everything, State},
};

/// Bytes that the host reads for a slow reader.
const READ_AHEAD: usize = 8 * 1024;
/// The longest break.
const LONGEST_BREAK: Duration = Duration::from_secs(5);

/// The ports that this engine's instances have open. The system keeps a tty to one opener; this keeps a port on the
/// network to one as well. Recordings may be played to many.
#[derive(Debug, Default)]
pub(crate) struct PortsInUse(Mutex<HashSet<String>>);

/// A port's place among [`PortsInUse`], given back when dropped.
#[derive(Debug)]
struct InUse {
    ports: Arc<PortsInUse>,
    url: String,
}

impl InUse {
    fn take(ports: &Arc<PortsInUse>, url: &PortUrl) -> Result<Option<Self>, ErrorCode> {
        if matches!(url, PortUrl::Replay(_)) {
            return Ok(None);
        }
        let url = url.to_string();
        if !ports.0.lock().insert(url.clone()) {
            return Err(ErrorCode::Busy);
        }
        Ok(Some(Self { ports: ports.clone(), url }))
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.ports.0.lock().remove(&self.url);
    }
}

/// A port that a provider has open.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "named by generated code")]
pub struct OpenPort {
    reader: Option<Reader>,
    /// Taken while a send is under way.
    writer: Arc<Mutex<Option<Writer>>>,
    control: Control,
    _in_use: Option<InUse>,
}

impl types::Host for State {}

impl Host for State {
    fn slots(&mut self) -> wasmtime::Result<Vec<Slot>> {
        Ok(self.policy.serial_slots().into_iter().map(|name| Slot { name, bound: true }).collect())
    }
}

impl<T: Send + 'static> HostWithStore<T> for Everything {
    async fn wait_present(store: &Accessor<T, Self>, slot: String) -> wasmtime::Result<Result<(), ErrorCode>> {
        let url = match granted(store, &slot) {
            Ok(url) => url,
            Err(error) => return Ok(Err(error)),
        };
        Ok(igloo_serial::wait_until_present(&url).await.map_err(|error| error_code(&error)))
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
        let opened = async {
            let url = granted(store, &slot)?;
            let ports = store.with(|mut access| access.get().ports.clone());
            let in_use = InUse::take(&ports, &url)?;
            let port = Port::open(&url, host_settings(settings)?).await.map_err(|error| error_code(&error))?;
            Ok((port, in_use))
        };
        let (port, in_use) = match opened.await {
            Ok(opened) => opened,
            Err(error) => return Ok(Err(error)),
        };
        let (reader, writer, control) = port.split();
        let port =
            OpenPort { reader: Some(reader), writer: Arc::new(Mutex::new(Some(writer))), control, _in_use: in_use };
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
        let control = control(store, &port)?;
        Ok(match host_settings(settings) {
            Ok(settings) => control.configure(settings).await.map_err(|error| error_code(&error)),
            Err(error) => Err(error),
        })
    }

    async fn set_lines(
        store: &Accessor<T, Self>,
        port: Resource<OpenPort>,
        lines: ControlLines,
    ) -> wasmtime::Result<Result<(), ErrorCode>> {
        let lines = igloo_serial::Lines { dtr: lines.data_terminal_ready, rts: lines.request_to_send };
        Ok(control(store, &port)?.set_lines(lines).await.map_err(|error| error_code(&error)))
    }

    async fn lines(
        store: &Accessor<T, Self>,
        port: Resource<OpenPort>,
    ) -> wasmtime::Result<Result<ModemLines, ErrorCode>> {
        let lines = control(store, &port)?.lines().await;
        Ok(lines.map_err(|error| error_code(&error)).map(|lines| ModemLines {
            clear_to_send: lines.cts,
            data_set_ready: lines.dsr,
            ring_indicator: lines.ri,
            carrier_detect: lines.cd,
        }))
    }

    async fn send_break(
        store: &Accessor<T, Self>,
        port: Resource<OpenPort>,
        milliseconds: u32,
    ) -> wasmtime::Result<Result<(), ErrorCode>> {
        let duration = Duration::from_millis(milliseconds.into());
        if duration.is_zero() || duration > LONGEST_BREAK {
            return Ok(Err(ErrorCode::InvalidSettings(String::from("a break lasts 1 to 5000 ms"))));
        }
        Ok(control(store, &port)?.send_break(duration).await.map_err(|error| error_code(&error)))
    }

    async fn drain(store: &Accessor<T, Self>, port: Resource<OpenPort>) -> wasmtime::Result<Result<(), ErrorCode>> {
        Ok(control(store, &port)?.drain().await.map_err(|error| error_code(&error)))
    }

    async fn discard(
        store: &Accessor<T, Self>,
        port: Resource<OpenPort>,
        what: Buffers,
    ) -> wasmtime::Result<Result<(), ErrorCode>> {
        let what = match what {
            Buffers::Input => igloo_serial::Buffers::Input,
            Buffers::Output => igloo_serial::Buffers::Output,
            Buffers::Both => igloo_serial::Buffers::Both,
        };
        Ok(control(store, &port)?.discard(what).await.map_err(|error| error_code(&error)))
    }
}

/// The port behind a slot, if the owner bound it.
fn granted<T: Send + 'static>(store: &Accessor<T, Everything>, slot: &str) -> Result<PortUrl, ErrorCode> {
    let port = store.with(|mut access| {
        let state = access.get();
        state.policy.serial(&*state.home, slot)
    });
    PortUrl::from_str(&port.ok_or(ErrorCode::AccessDenied)?).map_err(|_| ErrorCode::NotFound)
}

fn control<T: Send + 'static>(store: &Accessor<T, Everything>, port: &Resource<OpenPort>) -> wasmtime::Result<Control> {
    store.with(|mut access| Ok(access.get().table.get(port)?.control.clone()))
}

fn host_settings(settings: Settings) -> Result<igloo_serial::Settings, ErrorCode> {
    let invalid = |error: igloo_serial::SettingsError| ErrorCode::InvalidSettings(error.to_string());
    Ok(igloo_serial::Settings {
        baud_rate: settings.baud_rate,
        data_bits: settings.data_bits.try_into().map_err(invalid)?,
        parity: match settings.parity {
            Parity::None => igloo_serial::Parity::None,
            Parity::Odd => igloo_serial::Parity::Odd,
            Parity::Even => igloo_serial::Parity::Even,
        },
        stop_bits: settings.stop_bits.try_into().map_err(invalid)?,
        flow_control: match settings.flow_control {
            FlowControl::None => igloo_serial::FlowControl::None,
            FlowControl::Software => igloo_serial::FlowControl::Software,
            FlowControl::Hardware => igloo_serial::FlowControl::Hardware,
        },
    })
}

fn error_code(error: &igloo_serial::Error) -> ErrorCode {
    match error {
        igloo_serial::Error::NotFound { .. } => ErrorCode::NotFound,
        igloo_serial::Error::Busy { .. } => ErrorCode::Busy,
        igloo_serial::Error::InvalidSettings { .. } => {
            ErrorCode::InvalidSettings(String::from("the port refuses these settings"))
        }
        igloo_serial::Error::Unsupported { .. } => ErrorCode::Unsupported,
        igloo_serial::Error::Disconnected { .. } => ErrorCode::Disconnected,
        igloo_serial::Error::Timeout { .. } => ErrorCode::Timeout,
        igloo_serial::Error::PermissionDenied { .. } => {
            ErrorCode::Other((String::from("permission"), String::from("the hub may not open the port")))
        }
        igloo_serial::Error::NotASerialDevice { .. } => {
            ErrorCode::Other((String::from("not-serial"), String::from("the port is not a serial device")))
        }
        _ => ErrorCode::Other((String::from("io"), String::from("the port failed"))),
    }
}

fn io_error_code(error: &std::io::Error) -> ErrorCode {
    igloo_serial::Error::of(error).map_or(ErrorCode::Disconnected, error_code)
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
                self.end(Err(io_error_code(&error)));
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
                self.end(Err(io_error_code(&error)));
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
