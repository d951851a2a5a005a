//! How characters travel, and the lines beside them.

use crate::bindings::igloo::serial::types as wit;

/// How characters travel: 8 data bits, no parity, 1 stop bit and no flow control unless said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Bits per second, 50 to 4 000 000.
    pub baud_rate: u32,
    /// 5, 6, 7 or 8.
    pub data_bits: u8,
    /// The parity bit.
    pub parity: Parity,
    /// 1 or 2.
    pub stop_bits: u8,
    /// Who may stop the other end from sending.
    pub flow_control: FlowControl,
}

/// The parity bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are conventional")]
pub enum Parity {
    None,
    Odd,
    Even,
}

/// Who may stop the other end from sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowControl {
    /// Nobody.
    None,
    /// XON and XOFF characters.
    Software,
    /// The RTS and CTS lines.
    Hardware,
}

impl Settings {
    /// 8N1 at this many bits per second.
    pub fn new(baud_rate: u32) -> Self {
        Self { baud_rate, data_bits: 8, parity: Parity::None, stop_bits: 1, flow_control: FlowControl::None }
    }

    /// 5, 6, 7 or 8 data bits.
    #[must_use]
    pub fn data_bits(self, data_bits: u8) -> Self {
        Self { data_bits, ..self }
    }

    /// The parity bit.
    #[must_use]
    pub fn parity(self, parity: Parity) -> Self {
        Self { parity, ..self }
    }

    /// 1 or 2 stop bits.
    #[must_use]
    pub fn stop_bits(self, stop_bits: u8) -> Self {
        Self { stop_bits, ..self }
    }

    /// Who may stop the other end from sending.
    #[must_use]
    pub fn flow_control(self, flow_control: FlowControl) -> Self {
        Self { flow_control, ..self }
    }
}

/// The lines that this end drives. `None` leaves a line as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ControlLines {
    /// DTR.
    pub data_terminal_ready: Option<bool>,
    /// RTS.
    pub request_to_send: Option<bool>,
}

/// The lines that the other end drives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModemLines {
    /// CTS.
    pub clear_to_send: bool,
    /// DSR.
    pub data_set_ready: bool,
    /// RI.
    pub ring_indicator: bool,
    /// CD.
    pub carrier_detect: bool,
}

/// What to throw away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Buffers {
    /// What has arrived and was not read.
    Input,
    /// What was written and not sent.
    Output,
    /// Both.
    Both,
}

impl From<Settings> for wit::Settings {
    fn from(settings: Settings) -> Self {
        Self {
            baud_rate: settings.baud_rate,
            data_bits: settings.data_bits,
            parity: match settings.parity {
                Parity::None => wit::Parity::None,
                Parity::Odd => wit::Parity::Odd,
                Parity::Even => wit::Parity::Even,
            },
            stop_bits: settings.stop_bits,
            flow_control: match settings.flow_control {
                FlowControl::None => wit::FlowControl::None,
                FlowControl::Software => wit::FlowControl::Software,
                FlowControl::Hardware => wit::FlowControl::Hardware,
            },
        }
    }
}

impl From<ControlLines> for wit::ControlLines {
    fn from(lines: ControlLines) -> Self {
        Self { data_terminal_ready: lines.data_terminal_ready, request_to_send: lines.request_to_send }
    }
}

impl From<wit::ModemLines> for ModemLines {
    fn from(lines: wit::ModemLines) -> Self {
        Self {
            clear_to_send: lines.clear_to_send,
            data_set_ready: lines.data_set_ready,
            ring_indicator: lines.ring_indicator,
            carrier_detect: lines.carrier_detect,
        }
    }
}

impl From<Buffers> for wit::Buffers {
    fn from(buffers: Buffers) -> Self {
        match buffers {
            Buffers::Input => Self::Input,
            Buffers::Output => Self::Output,
            Buffers::Both => Self::Both,
        }
    }
}
