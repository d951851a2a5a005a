//! When a provider that failed is started again. Pure.
//!
//! The first restart is immediate; later ones wait half a second, one, two … up to a minute, each with jitter so that
//! instances that failed together do not restart together. A healthy minute forgives everything; too many failures
//! without one end in quarantine.

use std::time::Duration;

/// Failures without a healthy minute between them that end in quarantine.
pub(crate) const FAILURES: u32 = 8;
/// How long a session must have been ready to be forgiven what was before.
pub(crate) const HEALTHY: Duration = Duration::from_secs(60);
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(60);

/// What to do after a failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Next {
    /// Start again after this long.
    Restart(Duration),
    /// Leave it to the owner.
    Quarantine,
}

/// An instance's failures.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Budget {
    failures: u32,
}

impl Budget {
    /// A session failed after being ready for so long. `jitter` is from 0 to 1.
    pub(crate) fn fail(&mut self, ready_for: Duration, jitter: f64) -> Next {
        if ready_for >= HEALTHY {
            self.failures = 0;
        }
        self.failures += 1;
        if self.failures >= FAILURES {
            return Next::Quarantine;
        }
        let Some(doublings) = self.failures.checked_sub(2) else { return Next::Restart(Duration::ZERO) };
        let wait = FIRST.saturating_mul(1 << doublings.min(16)).min(LONGEST);
        Next::Restart(wait.mul_f64(0.8 + 0.4 * jitter.clamp(0.0, 1.0)).min(LONGEST))
    }
}

/// A random number from 0 to 1.
pub(crate) fn jitter() -> f64 {
    f64::from(getrandom::u32().unwrap_or(u32::MAX / 2)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn immediate_then_doubling_then_quarantine() {
        let mut budget = Budget::default();
        let waits: Vec<Next> = (0..FAILURES).map(|_| budget.fail(Duration::ZERO, 0.5)).collect();
        let restart = |milliseconds| Next::Restart(Duration::from_millis(milliseconds));
        assert_eq!(
            waits,
            [
                restart(0),
                restart(500),
                restart(1000),
                restart(2000),
                restart(4000),
                restart(8000),
                restart(16000),
                Next::Quarantine
            ]
        );
    }

    #[test]
    fn a_healthy_minute_forgives() {
        let mut budget = Budget::default();
        for _ in 0..100 {
            assert_eq!(budget.fail(HEALTHY, 0.5), Next::Restart(Duration::ZERO));
            assert!(matches!(budget.fail(Duration::ZERO, 1.0), Next::Restart(wait) if wait.as_millis() == 600));
        }
    }
}
