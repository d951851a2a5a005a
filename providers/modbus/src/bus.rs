//! The way to the units: one connection, one request at a time.
//!
//! Promises: a request ends within the time to connect, the time to answer and, after one that was not answered, as
//! much again. An answer is that of its own request: RTU has nothing to tell a late answer from the next one, so a bus
//! is listened to and not used for the time in which one may still come. Over TCP the connection is made anew.

use std::{io, time::Duration};

use igloo::serial::{self, Settings};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use tokio_modbus::client::{Context, Reader as _, Writer as _, rtu, tcp};
use tokio_modbus::{ExceptionCode, Slave, slave::SlaveContext as _};

use crate::config::{Parity, Transport};
use crate::plan::{Span, Table};
use crate::port::Port;

/// The serial slot of the manifest.
const SLOT: &str = "bus";
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);

/// The connection to all units.
pub(crate) struct Bus {
    transport: Transport,
    timeout: Duration,
    link: Mutex<Link>,
}

struct Link {
    open: Option<Open>,
    /// On a bus, the next request is not sent before.
    quiet: Instant,
}

struct Open {
    context: Context,
    /// The bus, if it is one.
    port: Option<Port>,
}

impl Open {
    fn rtu(port: Port) -> Self {
        Self { context: rtu::attach(port.clone()), port: Some(port) }
    }
}

/// What is in a table from some address on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Data {
    Bits(Vec<bool>),
    Words(Vec<u16>),
}

/// Why a request has no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// There is no connection, so nothing was sent.
    #[error("no connection: {0}")]
    Unreachable(String),
    /// It was sent, and no answer came.
    #[error("no answer")]
    Silent,
    /// It was sent, and the connection broke or the answer was none.
    #[error("{0}")]
    Broken(#[from] tokio_modbus::Error),
    /// The unit, or a gateway before it, said no.
    #[error("{0}")]
    Refused(ExceptionCode),
}

impl Failure {
    /// Whether the connection is gone, rather than that an answer was not in order.
    fn is_lost(&self) -> bool {
        match self {
            Self::Broken(tokio_modbus::Error::Transport(error)) => error.kind() != io::ErrorKind::InvalidData,
            _ => false,
        }
    }
}

impl Bus {
    pub(crate) fn new(transport: Transport, timeout: Duration) -> Self {
        Self { transport, timeout, link: Mutex::new(Link { open: None, quiet: Instant::now() }) }
    }

    /// Reads neighbours.
    pub(crate) async fn read(&self, unit: u8, span: &Span) -> Result<Data, Failure> {
        let Span { table, first, count } = *span;
        let bits = |bits| whole(bits, count).map(|bits| bits.map(Data::Bits));
        let words = |words| whole(words, count).map(|words| words.map(Data::Words));
        self.request(unit, async |unit: &mut Context| match table {
            Table::Coils => bits(unit.read_coils(first, count).await),
            Table::DiscreteInputs => bits(unit.read_discrete_inputs(first, count).await),
            Table::HoldingRegisters => words(unit.read_holding_registers(first, count).await),
            Table::InputRegisters => words(unit.read_input_registers(first, count).await),
        })
        .await
    }

    /// Writes coils or holding registers.
    pub(crate) async fn write(&self, unit: u8, first: u16, data: &Data) -> Result<(), Failure> {
        self.request(unit, async |unit: &mut Context| match data {
            // Many devices have the requests for one only, or do not like those for many with one.
            Data::Bits(bits) => match bits.as_slice() {
                [bit] => unit.write_single_coil(first, *bit).await,
                bits => unit.write_multiple_coils(first, bits).await,
            },
            Data::Words(words) => match words.as_slice() {
                [word] => unit.write_single_register(first, *word).await,
                words => unit.write_multiple_registers(first, words).await,
            },
        })
        .await
    }

    /// Waits until connecting is worth a try.
    pub(crate) async fn wait_present(&self) {
        if matches!(self.transport, Transport::Rtu { .. }) {
            // An error comes again from opening, which tells it.
            let _ = serial::wait_present(SLOT).await;
        }
    }

    /// One request and its answer. Others wait for their turn.
    async fn request<T>(
        &self,
        unit: u8,
        request: impl AsyncFnOnce(&mut Context) -> tokio_modbus::Result<T>,
    ) -> Result<T, Failure> {
        let mut link = self.link.lock().await;
        let mut open = match link.open.take() {
            Some(open) => open,
            None => self.connect().await.map_err(|error| Failure::Unreachable(error.to_string()))?,
        };
        if let Some(port) = &mut open.port {
            port.quiet_until(link.quiet).await;
        }
        open.context.set_slave(Slave(unit));
        let failure = match timeout(self.timeout, request(&mut open.context)).await {
            Ok(Ok(answer)) => {
                link.quiet = Instant::now() + self.pause();
                link.open = Some(open);
                return answer.map_err(Failure::Refused);
            }
            Ok(Err(error)) => Failure::Broken(error),
            Err(_) => Failure::Silent,
        };
        if let Some(port) = open.port.filter(|_| !failure.is_lost()) {
            link.quiet = Instant::now() + self.timeout;
            link.open = Some(Open::rtu(port));
        }
        Err(failure)
    }

    async fn connect(&self) -> io::Result<Open> {
        let connect = async {
            Ok(match &self.transport {
                Transport::Rtu { baud, parity, stop_bits } => {
                    let settings = Settings::new(*baud).parity((*parity).into()).stop_bits(*stop_bits);
                    Open::rtu(Port::new(serial::open(SLOT, settings).await?))
                }
                Transport::Tcp { host, port } => {
                    let stream = igloo::net::connect(&authority(host, *port)).await?;
                    Open { context: tcp::attach(stream), port: None }
                }
            })
        };
        timeout(CONNECT, connect).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// The silence that begins a frame: 3.5 characters of 11 bits, but 1.75 ms from 19200 bits per second on (Modbus
    /// over Serial Line V1.02, 2.5.1.1). Over TCP there is none.
    fn pause(&self) -> Duration {
        match self.transport {
            Transport::Rtu { baud, .. } if baud > 19_200 => Duration::from_micros(1750),
            Transport::Rtu { baud, .. } => Duration::from_secs_f64(3.5 * 11.0 / f64::from(baud)),
            Transport::Tcp { .. } => Duration::ZERO,
        }
    }
}

impl From<Parity> for serial::Parity {
    fn from(parity: Parity) -> Self {
        match parity {
            Parity::None => Self::None,
            Parity::Even => Self::Even,
            Parity::Odd => Self::Odd,
        }
    }
}

/// `host:port`, with an IPv6 address in brackets.
fn authority(host: &str, port: u16) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// An answer with another number of values than were asked for is none.
fn whole<T>(answer: tokio_modbus::Result<Vec<T>>, count: u16) -> tokio_modbus::Result<Vec<T>> {
    match answer {
        Ok(Ok(values)) if values.len() != usize::from(count) => {
            let text = format!("{} values in place of {count}", values.len());
            Err(io::Error::new(io::ErrorKind::InvalidData, text).into())
        }
        answer => answer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_apart() {
        let rtu = |baud| Transport::Rtu { baud, parity: Parity::None, stop_bits: 1 };
        let pause = |transport| Bus::new(transport, Duration::ZERO).pause().as_micros();
        assert_eq!([9600, 19_200, 38_400].map(|baud| pause(rtu(baud))), [4010, 2005, 1750]);
        assert_eq!(pause(Transport::Tcp { host: String::new(), port: 502 }), 0);
    }

    #[test]
    fn hosts_and_ports() {
        assert_eq!(authority("inverter.lan", 502), "inverter.lan:502");
        assert_eq!(authority("fd00::1", 502), "[fd00::1]:502");
    }

    #[test]
    fn short_answers_are_none() {
        assert!(whole(Ok(Ok(vec![1_u16, 2])), 3).is_err());
        assert!(whole(Ok(Ok(vec![true])), 1).is_ok_and(|answer| answer.is_ok()));
    }
}
