//! A client of an MQTT broker, at QoS 1.

use crate::{Outcome, Parameters};
use igloo::json;
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};

/// Gets a retained message, answers it, and waits until the broker has the answer.
pub(crate) async fn exchange(p: &Parameters) -> Outcome {
    let options = MqttOptions::new("rumqttc", p.address.ip().to_string(), p.address.port());
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
