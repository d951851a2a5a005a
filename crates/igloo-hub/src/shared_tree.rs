//! The one tree, its lock, and who waits for its changes.
//!
//! The lock is held for memory work only: never across an await, never while another lock of the hub is taken. Readers
//! are woken after it is released.

use std::{collections::HashMap, sync::Arc, time::SystemTime};

use igloo_model::{Query, Tree, tree::WatchId};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

/// Now, in nanoseconds since 1970 UTC.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

#[derive(Debug, Default)]
struct Inner {
    tree: Tree,
    readers: HashMap<WatchId, Arc<Notify>>,
}

/// The tree behind its lock.
#[derive(Debug, Default)]
pub(crate) struct SharedTree(Mutex<Inner>);

impl SharedTree {
    /// Looks at the tree.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Tree) -> T) -> T {
        look(&self.0.lock().tree)
    }

    /// Changes the tree, and wakes the readers of what changed.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Tree) -> T) -> T {
        let mut inner = self.0.lock();
        let result = change(&mut inner.tree);
        wake(inner);
        result
    }

    /// Begins a watch.
    pub(crate) fn watch(&self, query: Query) -> (WatchId, Arc<Notify>) {
        let mut inner = self.0.lock();
        let id = inner.tree.watch(query);
        let notify = Arc::new(Notify::new());
        inner.readers.insert(id, notify.clone());
        (id, notify)
    }

    /// Ends a watch.
    pub(crate) fn unwatch(&self, id: WatchId) {
        let mut inner = self.0.lock();
        inner.tree.unwatch(id);
        inner.readers.remove(&id);
    }
}

/// Wakes outside the lock. Allocates only where a reader was idle.
fn wake(mut inner: MutexGuard<'_, Inner>) {
    let woken = inner.tree.take_woken();
    if woken.is_empty() {
        return;
    }
    let readers: Vec<Arc<Notify>> = woken.iter().filter_map(|id| inner.readers.get(id).cloned()).collect();
    drop(inner);
    for reader in readers {
        reader.notify_one();
    }
}
