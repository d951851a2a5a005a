//! A hub of its own in a temporary directory, with a provider in it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use igloo_engine::component::EngineOptions;
use igloo_hub::{
    CommandFailure, CommandOutcome, CommandRequest, ComponentView, DeviceView, Error, Hub, InstanceInfo, InstanceRef,
    NewInstance, Options, PackageFiles, State,
};
use igloo_model::Query;
use igloo_protocol::{Grants, RunAs, RunAsChoice};
use serde_json::Value as Json;
use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout_at};

use crate::PATIENCE;

/// Between two looks at something that tells nobody when it changes.
const STEP: Duration = Duration::from_millis(10);

/// A running hub.
#[derive(Debug)]
pub struct Home {
    /// The hub.
    pub hub: Hub,
    engine: EngineOptions,
    data: TempDir,
}

/// The project's root.
#[must_use]
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn options(data: &TempDir, engine: &EngineOptions) -> Options {
    Options { data: data.path().join("data"), engine: engine.clone(), api_addresses: Vec::new() }
}

impl Home {
    /// Opens an empty home.
    pub async fn open() -> Self {
        // Compiled code is the same for all tests.
        Self::open_with(EngineOptions::new(workspace().join("target/tmp/real-tests-cache"))).await
    }

    /// Opens an empty home with the command, which starts what is isolated.
    pub async fn open_with_launcher() -> Self {
        let launcher = workspace().join("target/release/igloo");
        assert!(launcher.is_file(), "{}: run `cargo build --release -p igloo`", launcher.display());
        let engine = EngineOptions::new(workspace().join("target/tmp/real-tests-cache"));
        Self::open_with(engine.launcher(launcher.canonicalize().unwrap())).await
    }

    async fn open_with(engine: EngineOptions) -> Self {
        let data = tempfile::tempdir().unwrap();
        Self { hub: Hub::open(options(&data, &engine)).await.unwrap(), engine, data }
    }

    /// Ends the hub and opens its directory again.
    pub async fn reopen(self) -> Self {
        self.hub.shutdown().await;
        drop(self.hub);
        // A program that another test is starting has the directory's lock too, from its fork to its exec.
        let deadline = Instant::now() + PATIENCE;
        loop {
            match Hub::open(options(&self.data, &self.engine)).await {
                Ok(hub) => return Self { hub, engine: self.engine, data: self.data },
                Err(Error::Conflict(_)) if Instant::now() < deadline => sleep(STEP).await,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Installs a provider of this workspace and starts it.
    pub async fn install(&self, package: &str, grants: &[String], config: Json) -> InstanceInfo {
        let grants: Vec<&str> = grants.iter().map(String::as_str).collect();
        self.install_as(package, None, &grants, config).await
    }

    /// Installs a provider of this workspace and starts it this way, or as its package says.
    pub async fn install_as(
        &self,
        package: &str,
        run_as: Option<RunAs>,
        grants: &[&str],
        config: Json,
    ) -> InstanceInfo {
        let folder = workspace().join("target/packages").join(package);
        let hint = format!("run `cargo xtask build-guests {package}`");
        self.install_folder(&folder, &hint, run_as, grants, config).await
    }

    /// Installs the package in a folder and starts it. `hint` says how the folder's files are made.
    pub async fn install_folder(
        &self,
        folder: &Path,
        hint: &str,
        run_as: Option<RunAs>,
        grants: &[&str],
        config: Json,
    ) -> InstanceInfo {
        let read = |file: &str| {
            let path = folder.join(file);
            std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}: {hint}", path.display()))
        };
        let text = String::from_utf8(read("igloo.toml")).unwrap();
        let named = |key: &str| {
            let manifest: toml::Table = text.parse().unwrap();
            manifest["provider"].get(key).and_then(toml::Value::as_str).map(read)
        };
        let files =
            PackageFiles { component: named("component"), executable: named("executable"), files: named("files") };
        let package = self.hub.add_package(text, files).await.unwrap().id;
        let mut all = Grants::default();
        for grant in grants {
            all.add(grant.parse().unwrap());
        }
        let run_as = run_as.map_or_else(RunAsChoice::default, |run_as| RunAsChoice {
            engine: Some(run_as.engine()),
            placement: Some(run_as.placement()),
        });
        let request = NewInstance { package, name: None, config, grants: all, run_as, start: true };
        self.hub.add_instance(request).await.unwrap()
    }

    /// Waits until an instance takes commands and actions.
    pub async fn ready(&self, instance: &InstanceInfo) {
        let deadline = Instant::now() + PATIENCE;
        let which = InstanceRef::Id(instance.id);
        let mut events = self.hub.follow_events();
        while self.hub.instance(&which).unwrap().state != State::Running {
            if timeout_at(deadline, events.next()).await.is_err() {
                panic!("{} is not ready in time\n{}", instance.name, self.story());
            }
        }
    }

    /// Waits until what the home shows is what `look` looks for.
    pub async fn until<T>(&self, what: &str, look: impl Fn(&[DeviceView]) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut watch = self.hub.watch(Query::all());
        loop {
            let devices = self.hub.devices(&Query::all());
            if let Some(found) = look(&devices) {
                return found;
            }
            if timeout_at(deadline, watch.next()).await.is_err() {
                panic!("in vain: {what}\n{devices:#?}\n{}", self.story());
            }
        }
    }

    /// What the instances are doing and have logged, for a failing test.
    #[must_use]
    pub fn story(&self) -> String {
        let states =
            self.hub.instances().into_iter().map(|instance| format!("{}: {:?}", instance.name, instance.state));
        let log = self.hub.logs(None, 50).unwrap().into_iter().map(|line| format!("{:?}: {}", line.level, line.text));
        states.chain(log).collect::<Vec<_>>().join("\n")
    }

    /// Asks an entity to change one value.
    pub async fn command(&self, key: &str, entity: &str, kind: &str, value: Json) -> CommandOutcome {
        let devices = self.hub.devices(&Query::all());
        let request = CommandRequest {
            device: device(&devices, key).unwrap_or_else(|| panic!("there is no {key}")).id,
            entity: entity.to_owned(),
            changes: vec![(kind.to_owned(), value)],
            transition: None,
            deadline: PATIENCE,
            idempotency_key: None,
        };
        self.hub.command(request).await.outcome
    }

    /// Runs an action, as soon as the instance takes one.
    pub async fn action(&self, instance: &InstanceInfo, name: &str, parameters: Json) -> Result<Json, CommandFailure> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.hub.action(&instance.id.into(), name, parameters.clone(), PATIENCE).await {
                Err(CommandFailure::Unavailable(_)) if Instant::now() < deadline => sleep(STEP).await,
                outcome => return outcome,
            }
        }
    }

    /// The current value of a component.
    #[must_use]
    pub fn now(&self, key: &str, entity: &str, kind: &str) -> Json {
        value(&self.hub.devices(&Query::all()), key, entity, kind).unwrap_or_default()
    }
}

/// A device by the provider's identifier.
#[must_use]
pub fn device<'a>(devices: &'a [DeviceView], key: &str) -> Option<&'a DeviceView> {
    devices.iter().find(|device| device.key == key)
}

/// A component.
#[must_use]
pub fn component<'a>(devices: &'a [DeviceView], key: &str, entity: &str, kind: &str) -> Option<&'a ComponentView> {
    let entity = device(devices, key)?.entities.iter().find(|one| one.id == entity)?;
    entity.components.iter().find(|one| one.kind == kind)
}

/// A component's value.
#[must_use]
pub fn value(devices: &[DeviceView], key: &str, entity: &str, kind: &str) -> Option<Json> {
    Some(component(devices, key, entity, kind)?.value.clone())
}

/// A component's value as a number.
#[must_use]
pub fn number(devices: &[DeviceView], key: &str, entity: &str, kind: &str) -> Option<f64> {
    component(devices, key, entity, kind)?.value.as_f64()
}
