//! Follows a weather station that says its readings over MQTT.

use std::time::Duration;

use anyhow::Result;
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};

#[derive(serde::Deserialize)]
struct Config {
    host: String,
    port: u16,
}

struct Station {
    config: Config,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let file = std::env::args().nth(1).unwrap_or_else(|| String::from("station.toml"));
    let config = toml::from_str(&std::fs::read_to_string(file)?)?;
    Station { config }.run().await
}

impl Station {
    async fn run(&self) -> Result<()> {
        loop {
            if let Err(error) = self.follow().await {
                eprintln!("the broker is gone: {error}");
            }
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    }
}

impl Station {
    async fn follow(&self) -> Result<()> {
        let options = MqttOptions::new("station", &self.config.host, self.config.port);
        let (client, mut events) = AsyncClient::new(options, 8);
        client.subscribe("station/+", QoS::AtLeastOnce).await?;
        loop {
            let Event::Incoming(Packet::Publish(message)) = events.poll().await? else { continue };
            let Ok(reading) = String::from_utf8_lossy(&message.payload).parse::<f64>() else { continue };
            match message.topic.as_str() {
                "station/temperature" => println!("temperature {reading}"),
                "station/humidity" => println!("humidity {reading}"),
                _ => {}
            }
        }
    }
}
