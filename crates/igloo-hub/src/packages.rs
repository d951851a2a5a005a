//! Installed packages and their compilation.

use std::{path::PathBuf, sync::Arc, time::Instant};

use igloo_engine::component::{ComponentEngine, Prepared};
use igloo_protocol::Manifest;
use parking_lot::Mutex;

use crate::{
    core::Core,
    events::HubEvent,
    info::{CompileState, PackageId, PackageInfo},
    shared_tree::now,
};

/// An installed package.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) id: PackageId,
    pub(crate) manifest: Manifest,
    pub(crate) size: u64,
    component: PathBuf,
    component_sha256: String,
    compiled: Mutex<CompileState>,
    /// Locked while compiling, so that this happens once however many wait for it.
    prepared: tokio::sync::Mutex<Option<Prepared>>,
}

impl Package {
    pub(crate) fn new(
        id: PackageId,
        manifest: Manifest,
        size: u64,
        component: PathBuf,
        component_sha256: String,
    ) -> Arc<Self> {
        let compiled = Mutex::new(CompileState::Compiling { since: now() });
        Arc::new(Self {
            id,
            manifest,
            size,
            component,
            component_sha256,
            compiled,
            prepared: tokio::sync::Mutex::default(),
        })
    }

    /// The compiled component. Compiles it where that was not done or has failed; goes on if nobody waits any more.
    pub(crate) async fn prepared(self: &Arc<Self>, core: &Arc<Core>) -> Result<Prepared, String> {
        let (package, core) = (self.clone(), core.clone());
        let compiling = core.runtime.clone().spawn(async move {
            let mut slot = package.prepared.lock().await;
            if let Some(prepared) = &*slot {
                return Ok(prepared.clone());
            }
            let result = package.prepare(&core.engine).await;
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
        let result = engine.prepare(&self.component, &self.component_sha256).await.map_err(|error| error.to_string());
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

    /// Whether an instance would have to wait for the compilation.
    pub(crate) fn is_ready(&self) -> bool {
        *self.compiled.lock() == CompileState::Ready
    }

    /// Whether it could not be compiled; perhaps its files are not what they were.
    pub(crate) fn has_failed(&self) -> bool {
        matches!(*self.compiled.lock(), CompileState::Failed { .. })
    }

    pub(crate) fn info(&self) -> PackageInfo {
        let package = &self.manifest.package;
        PackageInfo {
            id: self.id.clone(),
            name: package.name.clone(),
            version: package.version.clone(),
            description: package.description.clone(),
            wants: self.manifest.wants.clone(),
            actions: self.manifest.actions.clone(),
            config_schema: self.manifest.config.clone(),
            size: self.size,
            compiled: self.compiled.lock().clone(),
        }
    }
}
