//! Serial ports: one that is kept open between actions.

use crate::{Outcome, Parameters};
use igloo::{
    Context as _, Json, json,
    serial::{self, Buffers, ControlLines, Parity, SerialError, SerialPort, Settings},
};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::Mutex,
};

/// The port that the actions share.
pub(crate) type Port = Mutex<Option<SerialPort>>;

pub(crate) async fn case(name: &str, p: &Parameters, shared: &Port) -> Outcome {
    let slot = if p.name.is_empty() { "port" } else { p.name.as_str() };
    if name == "serial-slots" {
        return Ok(json!(serial::slots().iter().map(|slot| json!([slot.name, slot.bound])).collect::<Vec<_>>()));
    }
    if name == "serial-wait" {
        return Ok(told(serial::wait_present(slot).await));
    }
    if name == "serial-open" {
        // The port before is kept: to open it twice is a case.
        return Ok(told(match serial::open(slot, Settings::new(115_200)).await {
            Ok(port) => {
                *shared.lock().await = Some(port);
                Ok(())
            }
            Err(error) => Err(error),
        }));
    }
    let mut shared = shared.lock().await;
    if name == "serial-close" {
        return Ok(json!(shared.take().is_some()));
    }
    let port = shared.as_mut().context("no port is open")?;
    match name {
        "serial-echo" => echo(port, p.count).await,
        "serial-control" => Ok(json!({
            "configure": told(port.configure(Settings::new(9600).parity(Parity::Even)).await),
            "set-lines": told(port.set_lines(ControlLines { data_terminal_ready: Some(true), request_to_send: None }).await),
            "lines": told(port.lines().await.map(|_| ())),
            "break": told(port.send_break(Duration::from_millis(1)).await),
            "drain": told(port.drain().await),
            "discard": told(port.discard(Buffers::Both).await),
        })),
        "serial-until-gone" => {
            let mut all = Vec::new();
            let end = match port.read_to_end(&mut all).await {
                Ok(_) => String::from("end"),
                Err(error) => format!("{error}"),
            };
            *shared = None;
            Ok(json!({ "bytes": all.len(), "end": end }))
        }
        _ => Err(igloo::Error::new(format_args!("no such case: {name}"))),
    }
}

async fn echo(port: &mut SerialPort, count: usize) -> Outcome {
    let sent: Vec<u8> = (0..=u8::MAX).cycle().take(count).collect();
    let mut received = vec![0; count];
    let (mut reader, mut writer) = tokio::io::split(port);
    let both = async { tokio::try_join!(writer.write_all(&sent), reader.read_exact(&mut received)) };
    tokio::time::timeout(Duration::from_secs(10), both).await??;
    Ok(json!(sent == received))
}

/// `null` if it succeeded, else the error's name.
fn told(result: Result<(), SerialError>) -> Json {
    json!(result.err().map(|error| format!("{error:?}")))
}
