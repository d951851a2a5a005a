//! Values above the write rate: the newest of each component, published late and never dropped.

use std::collections::{HashMap, VecDeque};

use igloo_model::Value;
use igloo_protocol::Update;

/// A value that waits.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Waiting {
    pub(crate) value: Value,
    pub(crate) time: Option<i64>,
    /// When the hub got it.
    pub(crate) received: i64,
}

/// What waits, by handle. Bounded by the session's components.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    order: VecDeque<u32>,
    values: HashMap<u32, Waiting>,
}

impl Pending {
    pub(crate) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether a component has a value that waits; then later ones of it wait too, or they would be overtaken.
    pub(crate) fn has(&self, handle: u32) -> bool {
        !self.is_empty() && self.values.contains_key(&handle)
    }

    /// Puts a value in the place of an older one, or at the end.
    pub(crate) fn put(&mut self, update: Update, received: i64) {
        let waiting = Waiting { value: update.value, time: update.time, received };
        if self.values.insert(update.component, waiting).is_none() {
            self.order.push_back(update.component);
        }
    }

    /// The one that waits longest.
    pub(crate) fn take(&mut self) -> Option<(u32, Waiting)> {
        let handle = self.order.pop_front()?;
        let waiting = self.values.remove(&handle)?;
        Some((handle, waiting))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_each_in_the_order_of_the_first() {
        let mut pending = Pending::default();
        for (component, value) in [(1, 1), (2, 2), (1, 3), (3, 4), (2, 5)] {
            pending.put(Update { component, value: Value::Integer(value), time: None }, value);
        }
        assert!(pending.has(2) && !pending.has(4));
        assert_eq!(pending.len(), 3);
        let taken: Vec<(u32, i64)> =
            std::iter::from_fn(|| pending.take()).map(|(handle, waiting)| (handle, waiting.received)).collect();
        assert_eq!(taken, [(1, 3), (2, 5), (3, 4)]);
        assert!(pending.is_empty());
    }
}
