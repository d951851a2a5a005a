//! One session of an instance, as its provider sees it: the home that the engine calls.
//!
//! Every call comes from a thread that runs the provider's code, and everything in it is hostile. None blocks: a session
//! has a lock of its own, taken before the tree's, and both are held for memory work only. A session that was closed
//! changes nothing any more, whoever still calls it.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use futures::future::{BoxFuture, FutureExt};
use igloo_engine::{Denial, Home, Instance};
use igloo_model::{
    DeviceDescription, InvalidDescription, Tree, Value, limits,
    tree::{EmitError as TreeEmitError, WriteError},
};
use igloo_protocol::{BadUpdate, DescribeError, EmitError, Limits, LogLevel, StoreError, Update, UpdateError};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::{
    core::Core,
    error::Error,
    logs::{LINE_BYTES, LogSource, clean, clean_lines},
    managed::Managed,
    pending::Pending,
    rate::TokenBucket,
    secrets::Secrets,
    shared_tree::now,
    storage::store,
    weight,
};

/// Components that a session may describe in a second; twice as many at once. Describing holds the tree's lock.
const DESCRIBED_PER_SECOND: u32 = 16 * 1024;
/// Store operations of one session that may wait for the disk at a time, so that one provider cannot fill its queue.
const STORE_SLOTS: usize = 8;
/// How long late values are collected before they are published.
const COLLECT: Duration = Duration::from_millis(20);
/// Bytes of a provider's words in an outcome or a reason.
pub(crate) const REASON_BYTES: usize = 1024;

/// See the module's words.
pub(crate) struct Session {
    core: Arc<Core>,
    managed: Arc<Managed>,
    /// Which of the instance's sessions it is.
    pub(crate) number: u64,
    config: Arc<str>,
    secrets: Secrets,
    limits: Limits,
    state: Mutex<SessionState>,
    ready: AtomicBool,
    /// What runs it, once the engine has started it.
    pub(crate) running: OnceLock<Instance>,
    /// One permit for each command and action under way.
    pub(crate) slots: Arc<Semaphore>,
    store_slots: Arc<Semaphore>,
}

struct SessionState {
    open: bool,
    writes: TokenBucket,
    events: TokenBucket,
    described: TokenBucket,
    lost_events: u64,
    pending: Pending,
    /// Whether a task publishes what is pending.
    publishing: bool,
    components: Components,
    began: Instant,
    ready_at: Option<Instant>,
}

/// What this session described, weighed.
#[derive(Default)]
struct Components {
    of_device: HashMap<String, Described>,
    /// Bytes of all descriptions.
    weight: usize,
    /// Bytes of the texts and lists that are values now, by handle, and of all of them.
    values: HashMap<u32, usize>,
    values_weight: usize,
}

struct Described {
    handles: Vec<u32>,
    weight: usize,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Session({}, {})", self.managed.id, self.number)
    }
}

impl Session {
    /// Begins a session: handles of the one before die.
    pub(crate) fn begin(core: Arc<Core>, managed: Arc<Managed>, number: u64) -> Arc<Self> {
        let (config, secrets, limits) = {
            let owned = managed.owned.lock();
            (owned.config.to_string().into(), owned.secrets(), owned.limits())
        };
        managed.log.lock().set_rate(limits.logs_per_second);
        core.tree.change(|tree| tree.begin_session(managed.id));
        let now = Instant::now();
        Arc::new(Self {
            core,
            managed,
            number,
            config,
            secrets,
            limits,
            state: Mutex::new(SessionState {
                open: true,
                writes: TokenBucket::new(limits.writes_per_second, now),
                events: TokenBucket::new(limits.events_per_second, now),
                described: TokenBucket::new(DESCRIBED_PER_SECOND, now),
                lost_events: 0,
                pending: Pending::default(),
                publishing: false,
                components: Components::default(),
                began: now,
                ready_at: None,
            }),
            ready: AtomicBool::new(false),
            running: OnceLock::new(),
            slots: Arc::new(Semaphore::new(limits.queue as usize)),
            store_slots: Arc::new(Semaphore::new(STORE_SLOTS)),
        })
    }

    /// What bounds it.
    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// Commands and actions under way.
    pub(crate) fn under_way(&self) -> u32 {
        let free = u32::try_from(self.slots.available_permits()).unwrap_or(u32::MAX);
        self.limits.queue.saturating_sub(free)
    }

    /// Whether it takes commands.
    pub(crate) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// Whether it ever said that commands may come.
    pub(crate) fn was_ready(&self) -> bool {
        self.state.lock().ready_at.is_some()
    }

    /// How long it has been ready.
    pub(crate) fn ready_for(&self) -> Duration {
        self.state.lock().ready_at.map_or(Duration::ZERO, |at| at.elapsed())
    }

    /// From here on it takes no commands.
    pub(crate) fn refuse_commands(&self) {
        self.ready.store(false, Ordering::Release);
    }

    /// Ends it: publishes what waits, and leaves its devices unavailable with their last values.
    pub(crate) fn close(&self) {
        self.refuse_commands();
        let mut state = self.state.lock();
        let state = &mut *state;
        if !std::mem::replace(&mut state.open, false) {
            return;
        }
        self.core.tree.change(|tree| {
            publish_all(tree, self.managed.id, state);
            tree.end_session(self.managed.id);
        });
    }

    /// Publishes what waits: a command's outcome must not overtake the writes before it.
    pub(crate) fn flush(&self) {
        let mut state = self.state.lock();
        if !state.pending.is_empty() {
            self.core.tree.change(|tree| publish_all(tree, self.managed.id, &mut state));
        }
    }

    /// A provider's text for people, without its instance's secrets.
    pub(crate) fn clean(&self, text: &str) -> String {
        clean(text, REASON_BYTES, &self.secrets)
    }

    /// Publishes what waits as the rate allows, and answers when to look again; nothing if nothing waits.
    fn publish_some(&self) -> Option<Duration> {
        let mut state = self.state.lock();
        let state = &mut *state;
        state.writes.refill(Instant::now());
        self.core.tree.change(|tree| {
            while !state.pending.is_empty() && state.writes.take() {
                publish_one(tree, self.managed.id, &mut state.pending);
            }
        });
        if state.pending.is_empty() {
            state.publishing = false;
            return None;
        }
        Some(state.writes.until(1.0).max(COLLECT))
    }
}

/// Publishes the value that waits longest. One whose component was removed since has nowhere to go.
fn publish_one(tree: &mut Tree, instance: igloo_model::InstanceId, pending: &mut Pending) {
    if let Some((handle, waiting)) = pending.take() {
        let _ = tree.write(instance, handle, waiting.value, waiting.time, waiting.received);
    }
}

fn publish_all(tree: &mut Tree, instance: igloo_model::InstanceId, state: &mut SessionState) {
    for _ in 0..state.pending.len() {
        state.writes.owe();
        publish_one(tree, instance, &mut state.pending);
    }
}

async fn publish_late(session: Arc<Session>) {
    while let Some(wait) = session.publish_some() {
        tokio::time::sleep(wait).await;
    }
}

impl Components {
    /// Whether there is room for a description in the place of the device's earlier one.
    fn check_weight(&self, device: &str, weight: usize) -> Result<(), DescribeError> {
        let before = self.of_device.get(device).map_or(0, |known| known.weight);
        if weight > weight::DEVICE {
            return Err(DescribeError::Limit(format!(
                "a device's description has at most {} bytes of text, this one has {weight}",
                weight::DEVICE
            )));
        }
        if self.weight - before + weight > weight::DESCRIPTIONS {
            return Err(DescribeError::Limit(format!(
                "the descriptions of an instance have at most {} bytes of text together",
                weight::DESCRIPTIONS
            )));
        }
        Ok(())
    }

    /// Takes a value into account; false if there is no room for it. What will be refused (`is_good`) weighs nothing, so
    /// that only what there is can have a weight, and this is bounded too.
    fn admit(&mut self, update: &Update, is_good: impl FnOnce() -> bool) -> bool {
        let weight = weight::of_value(&update.value);
        if weight == 0 && self.values.is_empty() {
            return true;
        }
        let before = self.values.get(&update.component).copied().unwrap_or(0);
        if weight > before && self.values_weight - before + weight > weight::VALUES {
            return false;
        }
        if weight > 0 && !is_good() {
            return true;
        }
        self.values_weight = self.values_weight - before + weight;
        if weight > 0 {
            self.values.insert(update.component, weight);
        } else {
            self.values.remove(&update.component);
        }
        true
    }

    fn describe(&mut self, device: String, handles: Vec<u32>, weight: usize) {
        let before = self.of_device.remove(&device);
        self.weight = self.weight - before.as_ref().map_or(0, |known| known.weight) + weight;
        // Components that stayed have the handles that they had.
        let stayed: HashSet<u32> = handles.iter().copied().collect();
        for handle in before.map(|known| known.handles).unwrap_or_default() {
            if !stayed.contains(&handle) {
                self.values_weight -= self.values.remove(&handle).unwrap_or(0);
            }
        }
        self.of_device.insert(device, Described { handles, weight });
    }

    fn forget(&mut self, device: &str) {
        let Some(known) = self.of_device.remove(device) else { return };
        self.weight -= known.weight;
        for handle in known.handles {
            self.values_weight -= self.values.remove(&handle).unwrap_or(0);
        }
    }
}

fn update_error(error: &WriteError) -> UpdateError {
    match error {
        WriteError::UnknownComponent => UpdateError::UnknownComponent,
        WriteError::WrongType => UpdateError::WrongType,
        WriteError::Limit => UpdateError::Limit,
        WriteError::NotWritable => UpdateError::NotWritable,
    }
}

/// A session's home.
#[derive(Debug)]
pub(crate) struct SessionHome(pub(crate) Arc<Session>);

impl Home for SessionHome {
    fn describe(&self, device: DeviceDescription) -> Result<Vec<u32>, DescribeError> {
        let session = &self.0;
        let mut state = session.state.lock();
        if !state.open {
            return Err(DescribeError::Unavailable(String::from("the session has ended")));
        }
        let components: usize = device.entities.iter().map(|entity| entity.components.len()).sum();
        let key = device.id.clone();
        let weight = weight::of_description(&device);
        state.components.check_weight(&key, weight)?;
        state.described.refill(Instant::now());
        if !state.described.take_many(components + 1) {
            return Err(DescribeError::Limit(format!(
                "at most {DESCRIBED_PER_SECOND} components are described in a second"
            )));
        }
        let (id, handles) = session.core.tree.change(|tree| {
            let owner = session.managed.id;
            tree.check_description(owner, &device).map_err(|error| match error {
                InvalidDescription::Limit(text) => DescribeError::Limit(text),
                InvalidDescription::Invalid(text) => DescribeError::Invalid(text),
            })?;
            let known = tree.find(owner, &device.id).map(|device| device.id);
            let id = known.or_else(|| session.core.registry.allocate()).ok_or_else(|| {
                DescribeError::Unavailable(String::from(
                    "the hub cannot keep more devices now: its disk does not follow",
                ))
            })?;
            Ok((id, tree.describe(owner, id, device, true)))
        })?;
        state.components.describe(key, handles.clone(), weight);
        drop(state);
        session.core.registry.mark([id]);
        Ok(handles)
    }

    fn remove(&self, device: &str) -> bool {
        let session = &self.0;
        let mut state = session.state.lock();
        if !state.open {
            return false;
        }
        let removed = session.core.tree.change(|tree| {
            let id = tree.find(session.managed.id, device).map(|device| device.id)?;
            tree.remove_device(id).then_some(id)
        });
        state.components.forget(device);
        drop(state);
        session.core.registry.mark(removed);
        removed.is_some()
    }

    fn complete(&self) {
        let session = &self.0;
        let state = session.state.lock();
        if state.open {
            let missing = session.core.tree.change(|tree| tree.complete(session.managed.id));
            drop(state);
            session.core.registry.mark(missing);
        }
    }

    fn ready(&self) {
        let session = &self.0;
        let mut state = session.state.lock();
        if !state.open || state.ready_at.is_some() {
            return;
        }
        state.ready_at = Some(Instant::now());
        let after = state.began.elapsed();
        drop(state);
        session.ready.store(true, Ordering::Release);
        session.managed.became_ready(&session.core, session.number, after);
    }

    fn write(&self, updates: &mut Vec<Update>) -> Vec<BadUpdate> {
        let session = &self.0;
        let received = now();
        let mut bad = Vec::new();
        let mut applied = 0;
        let mut state = session.state.lock();
        let state = &mut *state;
        if !state.open {
            updates.clear();
            return bad;
        }
        state.writes.refill(Instant::now());
        session.core.tree.change(|tree| {
            for (index, update) in (0_u32..).zip(updates.drain(..)) {
                let is_good = || tree.check_write(session.managed.id, update.component, &update.value).is_ok();
                let result = if index as usize >= limits::UPDATES_PER_WRITE || !state.components.admit(&update, is_good)
                {
                    Err(WriteError::Limit)
                } else if !state.pending.has(update.component) && state.writes.take() {
                    tree.write(session.managed.id, update.component, update.value, update.time, received)
                } else {
                    tree.check_write(session.managed.id, update.component, &update.value)
                        .map(|()| state.pending.put(update, received))
                };
                match result {
                    Ok(()) => applied += 1,
                    Err(error) => bad.push(BadUpdate { index, error: update_error(&error) }),
                }
            }
        });
        session.managed.counters.writes.fetch_add(applied, Ordering::Relaxed);
        if !state.pending.is_empty() && !std::mem::replace(&mut state.publishing, true) {
            session.core.runtime.spawn(publish_late(session.clone()));
        }
        bad
    }

    fn emit(&self, component: u32, event: &str, data: Option<Value>) -> Result<(), EmitError> {
        let session = &self.0;
        let mut state = session.state.lock();
        if !state.open {
            return Ok(());
        }
        state.events.refill(Instant::now());
        if !state.events.take() {
            state.lost_events += 1;
            session.managed.counters.lost_events.fetch_add(1, Ordering::Relaxed);
            return Err(EmitError::Overflow(state.lost_events));
        }
        let told =
            session.core.tree.change(|tree| tree.emit(session.managed.id, component, event, data.as_ref(), now()));
        told.map_err(|error| match error {
            TreeEmitError::UnknownComponent => EmitError::UnknownComponent,
            TreeEmitError::NotAnEvent => EmitError::NotAnEvent,
            TreeEmitError::UnknownEvent => EmitError::UnknownEvent,
            TreeEmitError::Limit => EmitError::Limit,
        })?;
        session.managed.counters.events.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn set_available(&self, device: &str, available: bool) -> bool {
        let session = &self.0;
        let state = session.state.lock();
        state.open && session.core.tree.change(|tree| tree.set_reachable(session.managed.id, device, available))
    }

    fn log(&self, level: LogLevel, message: &str) {
        let managed = &self.0.managed;
        if !managed.log.lock().admit() {
            return;
        }
        let text = clean_lines(message, LINE_BYTES, &self.0.secrets);
        managed.log_line(level, LogSource::Provider, text);
    }

    fn config(&self) -> Arc<str> {
        self.0.config.clone()
    }

    fn denied(&self, denial: Denial) {
        self.0.managed.denied(&self.0.core, denial);
    }

    fn store_get(&self, key: String) -> BoxFuture<'static, Result<Option<Vec<u8>>, StoreError>> {
        self.stored(key, 0, |connection, instance, key, _| store::get(connection, instance, key).map(Ok))
    }

    fn store_set(&self, key: String, value: Vec<u8>) -> BoxFuture<'static, Result<(), StoreError>> {
        self.stored(key, value.len(), move |connection, instance, key, quota| {
            store::set(connection, instance, key, &value, quota)
        })
    }

    fn store_delete(&self, key: String) -> BoxFuture<'static, Result<(), StoreError>> {
        self.stored(key, 0, |connection, instance, key, _| store::delete(connection, instance, key).map(Ok))
    }

    fn store_keys(&self, prefix: String) -> BoxFuture<'static, Result<Vec<String>, StoreError>> {
        self.stored(prefix, 0, |connection, instance, prefix, _| store::keys(connection, instance, prefix).map(Ok))
    }
}

impl SessionHome {
    /// Runs a store operation on the storage thread.
    fn stored<T: Send + 'static>(
        &self,
        key: String,
        size: usize,
        job: impl FnOnce(
            &rusqlite::Connection,
            igloo_model::InstanceId,
            &str,
            u64,
        ) -> rusqlite::Result<Result<T, StoreError>>
        + Send
        + 'static,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let session = self.0.clone();
        async move {
            if key.len() > store::KEY_BYTES || size > store::VALUE_BYTES {
                return Err(StoreError::Quota);
            }
            let _slot = session.store_slots.acquire().await;
            let (instance, quota) = (session.managed.id, session.limits.storage);
            let done = session.core.storage.run(move |connection| job(connection, instance, &key, quota)).await;
            done.unwrap_or_else(|error| {
                Err(StoreError::Unavailable(match error {
                    Error::Storage(text) => text,
                    other => other.to_string(),
                }))
            })
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(component: u32, bytes: usize) -> Update {
        Update { component, value: Value::Text("x".repeat(bytes)), time: None }
    }

    fn components(count: u32) -> (Components, Vec<u32>) {
        let handles: Vec<u32> = (0..count).collect();
        let mut components = Components::default();
        components.describe(String::from("d"), handles.clone(), 100);
        (components, handles)
    }

    #[test]
    fn values_have_a_budget_together() {
        let (mut components, handles) = components(2000);
        let admitted =
            handles.iter().filter(|handle| components.admit(&text(**handle, limits::TEXT_BYTES), || true)).count();
        assert_eq!(admitted, weight::VALUES / limits::TEXT_BYTES);
        // A smaller value makes room for another.
        assert!(!components.admit(&text(1999, 1000), || true));
        assert!(components.admit(&text(0, 3), || true));
        assert!(components.admit(&text(1999, 1000), || true));
        // What nobody described weighs nothing.
        components.admit(&text(5000, 1000), || false);
        assert_eq!(components.values.len(), admitted);
        // Described anew without most of them, they are gone.
        components.describe(String::from("d"), handles[..10].to_vec(), 50);
        components.forget("d");
        assert_eq!((components.weight, components.values_weight), (0, 0));
    }

    #[test]
    fn descriptions_have_a_budget_together() {
        let (mut components, _) = components(1);
        assert!(components.check_weight("e", weight::DEVICE + 1).is_err());
        for number in 0..15 {
            let name = number.to_string();
            components.check_weight(&name, weight::DEVICE).unwrap();
            components.describe(name, Vec::new(), weight::DEVICE);
        }
        assert!(components.check_weight("16", weight::DEVICE).is_err());
        components.check_weight("3", weight::DEVICE).unwrap();
    }
}
