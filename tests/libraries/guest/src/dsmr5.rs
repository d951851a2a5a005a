//! Telegrams of a smart meter, from a serial port.

use crate::{Outcome, SLOT};
use dsmr5::{Reader, state::State};
use igloo::{
    Context as _, Error, json,
    serial::{self, Settings},
};
use std::convert::Infallible;
use tokio::io::{AsyncBufReadExt as _, BufReader};

/// Reads one telegram from its `/` to its checksum.
pub(crate) async fn exchange() -> Outcome {
    serial::wait_present(SLOT).await?;
    let mut lines = BufReader::new(serial::open(SLOT, Settings::new(115_200)).await?);
    let mut telegram = Vec::new();
    while lines.read_until(b'!', &mut telegram).await? > 0 {
        lines.read_until(b'\n', &mut telegram).await?;
        if telegram.contains(&b'/') {
            break;
        }
        telegram.clear();
    }
    let bytes = telegram.into_iter().map(Ok::<u8, Infallible>);
    let readout = Reader::new(bytes).next().context("a telegram")?.map_err(|error| Error::new(format!("{error:?}")))?;
    let telegram = readout.to_telegram().map_err(|error| Error::new(format!("{error:?}")))?;
    let state = State::try_from(&telegram).map_err(|error| Error::new(format!("{error:?}")))?;
    Ok(json!({
        "identification": telegram.identification,
        "delivered": state.power_delivered,
        "received": state.power_received,
        "to": [state.meterreadings[0].to, state.meterreadings[1].to],
        "by": [state.meterreadings[0].by, state.meterreadings[1].by],
        "voltage": state.lines[0].voltage,
    }))
}
