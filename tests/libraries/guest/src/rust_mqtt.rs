//! MQTT 5 from embedded systems, on tokio's sockets by `embedded-io-adapters`.

use crate::{Outcome, Parameters};
use embedded_io_adapters::tokio_1::FromTokio;
use igloo::{Context as _, Error, json};
use rust_mqtt::{
    Bytes,
    buffer::AllocBuffer,
    client::{
        Client,
        event::Event,
        options::{ConnectOptions, DisconnectOptions, PublicationOptions, SubscriptionOptions, TopicReference},
    },
    types::{MqttString, TopicFilter, TopicName},
};
use std::fmt::Debug;
use tokio::net::TcpStream;

/// This crate's errors are values, not `Error`s.
fn error(error: impl Debug) -> Error {
    Error::new(format!("{error:?}"))
}

fn text(text: &str) -> igloo::Result<MqttString<'_>> {
    MqttString::from_str(text).map_err(error)
}

/// Gets a retained message, answers it at QoS 2, and waits until the broker has the answer.
pub(crate) async fn exchange(p: &Parameters) -> Outcome {
    let mut buffer = AllocBuffer;
    let mut client = Client::<'_, '_, _, _, 1, 1, 1, 1, 16, 0, 1>::new(&mut buffer);
    let stream = FromTokio::new(TcpStream::connect(p.address).await?);
    client.connect(stream, &ConnectOptions::new().clean_start(), Some(text("rust-mqtt")?)).await.map_err(error)?;
    let filter = TopicFilter::new(text("lamp/set")?).context("a filter")?;
    client.subscribe(filter, &SubscriptionOptions::new().exactly_once()).await.map_err(error)?;
    let message = loop {
        if let Event::Publish(message) = client.poll().await.map_err(error)? {
            let topic = message.topic.name().map(|name| name.as_ref().as_str().to_owned());
            break (topic, message.message.to_vec(), message.retain);
        }
    };
    let topic = TopicName::new(text("lamp/state/rust-mqtt")?).context("a topic")?;
    let options = PublicationOptions::new(TopicReference::Name(topic)).exactly_once().retain();
    client.publish(&options, Bytes::from(p.text.as_bytes())).await.map_err(error)?;
    while !matches!(client.poll().await.map_err(error)?, Event::PublishComplete(_)) {}
    client.disconnect(&DisconnectOptions::new()).await.map_err(error)?;
    let (topic, payload, retained) = message;
    Ok(json!({ "topic": topic, "payload": String::from_utf8_lossy(&payload), "retained": retained }))
}
