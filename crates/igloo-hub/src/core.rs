//! Everything that a running hub has, opened and closed in the right order.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use igloo_engine::Roots;
use igloo_model::{DeviceDescription, InstanceId};
use igloo_protocol::Manifest;
use parking_lot::RwLock;
use tokio::{runtime::Handle, sync::broadcast};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    commands::Commands,
    directory::Directory,
    engines::Engines,
    error::Error,
    events::{self, HubEvent},
    groups::Groups,
    hub::Options,
    info::{InstanceRef, PackageId},
    logs::{self, LogLine},
    managed::{Managed, Owned},
    package_files,
    packages::{Package, StoredFile},
    registry::Registry,
    roots::OwnRoots,
    shared_tree::{SharedTree, now},
    snapshot,
    storage::{
        self, Storage,
        rows::{self, DeviceRow, InstanceRow, Loaded, ValueRow},
    },
    supervisor,
};

/// See the module's words. Everything in it is shared by all tasks of the hub.
#[derive(Debug)]
pub(crate) struct Core {
    // The database is closed before the directory is given back: fields are dropped in this order.
    pub(crate) storage: Arc<Storage>,
    pub(crate) directory: Directory,
    pub(crate) tree: Arc<SharedTree>,
    pub(crate) engines: Engines,
    pub(crate) api_addresses: Vec<SocketAddr>,
    /// The hub's own threads: guests never run on them.
    pub(crate) runtime: Handle,
    pub(crate) registry: Arc<Registry>,
    pub(crate) packages: RwLock<BTreeMap<PackageId, Arc<Package>>>,
    pub(crate) instances: RwLock<HashMap<InstanceId, Arc<Managed>>>,
    pub(crate) groups: Groups,
    /// The owner's, and what providers see of all of them.
    pub(crate) own_roots: OwnRoots,
    pub(crate) roots: Arc<Roots>,
    pub(crate) commands: Commands,
    /// Held by whoever changes what the owner decided, so that memory and disk change in the same order.
    pub(crate) changes: tokio::sync::Mutex<()>,
    /// The tree's revision that the last snapshot kept.
    pub(crate) snapshot: tokio::sync::Mutex<u64>,
    pub(crate) log_lines: broadcast::Sender<Arc<LogLine>>,
    pub(crate) events: broadcast::Sender<HubEvent>,
    pub(crate) started: i64,
    stopping: AtomicBool,
    supervisors: TaskTracker,
    /// Ends the tasks that write to the disk.
    end: CancellationToken,
}

/// What opening the directory and its database gives.
type Opened = (Directory, Storage, Registry, Commands, Loaded);

fn open_directory(options: &Options) -> Result<Opened, Error> {
    let directory = Directory::open(&options.data)?;
    let mut connection = storage::open(&directory.database())?;
    let loaded = rows::load(&connection).map_err(|error| storage::explain(&error))?;
    let devices = loaded.devices.iter().map(|(row, _)| row);
    let (registry, commands) = connection
        .transaction()
        .and_then(|transaction| {
            let opened = (Registry::open(&transaction, devices)?, Commands::open(&transaction)?);
            transaction.commit().map(|()| opened)
        })
        .map_err(|error| storage::explain(&error))?;
    let known: HashSet<&str> = loaded.packages.iter().map(|package| package.id.as_str()).collect();
    if let Err(error) = package_files::tidy(&directory.packages(), &known) {
        tracing::warn!("what belongs to no package could not be removed: {error}");
    }
    Ok((directory, Storage::serve(connection)?, registry, commands, loaded))
}

impl Core {
    /// Opens everything and starts what is to run. Waits for no provider.
    pub(crate) async fn open(options: Options) -> Result<Arc<Self>, Error> {
        let runtime = Handle::current();
        let opened = runtime.spawn_blocking(move || {
            let mut opened = open_directory(&options)?;
            let engines = Engines::new(options.engine).map_err(|error| Error::Storage(error.to_string()))?;
            let own_roots = OwnRoots::new(std::mem::take(&mut opened.4.roots));
            let ssl = opened.0.ssl();
            let roots = Roots::open(ssl.clone(), &own_roots.certificates())
                .map_err(|error| Error::Storage(format!("{}: {error}", ssl.display())))?;
            Ok::<_, Error>((opened, engines, own_roots, roots, options.api_addresses))
        });
        let ((directory, storage, registry, commands, loaded), engines, own_roots, roots, api_addresses) =
            opened.await.map_err(|error| Error::Storage(error.to_string()))??;
        let core = Arc::new(Self {
            storage: Arc::new(storage),
            directory,
            tree: Arc::default(),
            engines,
            api_addresses,
            runtime,
            registry: Arc::new(registry),
            packages: RwLock::default(),
            instances: RwLock::default(),
            groups: Groups::new(loaded.groups),
            own_roots,
            roots,
            commands,
            changes: tokio::sync::Mutex::default(),
            snapshot: tokio::sync::Mutex::default(),
            log_lines: broadcast::Sender::new(logs::FOLLOWED),
            events: broadcast::Sender::new(events::KEPT),
            started: now(),
            stopping: AtomicBool::new(false),
            supervisors: TaskTracker::new(),
            end: CancellationToken::new(),
        });
        for row in &loaded.packages {
            core.restore_package(row);
        }
        let restored: Vec<Arc<Managed>> =
            loaded.instances.into_iter().filter_map(|row| core.restore_instance(row)).collect();
        *core.snapshot.lock().await = core.restore_devices(loaded.devices, loaded.values);
        let writing = core.registry.clone().keep_writing(core.tree.clone(), core.storage.clone(), core.end.clone());
        core.runtime.spawn(writing);
        core.runtime.spawn(snapshot::keep_taking(core.clone(), core.end.clone()));
        for managed in restored {
            core.supervise(managed);
        }
        Ok(core)
    }

    fn restore_package(self: &Arc<Self>, row: &rows::PackageRow) {
        let (id, manifest) = match (row.id.parse::<PackageId>(), Manifest::parse(&row.manifest)) {
            (Ok(id), Ok(manifest)) => (id, manifest),
            (Err(error), _) => return tracing::error!("a package is skipped: {error}"),
            (_, Err(error)) => return tracing::error!("the package {} is skipped: {error}", row.id),
        };
        let package = self.packaged(id.clone(), manifest, row);
        self.packages.write().insert(id, package.clone());
        self.compile(&package);
    }

    /// A package whose files are in their place.
    pub(crate) fn packaged(&self, id: PackageId, manifest: Manifest, row: &rows::PackageRow) -> Arc<Package> {
        let packages = self.directory.packages();
        let stored = |sha256: &Option<String>, path| sha256.clone().map(|sha256| StoredFile { path, sha256 });
        let component = stored(&row.component_sha256, package_files::component(&packages, &id));
        let executable = stored(&row.executable_sha256, package_files::executable(&packages, &id));
        let files = stored(&row.files_sha256, package_files::unpacked(&packages, &id));
        Package::new(id, manifest, row.size, component, executable, files)
    }

    /// Begins to compile a package in the background, where there is something to compile.
    pub(crate) fn compile(self: &Arc<Self>, package: &Arc<Package>) {
        if !package.has_component() {
            return;
        }
        let (core, package) = (self.clone(), package.clone());
        self.runtime.spawn(async move {
            // A failure is in the package's state.
            let _ = package.prepared(&core).await;
        });
    }

    fn restore_instance(&self, row: InstanceRow) -> Option<Arc<Managed>> {
        let package = row.package.parse().ok().and_then(|id: PackageId| self.packages.read().get(&id).cloned());
        let (Some(package), Ok(name)) = (package, row.name.parse()) else {
            tracing::error!("the instance {} ({}) is skipped: its package cannot be used", row.id, row.name);
            return None;
        };
        let owned =
            Owned { name, package, wanted: row.wanted, config: row.config, grants: row.grants, run_as: row.run_as };
        Some(self.add_managed(row.id, owned))
    }

    /// Puts an instance in its places. Its supervisor is begun by [`Core::supervise`].
    pub(crate) fn add_managed(&self, id: InstanceId, owned: Owned) -> Arc<Managed> {
        self.tree.change(|tree| tree.add_instance(id, owned.name.clone()));
        let managed = Managed::new(self, id, owned);
        self.instances.write().insert(id, managed.clone());
        managed
    }

    pub(crate) fn supervise(self: &Arc<Self>, managed: Arc<Managed>) {
        self.supervisors.spawn_on(supervisor::supervise(self.clone(), managed), &self.runtime);
    }

    /// Puts devices and values from before into the tree, and answers its revision then.
    fn restore_devices(&self, devices: Vec<(DeviceRow, DeviceDescription)>, values: Vec<ValueRow>) -> u64 {
        self.tree.change(|tree| {
            for (row, description) in devices {
                if tree.instance_name(row.instance).is_none() {
                    continue;
                }
                if let Err(error) = tree.check_description(row.instance, &description) {
                    tracing::error!("the device {} is skipped: {error}", row.id);
                    continue;
                }
                tree.describe(row.instance, row.id, description, false);
                if row.missing {
                    tree.set_missing(row.id);
                }
            }
            for row in values {
                tree.restore(row.device, &row.entity, &row.kind, row.value, row.updated, row.time);
            }
            tree.revision()
        })
    }

    /// Tells who listens.
    pub(crate) fn tell(&self, event: HubEvent) {
        // An error means that nobody listens.
        let _ = self.events.send(event);
    }

    /// The instance of a name or an id.
    pub(crate) fn find(&self, which: &InstanceRef) -> Result<Arc<Managed>, Error> {
        let instances = self.instances.read();
        let found = match which {
            InstanceRef::Id(id) => instances.get(id),
            InstanceRef::Name(name) => instances.values().find(|managed| managed.owned.lock().name == *name),
        };
        found.cloned().ok_or_else(|| Error::NotFound(format!("there is no instance '{which}'")))
    }

    pub(crate) fn check_running(&self) -> Result<(), Error> {
        if self.stopping.load(Ordering::Acquire) {
            return Err(Error::Busy(String::from("the hub is stopping")));
        }
        Ok(())
    }

    /// Ends all instances' supervisors, without waiting for them.
    pub(crate) fn end_instances(&self) {
        self.stopping.store(true, Ordering::Release);
        for managed in self.instances.read().values() {
            managed.wish(|wish| wish.gone = true);
        }
        self.supervisors.close();
    }

    /// Ends everything without waiting.
    pub(crate) fn abandon(&self) {
        self.end_instances();
        self.end.cancel();
    }

    /// Ends everything in order.
    pub(crate) async fn shutdown(self: &Arc<Self>) {
        self.end_instances();
        // Whoever is changing something finishes; nobody begins.
        drop(self.changes.lock().await);
        self.supervisors.wait().await;
        let kept = async {
            self.take_snapshot().await?;
            self.registry.flush(&self.tree, &self.storage).await?;
            self.registry.close(&self.storage).await
        };
        match kept.await {
            Ok(()) | Err(Error::Busy(_)) => {}
            Err(error) => tracing::error!("the newest values could not be kept: {error}"),
        }
        self.end.cancel();
        let core = self.clone();
        let closed = self.runtime.spawn_blocking(move || {
            core.storage.close();
            core.directory.unlock();
        });
        if closed.await.is_err() {
            tracing::error!("the database was not closed in order");
        }
    }
}
