//! What the hub's tests share: a hub in a directory of its own, and guests built by `cargo xtask build-guests`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test")]
#![allow(dead_code, unreachable_pub, reason = "each test uses a part")]

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use igloo_engine::component::EngineOptions;
use igloo_hub::{CommandRequest, CommandResult, Hub, InstanceInfo, InstanceRef, NewInstance, Options, PackageId};
use igloo_model::{DeviceId, tree::Change};
use igloo_protocol::{Grants, RunAsChoice};
use serde_json::{Value as Json, json};

/// The project's root.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// How to open a hub in a directory; all tests share what was compiled.
pub fn options(data: &Path) -> Options {
    Options {
        data: data.to_owned(),
        engine: EngineOptions::new(root().join("target/test-cache")),
        api_addresses: Vec::new(),
    }
}

/// A guest's manifest and component.
pub fn files(name: &str) -> (String, Vec<u8>) {
    let directory = root().join("target/packages").join(name);
    let read = |path: &Path| {
        std::fs::read(path)
            .unwrap_or_else(|error| panic!("{}: {error}: run `cargo xtask build-guests`", path.display()))
    };
    let manifest = String::from_utf8(read(&directory.join("igloo.toml"))).unwrap();
    (manifest, read(&directory.join(format!("{}.wasm", name.replace('-', "_")))))
}

pub fn grants(texts: &[&str]) -> Grants {
    let mut grants = Grants::default();
    for text in texts {
        grants.add(text.parse().unwrap());
    }
    grants
}

pub fn which(name: &str) -> InstanceRef {
    name.parse().unwrap()
}

/// A hub in a directory that lasts as long as it does.
pub struct Home {
    pub hub: Hub,
    pub directory: tempfile::TempDir,
}

impl Home {
    pub async fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { hub: Hub::open(options(&directory.path().join("data"))).await.unwrap(), directory }
    }

    /// Ends the hub and opens its directory again.
    pub async fn reopen(self) -> Self {
        self.hub.shutdown().await;
        let hub = Hub::open(options(&self.directory.path().join("data"))).await.unwrap();
        Self { hub, directory: self.directory }
    }

    pub async fn install(&self, package: &str) -> PackageId {
        let (manifest, component) = files(package);
        self.hub.add_package(manifest, component).await.unwrap().id
    }

    /// Adds an instance of a guest and starts it.
    pub async fn add(&self, package: &str, name: &str, config: Json, texts: &[&str]) -> InstanceInfo {
        let package = self.install(package).await;
        let request = NewInstance {
            package,
            name: Some(name.parse().unwrap()),
            config,
            grants: grants(texts),
            run_as: RunAsChoice::default(),
            start: true,
        };
        self.hub.add_instance(request).await.unwrap()
    }

    /// Adds an instance and waits until it takes commands.
    pub async fn run(&self, package: &str, name: &str, texts: &[&str]) -> InstanceInfo {
        self.add(package, name, json!({}), texts).await;
        self.until(name, "ready", |info| info.ready).await
    }

    /// Waits until an instance is as it should be.
    pub async fn until(&self, name: &str, what: &str, is: impl Fn(&InstanceInfo) -> bool) -> InstanceInfo {
        self.within(Duration::from_secs(30), name, what, is).await
    }

    pub async fn within(
        &self,
        longest: Duration,
        name: &str,
        what: &str,
        is: impl Fn(&InstanceInfo) -> bool,
    ) -> InstanceInfo {
        let began = Instant::now();
        loop {
            let info = self.hub.instance(&which(name)).unwrap();
            if is(&info) {
                return info;
            }
            if began.elapsed() > longest {
                panic!("{name} was not {what} in time: {info:#?}\n{:#?}", self.hub.logs(None, 50).unwrap());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub fn device(&self, path: &str) -> DeviceId {
        self.hub.resolve(path).unwrap().device
    }

    /// Sets a switch and answers the outcome.
    pub async fn switch(&self, path: &str, on: bool) -> CommandResult {
        self.hub.command(self.request(path, on)).await
    }

    pub fn request(&self, path: &str, on: bool) -> CommandRequest {
        let target = self.hub.resolve(path).unwrap();
        CommandRequest {
            device: target.device,
            entity: target.entity.unwrap(),
            changes: vec![(String::from("switch"), json!(on))],
            transition: None,
            deadline: CommandRequest::USUAL,
            idempotency_key: None,
        }
    }

    /// A component's newest value.
    pub fn value(&self, path: &str, kind: &str) -> Json {
        let target = self.hub.resolve(path).unwrap();
        let device = self.hub.device(target.device).unwrap();
        let entity = device.entities.iter().find(|entity| Some(&entity.id) == target.entity.as_ref()).unwrap();
        entity.components.iter().find(|component| component.kind == kind).unwrap().value.clone()
    }
}

/// The newest value of a kind in a list of changes.
pub fn newest(changes: &[Change], wanted: &str) -> Option<igloo_model::Value> {
    changes.iter().rev().find_map(|change| match change {
        Change::Value { kind, value, .. } if kind.name == wanted => Some(value.clone()),
        _ => None,
    })
}
