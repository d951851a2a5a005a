//! CPU time that an instance may use: a share of a core, saved up for at most a second.

use std::time::{Duration, Instant};

#[derive(Debug)]
pub(crate) struct Budget {
    share: f64,
    saved: f64,
    at: Instant,
}

impl Budget {
    pub(crate) fn new(percent: u32) -> Self {
        let share = f64::from(percent) / 100.0;
        Self { share, saved: share, at: Instant::now() }
    }

    /// Takes used time out; answers how long to wait before running on.
    pub(crate) fn spend(&mut self, used: Duration, now: Instant) -> Option<Duration> {
        let earned = now.duration_since(self.at).as_secs_f64() * self.share;
        self.at = now;
        self.saved = (self.saved + earned).min(self.share) - used.as_secs_f64();
        (self.saved < 0.0).then(|| Duration::from_secs_f64((-self.saved / self.share).min(1.0)))
    }
}
