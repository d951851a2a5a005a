//! A token bucket. Pure: the caller brings the time.

use std::time::{Duration, Instant};

/// Tokens that return at a steady rate, up to twice a second's worth.
#[derive(Debug)]
pub(crate) struct TokenBucket {
    per_second: f64,
    tokens: f64,
    at: Instant,
}

impl TokenBucket {
    /// A full bucket.
    pub(crate) fn new(per_second: u32, now: Instant) -> Self {
        let per_second = f64::from(per_second.max(1));
        Self { per_second, tokens: per_second * 2.0, at: now }
    }

    /// Lets tokens return.
    pub(crate) fn refill(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = now;
        self.tokens = elapsed.mul_add(self.per_second, self.tokens).min(self.per_second * 2.0);
    }

    /// Takes a token, if there is one. Call [`Self::refill`] before a batch of these.
    pub(crate) fn take(&mut self) -> bool {
        let there = self.tokens >= 1.0;
        if there {
            self.tokens -= 1.0;
        }
        there
    }

    /// Takes so many tokens, if they are all there.
    pub(crate) fn take_many(&mut self, count: usize) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "counts are bounded far below 2⁵²")]
        let count = count as f64;
        let there = self.tokens >= count;
        if there {
            self.tokens -= count;
        }
        there
    }

    /// Takes a token whether there is one or not. The debt is bounded, so that one burst cannot silence for long.
    pub(crate) fn owe(&mut self) {
        self.tokens = (self.tokens - 1.0).max(-self.per_second);
    }

    /// How long until so many tokens are there.
    pub(crate) fn until(&self, tokens: f64) -> Duration {
        Duration::from_secs_f64(((tokens - self.tokens) / self.per_second).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twice_the_rate_at_once_then_the_rate() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(100, start);
        assert_eq!((0..1000).filter(|_| bucket.take()).count(), 200);
        bucket.refill(start + Duration::from_millis(500));
        assert_eq!((0..1000).filter(|_| bucket.take()).count(), 50);
        assert_eq!(bucket.until(1.0), Duration::from_millis(10));
        bucket.refill(start + Duration::from_secs(60));
        assert_eq!((0..1000).filter(|_| bucket.take()).count(), 200);
    }

    #[test]
    fn debts_are_paid_back_and_bounded() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(10, start);
        for _ in 0..1000 {
            bucket.owe();
        }
        bucket.refill(start + Duration::from_millis(1000));
        assert!(!bucket.take());
        bucket.refill(start + Duration::from_millis(1100));
        assert!(bucket.take());
    }
}
