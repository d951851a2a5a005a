//! Sensors that are polled over HTTP: one request answers the temperatures of all.

use crate::Devices;
use igloo::kinds;
use reqwest::Client;
use std::time::Duration;

const EVERY: Duration = Duration::from_millis(250);
const PATIENCE: Duration = Duration::from_secs(2);

pub(crate) struct Sensors {
    devices: Devices<kinds::Temperature>,
    client: Client,
    url: String,
}

impl Sensors {
    pub(crate) fn new(devices: Devices<kinds::Temperature>, url: String) -> igloo::Result<Self> {
        Ok(Self { devices, client: Client::builder().timeout(PATIENCE).build()?, url })
    }

    pub(crate) async fn run(&self) -> igloo::Result<()> {
        let mut every = tokio::time::interval(EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut reachable = false;
        loop {
            every.tick().await;
            let read = self.read().await;
            if read.is_ok() != reachable {
                reachable = read.is_ok();
                self.devices.set_available(reachable);
            }
            match read {
                Ok(readings) => {
                    let updates = self.devices.components.iter().zip(readings);
                    self.devices.home.write(updates.map(|(component, reading)| component.to(reading)))?;
                }
                Err(error) => igloo::warn!("no readings: {error}"),
            }
        }
    }

    async fn read(&self) -> reqwest::Result<Vec<f64>> {
        self.client.get(&self.url).send().await?.error_for_status()?.json().await
    }
}
