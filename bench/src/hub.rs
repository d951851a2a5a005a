//! A hub in a temporary directory, with packages from `target/packages`.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use futures::future::{BoxFuture, FutureExt as _};
use igloo_engine::{
    Denial, Home, Policy, Roots,
    component::{CompilerCommand, ComponentEngine, EngineOptions, Launch, Prepared},
};
use igloo_hub::{
    CommandOutcome, CommandRequest, Hub, InstanceInfo, InstanceRef, NewInstance, Options, PackageFiles, State,
};
use igloo_model::{DeviceDescription, DeviceId, Query, Value};
use igloo_protocol::{
    BadUpdate, Command, DescribeError, EmitError, Grants, LogLevel, RunAs, RunAsChoice, StoreError, Update,
};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::report::Times;

/// A hub and its directory.
pub(crate) struct TestHub {
    pub(crate) hub: Hub,
    _directory: TempDir,
}

/// The project's root.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// As a hub's, with compiled code kept. It is compiled in a process of its own: what a compiler has had of memory is not
/// a provider's.
pub(crate) fn engine() -> EngineOptions {
    let compiler = CompilerCommand { program: launcher(), args: vec![String::from("compile-component")] };
    EngineOptions::new(root().join("target/test-cache")).compiler(compiler).launcher(launcher())
}

/// The program that starts sandboxes.
pub(crate) fn launcher() -> PathBuf {
    root().join("target/release/igloo")
}

/// A package's manifest and component.
pub(crate) fn package(name: &str) -> Result<(String, PathBuf)> {
    let directory = root().join("target/packages").join(name);
    let manifest = std::fs::read_to_string(directory.join("igloo.toml"))
        .with_context(|| format!("{name} is not built: run cargo xtask build-guests"))?;
    let component =
        igloo_protocol::Manifest::parse(&manifest)?.provider.component.context("the package has no component")?;
    Ok((manifest, directory.join(component)))
}

/// The archive that a package's executable needs, if it has one.
fn read_files(manifest: &str, beside: &Path) -> Result<Option<Vec<u8>>> {
    let files = igloo_protocol::Manifest::parse(manifest)?.provider.files;
    Ok(files.map(|files| std::fs::read(beside.with_file_name(files))).transpose()?)
}

impl TestHub {
    pub(crate) async fn open() -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let options = Options { data: directory.path().join("home"), engine: engine(), api_addresses: Vec::new() };
        Ok(Self { hub: Hub::open(options).await?, _directory: directory })
    }

    /// Installs a package as an instance and waits until it is ready.
    pub(crate) async fn install(
        &self,
        package_name: &str,
        name: &str,
        grants: &[&str],
        config: serde_json::Value,
    ) -> Result<InstanceInfo> {
        let info = self.install_bad(package_name, name, grants, config).await?;
        self.ready(&info).await
    }

    /// Installs a package as an instance that will not become ready, or not for long.
    pub(crate) async fn install_bad(
        &self,
        package_name: &str,
        name: &str,
        grants: &[&str],
        config: serde_json::Value,
    ) -> Result<InstanceInfo> {
        self.add(package_name, name, grants, config, RunAs::InHub).await
    }

    /// Installs a package as an instance that runs in this way, and waits until it is ready.
    pub(crate) async fn install_as(&self, package_name: &str, name: &str, run_as: RunAs) -> Result<InstanceInfo> {
        let grants = ["cpu=400%", "writes=4000000000/s"];
        let info = self.add(package_name, name, &grants, serde_json::Value::Null, run_as).await?;
        self.ready(&info).await
    }

    async fn add(
        &self,
        package_name: &str,
        name: &str,
        grants: &[&str],
        config: serde_json::Value,
        run_as: RunAs,
    ) -> Result<InstanceInfo> {
        let (manifest, component) = package(package_name)?;
        let executable = component.with_file_name(package_name);
        let files = PackageFiles {
            component: Some(std::fs::read(&component)?),
            executable: executable.exists().then(|| std::fs::read(&executable)).transpose()?,
            files: read_files(&manifest, &component)?,
        };
        let package = self.hub.add_package(manifest, files).await?;
        let mut all = Grants::default();
        for grant in grants {
            all.add(grant.parse()?);
        }
        let request = NewInstance {
            package: package.id,
            name: Some(name.parse()?),
            config,
            grants: all,
            run_as: RunAsChoice { engine: Some(run_as.engine()), placement: Some(run_as.placement()) },
            start: true,
        };
        Ok(self.hub.add_instance(request).await?)
    }

    pub(crate) async fn ready(&self, info: &InstanceInfo) -> Result<InstanceInfo> {
        let which = InstanceRef::Id(info.id);
        let mut watch = self.hub.watch(Query::all());
        let wait = async {
            loop {
                let info = self.hub.instance(&which)?;
                if info.ready {
                    return Ok(info);
                }
                if let State::Quarantined { reason } = info.state {
                    bail!("{} is quarantined: {reason}", info.name);
                }
                // Being ready is no change of the tree: look again soon after the last change.
                let _ = tokio::time::timeout(Duration::from_millis(20), watch.next()).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), wait)
            .await
            .context("an instance was not ready within a minute")?
    }

    /// The only device of an instance.
    pub(crate) fn device(&self, instance: &str) -> Result<DeviceId> {
        let query: Query = instance.parse()?;
        Ok(self.hub.devices(&query).first().context("the instance has no device")?.id)
    }
}

/// A command that switches the device `bench`.
pub(crate) fn switch(device: DeviceId, on: bool) -> CommandRequest {
    CommandRequest {
        device,
        entity: String::from("switch"),
        changes: vec![(String::from("switch"), serde_json::Value::Bool(on))],
        transition: None,
        deadline: Duration::from_secs(5),
        idempotency_key: None,
    }
}

/// The same command as an engine delivers it.
pub(crate) fn bare_switch() -> Command {
    Command {
        id: 1,
        device: String::from("bench"),
        entity: String::from("switch"),
        changes: vec![(String::from("switch"), Value::Boolean(true))],
        transition: None,
        deadline: Duration::from_secs(5),
    }
}

/// Carries a command out; anything but `ok` ends the benchmark.
pub(crate) async fn command(hub: &Hub, request: CommandRequest) -> Result<()> {
    match hub.command(request).await.outcome {
        CommandOutcome::Ok => Ok(()),
        other => bail!("a command was not ok: {other:?}"),
    }
}

/// How long each of so many commands in a row takes. On the hub's threads, as the API's requests are.
pub(crate) async fn commands_in_a_row(hub: &Hub, device: DeviceId, count: usize) -> Result<Times> {
    let hub = hub.clone();
    let times = tokio::spawn(async move {
        let mut times = Vec::with_capacity(count);
        for n in 0..count {
            let request = switch(device, n % 2 == 0);
            let before = Instant::now();
            command(&hub, request).await?;
            times.push(before.elapsed());
        }
        anyhow::Ok(times)
    });
    Ok(Times::new(times.await??))
}

/// An engine without a hub, for baselines.
pub(crate) struct Bare {
    pub(crate) engine: Arc<ComponentEngine>,
    pub(crate) prepared: Prepared,
    directory: TempDir,
    roots: Arc<Roots>,
}

impl Bare {
    pub(crate) async fn open(package_name: &str) -> Result<Self> {
        let engine = ComponentEngine::new(engine())?;
        let component = package(package_name)?.1;
        let prepared = engine.prepare(&component, &sha256(&component)?).await?;
        let directory = tempfile::tempdir()?;
        std::fs::create_dir(directory.path().join("data"))?;
        let roots = Roots::open(directory.path().join("ssl"), &[])?;
        Ok(Self { engine, prepared, directory, roots })
    }

    pub(crate) fn launch(&self) -> Result<Launch> {
        self.launch_with("{}", &[])
    }

    pub(crate) fn launch_with(&self, config: &str, more: &[&str]) -> Result<Launch> {
        let mut grants = Grants::default();
        for grant in ["cpu=400%"].iter().chain(more) {
            grants.add(grant.parse()?);
        }
        Ok(Launch {
            name: String::from("bare"),
            limits: grants.limits(),
            policy: Policy::new(grants, Vec::new()),
            home: Arc::new(NoHome { config: config.into() }),
            private_directory: self.directory.path().join("data"),
            roots: self.roots.clone(),
            requires: BTreeSet::new(),
            without: BTreeSet::new(),
        })
    }
}

/// A file's hash in hexadecimal.
pub(crate) fn sha256(path: &Path) -> Result<String> {
    Ok(Sha256::digest(std::fs::read(path)?).iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A home that does nothing: what remains is the engine.
pub(crate) struct NoHome {
    config: Arc<str>,
}

impl Home for NoHome {
    fn describe(&self, device: DeviceDescription) -> Result<Vec<u32>, DescribeError> {
        let components: usize = device.entities.iter().map(|entity| entity.components.len()).sum();
        Ok((0_u32..).take(components).collect())
    }

    fn remove(&self, _: &str) -> bool {
        false
    }

    fn complete(&self) {}

    fn ready(&self) {}

    fn write(&self, updates: &mut Vec<Update>) -> Vec<BadUpdate> {
        updates.clear();
        Vec::new()
    }

    fn emit(&self, _: u32, _: &str, _: Option<Value>) -> Result<(), EmitError> {
        Ok(())
    }

    fn set_available(&self, _: &str, _: bool) -> bool {
        true
    }

    fn log(&self, _: LogLevel, _: &str) {}

    fn config(&self) -> Arc<str> {
        self.config.clone()
    }

    fn denied(&self, _: Denial) {}

    fn store_get(&self, _: String) -> BoxFuture<'static, Result<Option<Vec<u8>>, StoreError>> {
        async { Ok(None) }.boxed()
    }

    fn store_set(&self, _: String, _: Vec<u8>) -> BoxFuture<'static, Result<(), StoreError>> {
        async { Ok(()) }.boxed()
    }

    fn store_delete(&self, _: String) -> BoxFuture<'static, Result<(), StoreError>> {
        async { Ok(()) }.boxed()
    }

    fn store_keys(&self, _: String) -> BoxFuture<'static, Result<Vec<String>, StoreError>> {
        async { Ok(Vec::new()) }.boxed()
    }
}
