//! Blinds take their time: a command starts the motor, and the position follows.

use igloo::{Update, prelude::*};
use std::{cell::Cell, time::Duration};

pub(crate) struct Blind {
    pub(crate) id: &'static str,
    position: Component<kinds::Position>,
    target: Component<kinds::TargetPosition>,
    state: Component<kinds::CoverState>,
    order: Component<kinds::CoverCommand>,
    motor: Cell<Motor>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Motor {
    at: f64,
    to: f64,
}

/// How long a blind takes from one end to the other.
const FULL_WAY: Duration = Duration::from_secs(12);

impl Motor {
    /// Runs for this long.
    fn run(self, time: Duration) -> Self {
        let way = time.as_secs_f64() / FULL_WAY.as_secs_f64();
        Self { at: self.at + (self.to - self.at).clamp(-way, way), ..self }
    }

    fn state(self) -> kinds::CoverState {
        match self {
            Self { at, to } if to > at => kinds::CoverState::Opening,
            Self { at, to } if to < at => kinds::CoverState::Closing,
            Self { at, .. } if at >= 1.0 => kinds::CoverState::Open,
            Self { at, .. } if at <= 0.0 => kinds::CoverState::Closed,
            _ => kinds::CoverState::Stopped,
        }
    }
}

impl Blind {
    pub(crate) fn describe(home: &Home, id: &'static str, name: &str, group: &str) -> igloo::Result<Self> {
        let mut device = Device::new(id, name).manufacturer("Igloo").model("Demo blind").suggested_group(group);
        let cover = device.entity("cover", name).cover().device_class("blind");
        let (position, target) = (cover.position().precision(2), cover.target_position().writable().step(0.01));
        let (state, order) = (cover.cover_state(), cover.cover_command());
        home.describe(device)?;
        Ok(Self { id, position, target, state, order, motor: Cell::new(Motor { at: 1.0, to: 1.0 }) })
    }

    pub(crate) fn live(&self, time: Duration) {
        self.motor.set(self.motor.get().run(time));
    }

    pub(crate) fn tell(&self) -> [Update; 3] {
        let motor = self.motor.get();
        let at = (motor.at * 100.0).round() / 100.0;
        [self.position.to(at), self.target.to(motor.to), self.state.to(motor.state())]
    }

    pub(crate) fn command(&self, command: &Command) -> Result<(), CommandError> {
        let motor = self.motor.get();
        let to = match command.asks(&self.order) {
            Some(kinds::CoverCommand::Open) => 1.0,
            Some(kinds::CoverCommand::Close) => 0.0,
            Some(_) => motor.at,
            None => command.asks(&self.target).ok_or_else(|| CommandError::rejected("a blind can only be moved"))?,
        };
        self.motor.set(Motor { to, ..motor });
        self.target.write(to)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blind_arrives_and_stays() {
        let mut motor = Motor { at: 1.0, to: 0.25 };
        assert_eq!(motor.state(), kinds::CoverState::Closing);
        for _ in 0..100 {
            motor = motor.run(Duration::from_millis(250));
        }
        assert_eq!(motor, Motor { at: 0.25, to: 0.25 });
        assert_eq!(motor.state(), kinds::CoverState::Stopped);
    }
}
