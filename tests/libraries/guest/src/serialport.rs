//! A serial port without async: it gives what is there, and other tasks have their turn in between.

use crate::{Outcome, Parameters, SLOT};
use igloo::json;
use std::{io::ErrorKind, time::Duration};

/// Says a line and reads one.
pub(crate) async fn exchange(p: &Parameters) -> Outcome {
    let mut port = serialport::new(SLOT, 115_200).timeout(Duration::ZERO).open()?;
    port.write_all(format!("{}\n", p.text).as_bytes())?;
    let mut line = Vec::new();
    let mut buffer = [0; 64];
    while !line.ends_with(b"\n") {
        match port.read(&mut buffer) {
            Ok(count) => line.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::TimedOut => tokio::time::sleep(Duration::from_millis(5)).await,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(json!({ "said": String::from_utf8_lossy(&line), "name": port.name() }))
}
