//! `mio-serial` 5, in a WebAssembly component: what `tokio-serial` takes from it.
//!
//! There is no stream for mio's own event loop: a component waits in the SDK's. Use `tokio-serial`.
//!
//! Unnecessary as soon as there is a `wasi:serial` and the crate has a backend for it.

pub use serialport::{
    available_ports, new, ClearBuffer, DataBits, Error, ErrorKind, FlowControl, Parity, Result, SerialPort,
    SerialPortBuilder, SerialPortInfo, SerialPortType, StopBits, UsbPortInfo,
};
