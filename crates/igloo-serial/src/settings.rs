//! How characters travel, and the lines beside them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Data bits per character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DataBits {
    /// 5 bits.
    Five,
    /// 6 bits.
    Six,
    /// 7 bits.
    Seven,
    /// 8 bits.
    #[default]
    Eight,
}

impl DataBits {
    /// The number of bits.
    #[must_use]
    pub const fn count(self) -> u8 {
        match self {
            Self::Five => 5,
            Self::Six => 6,
            Self::Seven => 7,
            Self::Eight => 8,
        }
    }
}

impl TryFrom<u8> for DataBits {
    type Error = SettingsError;

    fn try_from(count: u8) -> Result<Self, SettingsError> {
        match count {
            5 => Ok(Self::Five),
            6 => Ok(Self::Six),
            7 => Ok(Self::Seven),
            8 => Ok(Self::Eight),
            _ => Err(SettingsError::DataBits(count)),
        }
    }
}

/// The check bit after the data bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Parity {
    /// No check bit.
    #[default]
    None,
    /// An odd number of ones in all.
    Odd,
    /// An even number of ones in all.
    Even,
}

/// Stop bits after each character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StopBits {
    /// 1 bit.
    #[default]
    One,
    /// 2 bits.
    Two,
}

impl StopBits {
    /// The number of bits.
    #[must_use]
    pub const fn count(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }
}

impl TryFrom<u8> for StopBits {
    type Error = SettingsError;

    fn try_from(count: u8) -> Result<Self, SettingsError> {
        match count {
            1 => Ok(Self::One),
            2 => Ok(Self::Two),
            _ => Err(SettingsError::StopBits(count)),
        }
    }
}

/// How one end makes the other pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FlowControl {
    /// Not at all.
    #[default]
    None,
    /// With the characters XON and XOFF, in both directions.
    Software,
    /// With the lines RTS and CTS.
    Hardware,
}

/// How characters travel. The default is 115 200 8N1 without flow control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Bits per second, 50 to 4 000 000.
    pub baud_rate: u32,
    /// Data bits per character.
    pub data_bits: DataBits,
    /// The check bit.
    pub parity: Parity,
    /// Stop bits per character.
    pub stop_bits: StopBits,
    /// How one end makes the other pause.
    pub flow_control: FlowControl,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            baud_rate: 115_200,
            data_bits: DataBits::default(),
            parity: Parity::default(),
            stop_bits: StopBits::default(),
            flow_control: FlowControl::default(),
        }
    }
}

impl Settings {
    /// The slowest rate, in bits per second: the slowest of POSIX `termios.h` that still occurs.
    pub const MIN_BAUD_RATE: u32 = 50;
    /// The fastest rate, in bits per second: the fastest that Linux names (`B4000000`).
    pub const MAX_BAUD_RATE: u32 = 4_000_000;

    /// The default settings at this many bits per second.
    #[must_use]
    pub fn at(baud_rate: u32) -> Self {
        Self { baud_rate, ..Self::default() }
    }

    /// Whether any port could have these settings.
    ///
    /// # Errors
    /// [`SettingsError::BaudRate`] if the baud rate is out of range.
    pub fn validate(&self) -> Result<(), SettingsError> {
        if (Self::MIN_BAUD_RATE..=Self::MAX_BAUD_RATE).contains(&self.baud_rate) {
            Ok(())
        } else {
            Err(SettingsError::BaudRate(self.baud_rate))
        }
    }

    /// How long one character takes on the line: a start bit, the data bits, the check bit and the stop bits.
    pub(crate) fn character_time(&self) -> Duration {
        let parity = u64::from(self.parity != Parity::None);
        let bits = 1 + u64::from(self.data_bits.count()) + parity + u64::from(self.stop_bits.count());
        Duration::from_nanos(bits * 1_000_000_000 / u64::from(self.baud_rate.max(1)))
    }

    /// Whether a port that reports this rate does what was asked: a UART divides its clock by a whole number, and a
    /// receiver follows a sender that is up to about 3 % off.
    pub(crate) fn is_close_to(&self, reported: u32) -> bool {
        u64::from(self.baud_rate.abs_diff(reported)) * 100 <= u64::from(self.baud_rate) * 3
    }
}

/// Settings that no port can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The baud rate is out of range.
    #[error("the baud rate is {0}, and must be from 50 to 4000000")]
    BaudRate(u32),
    /// No such number of data bits.
    #[error("{0} data bits: must be 5, 6, 7 or 8")]
    DataBits(u8),
    /// No such number of stop bits.
    #[error("{0} stop bits: must be 1 or 2")]
    StopBits(u8),
}

/// The lines this end drives. `None` leaves a line as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lines {
    /// Data terminal ready.
    pub dtr: Option<bool>,
    /// Request to send.
    pub rts: Option<bool>,
}

/// The lines the other end drives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ModemLines {
    /// Clear to send.
    pub cts: bool,
    /// Data set ready.
    pub dsr: bool,
    /// Ring indicator.
    pub ri: bool,
    /// Carrier detect.
    pub cd: bool,
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

impl Buffers {
    pub(crate) fn input(self) -> bool {
        self != Self::Output
    }

    pub(crate) fn output(self) -> bool {
        self != Self::Input
    }
}
