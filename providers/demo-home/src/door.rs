//! The ways in: contacts at doors, a doorbell, and a lock that takes a second.

use crate::{chance::Chance, clock::bump};
use igloo::prelude::*;
use std::{cell::Cell, time::Duration};

pub(crate) const LOCK: &str = "front-lock";

/// A door or window that people open now and then.
pub(crate) struct Contact {
    pub(crate) id: &'static str,
    contact: Component<kinds::Contact>,
    open: Cell<bool>,
    chance: Chance,
}

impl Contact {
    pub(crate) fn describe(home: &Home, id: &'static str, name: &str, group: &str) -> igloo::Result<Self> {
        let mut device = Device::new(id, name).manufacturer("Igloo").model("Demo contact").suggested_group(group);
        let contact = device.entity("contact", name).sensor().device_class("door").contact();
        let battery = device.entity("battery", "Battery").category("diagnostic").battery().precision(0);
        home.describe(device)?;
        home.write([contact.to(false), battery.to(94)])?;
        Ok(Self { id, contact, open: Cell::new(false), chance: Chance::new() })
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open.get()
    }

    pub(crate) fn set(&self, open: bool) -> Result<(), igloo::WriteError> {
        self.open.set(open);
        self.contact.write(open)
    }

    /// People come and go, most of them in the morning and in the evening; a door stays open for three minutes.
    pub(crate) fn live(&self, seconds: f64, hour: f64) -> Result<(), igloo::WriteError> {
        let opens = 0.1 + 2.0 * bump(hour, 7.5, 1.0) + 3.0 * bump(hour, 18.0, 1.5);
        let changes =
            if self.open.get() { self.chance.happens(20.0, seconds) } else { self.chance.happens(opens, seconds) };
        if changes { self.set(!self.open.get()) } else { Ok(()) }
    }
}

/// Somebody rings, by day.
pub(crate) struct Doorbell {
    bell: Component<kinds::Doorbell>,
    chance: Chance,
}

impl Doorbell {
    pub(crate) fn describe(home: &Home) -> igloo::Result<Self> {
        let mut device =
            Device::new("doorbell", "Doorbell").manufacturer("Igloo").model("Demo doorbell").suggested_group("Hall");
        let bell = device.entity("bell", "Doorbell").doorbell().events(["ring"]);
        home.describe(device)?;
        Ok(Self { bell, chance: Chance::new() })
    }

    pub(crate) fn ring(&self) -> Result<(), igloo::EmitError> {
        self.bell.emit("ring")
    }

    pub(crate) fn live(&self, seconds: f64, hour: f64) -> Result<(), igloo::EmitError> {
        let rings = bump(hour, 13.0, 4.0) * 0.5;
        if self.chance.happens(rings, seconds) { self.ring() } else { Ok(()) }
    }
}

/// A lock whose bolt takes a second.
pub(crate) struct Lock {
    state: Component<kinds::LockState>,
    target: Component<kinds::TargetLock>,
}

const BOLT: Duration = Duration::from_millis(1000);

impl Lock {
    pub(crate) fn describe(home: &Home) -> igloo::Result<Self> {
        let mut device =
            Device::new(LOCK, "Front door lock").manufacturer("Igloo").model("Demo lock").suggested_group("Hall");
        let entity = device.entity("lock", "Lock").lock();
        let (state, target) = (entity.lock_state(), entity.target_lock().writable());
        let battery = device.entity("battery", "Battery").category("diagnostic").battery().precision(0);
        home.describe(device)?;
        home.write([state.to(kinds::LockState::Locked), target.to(true), battery.to(71)])?;
        Ok(Self { state, target })
    }

    /// Answers when the bolt is where it was asked to be.
    pub(crate) async fn command(&self, command: &Command) -> Result<(), CommandError> {
        let lock = command.asks(&self.target).ok_or_else(|| CommandError::rejected("a lock can only be (un)locked"))?;
        use kinds::LockState as S;
        let (on_its_way, there) = if lock { (S::Locking, S::Locked) } else { (S::Unlocking, S::Unlocked) };
        self.target.write(lock)?;
        self.state.write(on_its_way)?;
        tokio::time::sleep(BOLT).await;
        self.state.write(there)?;
        Ok(())
    }
}
