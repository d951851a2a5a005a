//! Follows a weather station that says its readings over MQTT.

use std::time::Duration;

use igloo::{Result, prelude::*};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};

#[derive(serde::Deserialize)]
struct Config {
    host: String,
    port: u16,
}

struct Station {
    config: Config,
    temperature: Component<kinds::Temperature>,
    humidity: Component<kinds::Humidity>,
}

igloo::provider!(Station);

impl Provider for Station {
    type Config = Config;

    async fn new(home: Home, config: Config) -> Result<Self> {
        let mut station = Device::new("station", "Weather station");
        let temperature = station.entity("outside", "Outside").temperature();
        let humidity = station.entity("outside", "Outside").humidity();
        home.describe(station)?;
        Ok(Self { config, temperature, humidity })
    }

    async fn run(&self) -> Result<()> {
        loop {
            if let Err(error) = self.follow().await {
                igloo::warn!("the broker is gone: {error}");
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
                "station/temperature" => self.temperature.write(reading)?,
                "station/humidity" => self.humidity.write(reading)?,
                _ => {}
            }
        }
    }
}
