//! A client of an MQTT broker, at QoS 1.

use crate::{Outcome, Parameters};
use igloo::json;
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS, Transport};

pub(crate) async fn plain(p: &Parameters) -> Outcome {
    exchange(p, Transport::Tcp).await
}

pub(crate) async fn encrypted(p: &Parameters) -> Outcome {
    exchange(p, Transport::tls_with_default_config()).await
}

/// Gets a retained message, answers it, and waits until the broker has the answer.
async fn exchange(p: &Parameters, transport: Transport) -> Outcome {
    let mut options = MqttOptions::new("rumqttc", p.address.ip().to_string(), p.address.port());
    options.set_transport(transport);
    let (client, mut events) = AsyncClient::new(options, 8);
    client.subscribe("lamp/set", QoS::AtLeastOnce).await?;
    let message = loop {
        if let Event::Incoming(Packet::Publish(message)) = events.poll().await? {
            break message;
        }
    };
    client.publish("lamp/state/rumqttc", QoS::AtLeastOnce, true, p.text.as_str()).await?;
    while !matches!(events.poll().await?, Event::Incoming(Packet::PubAck(_))) {}
    client.disconnect().await?;
    while !matches!(events.poll().await?, Event::Outgoing(rumqttc::Outgoing::Disconnect)) {}
    Ok(json!({
        "topic": message.topic,
        "payload": String::from_utf8_lossy(&message.payload),
        "retained": message.retain,
    }))
}
