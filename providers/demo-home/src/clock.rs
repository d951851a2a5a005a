//! The home's day, which may go by faster than ours.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

#[derive(Debug)]
pub(crate) struct Clock {
    speed: f64,
    began: Instant,
    /// The hour of the day when it began, in UTC.
    first_hour: f64,
}

impl Clock {
    pub(crate) fn new(speed: f64) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { speed, began: Instant::now(), first_hour: now.as_secs_f64() / 3600.0 % 24.0 }
    }

    /// The hour of the home's day, 0 to 24.
    pub(crate) fn hour(&self) -> f64 {
        (self.first_hour + self.scaled(self.began.elapsed()) / 3600.0) % 24.0
    }

    /// Seconds that go by in the home while this goes by for us.
    pub(crate) fn scaled(&self, time: Duration) -> f64 {
        time.as_secs_f64() * self.speed
    }
}

/// A wave over the day: 1 at `peak`, -1 twelve hours later.
pub(crate) fn wave(hour: f64, peak: f64) -> f64 {
    ((hour - peak) / 24.0 * std::f64::consts::TAU).cos()
}

/// A bump of the day: 1 at `peak`, falling to nothing within `width` hours.
pub(crate) fn bump(hour: f64, peak: f64, width: f64) -> f64 {
    let distance = (hour - peak).rem_euclid(24.0);
    let distance = distance.min(24.0 - distance);
    (-(distance / width).powi(2)).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_goes_round() {
        assert!((wave(14.0, 14.0) - 1.0).abs() < 1e-9);
        assert!((wave(2.0, 14.0) + 1.0).abs() < 1e-9);
        assert!((bump(23.5, 0.5, 1.0) - bump(1.5, 0.5, 1.0)).abs() < 1e-9);
        assert!(bump(12.0, 0.0, 2.0) < 1e-9);
    }
}
