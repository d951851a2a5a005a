//! A WebSocket: text, bytes, a ping from the server, and a close that both sides agree on.

use crate::{Outcome, Parameters};
use futures_util::{SinkExt as _, StreamExt as _};
use igloo::json;
use tokio_tungstenite::{connect_async, tungstenite::Message};

pub(crate) async fn exchange(p: &Parameters, scheme: &str) -> Outcome {
    let (mut socket, response) = connect_async(format!("{scheme}://{}/api", p.address)).await?;
    socket.send(Message::text(p.text.as_str())).await?;
    socket.send(Message::binary(vec![7; 70_000])).await?;
    let (mut texts, mut bytes, mut pings) = (Vec::new(), 0, 0);
    let close = loop {
        match socket.next().await.transpose()? {
            Some(Message::Text(text)) => texts.push(text.as_str().to_owned()),
            Some(Message::Binary(data)) => bytes += data.iter().filter(|byte| **byte == 7).count(),
            Some(Message::Ping(_)) => pings += 1,
            Some(Message::Close(frame)) => break frame,
            Some(_) => {}
            None => break None,
        }
    };
    Ok(json!({
        "status": response.status().as_u16(),
        "texts": texts,
        "bytes": bytes,
        "pings": pings,
        "close": close.map(|frame| (u16::from(frame.code), frame.reason.as_str().to_owned())),
    }))
}
