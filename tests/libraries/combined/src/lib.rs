//! What a driver for a whole house does, on one thread and one store: relays behind an MQTT broker, sensors that are
//! polled over HTTP, dimmers on a serial bus, and wall panels that connect by WebSocket. Every crate is the one that
//! everybody uses, unchanged.
//!
//! Each of the four is a module that knows nothing of the others: a connection that is lost makes its own devices
//! unavailable and is made again, and nobody else notices.

mod dimmers;
mod panels;
mod relays;
mod replies;
mod sensors;

use igloo::prelude::*;
use std::{net::SocketAddr, rc::Rc};

const RELAYS: usize = 25;
const SENSORS: usize = 15;
const DIMMERS: usize = 5;
const PANELS: usize = 5;

#[derive(serde::Deserialize)]
pub(crate) struct Config {
    mqtt_host: String,
    mqtt_port: u16,
    sensors: String,
    listen: SocketAddr,
}

/// Devices of one kind, numbered.
pub(crate) struct Devices<K: kinds::ValueKind> {
    home: Home,
    name: &'static str,
    components: Vec<Component<K>>,
}

impl<K: kinds::ValueKind> Devices<K> {
    /// Describes `count` of them. They cannot be reached yet.
    fn describe(
        home: &Home,
        name: &'static str,
        count: usize,
        add: impl Fn(&mut Entity) -> Component<K>,
    ) -> igloo::Result<Self> {
        let mut components = Vec::with_capacity(count);
        for number in 0..count {
            let mut device = Device::new(format!("{name}-{number}"), format!("{name} {number}"));
            components.push(add(device.entity("it", name)));
            home.describe(device)?;
        }
        let devices = Self { home: home.clone(), name, components };
        devices.set_available(false);
        Ok(devices)
    }

    fn set_available(&self, available: bool) {
        for number in 0..self.components.len() {
            self.home.set_available(&format!("{}-{number}", self.name), available);
        }
    }

    /// The device that a command is for, and what it asks of it.
    fn asked(&self, command: &Command) -> Option<(usize, K::Value)> {
        let number = command.device.strip_prefix(self.name)?.strip_prefix('-')?.parse().ok()?;
        Some((number, command.asks(self.components.get(number)?)?))
    }

    fn write(&self, number: usize, value: impl Into<K::Value>) -> igloo::Result<()> {
        if let Some(component) = self.components.get(number) {
            component.write(value)?;
        }
        Ok(())
    }
}

struct House {
    relays: Rc<relays::Relays>,
    sensors: sensors::Sensors,
    dimmers: dimmers::Dimmers,
    panels: Rc<panels::Panels>,
}

impl Provider for House {
    type Config = Config;

    async fn new(home: Home, config: Config) -> igloo::Result<Self> {
        let relays = Devices::describe(&home, "relay", RELAYS, |entity| entity.switch().writable())?;
        let sensors = Devices::describe(&home, "sensor", SENSORS, Entity::temperature)?;
        let dimmers = Devices::describe(&home, "dimmer", DIMMERS, |entity| entity.dimmer().writable())?;
        let panels = Devices::describe(&home, "panel", PANELS, |entity| entity.switch().writable())?;
        Ok(Self {
            relays: Rc::new(relays::Relays::new(relays, &config)),
            sensors: sensors::Sensors::new(sensors, config.sensors)?,
            dimmers: dimmers::Dimmers::new(dimmers),
            panels: Rc::new(panels::Panels::new(panels, config.listen)),
        })
    }

    async fn run(&self) -> igloo::Result<()> {
        tokio::try_join!(self.relays.run(), self.sensors.run(), self.dimmers.run(), self.panels.run())?;
        Ok(())
    }

    async fn command(&self, command: Command) -> Result<(), CommandError> {
        if let Some((number, on)) = self.relays.devices.asked(&command) {
            self.relays.set(number, on).await
        } else if let Some((number, level)) = self.dimmers.devices.asked(&command) {
            self.dimmers.set(number, level).await
        } else if let Some((number, on)) = self.panels.devices.asked(&command) {
            self.panels.set(number, on).await
        } else {
            Err(CommandError::rejected("there is nothing to set"))
        }
    }
}

igloo::provider!(House);
