//! The provider's home: what it may tell and ask its hub.

use crate::{
    device::{Device, Shared, Update},
    error::{DescribeError, EmitError, Error, Refusal, WriteError},
    host, log,
    store::Store,
    value::Value,
};
use std::{borrow::Borrow, rc::Rc};

/// The provider's side of its hub. A cheap handle; clone it wherever it is needed.
#[derive(Debug, Clone)]
pub struct Home(());

impl Home {
    pub(crate) fn new() -> Self {
        Self(())
    }

    /// Describes a device, or describes it anew. Its typed components can be written from now on; components that stay
    /// keep their values.
    pub fn describe(&self, device: impl Borrow<Device>) -> Result<(), DescribeError> {
        let device = device.borrow();
        let handles = host::describe(device)?;
        let components = device.entities.iter().flat_map(|entity| &entity.components);
        for (component, handle) in components.zip(handles) {
            component.handle.set(Some(handle));
        }
        Ok(())
    }

    /// Removes a device that the owner or the device itself took away. True if it was there.
    #[allow(clippy::must_use_candidate)]
    pub fn remove(&self, device: &str) -> bool {
        host::remove(device)
    }

    /// Everything this instance has now is described: devices of earlier sessions that were not become *missing*.
    /// Called for the author after [`Provider::new`](crate::Provider::new), unless its
    /// [`READY`](crate::Provider::READY) says otherwise.
    pub fn complete(&self) {
        host::complete();
    }

    /// From here on commands are delivered. Called for the author as [`complete`](Self::complete) is.
    pub fn ready(&self) {
        host::ready();
    }

    /// Reports new values, applied as one. Never blocks; only the newest value of a component counts.
    pub fn write(&self, updates: impl IntoIterator<Item = Update>) -> Result<(), WriteError> {
        write(updates)
    }

    /// Whether a device can be reached. Devices begin reachable; their values stay when they are not.
    /// False if there is no such device.
    #[allow(clippy::must_use_candidate)]
    pub fn set_available(&self, device: &str, available: bool) -> bool {
        host::set_available(device, available)
    }

    /// A line for the provider's log. The macros, such as [`info!`](crate::info), read better.
    pub fn log(&self, level: log::Level, message: impl AsRef<str>) {
        host::log(level, message.as_ref());
    }

    /// The instance's configuration as the hub gave it. [`Provider::new`](crate::Provider::new) gets it typed.
    pub fn config(&self) -> Result<serde_json::Value, Error> {
        Ok(serde_json::from_str(&host::config())?)
    }

    /// The instance's key-value store, which outlives it.
    #[must_use]
    pub fn store(&self) -> Store {
        Store::new()
    }
}

/// At most this many updates go in one call of the contract.
const WRITE_LIMIT: usize = 4096;

pub(crate) fn write(updates: impl IntoIterator<Item = Update>) -> Result<(), WriteError> {
    let mut refused = Vec::new();
    let mut all: Vec<Update> = updates.into_iter().collect();
    let mut offset = 0;
    while !all.is_empty() {
        let rest = if all.len() > WRITE_LIMIT { all.split_off(WRITE_LIMIT) } else { Vec::new() };
        write_some(&all, offset, &mut refused);
        offset += all.len();
        all = rest;
    }
    if refused.is_empty() { Ok(()) } else { Err(WriteError { refused }) }
}

fn write_some(updates: &[Update], offset: usize, refused: &mut Vec<(usize, String, Refusal)>) {
    let mut refuse = |index: usize, why| {
        refused.push((offset + index, updates[index].component.to_string(), why));
    };
    // Positions differ only if some update has no handle yet.
    let described: Vec<usize> = (0..updates.len()).filter(|i| updates[*i].component.handle.get().is_some()).collect();
    if described.len() < updates.len() {
        (0..updates.len())
            .filter(|i| updates[*i].component.handle.get().is_none())
            .for_each(|i| refuse(i, Refusal::NotDescribed));
    }
    for (position, why) in host::write(described.iter().map(|i| &updates[*i])) {
        refuse(described[position], why);
    }
}

pub(crate) fn emit(component: &Rc<Shared>, event: &str, data: Option<&Value>) -> Result<(), EmitError> {
    let handle = component.handle.get().ok_or(EmitError::NotDescribed)?;
    host::emit(handle, event, data)
}
