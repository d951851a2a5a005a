//! The `process` engine: a native program in a sandbox, which speaks `igloo-wire` on its descriptor 3.
//!
//! - Its sandbox is [`igloo_sandbox`]'s: what the kernel has is in force, what it lacks is told ([`ProtectionReport`]).
//! - What it asks of its home and of the outside goes through the same [`Home`](crate::Home), the same policy and the same
//!   code as a component's. Its own sockets are made by the hub ([`net`]), so a grant means the same there.
//! - Frames are read on threads of this engine's own. What reading and answering them costs counts as the provider's CPU
//!   time: beyond its share nothing more is read.
//! - To kill it is to kill its whole tree.
//!
//! [`worker`] runs a component in such a process: the placement `isolated`.

mod link;
mod net;
mod requests;
mod session;
pub mod worker;

use std::{
    ffi::OsString,
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use igloo_sandbox::Launcher;
use serde::Serialize;
use tokio::sync::watch;

pub(crate) use self::link::Link;
use crate::{
    component::{EngineError, Launch},
    instance::{Exit, Gauge, Instance, Meters, Route},
    outside::{Local, ports::PortsInUse},
};

/// Whether one of an instance's protections is in force.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ProtectionReport {
    /// Its name, such as `seccomp`.
    pub name: &'static str,
    /// What it means, in a sentence.
    pub meaning: &'static str,
    /// Why it is not in force; `None` if it is.
    pub lacking: Option<String>,
}

/// What every component in the hub is protected by.
pub(crate) fn in_hub_protections() -> Vec<ProtectionReport> {
    let protection = |name, meaning| ProtectionReport { name, meaning, lacking: None };
    vec![
        protection(
            "webassembly",
            "It is WebAssembly: it has no memory, files or calls but those that the hub gives it.",
        ),
        protection("memory-limit", "It cannot use more memory than its limit."),
        protection("cpu-limit", "It cannot use more processor time than its share."),
        protection("broker", "The hub answers each of its calls by its grants."),
    ]
}

/// The native program of a package.
#[derive(Clone, Debug)]
pub struct Program {
    /// The file, in a directory of its own: the program sees that directory.
    pub executable: PathBuf,
}

/// How to set the engine up.
#[derive(Clone, Debug)]
pub struct ProcessOptions {
    /// The program that becomes a sandbox's init, and a worker: this one, with arguments that lead to
    /// [`igloo_sandbox::init_main`].
    pub launcher: PathBuf,
    /// Those arguments.
    pub arguments: Vec<OsString>,
}

/// The engine. One serves the whole hub.
pub struct ProcessEngine {
    launcher: Launcher,
    ports: Arc<PortsInUse>,
    /// `None` only while dropping.
    runtime: Option<tokio::runtime::Runtime>,
}

impl std::fmt::Debug for ProcessEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ProcessEngine")
    }
}

impl ProcessEngine {
    /// Sets the engine up. `component` is the hub's other engine: a serial port is open in one of them only.
    pub fn new(
        options: ProcessOptions,
        component: &crate::component::ComponentEngine,
    ) -> Result<Arc<Self>, EngineError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .max_blocking_threads(16)
            .thread_name("igloo-process")
            .enable_all()
            .build()
            .map_err(|error| EngineError::Setup(error.to_string()))?;
        let launcher = Launcher { program: options.launcher, args: options.arguments };
        Ok(Arc::new(Self { launcher, ports: component.ports(), runtime: Some(runtime) }))
    }

    /// Starts a program. Returns at once: how it fares is told by the [`Instance`].
    #[must_use]
    pub fn start(&self, program: &Program, launch: Launch) -> Instance {
        self.launch(session::What::Program(program.clone()), launch)
    }

    fn launch(&self, what: session::What, launch: Launch) -> Instance {
        let (exit, exited) = watch::channel(None);
        let (kill, killed) = watch::channel(None);
        let meters = Arc::new(Meters::default());
        let link = Arc::new(OnceLock::new());
        let instance = Instance {
            route: Route::Process(link.clone()),
            gauge: Gauge::default(),
            protections: Arc::default(),
            exit: exited,
            kill,
            meters: meters.clone(),
        };
        let outside = Local {
            policy: launch.policy.clone(),
            home: launch.home.clone(),
            roots: launch.roots.clone(),
            ports: self.ports.clone(),
            serial_ports: 4,
        };
        let session = session::Session {
            launcher: self.launcher.clone(),
            what,
            launch,
            outside,
            link,
            gauge: instance.gauge.clone(),
            protections: instance.protections.clone(),
            meters,
        };
        match &self.runtime {
            Some(runtime) => drop(runtime.spawn(async move { exit.send_replace(Some(session.live(killed).await)) })),
            None => drop(exit.send_replace(Some(Exit::NotStarted(String::from("the engine is shutting down"))))),
        }
        instance
    }
}

impl Drop for ProcessEngine {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
