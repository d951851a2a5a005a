//! Relays behind an MQTT broker: `relay/3/set` takes `on` and `off`, and the relay says what it is on `relay/3/state`.

use crate::{Config, Devices, replies::Replies};
use igloo::prelude::*;
use rumqttc::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, Packet, Publish, QoS};
use std::{cell::RefCell, time::Duration};
use tokio::time::sleep;

pub(crate) struct Relays {
    pub(crate) devices: Devices<kinds::Switch>,
    client: AsyncClient,
    /// Until `run` takes it.
    events: RefCell<Option<EventLoop>>,
    replies: Replies<bool>,
}

impl Relays {
    pub(crate) fn new(devices: Devices<kinds::Switch>, config: &Config) -> Self {
        let mut options = MqttOptions::new("combined", config.mqtt_host.as_str(), config.mqtt_port);
        options.set_keep_alive(Duration::from_secs(5)).set_clean_session(true);
        let (client, events) = AsyncClient::new(options, 64);
        Self { devices, client, events: RefCell::new(Some(events)), replies: Replies::default() }
    }

    pub(crate) async fn run(&self) -> igloo::Result<()> {
        let mut events = self.events.take().context("run is called once")?;
        events.network_options.set_connection_timeout(2);
        loop {
            match events.poll().await {
                Ok(event) => self.event(event).await?,
                Err(error) => {
                    self.lost(&error);
                    // What was meant for the connection that is gone must not reach a relay minutes later.
                    events.clean();
                    events.pending.clear();
                    sleep(Duration::from_millis(200)).await;
                }
            }
        }
    }

    async fn event(&self, event: Event) -> igloo::Result<()> {
        match event {
            Event::Incoming(Packet::ConnAck(_)) => self.client.subscribe("relay/+/state", QoS::AtLeastOnce).await?,
            Event::Incoming(Packet::SubAck(_)) => self.devices.set_available(true),
            Event::Incoming(Packet::Publish(message)) => self.message(&message)?,
            _ => {}
        }
        Ok(())
    }

    fn message(&self, message: &Publish) -> igloo::Result<()> {
        let number = message.topic.split('/').nth(1).and_then(|number| number.parse().ok());
        let on = match &*message.payload {
            b"on" => true,
            b"off" => false,
            _ => return Ok(()),
        };
        if let Some(number) = number {
            self.devices.write(number, on)?;
            self.replies.said(number, &on);
        }
        Ok(())
    }

    fn lost(&self, error: &ConnectionError) {
        igloo::warn!("the broker is gone: {error}");
        self.devices.set_available(false);
        self.replies.forget();
    }

    pub(crate) async fn set(&self, number: usize, on: bool) -> Result<(), CommandError> {
        let reply = self.replies.expect(number, on);
        let payload = if on { "on" } else { "off" };
        let topic = format!("relay/{number}/set");
        self.client.try_publish(topic, QoS::AtMostOnce, false, payload).map_err(|_| CommandError::Unavailable)?;
        reply.await
    }
}
