//! Devices' ids, and the devices on the disk.
//!
//! A description cannot wait for the disk: it happens on the thread that runs the provider. So ids come from a block
//! that was reserved durably before, and a device that changed is only marked; a task of the hub writes the marked ones
//! soon after. An id that anybody has seen is never given to another device, also after a crash.

use std::{
    collections::{HashMap, HashSet, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use igloo_model::{ComponentDescription, DeviceDescription, DeviceId, EntityDescription, Tree, tree::Device};
use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    error::Error,
    shared_tree::SharedTree,
    storage::{
        Storage,
        rows::{self, DeviceRow},
    },
};

/// The name of the first id that no start of the hub may have given.
const RESERVED: &str = "device-ids-reserved";
/// Ids reserved at a time. A crash skips those that were not given.
const BLOCK: u64 = 16 * 1024;
/// How long changes are collected before they are written.
const COLLECT: Duration = Duration::from_millis(50);
/// How long to wait after the disk refused.
const RETRY: Duration = Duration::from_secs(1);
/// Devices in one look at the tree and one job.
const CHUNK: usize = 64;

/// See the module's words.
#[derive(Debug)]
pub(crate) struct Registry {
    next: AtomicU64,
    reserved: AtomicU64,
    changed: Mutex<HashSet<DeviceId>>,
    wake: Notify,
    /// What each device's row is, as a hash; locked while writing, so that older rows never follow newer ones.
    written: tokio::sync::Mutex<HashMap<DeviceId, u64>>,
}

impl Registry {
    /// Reserves the first block. `devices` are those that the database has.
    pub(crate) fn open<'a>(
        connection: &Connection,
        devices: impl Iterator<Item = &'a DeviceRow>,
    ) -> rusqlite::Result<Self> {
        let written: HashMap<DeviceId, u64> = devices.map(|row| (row.id, hash(row))).collect();
        let after_known = written.keys().map(|id| id.0 + 1).max().unwrap_or(1);
        let next = rows::meta(connection, RESERVED)?.max(after_known);
        rows::set_meta(connection, RESERVED, next + BLOCK)?;
        Ok(Self {
            next: AtomicU64::new(next),
            reserved: AtomicU64::new(next + BLOCK),
            changed: Mutex::default(),
            wake: Notify::new(),
            written: tokio::sync::Mutex::new(written),
        })
    }

    /// A new id; nothing if the block is used up and the disk does not give another.
    pub(crate) fn allocate(&self) -> Option<DeviceId> {
        let reserved = self.reserved.load(Ordering::Acquire);
        let id =
            self.next.fetch_update(Ordering::AcqRel, Ordering::Acquire, |next| (next < reserved).then_some(next + 1));
        if id.map_or(true, |id| reserved - id < BLOCK / 2) {
            self.wake.notify_one();
        }
        id.ok().map(DeviceId)
    }

    /// A device is new, changed or gone.
    pub(crate) fn mark(&self, devices: impl IntoIterator<Item = DeviceId>) {
        self.changed.lock().extend(devices);
        self.wake.notify_one();
    }

    /// Writes what is marked, for as long as the hub runs.
    pub(crate) async fn keep_writing(
        self: Arc<Self>,
        tree: Arc<SharedTree>,
        storage: Arc<Storage>,
        end: CancellationToken,
    ) {
        let mut failing = false;
        loop {
            tokio::select! {
                () = end.cancelled() => return,
                () = self.wake.notified() => {}
            }
            tokio::time::sleep(if failing { RETRY } else { COLLECT }).await;
            let result = match self.reserve(&storage).await {
                Ok(()) => self.flush(&tree, &storage).await,
                Err(error) => Err(error),
            };
            if let Err(error) = &result {
                if !failing {
                    tracing::error!("devices cannot be kept on the disk now: {error}");
                }
                self.wake.notify_one();
            }
            failing = result.is_err();
        }
    }

    /// Reserves another block when the current one is half used.
    async fn reserve(&self, storage: &Storage) -> Result<(), Error> {
        let reserved = self.reserved.load(Ordering::Acquire);
        if reserved.saturating_sub(self.next.load(Ordering::Acquire)) >= BLOCK / 2 {
            return Ok(());
        }
        let more = reserved + BLOCK;
        storage.run(move |connection| rows::set_meta(connection, RESERVED, more)).await?;
        self.reserved.store(more, Ordering::Release);
        Ok(())
    }

    /// Gives back what was reserved and not given. Nothing may be described afterwards.
    pub(crate) async fn close(&self, storage: &Storage) -> Result<(), Error> {
        self.reserved.store(0, Ordering::Release);
        let next = self.next.load(Ordering::Acquire);
        storage.run(move |connection| rows::set_meta(connection, RESERVED, next)).await
    }

    /// Writes everything that is marked. Durable when it answers `Ok`; what could not be written stays marked.
    pub(crate) async fn flush(&self, tree: &SharedTree, storage: &Storage) -> Result<(), Error> {
        let mut written = self.written.lock().await;
        let mut marked: Vec<DeviceId> = self.changed.lock().drain().collect();
        // Gone devices first: another one may have come for the same key.
        marked.sort_unstable();
        let (mut kept, gone): (Vec<DeviceId>, Vec<DeviceId>) =
            tree.read(|tree| marked.iter().partition(|id| tree.device(**id).is_some()));
        let result = self.forget(&gone, &mut written, storage).await;
        if result.is_err() {
            self.changed.lock().extend(marked);
            return result;
        }
        while !kept.is_empty() {
            let chunk = kept.split_off(kept.len().saturating_sub(CHUNK));
            if let Err(error) = self.keep(&chunk, &mut written, tree, storage).await {
                self.changed.lock().extend(kept.into_iter().chain(chunk));
                return Err(error);
            }
        }
        Ok(())
    }

    async fn forget(
        &self,
        gone: &[DeviceId],
        written: &mut HashMap<DeviceId, u64>,
        storage: &Storage,
    ) -> Result<(), Error> {
        let gone: Vec<DeviceId> = gone.iter().copied().filter(|id| written.contains_key(id)).collect();
        if gone.is_empty() {
            return Ok(());
        }
        let ids = gone.clone();
        storage.run(move |connection| ids.iter().try_for_each(|id| rows::forget_device(connection, *id))).await?;
        for id in gone {
            written.remove(&id);
        }
        Ok(())
    }

    async fn keep(
        &self,
        chunk: &[DeviceId],
        written: &mut HashMap<DeviceId, u64>,
        tree: &SharedTree,
        storage: &Storage,
    ) -> Result<(), Error> {
        // Copied under the lock; made into text outside it.
        let described: Vec<_> = tree.read(|tree| {
            let devices = chunk.iter().filter_map(|id| tree.device(*id));
            devices.map(|device| (device.id, device.instance, device.missing, describe(tree, device))).collect()
        });
        let mut new = Vec::with_capacity(described.len());
        for (id, instance, missing, description) in described {
            let text = serde_json::to_string(&description).map_err(|error| Error::Storage(error.to_string()))?;
            let row = DeviceRow { id, instance, key: description.id, missing, description: text };
            let hash = hash(&row);
            // Providers describe the same devices in every session.
            if written.get(&id) != Some(&hash) {
                new.push((row, hash));
            }
        }
        if new.is_empty() {
            return Ok(());
        }
        let hashes: Vec<(DeviceId, u64)> = new.iter().map(|(row, hash)| (row.id, *hash)).collect();
        storage.run(move |connection| new.iter().try_for_each(|(row, _)| rows::keep_device(connection, row))).await?;
        written.extend(hashes);
        Ok(())
    }
}

fn hash(row: &DeviceRow) -> u64 {
    let mut hasher = DefaultHasher::new();
    (row.missing, &row.description).hash(&mut hasher);
    hasher.finish()
}

/// A device as it was described.
fn describe(tree: &Tree, device: &Device) -> DeviceDescription {
    let entities = device.entities.iter().map(|entity| EntityDescription {
        id: entity.id.to_string(),
        name: entity.name.clone(),
        attributes: entity.attributes.clone(),
        components: tree
            .components(entity)
            .map(|component| ComponentDescription {
                kind: component.kind.name.clone(),
                access: component.access,
                attributes: component.attributes.clone(),
            })
            .collect(),
    });
    DeviceDescription {
        id: device.key.clone(),
        name: device.name.clone(),
        attributes: device.attributes.clone(),
        entities: entities.collect(),
    }
}

#[cfg(test)]
mod tests {
    use igloo_model::{Access, InstanceId};

    use super::*;

    fn description(key: &str) -> DeviceDescription {
        DeviceDescription {
            id: key.to_owned(),
            name: String::from("A lamp"),
            attributes: [(String::from("model"), igloo_model::Value::Text(String::from("m")))].into(),
            entities: vec![EntityDescription {
                id: String::from("bulb"),
                name: String::from("Bulb"),
                attributes: igloo_model::Attributes::new(),
                components: vec![ComponentDescription {
                    kind: String::from("switch"),
                    access: Access::ReadWrite,
                    attributes: igloo_model::Attributes::new(),
                }],
            }],
        }
    }

    fn open(path: &std::path::Path) -> (Registry, Storage, rows::Loaded) {
        let connection = crate::storage::open(path).unwrap();
        let _ = connection.execute_batch(
            "INSERT INTO packages (id, manifest, component_sha256, size) VALUES ('p', '', '', 0);
             INSERT INTO instances (name, package, wanted, config, grants) VALUES ('a', 'p', 0, '{}', '{\"list\":[]}')",
        );
        let loaded = rows::load(&connection).unwrap();
        let registry = Registry::open(&connection, loaded.devices.iter().map(|(row, _)| row)).unwrap();
        (registry, Storage::serve(connection).unwrap(), loaded)
    }

    #[tokio::test]
    async fn ids_are_never_given_twice() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("igloo.db");
        let (registry, storage, _) = open(&path);
        let seen = registry.allocate().unwrap();
        assert_eq!(seen, DeviceId(1));
        // A crash: nothing is given back.
        storage.close();
        let (registry, storage, _) = open(&path);
        let after_crash = registry.allocate().unwrap();
        assert!(after_crash > seen);
        registry.close(&storage).await.unwrap();
        assert_eq!(registry.allocate(), None);
        storage.close();
        let (registry, ..) = open(&path);
        assert_eq!(registry.allocate(), Some(DeviceId(after_crash.0 + 1)), "a clean stop skips none");
    }

    #[tokio::test]
    async fn a_block_that_is_used_up_is_followed_by_another() {
        let directory = tempfile::tempdir().unwrap();
        let (registry, storage, _) = open(&directory.path().join("igloo.db"));
        while registry.allocate().is_some() {}
        registry.reserve(&storage).await.unwrap();
        assert_eq!(registry.allocate(), Some(DeviceId(1 + BLOCK)));
    }

    #[tokio::test]
    async fn devices_are_written_and_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("igloo.db");
        let (registry, storage, _) = open(&path);
        let tree = SharedTree::default();
        let me = InstanceId(1);
        let ids: Vec<DeviceId> = (0..200).map(|_| registry.allocate().unwrap()).collect();
        tree.change(|tree| {
            tree.add_instance(me, "a".parse().unwrap());
            for id in &ids {
                tree.describe(me, *id, description(&id.to_string()), true);
            }
        });
        registry.mark(ids.iter().copied());
        registry.flush(&tree, &storage).await.unwrap();
        // One leaves, and comes back with another id before anything is written.
        let again = registry.allocate().unwrap();
        tree.change(|tree| {
            tree.remove_device(ids[7]);
            tree.describe(me, again, description(&ids[7].to_string()), true);
            tree.begin_session(me);
            tree.describe(me, again, description(&ids[7].to_string()), true);
            tree.complete(me);
        });
        registry.mark(ids.iter().copied().chain([again]));
        registry.flush(&tree, &storage).await.unwrap();
        storage.close();

        let (_, _, loaded) = open(&path);
        assert_eq!(loaded.devices.len(), 200);
        assert!(loaded.devices.iter().all(|(row, _)| row.id != ids[7]));
        let (row, found) = loaded.devices.iter().find(|(row, _)| row.id == again).unwrap();
        assert!(!row.missing);
        assert_eq!(*found, description(&ids[7].to_string()));
        assert_eq!(loaded.devices.iter().filter(|(row, _)| row.missing).count(), 199);
    }
}
