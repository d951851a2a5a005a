//! Installed packages, and making what their files need to be run.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use igloo_engine::{
    component::{ComponentEngine, Prepared},
    process::Isolated,
};
use igloo_protocol::{Engine, Manifest, RunAs};
use parking_lot::Mutex;

use crate::{
    archive,
    core::Core,
    engines::Runnable,
    events::HubEvent,
    info::{CompileState, PackageId, PackageInfo},
    package_files,
    shared_tree::now,
};

/// A file or folder of a package in its place, by the content that it must have.
#[derive(Clone, Debug)]
pub(crate) struct StoredFile {
    pub(crate) path: PathBuf,
    pub(crate) sha256: String,
}

/// An installed package.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) id: PackageId,
    pub(crate) manifest: Manifest,
    pub(crate) size: u64,
    component: Option<StoredFile>,
    executable: Option<StoredFile>,
    /// The folder of what its archive had.
    files: Option<StoredFile>,
    /// Whether what its own engine runs is ready.
    compiled: Mutex<CompileState>,
    /// Locked while compiling, so that this happens once however many wait for it.
    prepared: tokio::sync::Mutex<Option<Prepared>>,
    /// Locked while its code is read for workers.
    isolated: tokio::sync::Mutex<Option<Isolated>>,
    /// Locked while the executable is read; true once it was what was installed.
    checked: tokio::sync::Mutex<bool>,
    /// The executable was not what was installed when it was read last.
    damaged: AtomicBool,
}

impl Package {
    pub(crate) fn new(
        id: PackageId,
        manifest: Manifest,
        size: u64,
        component: Option<StoredFile>,
        executable: Option<StoredFile>,
        files: Option<StoredFile>,
    ) -> Arc<Self> {
        let compiled = Mutex::new(match component {
            Some(_) => CompileState::Compiling { since: now() },
            None => CompileState::Ready,
        });
        Arc::new(Self {
            id,
            manifest,
            size,
            component,
            executable,
            files,
            compiled,
            prepared: tokio::sync::Mutex::default(),
            isolated: tokio::sync::Mutex::default(),
            checked: tokio::sync::Mutex::default(),
            damaged: AtomicBool::new(false),
        })
    }

    /// Refuses a way to run that the package has no file for.
    pub(crate) fn check_run_as(&self, run_as: RunAs) -> Result<(), String> {
        let (file, lacks, other) = match run_as.engine() {
            Engine::Component => (&self.component, "component", Engine::Process),
            Engine::Process => (&self.executable, "native executable", Engine::Component),
        };
        if file.is_some() {
            return Ok(());
        }
        let name = &self.manifest.package.name;
        Err(format!("{name} has no {lacks}: this package runs with the engine '{other}' only"))
    }

    /// What an engine starts. Compiles or checks it where that was not done or has failed.
    pub(crate) async fn runnable(self: &Arc<Self>, core: &Arc<Core>, run_as: RunAs) -> Result<Runnable, String> {
        self.check_run_as(run_as)?;
        match run_as {
            RunAs::InHub => self.prepared(core).await.map(Runnable::InHub),
            RunAs::Isolated => self.isolated(core).await.map(Runnable::Isolated),
            RunAs::Process => self.program(core).await.map(Runnable::Process),
        }
    }

    /// Whether it has something to compile.
    pub(crate) fn has_component(&self) -> bool {
        self.component.is_some()
    }

    /// The compiled component. Compiles it where that was not done or has failed; goes on if nobody waits any more.
    pub(crate) async fn prepared(self: &Arc<Self>, core: &Arc<Core>) -> Result<Prepared, String> {
        let (package, core) = (self.clone(), core.clone());
        let compiling = core.runtime.clone().spawn(async move {
            let mut slot = package.prepared.lock().await;
            if let Some(prepared) = &*slot {
                return Ok(prepared.clone());
            }
            let result = package.prepare(&core.engines.component).await;
            if let Ok(prepared) = &result {
                *slot = Some(prepared.clone());
            }
            core.tell(HubEvent::Packages);
            result
        });
        compiling.await.unwrap_or_else(|_| Err(String::from("the hub is stopping")))
    }

    async fn prepare(&self, engine: &ComponentEngine) -> Result<Prepared, String> {
        *self.compiled.lock() = CompileState::Compiling { since: now() };
        let began = Instant::now();
        let result = match &self.component {
            Some(file) => engine.prepare(&file.path, &file.sha256).await.map_err(|error| error.to_string()),
            None => Err(String::from("the package has no component")),
        };
        let name = &self.manifest.package.name;
        *self.compiled.lock() = match &result {
            Ok(_) => {
                tracing::debug!("{name} is ready after {} ms", began.elapsed().as_millis());
                CompileState::Ready
            }
            Err(reason) => {
                tracing::warn!("{name} cannot be run: {reason}");
                CompileState::Failed { reason: reason.clone() }
            }
        };
        result
    }

    /// The compiled component for workers.
    async fn isolated(self: &Arc<Self>, core: &Arc<Core>) -> Result<Isolated, String> {
        let file = self.component.clone().ok_or_else(|| String::from("the package has no component"))?;
        let mut slot = self.isolated.lock().await;
        if let Some(isolated) = &*slot {
            return Ok(isolated.clone());
        }
        let isolated = core.engines.component.prepare_isolated(&file.path, &file.sha256).await;
        let isolated = isolated.map_err(|error| error.to_string())?;
        *slot = Some(isolated.clone());
        Ok(isolated)
    }

    /// The executable, once its content and that of its files were seen to be what was installed.
    async fn program(&self, core: &Core) -> Result<PathBuf, String> {
        let file = self.executable.clone().ok_or_else(|| String::from("the package has no native executable"))?;
        let mut checked = self.checked.lock().await;
        if !*checked {
            let StoredFile { path, sha256 } = file.clone();
            let files = self.files.clone();
            let reading = core.runtime.spawn_blocking(move || {
                package_files::check(&path, &sha256)?;
                files.map_or(Ok(()), |StoredFile { path, sha256 }| archive::check(&path, &sha256))
            });
            let found = reading.await.unwrap_or_else(|_| Err(String::from("the hub is stopping")));
            self.damaged.store(found.is_err(), Ordering::Release);
            found?;
            *checked = true;
        }
        Ok(file.path)
    }

    /// Whether an instance would have to wait for the compilation.
    pub(crate) fn is_ready(&self, run_as: RunAs) -> bool {
        run_as.engine() == Engine::Process || *self.compiled.lock() == CompileState::Ready
    }

    /// Whether it could not be compiled or read; perhaps its files are not what they were.
    pub(crate) fn has_failed(&self) -> bool {
        self.damaged.load(Ordering::Acquire) || matches!(*self.compiled.lock(), CompileState::Failed { .. })
    }

    pub(crate) fn info(&self) -> PackageInfo {
        let package = &self.manifest.package;
        let ways = [RunAs::InHub, RunAs::Isolated, RunAs::Process];
        PackageInfo {
            id: self.id.clone(),
            name: package.name.clone(),
            version: package.version.clone(),
            description: package.description.clone(),
            wants: self.manifest.wants.clone(),
            actions: self.manifest.actions.clone(),
            config_schema: self.manifest.config.clone(),
            size: self.size,
            run_as: self.manifest.provider.run_as(),
            runs_as: ways.into_iter().filter(|run_as| self.check_run_as(*run_as).is_ok()).collect(),
            requires: self.manifest.provider.requires.clone(),
            compiled: self.compiled.lock().clone(),
        }
    }
}
