//! LIFX lamps by unicast: datagrams of tokio's, packed and read by the library.

use crate::{Outcome, Parameters};
use igloo::json;
use lifx_core::{BuildOptions, HSBK, Message, PowerLevel, RawMessage};
use std::time::Duration;
use tokio::{net::UdpSocket, time::timeout};

/// The next message of the lamp that is not an acknowledgement.
async fn receive(socket: &UdpSocket) -> igloo::Result<(RawMessage, Message)> {
    let mut buffer = [0; 1024];
    loop {
        let length = timeout(Duration::from_secs(5), socket.recv(&mut buffer)).await??;
        let raw = RawMessage::unpack(&buffer[..length])?;
        let message = Message::from_raw(&raw)?;
        if !matches!(message, Message::Acknowledgement { .. }) {
            return Ok((raw, message));
        }
    }
}

pub(crate) async fn exchange(p: &Parameters) -> Outcome {
    let socket = UdpSocket::bind("0.0.0.0:0").await?;
    socket.connect(p.address).await?;
    let mut options =
        BuildOptions { target: None, ack_required: false, res_required: true, sequence: 1, source: 0x1600 };
    socket.send(&RawMessage::build(&options, Message::GetService)?.pack()?).await?;
    let (found, service) = receive(&socket).await?;
    options.target = Some(found.frame_addr.target);
    options.res_required = false;
    options.ack_required = true;
    let color = HSBK { hue: 21_845, saturation: 65_535, brightness: 32_768, kelvin: 3500 };
    for message in [
        Message::LightSetPower { level: PowerLevel::Enabled as u16, duration: 0 },
        Message::LightSetColor { reserved: 0, color, duration: 0 },
    ] {
        options.sequence += 1;
        socket.send(&RawMessage::build(&options, message)?.pack()?).await?;
    }
    options.res_required = true;
    options.ack_required = false;
    socket.send(&RawMessage::build(&options, Message::LightGet)?.pack()?).await?;
    let (_, state) = receive(&socket).await?;
    let state = match state {
        Message::LightState { color, power, label, .. } => json!({
            "hue": color.hue,
            "saturation": color.saturation,
            "brightness": color.brightness,
            "kelvin": color.kelvin,
            "on": power == PowerLevel::Enabled as u16,
            "label": label.cstr().to_string_lossy(),
        }),
        other => json!(format!("{other:?}")),
    };
    let port = match service {
        Message::StateService { port, .. } => Some(port),
        _ => None,
    };
    Ok(json!({ "port": port, "found": found.frame_addr.target != 0, "state": state }))
}
