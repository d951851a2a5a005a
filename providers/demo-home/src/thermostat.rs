//! A thermostat and the room that it heats: the temperature follows the target, the weather and an open door.

use igloo::{Update, prelude::*};
use std::cell::Cell;

pub(crate) const ID: &str = "thermostat";

pub(crate) struct Thermostat {
    temperature: Component<kinds::Temperature>,
    humidity: Component<kinds::Humidity>,
    target: Component<kinds::TargetTemperature>,
    mode: Component<kinds::ClimateMode>,
    action: Component<kinds::ClimateAction>,
    battery: Component<kinds::Battery>,
    state: Cell<State>,
}

#[derive(Debug, Clone, Copy)]
struct State {
    room: f64,
    target: f64,
    mode: kinds::ClimateMode,
    is_heating: bool,
}

/// Degrees per hour while it heats.
const HEATING: f64 = 6.0;
/// The share of the difference to the outside that the room loses in an hour, closed and with an open door.
const LOSS: f64 = 0.12;
const LOSS_OPEN: f64 = 0.9;
/// It heats until this much above the target, and begins this much below.
const HYSTERESIS: f64 = 0.2;
const ECO_SETBACK: f64 = 3.0;

impl State {
    fn goal(self) -> Option<f64> {
        match self.mode {
            kinds::ClimateMode::Heat | kinds::ClimateMode::Auto => Some(self.target),
            kinds::ClimateMode::Eco => Some(self.target - ECO_SETBACK),
            _ => None,
        }
    }

    /// The room after some seconds. Long steps are cut into short ones, so that a fast day stays stable.
    fn after(mut self, seconds: f64, outside: f64, is_open: bool) -> Self {
        let steps = (seconds / 60.0).ceil().max(1.0);
        let hours = seconds / steps / 3600.0;
        for _ in 0..steps as u32 {
            self.is_heating = match self.goal() {
                Some(goal) if self.is_heating => self.room < goal + HYSTERESIS,
                Some(goal) => self.room < goal - HYSTERESIS,
                None => false,
            };
            let loss = if is_open { LOSS_OPEN } else { LOSS };
            self.room += (outside - self.room) * loss * hours;
            self.room += if self.is_heating { HEATING * hours } else { 0.0 };
        }
        self
    }
}

impl Thermostat {
    pub(crate) fn describe(home: &Home) -> igloo::Result<Self> {
        let mut device =
            Device::new(ID, "Thermostat").manufacturer("Igloo").model("Demo thermostat").suggested_group("Living room");
        let climate = device.entity("climate", "Thermostat").climate();
        let temperature = climate.temperature().precision(1);
        let humidity = climate.humidity().precision(0);
        let target = climate.target_temperature().writable().minimum(5.0).maximum(30.0).step(0.5).precision(1);
        let (mode, action) = (climate.climate_mode().writable(), climate.climate_action());
        let battery = device.entity("battery", "Battery").category("diagnostic").battery().precision(0);
        home.describe(device)?;
        let state = State { room: 20.3, target: 21.0, mode: kinds::ClimateMode::Heat, is_heating: true };
        Ok(Self { temperature, humidity, target, mode, action, battery, state: Cell::new(state) })
    }

    pub(crate) fn live(&self, seconds: f64, outside: f64, is_open: bool) {
        self.state.set(self.state.get().after(seconds, outside, is_open));
    }

    /// A heat pump's share.
    pub(crate) fn watts(&self) -> f64 {
        if self.state.get().is_heating { 900.0 } else { 5.0 }
    }

    pub(crate) fn tell(&self) -> [Update; 6] {
        let state = self.state.get();
        let action = match state.mode {
            kinds::ClimateMode::Off => kinds::ClimateAction::Off,
            _ if state.is_heating => kinds::ClimateAction::Heating,
            _ => kinds::ClimateAction::Idle,
        };
        [
            self.temperature.to((state.room * 10.0).round() / 10.0),
            // Warmer air is drier.
            self.humidity.to((48.0 - (state.room - 20.0) * 2.0).clamp(20.0, 80.0).round()),
            self.target.to(state.target),
            self.mode.to(state.mode),
            self.action.to(action),
            self.battery.to(87),
        ]
    }

    pub(crate) fn command(&self, command: &Command) -> Result<(), CommandError> {
        let state = self.state.get();
        let mode = command.asks(&self.mode).unwrap_or(state.mode);
        use kinds::ClimateMode as M;
        if !matches!(mode, M::Off | M::Auto | M::Heat | M::Eco) {
            return Err(CommandError::rejected("this thermostat can be off, auto, heat and eco"));
        }
        let target = command.asks(&self.target).unwrap_or(state.target);
        self.state.set(State { mode, target, ..state }.after(0.0, state.room, false));
        self.mode.write(mode)?;
        self.target.write(target)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_follows_the_target() {
        let cold = State { room: 15.0, target: 21.0, mode: kinds::ClimateMode::Heat, is_heating: false };
        let warm = cold.after(12.0 * 3600.0, 5.0, false);
        assert!((warm.room - 21.0).abs() < 0.5, "{warm:?}");
        let off = State { mode: kinds::ClimateMode::Off, ..warm }.after(24.0 * 3600.0, 5.0, false);
        assert!(off.room < 10.0 && !off.is_heating, "{off:?}");
    }
}
