//! The cases as actions, and those that exist in a component only.

#![allow(clippy::expect_used, reason = "what does not happen as the case has it fails its test")]

use crate::cases::{self, Outcome};
use embedded_io_adapters::tokio_1::FromTokio;
use igloo::{prelude::*, serial::Settings};
use serialport::SerialPort as _;
use std::{cell::Cell, time::Duration};

struct Cases {
    ticks: Cell<u64>,
}

/// What a case is told.
#[derive(serde::Deserialize)]
struct Parameters {
    path: String,
    #[serde(default)]
    count: usize,
}

impl Provider for Cases {
    type Config = ();

    async fn new(_: Home, (): ()) -> igloo::Result<Self> {
        Ok(Self { ticks: Cell::new(0) })
    }

    /// Ticks on, whatever the cases do.
    async fn run(&self) -> igloo::Result<()> {
        let mut interval = tokio::time::interval(Duration::from_millis(5));
        loop {
            interval.tick().await;
            self.ticks.set(self.ticks.get() + 1);
        }
    }

    async fn command(&self, _: Command) -> Result<(), CommandError> {
        Err(CommandError::rejected("there is nothing to command"))
    }

    async fn action(&self, name: &str, parameters: Json) -> Result<Json, CommandError> {
        let Parameters { path, count } = igloo::serde_json::from_value(parameters)?;
        let ticks = self.ticks.get();
        let outcome = match name {
            "echo" => cases::echo(&path, count, cases::LITTLE).await,
            "flood" => cases::echo(&path, count, count).await,
            "lines" => cases::lines(&path, count).await,
            "frames" => cases::frames(&path, count).await,
            "ready" => cases::ready(&path).await,
            "settings" => cases::settings(&path).await,
            "order" => cases::order(&path).await,
            "reopen" => cases::reopen(&path, count).await,
            "open-twice" => cases::open_twice(&path),
            "blocking" => cases::blocking(&path).await,
            "blocking-clone" => cases::blocking_clone(&path).await,
            "blocking-waits" => blocking_waits(&path).await,
            "sessions" => cases::sessions(&path, count).await,
            "modbus" => cases::modbus(&path).await,
            "embedded-modbus" => cases::embedded_modbus(&path).await,
            "embedded-modbus-sdk" => embedded_modbus_sdk(&path).await,
            "sensor" => cases::sensor(&path).await,
            "open" => cases::open(&path).await,
            "ports" => cases::ports(),
            "refusals" => refusals(&path).await,
            "clear-stuck" => clear_stuck(&path).await,
            _ => return Err(CommandError::rejected("no such case")),
        };
        let mut answer =
            outcome.map_err(|error| CommandError::Other { code: "case".to_owned(), text: error.to_string() })?;
        answer["ticks"] = json!(self.ticks.get() - ticks);
        Ok(answer)
    }
}

/// The same driver, over the SDK's own port.
async fn embedded_modbus_sdk(path: &str) -> Outcome {
    let port = igloo::serial::open(path, Settings::new(19_200)).await?;
    cases::embedded_modbus_over(FromTokio::new(port)).await
}

/// A blocking read that would have to wait says what to do instead.
async fn blocking_waits(path: &str) -> Outcome {
    use std::io::Read as _;
    let mut port = serialport::new(path, 9600).timeout(Duration::from_secs(1)).open()?;
    let mut buffer = [0; 8];
    let first = port.read(&mut buffer).expect_err("nothing has arrived");
    let second = port.read(&mut buffer).expect_err("nothing has arrived");
    Ok(json!({ "kind": format!("{:?}", first.kind()), "text": first.to_string(), "again": second.to_string() }))
}

/// What cannot be is told at once, or by the next call; on a port of the network, which has no lines and no break.
async fn refusals(path: &str) -> Outcome {
    use tokio::io::AsyncWriteExt as _;
    let mut port = tokio_serial::SerialStream::open(&tokio_serial::new(path, 9600))?;
    let rate = port.set_baud_rate(1_000_000_000).expect_err("no port is as fast");
    port.set_break()?;
    port.clear_break()?;
    let no_break = port.flush().await.expect_err("there is no break");
    let then = port.flush().await.is_ok();
    let line = port.read_clear_to_send().expect_err("there is no line");
    let many = (0..1000).find_map(|_| port.write_request_to_send(true).err()).expect("a bound");
    port.flush().await?;
    Ok(json!({
        "rate": format!("{:?}", rate.kind()),
        "baud_rate": port.baud_rate()?,
        "break": format!("{:?}", no_break.kind()),
        "then": then,
        "line": format!("{:?}", line.kind()),
        "many": format!("{:?}", many.kind()),
    }))
}

/// The other end reads nothing: what waits can be thrown away, and then written anew.
async fn clear_stuck(path: &str) -> Outcome {
    use tokio::io::AsyncWriteExt as _;
    let mut port = tokio_serial::SerialStream::open(&tokio_serial::new(path, 9600))?;
    let mut written = 0;
    // Until nothing more is taken.
    while let Ok(count) = tokio::time::timeout(Duration::from_millis(300), port.write(&[7; 4096])).await {
        written += count?;
    }
    let full = port.try_write(b"x").map_err(|error| format!("{:?}", error.kind()));
    let waiting = port.bytes_to_write()?;
    port.clear(tokio_serial::ClearBuffer::Output)?;
    tokio::time::timeout(Duration::from_secs(2), port.writable()).await??;
    let again = port.try_write(b"again")?;
    Ok(
        json!({ "written": written, "full": full.err(), "waiting": waiting, "again": again, "left": port.bytes_to_write()? }),
    )
}

igloo::provider!(Cases);
