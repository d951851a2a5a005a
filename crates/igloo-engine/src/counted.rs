//! What an instance holds in this process: serial ports and bytes, each up to its limit.
//!
//! A place is given back when it is dropped, so nothing is counted twice or for ever.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use igloo_protocol::{Limits, LogLevel, limits::Limit};

use crate::home::Home;

/// One instance's.
#[derive(Clone, Debug)]
pub(crate) struct Counted {
    pub(crate) serial_ports: Arc<Count>,
    /// Bytes that wait in this process for the provider, or for the other side.
    pub(crate) buffers: Arc<Count>,
    /// Bytes of a process's requests that are not answered. Apart, so that a large request is not in its own way.
    pub(crate) requests: Arc<Count>,
}

impl Counted {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            serial_ports: Count::new(Limit::SerialPorts(limits.serial_ports)),
            buffers: Count::new(Limit::Buffers(limits.buffers)),
            requests: Count::new(Limit::Buffers(limits.buffers)),
        }
    }
}

/// How much of something is held.
#[derive(Debug)]
pub(crate) struct Count {
    limit: Limit,
    held: AtomicU64,
    told: AtomicBool,
}

/// A part of it. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Held {
    count: Arc<Count>,
    amount: u64,
}

/// There is no room for more.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the limit {0} is reached; grant {more} for more", more = twice(*.0))]
pub(crate) struct Full(pub(crate) Limit);

fn twice(limit: Limit) -> Limit {
    match limit {
        Limit::SerialPorts(ports) => Limit::SerialPorts(ports.saturating_mul(2)),
        Limit::Sockets(sockets) => Limit::Sockets(sockets.saturating_mul(2)),
        Limit::Buffers(bytes) => Limit::Buffers(bytes.saturating_mul(2)),
        other => other,
    }
}

impl Count {
    fn new(limit: Limit) -> Arc<Self> {
        Arc::new(Self { limit, held: AtomicU64::new(0), told: AtomicBool::new(false) })
    }

    /// How much is held now.
    pub(crate) fn now(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// Takes some, if there is room for it.
    pub(crate) fn take(self: &Arc<Self>, amount: u64) -> Result<Held, Full> {
        self.take_if(amount, |held| held + amount <= self.limit.number())
    }

    /// As [`Count::take`]; what is alone may be more than all of it: one frame is read whatever the limit.
    pub(crate) fn take_alone(self: &Arc<Self>, amount: u64) -> Result<Held, Full> {
        self.take_if(amount, |held| held == 0 || held + amount <= self.limit.number())
    }

    fn take_if(self: &Arc<Self>, amount: u64, fits: impl Fn(u64) -> bool) -> Result<Held, Full> {
        let more = |held| fits(held).then_some(held + amount);
        match self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) {
            Ok(_) => Ok(Held { count: self.clone(), amount }),
            Err(_) => Err(Full(self.limit)),
        }
    }

    /// Says in the provider's log that it is full, once.
    pub(crate) fn tell(&self, home: &dyn Home) {
        if !self.told.swap(true, Ordering::Relaxed) {
            home.log(LogLevel::Error, &Full(self.limit).to_string());
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.count.held.fetch_sub(self.amount, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_is_given_back_and_the_limit_is_named() {
        let counted = Counted::new(&Limits { serial_ports: 1, buffers: 1 << 10, ..Limits::default() });
        let port = counted.serial_ports.take(1).unwrap();
        let full = counted.serial_ports.take(1).unwrap_err().to_string();
        assert_eq!(full, "the limit serial-ports=1 is reached; grant serial-ports=2 for more");
        assert_eq!(counted.serial_ports.now(), 1);
        drop(port);
        assert_eq!(counted.serial_ports.now(), 0);
        assert!(counted.serial_ports.take(1).is_ok());

        assert!(counted.buffers.take(2 << 10).is_err());
        let alone = counted.buffers.take_alone(2 << 10).unwrap();
        assert!(counted.buffers.take_alone(1).is_err());
        drop(alone);
        assert_eq!(counted.buffers.now(), 0);
    }
}
