//! Lamps: on and off, dimmed, and some of them warm or cold. Changes fade when a transition is asked for.

use igloo::{Update, prelude::*};
use std::{cell::Cell, time::Duration};

pub(crate) struct Lamp {
    pub(crate) id: &'static str,
    home: Home,
    switch: Component<kinds::Switch>,
    dimmer: Component<kinds::Dimmer>,
    temperature: Option<Component<kinds::ColorTemperature>>,
    state: Cell<State>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct State {
    on: bool,
    level: f64,
    kelvin: f64,
}

impl State {
    /// The state at a share of the way to another one. A lamp that goes on or off does so through darkness.
    fn towards(self, goal: Self, share: f64) -> Self {
        let between = |from: f64, to: f64| from + (to - from) * share;
        let from = if self.on { self.level } else { 0.0 };
        let to = if goal.on { goal.level } else { 0.0 };
        Self {
            on: self.on || goal.on,
            level: between(from, to).clamp(0.0, 1.0),
            kelvin: between(self.kelvin, goal.kelvin),
        }
    }
}

/// How long a lamp takes to answer.
const LATENCY: Duration = Duration::from_millis(40);
const FADE_STEP: Duration = Duration::from_millis(50);
/// The transition goes on after the answer, but not for ever.
const LONGEST_FADE: Duration = Duration::from_secs(60);
const FULL_POWER: f64 = 9.5;
const STANDBY: f64 = 0.4;

impl Lamp {
    pub(crate) fn describe(
        home: &Home,
        id: &'static str,
        name: &str,
        group: &str,
        is_white_tunable: bool,
    ) -> igloo::Result<Self> {
        let mut device = Device::new(id, name).manufacturer("Igloo").model("Demo lamp").suggested_group(group);
        let bulb = device.entity("bulb", name).light();
        let switch = bulb.switch().writable();
        let dimmer = bulb.dimmer().writable().minimum(0.01).step(0.01).precision(2);
        let temperature =
            is_white_tunable.then(|| bulb.color_temperature().writable().minimum(2200).maximum(6500).step(50));
        home.describe(device)?;
        let state = Cell::new(State { on: id == "living-lamp", level: 0.8, kelvin: 2700.0 });
        let lamp = Self { id, home: home.clone(), switch, dimmer, temperature, state };
        home.write(lamp.tell())?;
        Ok(lamp)
    }

    fn tell(&self) -> impl Iterator<Item = Update> {
        let State { on, level, kelvin } = self.state.get();
        let temperature = self.temperature.as_ref().map(|component| component.to(kelvin.round() as i64));
        [self.switch.to(on), self.dimmer.to((level * 100.0).round() / 100.0)].into_iter().chain(temperature)
    }

    pub(crate) fn watts(&self) -> f64 {
        let State { on, level, .. } = self.state.get();
        if on { STANDBY + (FULL_POWER - STANDBY) * level } else { STANDBY }
    }

    /// The lamp fades to what is asked for. One entity's commands wait for each other, so that a fade ends first.
    pub(crate) async fn command(&self, command: &Command) -> Result<(), CommandError> {
        tokio::time::sleep(LATENCY).await;
        let from = self.state.get();
        let level = command.asks(&self.dimmer);
        let goal = State {
            // A lamp that is dimmed to something goes on.
            on: command.asks(&self.switch).unwrap_or(level.map_or(from.on, |level| level > 0.0)),
            level: level.unwrap_or(from.level),
            kelvin: self.temperature.as_ref().and_then(|t| command.asks(t)).map_or(from.kelvin, |kelvin| kelvin as f64),
        };
        let fade = command.transition.unwrap_or_default().min(LONGEST_FADE).min(command.deadline / 2);
        let steps = (fade.as_millis() / FADE_STEP.as_millis()) as u32;
        for step in 1..steps {
            self.state.set(from.towards(goal, f64::from(step) / f64::from(steps)));
            self.home.write(self.tell())?;
            tokio::time::sleep(FADE_STEP).await;
        }
        self.state.set(goal);
        self.home.write(self.tell())?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lamp_goes_off_through_darkness() {
        let on = State { on: true, level: 0.8, kelvin: 2700.0 };
        let off = State { on: false, ..on };
        let half = on.towards(off, 0.5);
        assert!(half.on);
        assert!((half.level - 0.4).abs() < 1e-9);
    }
}
