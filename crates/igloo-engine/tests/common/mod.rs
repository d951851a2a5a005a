//! What the engine's tests share: a home that remembers, and guests built by `cargo xtask build-guests`.

#![allow(dead_code, unreachable_pub, reason = "each test uses a part")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test")]

use std::{path::PathBuf, sync::Arc, time::Duration};

use igloo_engine::{
    Instance, Policy, Roots,
    component::{ComponentEngine, EngineOptions, Launch},
    test_home::Recorder,
};
use igloo_model::Value;
use igloo_protocol::{Command, Grants};
use sha2::{Digest as _, Sha256};

/// An engine with a cache that all tests share.
pub fn engine() -> Arc<ComponentEngine> {
    ComponentEngine::new(EngineOptions::new(root().join("target/test-cache"))).unwrap()
}

/// The project's root.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A guest's component, by its package's name.
pub fn package(name: &str) -> PathBuf {
    let directory = root().join("target/packages").join(name);
    let component = std::fs::read_dir(&directory).ok().and_then(|files| {
        files.flatten().map(|file| file.path()).find(|path| path.extension().is_some_and(|e| e == "wasm"))
    });
    component.unwrap_or_else(|| panic!("{} is not built: run `cargo xtask build-guests`", directory.display()))
}

/// Grants from their texts.
pub fn grants(texts: &[&str]) -> Grants {
    let mut grants = Grants::default();
    for text in texts {
        grants.add(text.parse().unwrap());
    }
    grants
}

/// A running guest with its home.
pub struct Running {
    pub instance: Instance,
    pub home: Arc<Recorder>,
    pub policy: Arc<Policy>,
    pub directory: tempfile::TempDir,
    /// The system's roots, and what the test adds.
    pub roots: Arc<Roots>,
    _roots_directory: tempfile::TempDir,
    pub engine: Arc<ComponentEngine>,
}

/// Starts a guest.
pub async fn start(name: &str, texts: &[&str], config: &str) -> Running {
    start_on(&engine(), name, texts, config).await
}

/// Starts a guest on this engine and waits until it is ready, or ended.
pub async fn start_on(engine: &Arc<ComponentEngine>, name: &str, texts: &[&str], config: &str) -> Running {
    let running = launch(engine, name, texts, config).await;
    let ready = running.home.until(Recorder::is_ready);
    tokio::select! {
        () = ready => {}
        exit = running.instance.ended() => panic!("{name} ended before it was ready: {exit}\n{:?}", running.home.logs()),
        () = tokio::time::sleep(Duration::from_secs(20)) => panic!("{name} was never ready: {:?}", running.home.logs()),
    }
    running
}

/// Starts a guest on this engine.
pub async fn launch(engine: &Arc<ComponentEngine>, name: &str, texts: &[&str], config: &str) -> Running {
    let component = package(name);
    let hash: String = Sha256::digest(std::fs::read(&component).unwrap()).iter().map(|b| format!("{b:02x}")).collect();
    let prepared = engine.prepare(&component, &hash).await.unwrap();
    let grants = grants(texts);
    let home = Arc::new(Recorder::with_config(config));
    let directory = tempfile::tempdir().unwrap();
    let roots_directory = tempfile::tempdir().unwrap();
    let roots = Roots::open(roots_directory.path().to_owned(), &[]).unwrap();
    let limits = grants.limits();
    let policy = Policy::new(grants, Vec::new());
    let instance = engine.start(
        &prepared,
        Launch {
            name: name.to_owned(),
            policy: policy.clone(),
            limits,
            home: home.clone(),
            private_directory: directory.path().to_owned(),
            roots: roots.clone(),
            requires: std::collections::BTreeSet::new(),
            without: std::collections::BTreeSet::new(),
        },
    );
    Running { instance, home, policy, directory, roots, _roots_directory: roots_directory, engine: engine.clone() }
}

/// A command with one change.
pub fn command(device: &str, entity: &str, kind: &str, value: Value) -> Command {
    static ID: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    Command {
        id: ID.fetch_add(1, std::sync::atomic::Ordering::Relaxed),
        device: device.to_owned(),
        entity: entity.to_owned(),
        changes: vec![(kind.to_owned(), value)],
        transition: None,
        deadline: Duration::from_secs(5),
    }
}
