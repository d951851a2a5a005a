//! A home for tests: it accepts everything and remembers what happened.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use futures::{FutureExt as _, future::BoxFuture};
use igloo_model::{DeviceDescription, Value};
use igloo_protocol::{BadUpdate, DescribeError, EmitError, LogLevel, StoreError, Update};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::home::{Denial, Home};

/// See the module.
#[derive(Debug, Default)]
pub struct Recorder {
    denials: Mutex<Vec<Denial>>,
    logs: Mutex<Vec<(LogLevel, String)>>,
    updates: Mutex<Vec<Update>>,
    devices: Mutex<Vec<DeviceDescription>>,
    store: Arc<Mutex<std::collections::BTreeMap<String, Vec<u8>>>>,
    config: Mutex<Option<Arc<str>>>,
    is_ready: AtomicBool,
    changed: Notify,
}

impl Recorder {
    /// A home with this configuration.
    #[must_use]
    pub fn with_config(json: &str) -> Self {
        let recorder = Self::default();
        *recorder.config.lock() = Some(json.into());
        recorder
    }

    /// What was denied so far.
    #[must_use]
    pub fn denials(&self) -> Vec<Denial> {
        self.denials.lock().clone()
    }

    /// What was logged so far.
    #[must_use]
    pub fn logs(&self) -> Vec<(LogLevel, String)> {
        self.logs.lock().clone()
    }

    /// The newest update of a component.
    #[must_use]
    pub fn newest(&self, component: u32) -> Option<Value> {
        self.updates.lock().iter().rev().find(|update| update.component == component).map(|update| update.value.clone())
    }

    /// How many updates came so far.
    #[must_use]
    pub fn update_count(&self) -> usize {
        self.updates.lock().len()
    }

    /// Waits until something is so; looks again at every change.
    pub async fn until(&self, is_so: impl Fn(&Self) -> bool) {
        loop {
            let changed = self.changed.notified();
            if is_so(self) {
                return;
            }
            changed.await;
        }
    }

    /// Whether the provider said that it is ready.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.is_ready.load(Ordering::SeqCst)
    }
}

impl Home for Recorder {
    fn describe(&self, device: DeviceDescription) -> Result<Vec<u32>, DescribeError> {
        let mut devices = self.devices.lock();
        let count = |devices: &[DeviceDescription]| -> usize {
            devices.iter().flat_map(|device| &device.entities).map(|entity| entity.components.len()).sum()
        };
        let first = count(&devices);
        devices.push(device);
        let last = count(&devices);
        self.changed.notify_waiters();
        Ok((first..last).filter_map(|handle| u32::try_from(handle).ok()).collect())
    }

    fn remove(&self, _: &str) -> bool {
        true
    }

    fn complete(&self) {}

    fn ready(&self) {
        self.is_ready.store(true, Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    fn write(&self, updates: &mut Vec<Update>) -> Vec<BadUpdate> {
        let mut known = self.updates.lock();
        known.append(updates);
        // Enough for every test, and bounded for the floods.
        let surplus = known.len().saturating_sub(100_000);
        known.drain(..surplus);
        self.changed.notify_waiters();
        Vec::new()
    }

    fn emit(&self, _: u32, _: &str, _: Option<Value>) -> Result<(), EmitError> {
        Ok(())
    }

    fn set_available(&self, _: &str, _: bool) -> bool {
        true
    }

    fn log(&self, level: LogLevel, message: &str) {
        self.logs.lock().push((level, message.to_owned()));
        self.changed.notify_waiters();
    }

    fn config(&self) -> Arc<str> {
        self.config.lock().clone().unwrap_or_else(|| "{}".into())
    }

    fn denied(&self, denial: Denial) {
        self.denials.lock().push(denial);
        self.changed.notify_waiters();
    }

    fn store_get(&self, key: String) -> BoxFuture<'static, Result<Option<Vec<u8>>, StoreError>> {
        let value = self.store.lock().get(&key).cloned();
        async move { Ok(value) }.boxed()
    }

    fn store_set(&self, key: String, value: Vec<u8>) -> BoxFuture<'static, Result<(), StoreError>> {
        self.store.lock().insert(key, value);
        async { Ok(()) }.boxed()
    }

    fn store_delete(&self, key: String) -> BoxFuture<'static, Result<(), StoreError>> {
        self.store.lock().remove(&key);
        async { Ok(()) }.boxed()
    }

    fn store_keys(&self, prefix: String) -> BoxFuture<'static, Result<Vec<String>, StoreError>> {
        let keys = self.store.lock().keys().filter(|key| key.starts_with(&prefix)).cloned().collect();
        async { Ok(keys) }.boxed()
    }
}
