//! A motion sensor in the hall: somebody passes, and it takes a while to see that nobody is there any more.

use crate::{chance::Chance, clock::bump};
use igloo::{Update, prelude::*};
use std::cell::Cell;

pub(crate) struct Motion {
    motion: Component<kinds::Motion>,
    illuminance: Component<kinds::Illuminance>,
    battery: Component<kinds::Battery>,
    /// Seconds for which motion is still reported.
    left: Cell<f64>,
    hour: Cell<f64>,
    chance: Chance,
}

/// Seconds after the last movement.
const HOLD: f64 = 90.0;

impl Motion {
    pub(crate) fn describe(home: &Home) -> igloo::Result<Self> {
        let mut device = Device::new("hall-motion", "Hall motion")
            .manufacturer("Igloo")
            .model("Demo motion sensor")
            .suggested_group("Hall");
        let motion = device.entity("motion", "Motion").sensor().motion();
        let illuminance = device.entity("light", "Light").sensor().illuminance().precision(0);
        let battery = device.entity("battery", "Battery").category("diagnostic").battery().precision(0);
        home.describe(device)?;
        let (left, hour) = (Cell::new(0.0), Cell::new(12.0));
        Ok(Self { motion, illuminance, battery, left, hour, chance: Chance::new() })
    }

    pub(crate) fn live(&self, seconds: f64, hour: f64) {
        let passes = 0.5 + 8.0 * bump(hour, 7.0, 1.5) + 10.0 * bump(hour, 19.0, 3.0);
        self.hour.set(hour);
        let left = if self.chance.happens(passes, seconds) { HOLD } else { self.left.get() - seconds };
        self.left.set(left.max(0.0));
    }

    pub(crate) fn tell(&self) -> [Update; 3] {
        let daylight = 300.0 * bump(self.hour.get(), 13.0, 4.5);
        [self.motion.to(self.left.get() > 0.0), self.illuminance.to(daylight.round()), self.battery.to(62)]
    }
}
