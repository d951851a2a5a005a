//! `tokio-serial` 5, in a WebAssembly component: the same names over `igloo:serial`.
//!
//! Unnecessary as soon as there is a `wasi:serial` and the crate has a backend for it.
//!
//! What is said of paths, opening, settings and lines in this place's `serialport` holds here. Beyond it:
//!
//! - Reading and writing wait until the port is open, and fail if it cannot be opened.
//! - A flush waits until everything has been transmitted, as it does natively, without stopping anything else.
//! - Dropping a stream closes the port after what was written has been sent, for at most three seconds. Opening it again
//!   waits for that.
//! - For each direction one task waits at a time.

use std::{
    convert::TryFrom,
    future::poll_fn,
    io,
    io::{Read, Result as IoResult, Write},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

pub use mio_serial::{
    available_ports, new, ClearBuffer, DataBits, Error, ErrorKind, FlowControl, Parity, SerialPort, SerialPortBuilder,
    SerialPortInfo, SerialPortType, StopBits, UsbPortInfo,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

// The crate's own file: it is made of what is public here.
#[cfg(feature = "codec")]
#[rustfmt::skip]
pub mod frame;

mod hooks {
    //! What the SDK defines for this crate (`sdk/rust/src/serial/hooks.rs`, with the contract).

    use std::{
        io,
        task::{Context, Poll},
    };

    // SAFETY: the SDK defines functions of these names with these signatures; xtask/tests/hooks.rs compares them. None
    // of them asks for more than its types say.
    unsafe extern "Rust" {
        pub(super) safe fn __igloo_serial_1_read(handle: u64, buffer: &mut [u8]) -> io::Result<usize>;
        pub(super) safe fn __igloo_serial_1_write(handle: u64, bytes: &[u8]) -> io::Result<usize>;
        pub(super) safe fn __igloo_serial_1_poll_read(
            handle: u64,
            cx: &mut Context<'_>,
            buffer: &mut [u8],
        ) -> Poll<io::Result<usize>>;
        pub(super) safe fn __igloo_serial_1_poll_write(
            handle: u64,
            cx: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>>;
        pub(super) safe fn __igloo_serial_1_poll_flush(handle: u64, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
        pub(super) safe fn __igloo_serial_1_poll_readable(handle: u64, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
        pub(super) safe fn __igloo_serial_1_poll_writable(handle: u64, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
    }
}

use hooks::*;

/// What this crate's functions give.
pub type Result<T> = mio_serial::Result<T>;

/// An open port: a slot of the provider, as a stream of bytes.
#[derive(Debug)]
pub struct SerialStream {
    port: serialport::TTYPort,
}

impl SerialStream {
    /// Opens a slot.
    pub fn open(builder: &SerialPortBuilder) -> Result<Self> {
        Ok(Self { port: serialport::TTYPort::open(builder)? })
    }

    /// A component has no pseudo-terminals: this is an error.
    pub fn pair() -> Result<(Self, Self)> {
        let (one, other) = serialport::TTYPort::pair()?;
        Ok((Self { port: one }, Self { port: other }))
    }

    /// A port has one opener in a hub, whatever is said here.
    pub fn set_exclusive(&mut self, exclusive: bool) -> Result<()> {
        self.port.set_exclusive(exclusive)
    }

    /// Always: a port has one opener in a hub.
    pub fn exclusive(&self) -> bool {
        self.port.exclusive()
    }

    /// Reads what is there, or is told `WouldBlock`.
    pub fn try_read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        __igloo_serial_1_read(self.handle(), buffer)
    }

    /// Waits until there is something to read, or an error.
    pub async fn readable(&self) -> IoResult<()> {
        poll_fn(|cx| __igloo_serial_1_poll_readable(self.handle(), cx)).await
    }

    /// Writes what there is room for, or is told `WouldBlock`.
    pub fn try_write(&mut self, bytes: &[u8]) -> IoResult<usize> {
        __igloo_serial_1_write(self.handle(), bytes)
    }

    /// Waits until there is room to write, or an error.
    pub async fn writable(&self) -> IoResult<()> {
        poll_fn(|cx| __igloo_serial_1_poll_writable(self.handle(), cx)).await
    }

    fn handle(&self) -> u64 {
        self.port.__igloo_handle()
    }
}

impl AsyncRead for SerialStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<IoResult<()>> {
        match __igloo_serial_1_poll_read(self.handle(), cx, buffer.initialize_unfilled()) {
            Poll::Ready(Ok(count)) => {
                buffer.advance(count);
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncWrite for SerialStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<IoResult<usize>> {
        __igloo_serial_1_poll_write(self.handle(), cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<IoResult<()>> {
        __igloo_serial_1_poll_flush(self.handle(), cx)
    }

    /// A port has no end of file: this is a flush.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<IoResult<()>> {
        self.poll_flush(cx)
    }
}

impl Read for SerialStream {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        self.try_read(buffer)
    }
}

impl Write for SerialStream {
    fn write(&mut self, bytes: &[u8]) -> IoResult<usize> {
        self.try_write(bytes)
    }

    /// Does not wait: what comes next waits for it.
    fn flush(&mut self) -> IoResult<()> {
        self.port.flush()
    }
}

/// What the port itself does.
macro_rules! forward {
    (
        $this:ident, $to:expr;
        shared { $($read:ident($($what:ident: $of:ty)?) -> $answer:ty;)* }
        changing { $($change:ident($($with:ident: $type:ty)?) -> $done:ty;)* }
    ) => {
        $(fn $read(&$this, $($what: $of)?) -> $answer {
            $to.$read($($what)?)
        })*
        $(fn $change(&mut $this, $($with: $type)?) -> $done {
            $to.$change($($with)?)
        })*
    };
}

impl SerialPort for SerialStream {
    forward! {
        self, self.port;
        shared {
            name() -> Option<String>;
            baud_rate() -> Result<u32>;
            data_bits() -> Result<DataBits>;
            flow_control() -> Result<FlowControl>;
            parity() -> Result<Parity>;
            stop_bits() -> Result<StopBits>;
            bytes_to_read() -> Result<u32>;
            bytes_to_write() -> Result<u32>;
            clear(buffer: ClearBuffer) -> Result<()>;
            set_break() -> Result<()>;
            clear_break() -> Result<()>;
        }
        changing {
            set_baud_rate(baud_rate: u32) -> Result<()>;
            set_data_bits(data_bits: DataBits) -> Result<()>;
            set_flow_control(flow_control: FlowControl) -> Result<()>;
            set_parity(parity: Parity) -> Result<()>;
            set_stop_bits(stop_bits: StopBits) -> Result<()>;
            write_request_to_send(level: bool) -> Result<()>;
            write_data_terminal_ready(level: bool) -> Result<()>;
            read_clear_to_send() -> Result<bool>;
            read_data_set_ready() -> Result<bool>;
            read_ring_indicator() -> Result<bool>;
            read_carrier_detect() -> Result<bool>;
        }
    }

    /// Nothing blocks here, so there is no timeout.
    fn timeout(&self) -> Duration {
        Duration::ZERO
    }

    fn set_timeout(&mut self, _: Duration) -> Result<()> {
        Ok(())
    }

    /// A stream has one owner, as natively: this is an error.
    fn try_clone(&self) -> Result<Box<dyn SerialPort>> {
        Err(Error::new(
            ErrorKind::Io(io::ErrorKind::Other),
            "a stream cannot be cloned: split it with tokio::io::split",
        ))
    }
}

impl TryFrom<serialport::TTYPort> for SerialStream {
    type Error = Error;

    fn try_from(port: serialport::TTYPort) -> std::result::Result<Self, Error> {
        Ok(Self { port })
    }
}

/// Opens what a builder describes.
pub trait SerialPortBuilderExt {
    /// Opens it as a stream.
    fn open_native_async(self) -> Result<SerialStream>;
}

impl SerialPortBuilderExt for SerialPortBuilder {
    fn open_native_async(self) -> Result<SerialStream> {
        SerialStream::open(&self)
    }
}
