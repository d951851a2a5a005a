//! The hub's public face.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use igloo_model::{DeviceId, InstanceId, InstanceName, Query};
use igloo_protocol::{Grant, grants::Mode};
use serde_json::Value as Json;

use crate::{
    denials::DenialRecord,
    error::Error,
    events::EventStream,
    info::{
        CommandFailure, CommandRequest, CommandResult, GroupId, GroupInfo, InstanceInfo, InstanceRef, NewInstance,
        PackageId, PackageInfo, Target,
    },
    logs::{LogLine, LogStream},
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

/// The home. Cheap to clone; all clones are one hub.
#[derive(Clone, Debug)]
pub struct Hub;

const LATER: &str = "not yet";

impl Hub {
    /// Opens the data directory, restores devices and last values, and begins to start instances in the background.
    /// Returns at once whatever providers do. An [`Error::Conflict`] says that another hub has the directory.
    pub async fn open(options: Options) -> Result<Self, Error> {
        drop(options);
        Err(Error::Busy(LATER.to_owned()))
    }

    /// Stops all instances, keeps their values, closes storage. Everything asked afterwards fails.
    pub async fn shutdown(&self) {}

    /// Installs a package: checks it, stores it durably under its hash, and begins to compile it. One that is there
    /// already is no error.
    pub async fn add_package(&self, manifest: String, component: Vec<u8>) -> Result<PackageInfo, Error> {
        drop((manifest, component));
        Err(Error::Busy(LATER.to_owned()))
    }

    /// All packages, by name and version.
    #[must_use]
    pub fn packages(&self) -> Vec<PackageInfo> {
        Vec::new()
    }

    /// Removes a package that no instance uses.
    pub async fn remove_package(&self, id: &PackageId) -> Result<(), Error> {
        let _ = id;
        Err(Error::Busy(LATER.to_owned()))
    }

    /// Adds an instance, and starts it if asked to.
    pub async fn add_instance(&self, request: NewInstance) -> Result<InstanceInfo, Error> {
        drop(request);
        Err(Error::Busy(LATER.to_owned()))
    }

    /// All instances, by name.
    #[must_use]
    pub fn instances(&self) -> Vec<InstanceInfo> {
        Vec::new()
    }

    /// One instance.
    pub fn instance(&self, which: &InstanceRef) -> Result<InstanceInfo, Error> {
        Err(Error::NotFound(which.to_string()))
    }

    /// Stops an instance and forgets it: devices, values, store and private directory.
    pub async fn remove_instance(&self, which: &InstanceRef) -> Result<(), Error> {
        Err(Error::NotFound(which.to_string()))
    }

    /// Starts an instance, also one in quarantine, with a new budget of failures. Durable: it runs after a restart of
    /// the hub too.
    pub async fn start(&self, which: &InstanceRef) -> Result<InstanceInfo, Error> {
        Err(Error::NotFound(which.to_string()))
    }

    /// Stops an instance, and answers when it has ended. Durable.
    pub async fn stop(&self, which: &InstanceRef) -> Result<InstanceInfo, Error> {
        Err(Error::NotFound(which.to_string()))
    }

    /// Stops and starts an instance, with a new budget of failures.
    pub async fn restart(&self, which: &InstanceRef) -> Result<InstanceInfo, Error> {
        Err(Error::NotFound(which.to_string()))
    }

    /// Moves an instance to another version of its package. [`Error::Wants`] if that asks for more: grant it first.
    pub async fn update_instance(&self, which: &InstanceRef, package: PackageId) -> Result<InstanceInfo, Error> {
        drop(package);
        Err(Error::NotFound(which.to_string()))
    }

    /// Gives an instance another name.
    pub async fn rename_instance(&self, which: &InstanceRef, name: InstanceName) -> Result<InstanceInfo, Error> {
        drop(name);
        Err(Error::NotFound(which.to_string()))
    }

    /// Configures an instance and restarts it. `•••` keeps a secret as it is.
    pub async fn configure(&self, which: &InstanceRef, config: Json) -> Result<InstanceInfo, Error> {
        drop(config);
        Err(Error::NotFound(which.to_string()))
    }

    /// Grants something. In force at once; the instance restarts where a running one cannot take it over.
    pub async fn grant(&self, which: &InstanceRef, grant: Grant) -> Result<InstanceInfo, Error> {
        drop(grant);
        Err(Error::NotFound(which.to_string()))
    }

    /// Takes a grant back. In force at once: the instance is ended and started again.
    pub async fn revoke(&self, which: &InstanceRef, grant: Grant) -> Result<InstanceInfo, Error> {
        drop(grant);
        Err(Error::NotFound(which.to_string()))
    }

    /// Whether what is not granted is refused or only recorded.
    pub async fn set_mode(&self, which: &InstanceRef, mode: Mode) -> Result<InstanceInfo, Error> {
        let _ = mode;
        Err(Error::NotFound(which.to_string()))
    }

    /// The devices that the query matches, with those of their components that it matches.
    #[must_use]
    pub fn devices(&self, query: &Query) -> Vec<DeviceView> {
        let _ = query;
        Vec::new()
    }

    /// One device.
    pub fn device(&self, id: DeviceId) -> Result<DeviceView, Error> {
        Err(Error::NotFound(id.to_string()))
    }

    /// Forgets a device that is missing or whose instance does not run.
    pub async fn forget_device(&self, id: DeviceId) -> Result<(), Error> {
        Err(Error::NotFound(id.to_string()))
    }

    /// What a path names: `instance/device[/entity]` or `d3[/entity]`.
    pub fn resolve(&self, path: &str) -> Result<Target, Error> {
        Err(Error::NotFound(path.to_owned()))
    }

    /// Carries out a command. Always answers, with one outcome. Dropping the future does not take the command back.
    pub async fn command(&self, request: CommandRequest) -> CommandResult {
        drop(request);
        CommandResult { id: 0, outcome: crate::CommandOutcome::Busy, elapsed: Duration::ZERO }
    }

    /// Runs one of an instance's actions.
    pub async fn action(
        &self,
        which: &InstanceRef,
        name: &str,
        parameters: Json,
        deadline: Duration,
    ) -> Result<Json, CommandFailure> {
        drop((which, name, parameters, deadline));
        Err(CommandFailure::Busy)
    }

    /// Follows what the query matches. The first answer is the current state.
    #[must_use]
    pub fn watch(&self, query: Query) -> Watch {
        Watch::new(std::sync::Arc::default(), query)
    }

    /// All groups, by id.
    #[must_use]
    pub fn groups(&self) -> Vec<GroupInfo> {
        Vec::new()
    }

    /// Adds a group.
    pub async fn create_group(&self, name: &str) -> Result<GroupInfo, Error> {
        Err(Error::NotFound(name.to_owned()))
    }

    /// Gives a group another name.
    pub async fn rename_group(&self, id: GroupId, name: &str) -> Result<GroupInfo, Error> {
        let _ = name;
        Err(Error::NotFound(id.to_string()))
    }

    /// Removes a group. Its devices stay.
    pub async fn delete_group(&self, id: GroupId) -> Result<(), Error> {
        Err(Error::NotFound(id.to_string()))
    }

    /// Puts devices into a group.
    pub async fn add_to_group(&self, id: GroupId, devices: &[DeviceId]) -> Result<GroupInfo, Error> {
        let _ = devices;
        Err(Error::NotFound(id.to_string()))
    }

    /// Takes devices out of a group.
    pub async fn remove_from_group(&self, id: GroupId, devices: &[DeviceId]) -> Result<GroupInfo, Error> {
        let _ = devices;
        Err(Error::NotFound(id.to_string()))
    }

    /// The newest log lines of one instance or of all, oldest first.
    pub fn logs(&self, which: Option<&InstanceRef>, last: usize) -> Result<Vec<LogLine>, Error> {
        let _ = (which, last);
        Ok(Vec::new())
    }

    /// The log lines from now on.
    #[must_use]
    pub fn follow_logs(&self, which: Option<InstanceId>) -> LogStream {
        LogStream { lines: tokio::sync::broadcast::channel(1).1, of: which }
    }

    /// What one instance or all were denied, the most recent last.
    pub fn denials(&self, which: Option<&InstanceRef>) -> Result<Vec<DenialRecord>, Error> {
        let _ = which;
        Ok(Vec::new())
    }

    /// What happens in the hub from now on.
    #[must_use]
    pub fn follow_events(&self) -> EventStream {
        EventStream(tokio::sync::broadcast::channel(1).1)
    }
}
