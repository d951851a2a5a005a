//! A Zigbee coprocessor: `ezsp`'s commands in `ashv2`'s frames on a serial port.

use crate::{Outcome, Parameters, SLOT};
use ashv2::ezsp::Receiver;
use ezsp::{Client, Configuration as _, Utilities as _, ezsp::config::Id};
use igloo::{
    Context as _, json,
    serial::{self, Settings},
};
use std::num::NonZero;
use tokio::{io, sync::mpsc, task::JoinSet};

const VERSION: NonZero<u8> = NonZero::new(13).unwrap();

pub(crate) async fn exchange(p: &Parameters) -> Outcome {
    serial::wait_present(SLOT).await?;
    let (reader, writer) = io::split(serial::open(SLOT, Settings::new(115_200)).await?);
    let (sender, payloads) = mpsc::channel(8);
    let (handle, frames) = ashv2::start(reader, writer, sender);
    let (client, commands) = Client::run(handle, Receiver::new(payloads), 8);
    // They end with this.
    let mut actors = JoinSet::new();
    actors.spawn(frames.transmitter);
    actors.spawn(frames.receiver);
    actors.spawn(commands.transmitter);
    actors.spawn(commands.receiver);
    let (mut coprocessor, _callbacks) = client.connect(VERSION).await?;
    let address = coprocessor.get_eui64().await?;
    coprocessor.set_configuration_value(Id::ApsUnicastMessageCount, 0x117E).await?;
    let count = coprocessor.get_configuration_value(Id::ApsUnicastMessageCount).await?;
    let echo = coprocessor.echo(p.text.bytes().collect()).await?;
    Ok(json!({
        "address": address.to_string(),
        "count": count,
        "echo": String::from_utf8(echo.to_vec()).context("a text")?,
    }))
}
