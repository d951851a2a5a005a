//! What a running provider reaches of its home: implemented by the hub, called by the engines.

use std::sync::Arc;

use futures::future::BoxFuture;
use igloo_model::{DeviceDescription, Value};
use igloo_protocol::{BadUpdate, DescribeError, EmitError, LogLevel, StoreError, Update};

/// A provider asked for something that is not granted (or, in audit mode, would not have been).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Denial {
    /// Such as `connect`, `resolve`, `listen`, `http`, `serial`, `discovery`.
    pub capability: &'static str,
    /// What it asked for, as the provider named it: `tcp://10.0.0.1:80`. Escaped, at most 256 bytes.
    pub target: String,
    /// The grant that would allow it, as text, where there can be one.
    pub grant: Option<String>,
    /// Why it is refused, where no grant could change it.
    pub reason: Option<String>,
    /// Whether it was refused; not in audit mode.
    pub enforced: bool,
}

/// One session's view of its home. Every call comes from the thread that runs the provider's code, so none may block
/// or take long; those that wait for the disk are futures. Everything passed in is hostile.
pub trait Home: Send + Sync + 'static {
    /// Describes a device, or describes it anew; answers one handle for each component.
    fn describe(&self, device: DeviceDescription) -> Result<Vec<u32>, DescribeError>;

    /// Removes a device; true if it was there.
    fn remove(&self, device: &str) -> bool;

    /// Everything is described.
    fn complete(&self);

    /// Commands may come.
    fn ready(&self);

    /// New values, applied as one. Drains `updates`; answers those that were refused.
    fn write(&self, updates: &mut Vec<Update>) -> Vec<BadUpdate>;

    /// Something happened.
    fn emit(&self, component: u32, event: &str, data: Option<Value>) -> Result<(), EmitError>;

    /// Whether a device can be reached; false if there is no such device.
    fn set_available(&self, device: &str, available: bool) -> bool;

    /// A line of the provider's log.
    fn log(&self, level: LogLevel, message: &str);

    /// The configuration as JSON text.
    fn config(&self) -> Arc<str>;

    /// Something was asked for that is not granted.
    fn denied(&self, denial: Denial);

    /// Reads a key of the instance's store.
    fn store_get(&self, key: String) -> BoxFuture<'static, Result<Option<Vec<u8>>, StoreError>>;

    /// Writes a key; durable when it resolves.
    fn store_set(&self, key: String, value: Vec<u8>) -> BoxFuture<'static, Result<(), StoreError>>;

    /// Deletes a key; durable when it resolves.
    fn store_delete(&self, key: String) -> BoxFuture<'static, Result<(), StoreError>>;

    /// The keys that begin with a prefix, in byte order.
    fn store_keys(&self, prefix: String) -> BoxFuture<'static, Result<Vec<String>, StoreError>>;
}
