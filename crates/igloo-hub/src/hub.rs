//! The hub's public face.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use igloo_model::{DeviceId, InstanceId, InstanceName, Query};
use igloo_protocol::{Grant, RunAsChoice, grants::Mode};
use serde_json::Value as Json;

use crate::{
    core::Core,
    denials::DenialRecord,
    doctor::Diagnosis,
    error::Error,
    events::EventStream,
    info::{
        CommandFailure, CommandRequest, CommandResult, GroupId, GroupInfo, InstanceInfo, InstanceRef, NewInstance,
        PackageId, PackageInfo, RootInfo, Target,
    },
    logs::{LogLine, LogStream},
    managed::Managed,
    package_files::PackageFiles,
    session::SessionHome,
    view::DeviceView,
    watch::Watch,
};

/// How to open a hub.
#[derive(Clone, Debug)]
pub struct Options {
    /// The data directory: made if it is not there, with nobody's access but the owner's.
    pub data: PathBuf,
    /// How providers run.
    pub engine: igloo_engine::component::EngineOptions,
    /// Where the hub's own API listens: never grantable.
    pub api_addresses: Vec<SocketAddr>,
}

/// The home. Cheap to clone; all clones are one hub. When the last is dropped without a shutdown, everything ends
/// without waiting.
#[derive(Clone, Debug)]
pub struct Hub(Arc<Owner>);

#[derive(Debug)]
struct Owner(Arc<Core>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl Hub {
    /// Opens the data directory, restores devices and last values, and begins to start instances in the background.
    /// Returns at once whatever providers do. An [`Error::Conflict`] says that another hub has the directory.
    pub async fn open(options: Options) -> Result<Self, Error> {
        Ok(Self(Arc::new(Owner(Core::open(options).await?))))
    }

    /// Stops all instances, keeps their values, closes storage. Everything asked afterwards fails.
    pub async fn shutdown(&self) {
        let core = self.core();
        let done = core.runtime.clone().spawn(async move { core.shutdown().await });
        if done.await.is_err() {
            tracing::error!("the hub was not shut down in order");
        }
    }

    fn core(&self) -> Arc<Core> {
        self.0.0.clone()
    }

    /// Runs a change to its end also where the caller goes away: memory and disk must not part.
    async fn change<T: Send + 'static>(
        &self,
        change: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let done = self.0.0.runtime.spawn(change).await;
        done.unwrap_or_else(|_| Err(Error::Busy(String::from("the hub is stopping"))))
    }

    /// Installs a package: checks it, stores it durably under its hash, and begins to compile it. One that is there
    /// already is no error.
    pub async fn add_package(&self, manifest: String, files: impl Into<PackageFiles>) -> Result<PackageInfo, Error> {
        let (core, files) = (self.core(), files.into());
        self.change(async move { core.add_package(manifest, files).await }).await
    }

    /// All packages, by name and version.
    #[must_use]
    pub fn packages(&self) -> Vec<PackageInfo> {
        let mut packages: Vec<PackageInfo> = self.0.0.packages.read().values().map(|package| package.info()).collect();
        packages.sort_by(|a, b| (&a.name, &a.version, &a.id).cmp(&(&b.name, &b.version, &b.id)));
        packages
    }

    /// Removes a package that no instance uses.
    pub async fn remove_package(&self, id: &PackageId) -> Result<(), Error> {
        let (core, id) = (self.core(), id.clone());
        self.change(async move { core.remove_package(id).await }).await
    }

    /// Adds an instance, and starts it if asked to.
    pub async fn add_instance(&self, request: NewInstance) -> Result<InstanceInfo, Error> {
        let core = self.core();
        self.change(async move { core.add_instance(request).await }).await
    }

    /// All instances, by name.
    #[must_use]
    pub fn instances(&self) -> Vec<InstanceInfo> {
        let managed: Vec<Arc<Managed>> = self.0.0.instances.read().values().cloned().collect();
        let mut instances: Vec<InstanceInfo> = managed.iter().map(|managed| managed.info(&self.0.0)).collect();
        instances.sort_by(|a, b| a.name.cmp(&b.name));
        instances
    }

    /// One instance.
    pub fn instance(&self, which: &InstanceRef) -> Result<InstanceInfo, Error> {
        Ok(self.0.0.find(which)?.info(&self.0.0))
    }

    /// Stops an instance and forgets it: devices, values, store and private directory.
    pub async fn remove_instance(&self, which: &InstanceRef) -> Result<(), Error> {
        let (core, which) = (self.core(), which.clone());
        self.change(async move { core.remove_instance(&which).await }).await
    }

    /// Starts an instance, also one in quarantine, with a new budget of failures; one that runs is left as it is.
    /// Durable: it runs after a restart of the hub too.
    pub async fn start(&self, which: &InstanceRef) -> Result<InstanceInfo, Error> {
        let (core, which) = (self.core(), which.clone());
        self.change(async move { core.start(&which, false).await }).await
    }

    /// Stops an instance, and answers when it has ended. Durable.
    pub async fn stop(&self, which: &InstanceRef) -> Result<InstanceInfo, Error> {
        let (core, which) = (self.core(), which.clone());
        self.change(async move { core.stop(&which).await }).await
    }

    /// Stops an instance if it runs and starts it, with a new budget of failures. Durable as [`Hub::start`] is.
    pub async fn restart(&self, which: &InstanceRef) -> Result<InstanceInfo, Error> {
        let (core, which) = (self.core(), which.clone());
        self.change(async move { core.start(&which, true).await }).await
    }

    /// Moves an instance to another version of its package. [`Error::Wants`] if that needs more: grant it first. If the
    /// new version fails in its first minute, the old one comes back.
    pub async fn update_instance(&self, which: &InstanceRef, package: PackageId) -> Result<InstanceInfo, Error> {
        let (core, which) = (self.core(), which.clone());
        self.change(async move { core.update_instance(&which, package).await }).await
    }

    /// Gives an instance another name.
    pub async fn rename_instance(&self, which: &InstanceRef, name: InstanceName) -> Result<InstanceInfo, Error> {
        let (core, which) = (self.core(), which.clone());
        self.change(async move { core.rename_instance(&which, name).await }).await
    }

    /// Changes how an instance runs, and starts it anew. A choice of nothing is what the package says.
    pub async fn run_as(&self, which: &InstanceRef, choice: RunAsChoice) -> Result<InstanceInfo, Error> {
        let (core, which) = (self.core(), which.clone());
        self.change(async move { core.run_as(&which, choice).await }).await
    }

    /// Configures an instance and restarts it. `•••` keeps a secret as it is.
    pub async fn configure(&self, which: &InstanceRef, config: Json) -> Result<InstanceInfo, Error> {
        let (core, which) = (self.core(), which.clone());
        self.change(async move { core.configure(&which, config).await }).await
    }

    /// Grants something. In force at once; the instance restarts where a running one cannot take it over.
    pub async fn grant(&self, which: &InstanceRef, grant: Grant) -> Result<InstanceInfo, Error> {
        let (core, which) = (self.core(), which.clone());
        self.change(async move { core.grant(&which, grant).await }).await
    }

    /// Takes a grant back. In force at once: the instance is ended and started again. An [`Error::Storage`] says that it
    /// is in force, but not after the hub's next start.
    pub async fn revoke(&self, which: &InstanceRef, grant: Grant) -> Result<InstanceInfo, Error> {
        let (core, which) = (self.core(), which.clone());
        self.change(async move { core.revoke(&which, grant).await }).await
    }

    /// Whether what is not granted is refused or only recorded.
    pub async fn set_mode(&self, which: &InstanceRef, mode: Mode) -> Result<InstanceInfo, Error> {
        let (core, which) = (self.core(), which.clone());
        self.change(async move { core.set_mode(&which, mode).await }).await
    }

    /// The devices that the query matches, with those of their components that it matches.
    #[must_use]
    pub fn devices(&self, query: &Query) -> Vec<DeviceView> {
        let core = &self.0.0;
        core.tree.read(|tree| {
            tree.devices().filter_map(|device| DeviceView::of(tree, device, query, core.groups.of(device.id))).collect()
        })
    }

    /// One device.
    pub fn device(&self, id: DeviceId) -> Result<DeviceView, Error> {
        let groups = self.0.0.groups.of(id);
        let view = self.0.0.tree.read(|tree| DeviceView::of(tree, tree.device(id)?, &Query::all(), groups));
        view.ok_or_else(|| Error::NotFound(format!("there is no device {id}")))
    }

    /// Forgets a device that is missing or whose instance does not run.
    pub async fn forget_device(&self, id: DeviceId) -> Result<(), Error> {
        let core = self.core();
        self.change(async move { core.forget_device(id).await }).await
    }

    /// What a path names: `instance/device[/entity]` or `d3[/entity]`.
    pub fn resolve(&self, path: &str) -> Result<Target, Error> {
        let shown = path.escape_debug();
        let (first, rest) = path.split_once('/').map_or((path, None), |(first, rest)| (first, Some(rest)));
        let (device, entity) = match (first.parse::<DeviceId>(), rest) {
            (Ok(id), entity) => (id, entity),
            (Err(_), Some(rest)) => {
                let (key, entity) = rest.split_once('/').map_or((rest, None), |(key, entity)| (key, Some(entity)));
                let which: InstanceRef =
                    first.parse().map_err(|error: igloo_model::ids::InvalidName| Error::Invalid(error.to_string()))?;
                let instance = self.0.0.find(&which)?.id;
                let found = self.0.0.tree.read(|tree| tree.find(instance, key).map(|device| device.id));
                (found.ok_or_else(|| Error::NotFound(format!("there is no device '{shown}'")))?, entity)
            }
            (Err(_), None) => {
                return Err(Error::Invalid(format!(
                    "'{shown}' names no device: write INSTANCE/DEVICE, INSTANCE/DEVICE/ENTITY or an id such as d3"
                )));
            }
        };
        self.0.0.tree.read(|tree| {
            let known = tree.device(device).ok_or_else(|| Error::NotFound(format!("there is no device {device}")))?;
            match entity {
                Some(entity) if known.entities.iter().all(|known| *known.id != *entity) => {
                    Err(Error::NotFound(format!("'{}' has no entity '{}'", known.key, entity.escape_debug())))
                }
                entity => Ok(Target { device, entity: entity.map(str::to_owned) }),
            }
        })
    }

    /// Carries out a command. Always answers, with one outcome. Dropping the future does not take the command back.
    pub async fn command(&self, request: CommandRequest) -> CommandResult {
        self.core().command(request).await
    }

    /// Runs one of an instance's actions. Dropping the future does not take it back.
    pub async fn action(
        &self,
        which: &InstanceRef,
        name: &str,
        parameters: Json,
        deadline: Duration,
    ) -> Result<Json, CommandFailure> {
        self.core().action(which, name, parameters, deadline).await
    }

    /// Follows what the query matches. The first answer is the current state.
    #[must_use]
    pub fn watch(&self, query: Query) -> Watch {
        Watch::new(self.0.0.tree.clone(), query)
    }

    /// All groups, by id.
    #[must_use]
    pub fn groups(&self) -> Vec<GroupInfo> {
        self.0.0.group_list()
    }

    /// Adds a group.
    pub async fn create_group(&self, name: &str) -> Result<GroupInfo, Error> {
        let (core, name) = (self.core(), name.to_owned());
        self.change(async move { core.create_group(name).await }).await
    }

    /// Gives a group another name.
    pub async fn rename_group(&self, id: GroupId, name: &str) -> Result<GroupInfo, Error> {
        let (core, name) = (self.core(), name.to_owned());
        self.change(async move { core.rename_group(id, name).await }).await
    }

    /// Removes a group. Its devices stay.
    pub async fn delete_group(&self, id: GroupId) -> Result<(), Error> {
        let core = self.core();
        self.change(async move { core.delete_group(id).await }).await
    }

    /// Puts devices into a group.
    pub async fn add_to_group(&self, id: GroupId, devices: &[DeviceId]) -> Result<GroupInfo, Error> {
        let (core, devices) = (self.core(), devices.to_vec());
        self.change(async move { core.change_group(id, devices, true).await }).await
    }

    /// Takes devices out of a group.
    pub async fn remove_from_group(&self, id: GroupId, devices: &[DeviceId]) -> Result<GroupInfo, Error> {
        let (core, devices) = (self.core(), devices.to_vec());
        self.change(async move { core.change_group(id, devices, false).await }).await
    }

    /// The owner's own root certificates, by name. Providers and their requests trust them beside the system's.
    #[must_use]
    pub fn roots(&self) -> Vec<RootInfo> {
        self.0.0.root_list()
    }

    /// Adds a root certificate, given as PEM, under this name or its subject's. It holds for the next connection.
    pub async fn add_root(&self, name: Option<&str>, pem: &str) -> Result<RootInfo, Error> {
        let (core, name, pem) = (self.core(), name.map(str::to_owned), pem.to_owned());
        self.change(async move { core.add_root(name, &pem).await }).await
    }

    /// Removes a root certificate. Connections that are open stay open.
    pub async fn remove_root(&self, name: &str) -> Result<(), Error> {
        let (core, name) = (self.core(), name.to_owned());
        self.change(async move { core.remove_root(&name).await }).await
    }

    /// The newest log lines of one instance or of all, oldest first.
    pub fn logs(&self, which: Option<&InstanceRef>, last: usize) -> Result<Vec<LogLine>, Error> {
        let mut lines: Vec<Arc<LogLine>> = Vec::new();
        for managed in self.those(which)? {
            lines.extend(managed.log.lock().last(last).cloned());
        }
        lines.sort_by_key(|line| line.time);
        let surplus = lines.len().saturating_sub(last);
        Ok(lines.iter().skip(surplus).map(|line| LogLine::clone(line)).collect())
    }

    /// The log lines from now on.
    #[must_use]
    pub fn follow_logs(&self, which: Option<InstanceId>) -> LogStream {
        LogStream { lines: self.0.0.log_lines.subscribe(), of: which }
    }

    /// What one instance or all were denied, the most recent last.
    pub fn denials(&self, which: Option<&InstanceRef>) -> Result<Vec<DenialRecord>, Error> {
        let mut denials: Vec<DenialRecord> = Vec::new();
        for managed in self.those(which)? {
            denials.extend(managed.denials.lock().list().cloned());
        }
        denials.sort_by_key(|denial| denial.last);
        Ok(denials)
    }

    /// Which protections providers have, and which this machine lacks.
    pub async fn diagnose(&self) -> Diagnosis {
        self.0.0.diagnose().await
    }

    /// When the hub was opened, in nanoseconds since 1970.
    #[must_use]
    pub fn started(&self) -> i64 {
        self.0.0.started
    }

    /// What happens in the hub from now on.
    #[must_use]
    pub fn follow_events(&self) -> EventStream {
        EventStream(self.0.0.events.subscribe())
    }

    /// What a running instance's provider reaches of its home, for measuring it and for tests of durability.
    #[doc(hidden)]
    #[must_use]
    pub fn home_of(&self, which: &InstanceRef) -> Option<Arc<dyn igloo_engine::Home>> {
        let session = self.0.0.find(which).ok()?.current_session()?;
        Some(Arc::new(SessionHome(session)))
    }

    /// Keeps the newest values now, for tests of durability.
    #[doc(hidden)]
    pub async fn keep_values(&self) -> Result<(), Error> {
        self.0.0.take_snapshot().await
    }

    /// One instance, or all.
    fn those(&self, which: Option<&InstanceRef>) -> Result<Vec<Arc<Managed>>, Error> {
        match which {
            Some(which) => Ok(vec![self.0.0.find(which)?]),
            None => Ok(self.0.0.instances.read().values().cloned().collect()),
        }
    }
}
