//! Where a GPS receiver on a serial port says that we are.

use crate::{Outcome, SLOT};
use igloo::{
    Context as _, json,
    serial::{self, Settings},
};
use nmea::{Nmea, SentenceType};
use tokio::io::{AsyncBufReadExt as _, BufReader};

pub(crate) async fn exchange() -> Outcome {
    serial::wait_present(SLOT).await?;
    let mut lines = BufReader::new(serial::open(SLOT, Settings::new(9600)).await?).lines();
    let mut receiver = Nmea::default();
    let mut broken = 0;
    loop {
        match receiver.parse(lines.next_line().await?.context("a sentence")?.trim()) {
            // The last of those that the receiver says together.
            Ok(SentenceType::RMC) if receiver.fix_satellites().is_some() => break,
            Ok(_) => {}
            Err(_) => broken += 1,
        }
    }
    Ok(json!({
        "place": [receiver.latitude(), receiver.longitude()],
        "altitude": receiver.altitude(),
        "satellites": receiver.fix_satellites(),
        "date": receiver.fix_date.map(|date| date.to_string()),
        "broken": broken,
    }))
}
