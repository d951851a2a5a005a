//! Serial ports that the hub opens for providers. A provider is told nothing of the port behind a slot, in errors either.

use std::{collections::HashSet, io, sync::Arc, time::Duration};

use futures::{FutureExt as _, future::BoxFuture};
use igloo_serial::{Control, PortUrl};
use igloo_wire::{
    message::SerialControl,
    types::serial::{self as wire, ErrorCode, FlowControl, ModemLines, Parity, Settings},
};
use parking_lot::Mutex;

use super::PortControl;
use crate::counted::Held;

/// Bytes that an open port may hold in the hub: what is read ahead, and what waits to be written.
pub(crate) const HELD: u64 = 16 * 1024;
/// The longest break.
const LONGEST_BREAK: Duration = Duration::from_secs(5);

/// The ports that a hub's instances have open. The system keeps a tty to one opener; this keeps a port on the network to
/// one as well. Recordings may be played to many.
#[derive(Debug, Default)]
pub(crate) struct PortsInUse(Mutex<HashSet<String>>);

/// A port's place among [`PortsInUse`], given back when dropped.
#[derive(Debug)]
pub(crate) struct InUse {
    ports: Arc<PortsInUse>,
    url: String,
}

impl InUse {
    pub(crate) fn take(ports: &Arc<PortsInUse>, url: &PortUrl) -> Result<Option<Self>, ErrorCode> {
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

/// The control of a port that this process has open.
#[derive(Debug)]
pub(crate) struct LocalControl {
    pub(crate) control: Control,
    pub(crate) _in_use: Option<InUse>,
    /// Its place among the instance's ports, and its buffers.
    pub(crate) _held: (Held, Held),
}

impl PortControl for LocalControl {
    fn control(&self, what: SerialControl) -> BoxFuture<'static, Result<Option<ModemLines>, ErrorCode>> {
        let control = self.control.clone();
        async move {
            let done = match what {
                SerialControl::Configure(to) => control.configure(settings(to)?).await,
                SerialControl::SetLines(lines) => {
                    let lines = igloo_serial::Lines { dtr: lines.data_terminal_ready, rts: lines.request_to_send };
                    control.set_lines(lines).await
                }
                SerialControl::Lines {} => {
                    let lines = control.lines().await.map_err(|error| error_code(&error))?;
                    return Ok(Some(ModemLines {
                        clear_to_send: lines.cts,
                        data_set_ready: lines.dsr,
                        ring_indicator: lines.ri,
                        carrier_detect: lines.cd,
                    }));
                }
                SerialControl::SendBreak(milliseconds) => {
                    let duration = Duration::from_millis(milliseconds.into());
                    if duration.is_zero() || duration > LONGEST_BREAK {
                        return Err(ErrorCode::InvalidSettings(String::from("a break lasts 1 to 5000 ms")));
                    }
                    control.send_break(duration).await
                }
                SerialControl::Drain {} => control.drain().await,
                SerialControl::Discard(what) => {
                    let what = match what {
                        wire::Buffers::Input => igloo_serial::Buffers::Input,
                        wire::Buffers::Output => igloo_serial::Buffers::Output,
                        wire::Buffers::Both => igloo_serial::Buffers::Both,
                    };
                    control.discard(what).await
                }
                // Whoever holds the port's parts drops them.
                SerialControl::Close {} => Ok(()),
            };
            done.map(|()| None).map_err(|error| error_code(&error))
        }
        .boxed()
    }
}

pub(crate) fn settings(settings: Settings) -> Result<igloo_serial::Settings, ErrorCode> {
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

pub(crate) fn error_code(error: &igloo_serial::Error) -> ErrorCode {
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

/// Why reading from or writing to a port failed.
pub(crate) fn why(error: &io::Error) -> ErrorCode {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<PortFailed>());
    match inner {
        Some(PortFailed(code)) => code.clone(),
        None => igloo_serial::Error::of(error).map_or(ErrorCode::Disconnected, error_code),
    }
}

/// An error that was told by another process.
#[derive(Debug, thiserror::Error)]
#[error("the port failed")]
pub(crate) struct PortFailed(pub(crate) ErrorCode);
