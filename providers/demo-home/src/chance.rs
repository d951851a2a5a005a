//! What happens by chance: a small generator, good enough for a doorbell.

use std::{
    cell::Cell,
    hash::{BuildHasher, RandomState},
};

#[derive(Debug)]
pub(crate) struct Chance(Cell<u64>);

impl Chance {
    pub(crate) fn new() -> Self {
        Self(Cell::new(RandomState::new().hash_one(0) | 1))
    }

    /// 0 to 1.
    pub(crate) fn share(&self) -> f64 {
        // xorshift64
        let mut state = self.0.get();
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        self.0.set(state);
        (state >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Whether something that happens so often in an hour happens within these seconds.
    pub(crate) fn happens(&self, in_an_hour: f64, seconds: f64) -> bool {
        self.share() < 1.0 - (-in_an_hour * seconds / 3600.0).exp()
    }

    /// A number between -`most` and `most`.
    pub(crate) fn jitter(&self, most: f64) -> f64 {
        (self.share() * 2.0 - 1.0) * most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chances_are_fair() {
        let chance = Chance::new();
        let mean = (0..10_000).map(|_| chance.share()).sum::<f64>() / 10_000.0;
        assert!((0.45..0.55).contains(&mean), "{mean}");
        let often = (0..10_000).filter(|_| chance.happens(3600.0, 1.0)).count();
        assert!((6_000..6_700).contains(&often), "{often}");
    }
}
