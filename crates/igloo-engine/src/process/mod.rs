//! The `process` engine: a native program in a sandbox, which speaks `igloo-wire` on its descriptor 3.
//!
//! - Its sandbox is [`igloo_sandbox`]'s: what the kernel has is in force, what it lacks is told.
//! - What it asks of its home and of the outside goes through the same [`Home`](crate::Home), the same policy and the same
//!   code as a component's. Its own sockets are made by the hub ([`net`]), so a grant means the same there.
//! - Frames are read on threads of this engine's own. What reading and answering them costs counts as the provider's CPU
//!   time: beyond its share nothing more is read.
//! - To kill it is to kill its whole tree.
//!
//! A worker runs a component in such a process: the placement `isolated`.

mod carry;
mod link;
mod net;
mod requests;
mod session;
mod worker;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Arc, OnceLock},
};

use igloo_protocol::ProtectionReport;
use igloo_sandbox::Launcher;
use tokio::sync::watch;

pub(crate) use self::link::Link;
pub use self::worker::Isolated;
use crate::{
    component::{ComponentEngine, EngineError, Launch},
    instance::{Exit, Gauge, Instance, Meters, Route},
};

/// The native program of a package.
#[derive(Clone, Debug)]
pub struct Program {
    /// The file, in a directory of its own: the program sees that directory.
    pub executable: PathBuf,
}

/// The argument that makes this program a sandbox's init.
const INIT: &str = "sandbox-init";

/// What this program does where it was started to be a sandbox's init, or a worker in one. To be called first of all,
/// before there are threads.
#[must_use]
pub fn run_if_asked() -> Option<ExitCode> {
    let argument = std::env::args_os().nth(1)?;
    if argument == INIT {
        Some(igloo_sandbox::init_main(std::env::args_os().skip(2)))
    } else if argument == worker::ARGUMENT {
        Some(worker::main())
    } else {
        None
    }
}

fn launcher(program: &Path) -> Launcher {
    Launcher { program: program.to_owned(), args: vec![INIT.into()] }
}

/// The engine. One serves the whole hub.
pub struct ProcessEngine {
    launcher: Launcher,
    /// Ports and searches are shared with it.
    component: Arc<ComponentEngine>,
    /// `None` only while dropping.
    runtime: Option<tokio::runtime::Runtime>,
}

impl std::fmt::Debug for ProcessEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ProcessEngine")
    }
}

impl ProcessEngine {
    /// Sets the engine up beside the hub's other one: a serial port is open in one of them only. `program` starts
    /// sandboxes: it calls [`run_if_asked`] first of all.
    pub fn new(program: &Path, component: Arc<ComponentEngine>) -> Result<Arc<Self>, EngineError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .max_blocking_threads(16)
            .thread_name("igloo-process")
            .enable_all()
            .build()
            .map_err(|error| EngineError::Setup(error.to_string()))?;
        Ok(Arc::new(Self { launcher: launcher(program), component, runtime: Some(runtime) }))
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
        let outside = self.component.local(&launch);
        let link = Arc::new(OnceLock::new());
        let instance = Instance {
            route: Route::Process(link.clone()),
            gauge: Gauge::default(),
            protections: Arc::default(),
            exit: exited,
            kill,
            meters: meters.clone(),
            looks: true,
            counted: outside.counted.clone(),
        };
        let watcher = self.component.watcher().cloned();
        let session = session::Session {
            launcher: self.launcher.clone(),
            what,
            launch,
            outside,
            watcher,
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

/// The protections that this machine offers to processes.
pub async fn machine(program: &Path) -> Result<Vec<ProtectionReport>, String> {
    let machine = igloo_sandbox::Machine::probe(&launcher(program)).await.map_err(|error| error.to_string())?;
    Ok(session::reports(machine.report()))
}

impl Drop for ProcessEngine {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
