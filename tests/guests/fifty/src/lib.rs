//! Fifty devices in one provider: each ticks by itself every 100 ms while commands arrive.

use igloo::prelude::*;
use std::{cell::Cell, time::Duration};

struct Fifty {
    home: Home,
    devices: Vec<Lamp>,
}

struct Lamp {
    id: String,
    switch: Component<kinds::Switch>,
    dimmer: Component<kinds::Dimmer>,
    power: Component<kinds::Power>,
    ticks: Component<kinds::Count>,
    ticked: Cell<i64>,
    on: Cell<bool>,
}

impl Provider for Fifty {
    type Config = ();

    async fn new(home: Home, (): ()) -> igloo::Result<Self> {
        let devices = (0..50).map(|n| Lamp::describe(&home, n)).collect::<igloo::Result<_>>()?;
        Ok(Self { home, devices })
    }

    async fn run(&self) -> igloo::Result<()> {
        let mut interval = tokio::time::interval(Duration::from_millis(100));
        loop {
            interval.tick().await;
            self.home.write(self.devices.iter().flat_map(Lamp::tick))?;
        }
    }

    async fn command(&self, command: Command) -> Result<(), CommandError> {
        let lamp = self.devices.iter().find(|lamp| lamp.id == command.device);
        let lamp = lamp.ok_or_else(|| CommandError::rejected("no such lamp"))?;
        // As long as a lamp takes to answer.
        tokio::time::sleep(Duration::from_millis(5)).await;
        if let Some(on) = command.asks(&lamp.switch) {
            lamp.on.set(on);
            lamp.switch.write(on)?;
        }
        if let Some(level) = command.asks(&lamp.dimmer) {
            lamp.dimmer.write(level)?;
        }
        Ok(())
    }
}

impl Lamp {
    fn describe(home: &Home, n: usize) -> igloo::Result<Self> {
        let id = format!("lamp-{n}");
        let mut device = Device::new(&id, format!("Lamp {n}")).manufacturer("Igloo").model("Fifty");
        let bulb = device.entity("bulb", "Bulb").light();
        let (switch, dimmer) = (bulb.switch().writable(), bulb.dimmer().writable());
        let power = device.entity("power", "Power").sensor().power();
        let ticks = device.entity("ticks", "Ticks").sensor().count();
        home.describe(device)?;
        home.write([switch.to(false), dimmer.to(1.0)])?;
        Ok(Self { id, switch, dimmer, power, ticks, ticked: Cell::new(0), on: Cell::new(false) })
    }

    fn tick(&self) -> [igloo::Update; 2] {
        self.ticked.set(self.ticked.get() + 1);
        let watts = if self.on.get() { 8.0 + (self.ticked.get() % 10) as f64 / 10.0 } else { 0.3 };
        [self.power.to(watts), self.ticks.to(self.ticked.get())]
    }
}

igloo::provider!(Fifty);
