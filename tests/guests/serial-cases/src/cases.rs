//! Ordinary code over serial crates of crates.io. Nothing in it knows of Igloo: natively a path is a device file, in a
//! component it is a slot.

use async_modbus::client;
use embedded_hal_async::delay::DelayNs;
use embedded_io_adapters::tokio_1::FromTokio;
use futures_util::{SinkExt as _, StreamExt as _};
use sds011::{Config, SDS011};
use serde_json::{Value as Json, json};
use serialport::SerialPort as _;
use std::{error::Error, io::ErrorKind, time::Duration};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    time::{sleep, timeout},
};
use tokio_modbus::prelude::*;
use tokio_serial::{DataBits, FlowControl, Parity, SerialPortBuilderExt as _, SerialStream, StopBits};
use tokio_util::codec::LinesCodec;

/// What a case answers.
pub(crate) type Outcome = Result<Json, Box<dyn Error>>;

/// How long anything may take that should take much less.
const PATIENCE: Duration = Duration::from_secs(20);

/// Bytes that any port holds until somebody reads them. With more under way, an echo that does not read while it writes
/// and a relay that does the same wait for each other.
pub(crate) const LITTLE: usize = 2048;

/// Writes and reads at the same time, against a port that sends back what it gets, with `ahead` bytes under way at most.
pub(crate) async fn echo(path: &str, count: usize, ahead: usize) -> Outcome {
    let port = tokio_serial::new(path, 115_200).open_native_async()?;
    let sent: Vec<u8> = (0..count).map(|n| (n % 251) as u8).collect();
    let mut received = vec![0; count];
    let (mut reader, mut writer) = tokio::io::split(port);
    let both = async {
        for (sent, received) in sent.chunks(ahead).zip(received.chunks_mut(ahead)) {
            tokio::try_join!(writer.write_all(sent), reader.read_exact(received))?;
        }
        writer.flush().await
    };
    timeout(PATIENCE, both).await??;
    Ok(json!({ "same": sent == received }))
}

/// Reads lines as they come, with a codec over the stream.
pub(crate) async fn lines(path: &str, count: usize) -> Outcome {
    let mut port = tokio_serial::new(path, 9600).open_native_async()?;
    port.set_exclusive(false)?;
    let mut reader = tokio_util::codec::FramedRead::new(port, LinesCodec::new_with_max_length(100));
    let mut lines = Vec::new();
    while lines.len() < count {
        let line = timeout(PATIENCE, reader.next()).await?.ok_or("the port ended")??;
        lines.push(line);
    }
    Ok(json!({ "lines": lines }))
}

/// The same codec in both directions, with the crate's own framing.
pub(crate) async fn frames(path: &str, count: usize) -> Outcome {
    let port = tokio_serial::new(path, 9600).open_native_async()?;
    let mut frames = tokio_serial::frame::SerialFramed::new(port, LinesCodec::new());
    let mut answers = Vec::new();
    for number in 0..count {
        frames.send(format!("frame {number}")).await?;
        answers.push(timeout(PATIENCE, frames.next()).await?.ok_or("the port ended")??);
    }
    Ok(json!({ "frames": answers }))
}

/// Waits for readiness, then tries: against an echo.
pub(crate) async fn ready(path: &str) -> Outcome {
    let mut port = SerialStream::open(&tokio_serial::new(path, 115_200))?;
    let nothing = port.try_read(&mut [0; 8]).map_err(|error| format!("{:?}", error.kind()));
    timeout(PATIENCE, port.writable()).await??;
    let mut left = &b"ready, steady"[..];
    while !left.is_empty() {
        match port.try_write(left) {
            Ok(count) => left = &left[count..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => port.writable().await?,
            Err(error) => return Err(error.into()),
        }
    }
    let mut answer = Vec::new();
    while answer.len() < 13 {
        timeout(PATIENCE, port.readable()).await??;
        let mut buffer = [0; 32];
        match port.try_read(&mut buffer) {
            Ok(count) => answer.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(json!({ "nothing": nothing.err(), "answer": String::from_utf8(answer)? }))
}

/// Every setting there is, on a port that is open.
pub(crate) async fn settings(path: &str) -> Outcome {
    let builder = tokio_serial::new(path, 9600).parity(Parity::Even).data_bits(DataBits::Seven);
    let mut port = builder.stop_bits(StopBits::Two).flow_control(FlowControl::Software).open_native_async()?;
    port.set_baud_rate(38_400)?;
    port.set_parity(Parity::None)?;
    port.set_data_bits(DataBits::Eight)?;
    port.set_stop_bits(StopBits::One)?;
    port.set_flow_control(FlowControl::None)?;
    // What the port refuses shows here at the latest.
    timeout(PATIENCE, port.flush()).await??;
    port.clear(tokio_serial::ClearBuffer::All)?;
    timeout(PATIENCE, port.flush()).await??;
    Ok(json!({
        "name": port.name(),
        "baud_rate": port.baud_rate()?,
        "parity": port.parity()?.to_string(),
        "data_bits": u8::from(port.data_bits()?),
        "stop_bits": u8::from(port.stop_bits()?),
        "flow_control": port.flow_control()?.to_string(),
        "timeout": port.timeout().as_millis(),
        "unread": port.bytes_to_read()?,
        "unsent": port.bytes_to_write()?,
    }))
}

/// Clears what came before, then asks: against an echo, the answer is this one's.
pub(crate) async fn order(path: &str) -> Outcome {
    let mut port = tokio_serial::new(path, 115_200).open_native_async()?;
    let mut answers = Vec::new();
    for number in 0..20 {
        port.write_all(b"stale").await?;
        port.flush().await?;
        while port.bytes_to_read()? < 5 {
            sleep(Duration::from_millis(1)).await;
        }
        port.clear(tokio_serial::ClearBuffer::Input)?;
        let question = format!("question {number:02}");
        port.write_all(question.as_bytes()).await?;
        let mut answer = vec![0; question.len()];
        timeout(PATIENCE, port.read_exact(&mut answer)).await??;
        answers.push(answer == question.as_bytes());
    }
    Ok(json!({ "all": answers.iter().all(|right| *right), "count": answers.len() }))
}

/// Opens a port again and again, each time with a word to an echo; the last word is written and left.
pub(crate) async fn reopen(path: &str, count: usize) -> Outcome {
    for number in 0..count {
        let mut port = tokio_serial::new(path, 115_200).open_native_async()?;
        let word = format!("{number:08}");
        port.write_all(word.as_bytes()).await?;
        let mut answer = [0; 8];
        timeout(PATIENCE, port.read_exact(&mut answer)).await??;
        if answer != word.as_bytes() {
            return Err(format!("{word} came back as {}", String::from_utf8_lossy(&answer)).into());
        }
    }
    Ok(json!({ "opened": count }))
}

/// A port has one opener.
pub(crate) fn open_twice(path: &str) -> Outcome {
    let _port = tokio_serial::new(path, 9600).open_native_async()?;
    let again = tokio_serial::new(path, 9600).open_native_async();
    Ok(json!({ "again": again.err().map(|error| format!("{:?}", error.kind())) }))
}

/// The blocking crate without blocking: a timeout of zero, and something else to do meanwhile. Against an echo.
pub(crate) async fn blocking(path: &str) -> Outcome {
    use std::io::{Read as _, Write as _};
    let mut port = serialport::new(path, 115_200).timeout(Duration::ZERO).open()?;
    port.write_all(b"hello")?;
    let nothing = port.read(&mut [0; 1]).map_err(|error| format!("{:?}", error.kind()));
    port.flush()?;
    let mut answer = Vec::new();
    let reading = async {
        while answer.len() < 5 {
            let mut buffer = [0; 8];
            match port.read(&mut buffer) {
                Ok(count) => answer.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::TimedOut => sleep(Duration::from_millis(2)).await,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    };
    timeout(PATIENCE, reading).await??;
    Ok(json!({ "nothing": nothing.err(), "answer": String::from_utf8(answer)?, "name": port.name() }))
}

/// Two handles of one port: one writes, the other reads. Against an echo.
pub(crate) async fn blocking_clone(path: &str) -> Outcome {
    use std::io::{Read as _, Write as _};
    let mut writer = serialport::new(path, 115_200).open()?;
    let mut reader = writer.try_clone()?;
    writer.write_all(b"both")?;
    // One handle less is still a port.
    drop(writer);
    let mut answer = Vec::new();
    let reading = async {
        while answer.len() < 4 {
            let mut buffer = [0; 8];
            match reader.read(&mut buffer) {
                Ok(count) => answer.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::TimedOut => sleep(Duration::from_millis(2)).await,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    };
    timeout(PATIENCE, reading).await??;
    Ok(json!({ "answer": String::from_utf8(answer)? }))
}

/// A driver's life: opens the port, says who it is, takes and confirms lines until the port goes away, and begins again.
pub(crate) async fn sessions(path: &str, count: usize) -> Outcome {
    async fn session(path: &str, number: usize, lines: &mut Vec<String>) -> std::io::Result<()> {
        let mut port = BufReader::new(tokio_serial::new(path, 9600).open_native_async()?);
        port.write_all(format!("session-{number}\n").as_bytes()).await?;
        port.flush().await?;
        loop {
            let mut line = String::new();
            if port.read_line(&mut line).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            lines.push(line.trim().to_owned());
            if line.starts_with("enough") {
                return Ok(());
            }
            port.write_all(b"confirmed\n").await?;
            port.flush().await?;
        }
    }
    let (mut lines, mut failed, mut number) = (Vec::new(), 0, 0);
    let all = async {
        while number < count {
            let before = lines.len();
            match session(path, number, &mut lines).await {
                Ok(()) => number += 1,
                // It worked for a while.
                Err(_) if lines.len() > before => number += 1,
                Err(_) => failed += 1,
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, all).await?;
    Ok(json!({ "lines": lines, "failed": failed }))
}

/// A Modbus RTU client over the stream.
pub(crate) async fn modbus(path: &str) -> Outcome {
    let port = SerialStream::open(&tokio_serial::new(path, 19_200))?;
    let mut context = tokio_modbus::client::rtu::attach_slave(port, Slave(1));
    let before = timeout(PATIENCE, context.read_input_registers(0, 2)).await???;
    timeout(PATIENCE, context.write_single_register(16, 0xBEEF)).await???;
    timeout(PATIENCE, context.write_multiple_coils(0, &[true, false, true])).await???;
    let after = timeout(PATIENCE, context.read_holding_registers(16, 1)).await???;
    let refused = timeout(PATIENCE, context.read_holding_registers(500, 1)).await??;
    context.set_slave(Slave(2));
    let other = timeout(PATIENCE, context.read_holding_registers(16, 1)).await???;
    context.disconnect().await?;
    Ok(json!({
        "before": before,
        "after": after,
        "refused": refused.err().map(|error| error.to_string()),
        "other": other,
    }))
}

/// A driver for microcontrollers over the stream.
pub(crate) async fn embedded_modbus(path: &str) -> Outcome {
    let port = SerialStream::open(&tokio_serial::new(path, 19_200))?;
    embedded_modbus_over(FromTokio::new(port)).await
}

/// That driver, over anything that is such a port.
pub(crate) async fn embedded_modbus_over<P>(mut port: P) -> Outcome
where
    P: embedded_io_async::Read + embedded_io_async::Write,
    P::Error: 'static,
{
    let registers = timeout(PATIENCE, client::read_inputs::<2, _>(&mut port, 1, 0)).await??;
    timeout(PATIENCE, client::write_holding(&mut port, 1, 17, 4711)).await??;
    let written = timeout(PATIENCE, client::read_holdings::<1, _>(&mut port, 1, 17)).await??;
    let numbers = |list: &[async_modbus::zerocopy::big_endian::U16]| list.iter().map(|n| n.get()).collect::<Vec<_>>();
    Ok(json!({ "inputs": numbers(&registers), "written": numbers(&written) }))
}

struct Delay;

impl DelayNs for Delay {
    async fn delay_ns(&mut self, nanoseconds: u32) {
        sleep(Duration::from_nanos(nanoseconds.into())).await;
    }
}

/// A particle sensor's driver, as its own example uses it.
pub(crate) async fn sensor(path: &str) -> Outcome {
    let port = SerialStream::open(&tokio_serial::new(path, 9600).timeout(Duration::from_secs(1)))?;
    let mut port = FromTokio::new(port);
    let config = Config::default().set_sleep_delay(10).set_measure_delay(10);
    let sensor = SDS011::new(&mut port, config);
    let mut sensor = timeout(PATIENCE, sensor.init(&mut Delay)).await??;
    let measured = timeout(PATIENCE, sensor.measure(&mut Delay)).await??;
    Ok(json!({ "id": sensor.id(), "version": sensor.version().to_string(), "measured": measured.to_string() }))
}

/// What opening and the first use of a port say.
pub(crate) async fn open(path: &str) -> Outcome {
    let mut port = match tokio_serial::new(path, 9600).open_native_async() {
        Ok(port) => port,
        Err(error) => return Ok(json!({ "open": format!("{:?}", error.kind()), "text": error.to_string() })),
    };
    match timeout(PATIENCE, port.write_all(b"x")).await? {
        Ok(()) => Ok(json!({ "open": "ok" })),
        Err(error) => Ok(json!({ "use": format!("{:?}", error.kind()), "text": error.to_string() })),
    }
}

/// The ports that there are.
pub(crate) fn ports() -> Outcome {
    let ports = tokio_serial::available_ports()?;
    Ok(json!({ "ports": ports.iter().map(|port| port.port_name.clone()).collect::<Vec<_>>() }))
}
