//! The way to the units: one connection, one request at a time.
//!
//! Promises: a request ends within the time to connect and the time to answer. An answer is that of its own request:
//! a connection whose answer did not come in time, or was not in order, is given up, because in RTU nothing tells a
//! late answer from the next one.

use std::{io, time::Duration};

use igloo::serial::{self, Settings};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_modbus::client::{Context, Reader as _, Writer as _, rtu, tcp};
use tokio_modbus::{ExceptionCode, Slave, slave::SlaveContext as _};

use crate::config::{Parity, Transport};
use crate::plan::{Span, Table};

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
    context: Option<Context>,
    /// The next request is not sent before.
    quiet: Instant,
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

impl Bus {
    pub(crate) fn new(transport: Transport, timeout: Duration) -> Self {
        Self { transport, timeout, link: Mutex::new(Link { context: None, quiet: Instant::now() }) }
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
        let mut context = match link.context.take() {
            Some(context) => context,
            None => self.connect().await.map_err(|error| Failure::Unreachable(error.to_string()))?,
        };
        sleep_until(link.quiet).await;
        context.set_slave(Slave(unit));
        let answer = timeout(self.timeout, request(&mut context)).await;
        link.quiet = Instant::now() + self.pause();
        let answer = answer.map_err(|_| Failure::Silent)??;
        link.context = Some(context);
        answer.map_err(Failure::Refused)
    }

    async fn connect(&self) -> io::Result<Context> {
        let connect = async {
            Ok(match &self.transport {
                Transport::Rtu { baud, parity, stop_bits } => {
                    let settings = Settings::new(*baud).parity((*parity).into()).stop_bits(*stop_bits);
                    rtu::attach(serial::open(SLOT, settings).await?)
                }
                Transport::Tcp { host, port } => tcp::attach(igloo::net::connect(&authority(host, *port)).await?),
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
