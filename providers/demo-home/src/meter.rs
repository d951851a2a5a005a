//! The energy meter: a household's day with its peaks, the lamps and the heating on top.

use crate::{chance::Chance, clock::bump};
use igloo::{Update, prelude::*};
use std::cell::Cell;

pub(crate) struct Meter {
    power: Component<kinds::Power>,
    voltage: Component<kinds::Voltage>,
    current: Component<kinds::Current>,
    energy: Component<kinds::Energy>,
    watts: Cell<f64>,
    volts: Cell<f64>,
    watt_hours: Cell<f64>,
    chance: Chance,
}

/// What the household takes at an hour of the day, without what the demo's own devices take.
fn household(hour: f64) -> f64 {
    180.0 + 900.0 * bump(hour, 7.3, 0.8) + 500.0 * bump(hour, 12.5, 1.0) + 1600.0 * bump(hour, 18.8, 1.6)
}

impl Meter {
    pub(crate) fn describe(home: &Home) -> igloo::Result<Self> {
        let mut device = Device::new("energy-meter", "Energy meter")
            .manufacturer("Igloo")
            .model("Demo meter")
            .suggested_group("Hall");
        let supply = device.entity("supply", "Supply").meter();
        let power = supply.power().precision(0);
        let (voltage, current) = (supply.voltage().precision(1), supply.current().precision(2));
        let energy = supply.energy().total("increasing").precision(0);
        home.describe(device)?;
        let (watts, volts, watt_hours) = (Cell::new(200.0), Cell::new(230.0), Cell::new(4_321_000.0));
        Ok(Self { power, voltage, current, energy, watts, volts, watt_hours, chance: Chance::new() })
    }

    pub(crate) fn live(&self, seconds: f64, hour: f64, others: f64) {
        let goal = household(hour) + others;
        // Appliances switch now and then: the reading wanders to its goal.
        let watts = self.watts.get() + (goal - self.watts.get()) * 0.2 + self.chance.jitter(12.0);
        self.watts.set(watts.max(0.0));
        self.volts.set((self.volts.get() + self.chance.jitter(0.3)).clamp(226.0, 234.0));
        self.watt_hours.set(self.watt_hours.get() + watts.max(0.0) * seconds / 3600.0);
    }

    pub(crate) fn tell(&self) -> [Update; 4] {
        let (watts, volts) = (self.watts.get(), self.volts.get());
        [
            self.power.to(watts.round()),
            self.voltage.to((volts * 10.0).round() / 10.0),
            self.current.to((watts / volts * 100.0).round() / 100.0),
            self.energy.to(self.watt_hours.get().round()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::household;

    #[test]
    fn evenings_take_more_than_nights() {
        assert!(household(18.8) > 3.0 * household(3.0));
    }
}
