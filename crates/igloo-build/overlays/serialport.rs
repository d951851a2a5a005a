//! `serialport` 4, in a WebAssembly component: the same names over `igloo:serial`.
//!
//! Unnecessary as soon as there is a `wasi:serial` and the crate has a backend for it.
//!
//! - A **path** is a slot of the provider's `igloo.toml`. One that the owner has not granted is
//!   [`ErrorKind::NoDevice`] when it is opened, and [`available_ports`] lists those that are.
//! - Opening answers at once, and the port opens in the background: that it is not there shows on first use. A port has
//!   one opener, whatever is said about exclusive access.
//! - **Nothing blocks**, because that would stop the whole provider. A read gives what is there. With nothing there it is
//!   `TimedOut` if the timeout is zero, as it is natively, and with a longer one it is `Unsupported`: use `tokio-serial`,
//!   or a timeout of zero and an `await` between two reads, without which nothing can arrive.
//! - A write takes what there is room for (16 KiB wait) and fails in the same two ways when there is none. A flush does
//!   not wait; but what is asked for after it happens after everything was transmitted.
//! - Settings, DTR and RTS, breaks and clearing are done in the order in which they and the bytes were asked for. What
//!   cannot be known at once, such as that the port refuses a setting, is told by the next call.
//! - CTS, DSR, RI and CD are those of the time of the call before, or of opening.
//! - A break set and cleared is held when it is cleared, for as long as it was set, 1 ms to 5 s.
//! - There are no file descriptors and no pairs of pseudo-terminals.

use std::{error::Error as StdError, fmt, io, str::FromStr, time::Duration};

mod hooks {
    //! What the SDK defines for this crate (`sdk/rust/src/serial/hooks.rs`, with the contract).

    use std::io;

    // SAFETY: the SDK defines functions of these names with these signatures; xtask/tests/hooks.rs compares them. None
    // of them asks for more than its types say.
    unsafe extern "Rust" {
        pub(super) safe fn __igloo_serial_1_slots() -> Vec<String>;
        pub(super) safe fn __igloo_serial_1_open(slot: &str, numbers: [u32; 5], dtr: Option<bool>) -> io::Result<u64>;
        pub(super) safe fn __igloo_serial_1_share(handle: u64) -> io::Result<u64>;
        pub(super) safe fn __igloo_serial_1_close(handle: u64);
        pub(super) safe fn __igloo_serial_1_settings(handle: u64) -> io::Result<[u32; 5]>;
        pub(super) safe fn __igloo_serial_1_configure(handle: u64, numbers: [u32; 5]) -> io::Result<()>;
        pub(super) safe fn __igloo_serial_1_set_lines(
            handle: u64,
            dtr: Option<bool>,
            rts: Option<bool>,
        ) -> io::Result<()>;
        pub(super) safe fn __igloo_serial_1_lines(handle: u64) -> io::Result<[bool; 4]>;
        pub(super) safe fn __igloo_serial_1_set_break(handle: u64, on: bool) -> io::Result<()>;
        pub(super) safe fn __igloo_serial_1_send_break(handle: u64, milliseconds: u32) -> io::Result<()>;
        pub(super) safe fn __igloo_serial_1_discard(handle: u64, input: bool, output: bool) -> io::Result<()>;
        pub(super) safe fn __igloo_serial_1_waiting(handle: u64) -> io::Result<(usize, usize)>;
        pub(super) safe fn __igloo_serial_1_read(handle: u64, buffer: &mut [u8]) -> io::Result<usize>;
        pub(super) safe fn __igloo_serial_1_write(handle: u64, bytes: &[u8]) -> io::Result<usize>;
        pub(super) safe fn __igloo_serial_1_flush(handle: u64) -> io::Result<()>;
        pub(super) safe fn __igloo_serial_1_warn(text: &str);
    }
}

use hooks::*;

/// What this crate's functions give.
pub type Result<T> = std::result::Result<T, Error>;

/// The kinds of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The port is not granted, not there, in use, or went away.
    NoDevice,
    /// A parameter was wrong.
    InvalidInput,
    /// Nobody knows.
    Unknown,
    /// Reading, writing or changing something failed.
    Io(io::ErrorKind),
}

/// What went wrong with a port.
#[derive(Debug, Clone)]
pub struct Error {
    /// For programs.
    pub kind: ErrorKind,
    /// For people.
    pub description: String,
}

impl Error {
    /// An error of this kind.
    pub fn new<T: Into<String>>(kind: ErrorKind, description: T) -> Self {
        Self { kind, description: description.into() }
    }

    /// What kind it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.description)
    }
}

impl StdError for Error {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::new(ErrorKind::Io(error.kind()), error.to_string())
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match error.kind {
            ErrorKind::NoDevice => io::ErrorKind::NotFound,
            ErrorKind::InvalidInput => io::ErrorKind::InvalidInput,
            ErrorKind::Unknown => io::ErrorKind::Other,
            ErrorKind::Io(kind) => kind,
        };
        Self::new(kind, error.description)
    }
}

/// What the hub says, as this crate says it.
fn told(error: io::Error) -> Error {
    use io::ErrorKind::{InvalidInput, NotConnected, NotFound, PermissionDenied, ResourceBusy};
    let kind = match error.kind() {
        NotFound | NotConnected | PermissionDenied | ResourceBusy => ErrorKind::NoDevice,
        InvalidInput => ErrorKind::InvalidInput,
        other => ErrorKind::Io(other),
    };
    Error::new(kind, error.to_string())
}

fn unsupported(text: &str) -> Error {
    Error::new(ErrorKind::Io(io::ErrorKind::Unsupported), text)
}

/// A choice whose cases are numbers, or only names.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$case_doc:meta])* $case:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Copy, Clone, PartialEq, Eq)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        pub enum $name {
            $($(#[$case_doc])* $case,)+
        }
    };
    (numbered $(#[$doc:meta])* $name:ident { $($(#[$case_doc:meta])* $case:ident = $number:literal),+ $(,)? }) => {
        choice! { named $(#[$doc])* $name { $($(#[$case_doc])* $case),+ } }

        impl From<$name> for u8 {
            fn from(value: $name) -> Self {
                match value {
                    $($name::$case => $number,)+
                }
            }
        }

        impl TryFrom<u8> for $name {
            type Error = ();

            fn try_from(value: u8) -> std::result::Result<Self, ()> {
                match value {
                    $($number => Ok(Self::$case),)+
                    _ => Err(()),
                }
            }
        }
    };
    (named $(#[$doc:meta])* $name:ident { $($(#[$case_doc:meta])* $case:ident),+ $(,)? }) => {
        choice! { $(#[$doc])* $name { $($(#[$case_doc])* $case),+ } }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$case => stringify!($case),)+
                })
            }
        }
    };
}

choice! { numbered
    /// Bits of a character.
    DataBits {
        /// 5.
        Five = 5,
        /// 6.
        Six = 6,
        /// 7.
        Seven = 7,
        /// 8.
        Eight = 8,
    }
}

choice! { numbered
    /// Bits after a character.
    StopBits {
        /// 1.
        One = 1,
        /// 2.
        Two = 2,
    }
}

choice! { named
    /// The parity bit.
    Parity {
        /// There is none.
        None,
        /// An odd number of ones.
        Odd,
        /// An even number of ones.
        Even,
    }
}

choice! { named
    /// Who may stop the other end from sending.
    FlowControl {
        /// Nobody.
        None,
        /// XON and XOFF characters.
        Software,
        /// The RTS and CTS lines.
        Hardware,
    }
}

impl FromStr for FlowControl {
    type Err = ();

    fn from_str(text: &str) -> std::result::Result<Self, ()> {
        match text {
            "None" | "none" | "n" => Ok(Self::None),
            "Software" | "software" | "SW" | "sw" | "s" => Ok(Self::Software),
            "Hardware" | "hardware" | "HW" | "hw" | "h" => Ok(Self::Hardware),
            _ => Err(()),
        }
    }
}

choice! {
    /// What to throw away.
    ClearBuffer {
        /// What has arrived and was not read.
        Input,
        /// What was written and not sent.
        Output,
        /// Both.
        All,
    }
}

/// Settings in numbers, as the SDK takes them.
fn numbers(baud: u32, bits: DataBits, parity: Parity, stop: StopBits, flow: FlowControl) -> [u32; 5] {
    let parity = match parity {
        Parity::None => 0,
        Parity::Odd => 1,
        Parity::Even => 2,
    };
    let flow = match flow {
        FlowControl::None => 0,
        FlowControl::Software => 1,
        FlowControl::Hardware => 2,
    };
    [baud, u8::from(bits).into(), parity, u8::from(stop).into(), flow]
}

const DATA_BITS: usize = 1;
const PARITY: usize = 2;
const STOP_BITS: usize = 3;
const FLOW_CONTROL: usize = 4;

/// How a port is to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SerialPortBuilder {
    path: String,
    baud_rate: u32,
    data_bits: DataBits,
    flow_control: FlowControl,
    parity: Parity,
    stop_bits: StopBits,
    timeout: Duration,
    dtr_on_open: Option<bool>,
}

impl SerialPortBuilder {
    /// The slot's name.
    #[must_use]
    pub fn path<'a>(mut self, path: impl Into<std::borrow::Cow<'a, str>>) -> Self {
        self.path = path.into().into_owned();
        self
    }

    /// Bits per second, 50 to 4 000 000.
    #[must_use]
    pub fn baud_rate(mut self, baud_rate: u32) -> Self {
        self.baud_rate = baud_rate;
        self
    }

    /// Bits of a character.
    #[must_use]
    pub fn data_bits(mut self, data_bits: DataBits) -> Self {
        self.data_bits = data_bits;
        self
    }

    /// Who may stop the other end from sending.
    #[must_use]
    pub fn flow_control(mut self, flow_control: FlowControl) -> Self {
        self.flow_control = flow_control;
        self
    }

    /// The parity bit.
    #[must_use]
    pub fn parity(mut self, parity: Parity) -> Self {
        self.parity = parity;
        self
    }

    /// Bits after a character.
    #[must_use]
    pub fn stop_bits(mut self, stop_bits: StopBits) -> Self {
        self.stop_bits = stop_bits;
        self
    }

    /// How long a read may wait: in a component, not at all. See the crate's documentation.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Drives DTR as soon as the port is open.
    #[must_use]
    pub fn dtr_on_open(mut self, state: bool) -> Self {
        self.dtr_on_open = Some(state);
        self
    }

    /// Leaves DTR as it is.
    #[must_use]
    pub fn preserve_dtr_on_open(mut self) -> Self {
        self.dtr_on_open = None;
        self
    }

    /// A port has one opener in a hub, whatever is said here.
    #[must_use]
    pub fn exclusive(self, _exclusive: bool) -> Self {
        self
    }

    /// Opens the slot.
    pub fn open(self) -> Result<Box<dyn SerialPort>> {
        Ok(Box::new(TTYPort::open(&self)?))
    }

    /// Opens the slot.
    pub fn open_native(self) -> Result<TTYPort> {
        TTYPort::open(&self)
    }
}

/// How to open the slot of this name, with 8 data bits, no parity, 1 stop bit and no flow control.
pub fn new<'a>(path: impl Into<std::borrow::Cow<'a, str>>, baud_rate: u32) -> SerialPortBuilder {
    SerialPortBuilder {
        path: path.into().into_owned(),
        baud_rate,
        data_bits: DataBits::Eight,
        flow_control: FlowControl::None,
        parity: Parity::None,
        stop_bits: StopBits::One,
        timeout: Duration::ZERO,
        dtr_on_open: None,
    }
}

/// The slots that can be opened. Nobody tells a provider what is behind them.
pub fn available_ports() -> Result<Vec<SerialPortInfo>> {
    let slots = __igloo_serial_1_slots().into_iter();
    Ok(slots.map(|port_name| SerialPortInfo { port_name, port_type: SerialPortType::Unknown }).collect())
}

/// A serial port.
pub trait SerialPort: Send + io::Read + io::Write {
    /// The slot's name.
    fn name(&self) -> Option<String>;
    /// Bits per second.
    fn baud_rate(&self) -> Result<u32>;
    /// Bits of a character.
    fn data_bits(&self) -> Result<DataBits>;
    /// Who may stop the other end from sending.
    fn flow_control(&self) -> Result<FlowControl>;
    /// The parity bit.
    fn parity(&self) -> Result<Parity>;
    /// Bits after a character.
    fn stop_bits(&self) -> Result<StopBits>;
    /// How long a read may wait.
    fn timeout(&self) -> Duration;
    /// Bits per second.
    fn set_baud_rate(&mut self, baud_rate: u32) -> Result<()>;
    /// Bits of a character.
    fn set_data_bits(&mut self, data_bits: DataBits) -> Result<()>;
    /// Who may stop the other end from sending.
    fn set_flow_control(&mut self, flow_control: FlowControl) -> Result<()>;
    /// The parity bit.
    fn set_parity(&mut self, parity: Parity) -> Result<()>;
    /// Bits after a character.
    fn set_stop_bits(&mut self, stop_bits: StopBits) -> Result<()>;
    /// How long a read may wait.
    fn set_timeout(&mut self, timeout: Duration) -> Result<()>;
    /// Drives RTS.
    fn write_request_to_send(&mut self, level: bool) -> Result<()>;
    /// Drives DTR.
    fn write_data_terminal_ready(&mut self, level: bool) -> Result<()>;
    /// CTS.
    fn read_clear_to_send(&mut self) -> Result<bool>;
    /// DSR.
    fn read_data_set_ready(&mut self) -> Result<bool>;
    /// RI.
    fn read_ring_indicator(&mut self) -> Result<bool>;
    /// CD.
    fn read_carrier_detect(&mut self) -> Result<bool>;
    /// Bytes that have arrived.
    fn bytes_to_read(&self) -> Result<u32>;
    /// Bytes that the hub does not have yet.
    fn bytes_to_write(&self) -> Result<u32>;
    /// Throws bytes away.
    fn clear(&self, buffer_to_clear: ClearBuffer) -> Result<()>;
    /// Another handle of the same port.
    fn try_clone(&self) -> Result<Box<dyn SerialPort>>;
    /// Begins a break.
    fn set_break(&self) -> Result<()>;
    /// Ends a break.
    fn clear_break(&self) -> Result<()>;
}

/// The whole trait, by another value that has it.
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

impl<T: SerialPort> SerialPort for &mut T {
    forward! {
        self, (**self);
        shared {
            name() -> Option<String>;
            baud_rate() -> Result<u32>;
            data_bits() -> Result<DataBits>;
            flow_control() -> Result<FlowControl>;
            parity() -> Result<Parity>;
            stop_bits() -> Result<StopBits>;
            timeout() -> Duration;
            bytes_to_read() -> Result<u32>;
            bytes_to_write() -> Result<u32>;
            clear(buffer_to_clear: ClearBuffer) -> Result<()>;
            try_clone() -> Result<Box<dyn SerialPort>>;
            set_break() -> Result<()>;
            clear_break() -> Result<()>;
        }
        changing {
            set_baud_rate(baud_rate: u32) -> Result<()>;
            set_data_bits(data_bits: DataBits) -> Result<()>;
            set_flow_control(flow_control: FlowControl) -> Result<()>;
            set_parity(parity: Parity) -> Result<()>;
            set_stop_bits(stop_bits: StopBits) -> Result<()>;
            set_timeout(timeout: Duration) -> Result<()>;
            write_request_to_send(level: bool) -> Result<()>;
            write_data_terminal_ready(level: bool) -> Result<()>;
            read_clear_to_send() -> Result<bool>;
            read_data_set_ready() -> Result<bool>;
            read_ring_indicator() -> Result<bool>;
            read_carrier_detect() -> Result<bool>;
        }
    }
}

impl fmt::Debug for dyn SerialPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("SerialPort");
        fields.field("name", &self.name().unwrap_or_default());
        if let Ok(baud_rate) = self.baud_rate() {
            fields.field("baud_rate", &baud_rate);
        }
        fields.finish_non_exhaustive()
    }
}

/// An open port: here a slot, on a Unix a terminal.
#[derive(Debug)]
pub struct TTYPort {
    handle: u64,
    path: String,
    timeout: Duration,
    /// The provider's log has been told that nothing waits.
    warned: bool,
}

/// How long a break is.
#[derive(Clone, Copy, Debug)]
pub enum BreakDuration {
    /// A quarter of a second.
    Short,
    /// Milliseconds.
    Arbitrary(std::num::NonZeroI32),
}

impl TTYPort {
    /// Opens a slot.
    pub fn open(builder: &SerialPortBuilder) -> Result<Self> {
        let SerialPortBuilder { baud_rate, data_bits, parity, stop_bits, flow_control, .. } = *builder;
        let numbers = numbers(baud_rate, data_bits, parity, stop_bits, flow_control);
        let handle = __igloo_serial_1_open(&builder.path, numbers, builder.dtr_on_open).map_err(told)?;
        Ok(Self { handle, path: builder.path.clone(), timeout: builder.timeout, warned: false })
    }

    /// The SDK's number of the port, for `tokio-serial`.
    #[doc(hidden)]
    pub fn __igloo_handle(&self) -> u64 {
        self.handle
    }

    /// Always: a port has one opener in a hub.
    pub fn exclusive(&self) -> bool {
        true
    }

    /// A port has one opener in a hub, whatever is said here.
    pub fn set_exclusive(&mut self, _exclusive: bool) -> Result<()> {
        Ok(())
    }

    /// A component has no pseudo-terminals: this is an error.
    pub fn pair() -> Result<(Self, Self)> {
        Err(unsupported("a provider has no pseudo-terminals: test it with a slot that is bound to one"))
    }

    /// Holds a break.
    pub fn send_break(&self, duration: BreakDuration) -> Result<()> {
        let milliseconds = match duration {
            BreakDuration::Short => 250,
            BreakDuration::Arbitrary(milliseconds) => milliseconds.get().unsigned_abs(),
        };
        __igloo_serial_1_send_break(self.handle, milliseconds).map_err(told)
    }

    /// Another handle of the same port.
    pub fn try_clone_native(&self) -> Result<Self> {
        let handle = __igloo_serial_1_share(self.handle).map_err(told)?;
        Ok(Self { handle, path: self.path.clone(), timeout: self.timeout, warned: self.warned })
    }

    fn numbers(&self) -> Result<[u32; 5]> {
        __igloo_serial_1_settings(self.handle).map_err(told)
    }

    fn set(&self, change: impl FnOnce(&mut [u32; 5])) -> Result<()> {
        let mut numbers = self.numbers()?;
        change(&mut numbers);
        __igloo_serial_1_configure(self.handle, numbers).map_err(told)
    }

    fn choice<T: TryFrom<u8>>(&self, at: usize) -> Result<T> {
        let number = u8::try_from(self.numbers()?[at]).ok().and_then(|number| T::try_from(number).ok());
        number.ok_or_else(|| Error::new(ErrorKind::Unknown, "the port has settings that have no name"))
    }

    fn line(&self, at: usize) -> Result<bool> {
        Ok(__igloo_serial_1_lines(self.handle).map_err(told)?[at])
    }

    /// What to answer instead of waiting.
    fn instead_of_waiting(&mut self, error: io::Error, what: &str) -> io::Error {
        if error.kind() != io::ErrorKind::WouldBlock {
            return error;
        }
        if self.timeout.is_zero() {
            return io::ErrorKind::TimedOut.into();
        }
        let text = format!(
            "serialport: {what} the port '{}' would wait for up to {:?}, and with it the whole provider: use tokio-serial, \
             or a timeout of 0 with an await between two tries",
            self.path, self.timeout
        );
        if !self.warned {
            self.warned = true;
            __igloo_serial_1_warn(&text);
        }
        io::Error::new(io::ErrorKind::Unsupported, text)
    }
}

impl Drop for TTYPort {
    fn drop(&mut self) {
        __igloo_serial_1_close(self.handle);
    }
}

impl io::Read for TTYPort {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        __igloo_serial_1_read(self.handle, buffer).map_err(|error| self.instead_of_waiting(error, "reading from"))
    }
}

impl io::Write for TTYPort {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        __igloo_serial_1_write(self.handle, bytes).map_err(|error| self.instead_of_waiting(error, "writing to"))
    }

    fn flush(&mut self) -> io::Result<()> {
        __igloo_serial_1_flush(self.handle)
    }
}

impl SerialPort for TTYPort {
    fn name(&self) -> Option<String> {
        Some(self.path.clone())
    }

    fn baud_rate(&self) -> Result<u32> {
        Ok(self.numbers()?[0])
    }

    fn data_bits(&self) -> Result<DataBits> {
        self.choice(DATA_BITS)
    }

    fn flow_control(&self) -> Result<FlowControl> {
        Ok(match self.numbers()?[FLOW_CONTROL] {
            1 => FlowControl::Software,
            2 => FlowControl::Hardware,
            _ => FlowControl::None,
        })
    }

    fn parity(&self) -> Result<Parity> {
        Ok(match self.numbers()?[PARITY] {
            1 => Parity::Odd,
            2 => Parity::Even,
            _ => Parity::None,
        })
    }

    fn stop_bits(&self) -> Result<StopBits> {
        self.choice(STOP_BITS)
    }

    fn timeout(&self) -> Duration {
        self.timeout
    }

    fn set_baud_rate(&mut self, baud_rate: u32) -> Result<()> {
        self.set(|numbers| numbers[0] = baud_rate)
    }

    fn set_data_bits(&mut self, data_bits: DataBits) -> Result<()> {
        self.set(|numbers| numbers[DATA_BITS] = u8::from(data_bits).into())
    }

    fn set_flow_control(&mut self, flow_control: FlowControl) -> Result<()> {
        self.set(|settings| {
            let wanted = numbers(0, DataBits::Eight, Parity::None, StopBits::One, flow_control);
            settings[FLOW_CONTROL] = wanted[FLOW_CONTROL];
        })
    }

    fn set_parity(&mut self, parity: Parity) -> Result<()> {
        self.set(|settings| {
            let wanted = numbers(0, DataBits::Eight, parity, StopBits::One, FlowControl::None);
            settings[PARITY] = wanted[PARITY];
        })
    }

    fn set_stop_bits(&mut self, stop_bits: StopBits) -> Result<()> {
        self.set(|numbers| numbers[STOP_BITS] = u8::from(stop_bits).into())
    }

    fn set_timeout(&mut self, timeout: Duration) -> Result<()> {
        self.timeout = timeout;
        Ok(())
    }

    fn write_request_to_send(&mut self, level: bool) -> Result<()> {
        __igloo_serial_1_set_lines(self.handle, None, Some(level)).map_err(told)
    }

    fn write_data_terminal_ready(&mut self, level: bool) -> Result<()> {
        __igloo_serial_1_set_lines(self.handle, Some(level), None).map_err(told)
    }

    fn read_clear_to_send(&mut self) -> Result<bool> {
        self.line(0)
    }

    fn read_data_set_ready(&mut self) -> Result<bool> {
        self.line(1)
    }

    fn read_ring_indicator(&mut self) -> Result<bool> {
        self.line(2)
    }

    fn read_carrier_detect(&mut self) -> Result<bool> {
        self.line(3)
    }

    fn bytes_to_read(&self) -> Result<u32> {
        let (arrived, _) = __igloo_serial_1_waiting(self.handle).map_err(told)?;
        Ok(u32::try_from(arrived).unwrap_or(u32::MAX))
    }

    fn bytes_to_write(&self) -> Result<u32> {
        let (_, waiting) = __igloo_serial_1_waiting(self.handle).map_err(told)?;
        Ok(u32::try_from(waiting).unwrap_or(u32::MAX))
    }

    fn clear(&self, buffer_to_clear: ClearBuffer) -> Result<()> {
        let (input, output) = match buffer_to_clear {
            ClearBuffer::Input => (true, false),
            ClearBuffer::Output => (false, true),
            ClearBuffer::All => (true, true),
        };
        __igloo_serial_1_discard(self.handle, input, output).map_err(told)
    }

    fn try_clone(&self) -> Result<Box<dyn SerialPort>> {
        Ok(Box::new(self.try_clone_native()?))
    }

    fn set_break(&self) -> Result<()> {
        __igloo_serial_1_set_break(self.handle, true).map_err(told)
    }

    fn clear_break(&self) -> Result<()> {
        __igloo_serial_1_set_break(self.handle, false).map_err(told)
    }
}

/// What is known of a USB adapter: in a component, nothing.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct UsbPortInfo {
    /// The vendor's number.
    pub vid: u16,
    /// The product's number.
    pub pid: u16,
    /// The serial number.
    pub serial_number: Option<String>,
    /// Who made it.
    pub manufacturer: Option<String>,
    /// What it is.
    pub product: Option<String>,
    /// Where it is plugged in.
    #[cfg(feature = "usbportinfo-location")]
    pub location: Option<Location>,
    /// The interface's number.
    #[cfg(feature = "usbportinfo-interface")]
    pub interface: Option<u8>,
}

impl fmt::Debug for UsbPortInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("UsbPortInfo");
        fields.field("vid", &format_args!("0x{:04x}", self.vid)).field("pid", &format_args!("0x{:04x}", self.pid));
        fields.field("serial_number", &self.serial_number).field("manufacturer", &self.manufacturer);
        fields.field("product", &self.product);
        #[cfg(feature = "usbportinfo-location")]
        fields.field("location", &self.location);
        #[cfg(feature = "usbportinfo-interface")]
        fields.field("interface", &self.interface);
        fields.finish()
    }
}

/// What a port is connected to: in a component, always unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum SerialPortType {
    /// USB.
    UsbPort(UsbPortInfo),
    /// PCI.
    PciPort,
    /// Bluetooth.
    BluetoothPort,
    /// Nobody knows.
    Unknown,
}

/// A port that can be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SerialPortInfo {
    /// The slot's name.
    pub port_name: String,
    /// What it is connected to.
    pub port_type: SerialPortType,
}

#[cfg(feature = "usbportinfo-location")]
pub use location::{Location, LocationErrorKind, ParseLocationError};

#[cfg(feature = "usbportinfo-location")]
mod location {
    //! Where a USB device is plugged in, as `BUS-PORT.PORT`.

    use std::{
        fmt,
        num::{IntErrorKind, ParseIntError},
        str::FromStr,
    };

    /// A bus and the ports on the way from it.
    #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
    #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
    pub struct Location {
        bus_id: String,
        port_chain: Vec<u8>,
    }

    impl Location {
        /// This place.
        pub fn new(bus_id: String, port_chain: Vec<u8>) -> Self {
            Self { bus_id, port_chain }
        }

        /// Whether it is behind the other place, or the same.
        pub fn is_descendant_of(&self, other: &Self) -> bool {
            self.bus_id == other.bus_id && self.port_chain.starts_with(&other.port_chain)
        }

        /// The place that it is plugged into.
        pub fn parent(&self) -> Option<Self> {
            let (_, above) = self.port_chain.split_last()?;
            Some(Self { bus_id: self.bus_id.clone(), port_chain: above.to_vec() })
        }
    }

    impl fmt::Display for Location {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let ports: Vec<String> = self.port_chain.iter().map(u8::to_string).collect();
            write!(f, "{}-{}", self.bus_id, ports.join("."))
        }
    }

    impl FromStr for Location {
        type Err = ParseLocationError;

        fn from_str(text: &str) -> Result<Self, ParseLocationError> {
            let wrong = |kind| ParseLocationError { kind };
            let (bus_id, ports) = text.split_once('-').ok_or_else(|| wrong(LocationErrorKind::TopLevel))?;
            if ports.contains('-') {
                return Err(wrong(LocationErrorKind::TopLevel));
            }
            let ports = ports.split('.').filter(|port| !(port.is_empty() && ports.is_empty()));
            let port_chain = ports.map(str::parse).collect::<Result<_, ParseIntError>>();
            let port_chain = port_chain.map_err(|error| wrong(LocationErrorKind::Port(error.kind().clone())))?;
            Ok(Self { bus_id: bus_id.to_owned(), port_chain })
        }
    }

    /// The text names no place.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ParseLocationError {
        kind: LocationErrorKind,
    }

    impl ParseLocationError {
        /// What is wrong with it.
        pub fn kind(&self) -> &LocationErrorKind {
            &self.kind
        }
    }

    impl fmt::Display for ParseLocationError {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("not the location of a USB device")
        }
    }

    impl std::error::Error for ParseLocationError {}

    /// What is wrong with a text that names no place.
    #[derive(Clone, Debug, Eq, PartialEq)]
    #[non_exhaustive]
    pub enum LocationErrorKind {
        /// A port is no number.
        Port(IntErrorKind),
        /// It is not of the form.
        TopLevel,
    }
}
