//! Serial ports: a slot named in the manifest, opened as an ordinary async byte stream.
//!
//! ```no_run
//! # use igloo::serial::Settings;
//! use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
//! # async fn read() -> igloo::Result<()> {
//! let mut port = igloo::serial::open("meter", Settings::new(115_200)).await?;
//! port.write_all(b"/?!\r\n").await?;
//! let mut lines = BufReader::new(port).lines();
//! while let Some(line) = lines.next_line().await? {
//!     igloo::debug!("{line}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The owner binds a slot to a tty, a port on the network or a recording; the provider cannot tell which. A port that is
//! unplugged gives an error of the kind [`NotConnected`](std::io::ErrorKind::NotConnected): wait for it with
//! [`wait_present`] and open it again.

#[cfg(target_family = "wasm")]
mod background;
mod carry;
mod error;
#[cfg(target_family = "wasm")]
mod hooks;
mod pipe;
mod port;
mod settings;

pub use error::SerialError;
pub use port::SerialPort;
pub use settings::{Buffers, ControlLines, FlowControl, ModemLines, Parity, Settings};

use crate::{bindings::igloo::serial::ports as wit, runtime};

/// A slot of this instance, as the manifest and the owner made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// The name to open it by.
    pub name: String,
    /// Whether the owner has bound it to a port.
    pub bound: bool,
}

/// The slots that this instance's manifest names.
pub fn slots() -> Vec<Slot> {
    wit::slots().into_iter().map(|slot| Slot { name: slot.name, bound: slot.bound }).collect()
}

/// Waits until the slot's port is there to be opened. Returns at once if it is.
pub async fn wait_present(slot: &str) -> Result<(), SerialError> {
    Ok(runtime::host_call(wit::wait_present(slot.to_owned())).await?)
}

/// Opens a slot, exclusively.
pub async fn open(slot: &str, settings: Settings) -> Result<SerialPort, SerialError> {
    let port = runtime::host_call(wit::Port::open(slot.to_owned(), settings.into())).await?;
    Ok(SerialPort::start(slot, port))
}
