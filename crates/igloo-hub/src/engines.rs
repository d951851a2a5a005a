//! The engines, and the one place that starts a provider on one of them.

use std::{path::PathBuf, sync::Arc};

use igloo_engine::{
    Exit, Instance,
    component::{ComponentEngine, EngineError, EngineOptions, Launch, Prepared},
};
use igloo_protocol::{Protection, ProtectionReport};

/// What is started: what a package's file became.
#[derive(Clone, Debug)]
pub(crate) enum Runnable {
    /// A component, in the hub.
    InHub(Prepared),
    /// A component, in a process of its own.
    #[expect(dead_code, reason = "SEAM: the process engine reads it")]
    Isolated(Prepared),
    /// An executable.
    #[expect(dead_code, reason = "SEAM: the process engine reads it")]
    Process(PathBuf),
}

/// One of each for the whole hub.
#[derive(Debug)]
pub(crate) struct Engines {
    pub(crate) component: Arc<ComponentEngine>,
}

impl Engines {
    pub(crate) fn new(options: EngineOptions) -> Result<Self, EngineError> {
        Ok(Self { component: ComponentEngine::new(options)? })
    }

    /// Starts a provider. Returns at once: how it fares is told by the [`Instance`].
    pub(crate) fn start(&self, runnable: &Runnable, launch: Launch) -> Instance {
        match runnable {
            Runnable::InHub(prepared) => self.component.start(prepared, launch),
            Runnable::Isolated(_) | Runnable::Process(_) => self.start_process(runnable, launch),
        }
    }

    /// The protections that this machine offers to processes.
    // SEAM: the sandbox's probe tells it here.
    #[expect(clippy::unused_async, reason = "a probe starts a process")]
    pub(crate) async fn machine(&self) -> Vec<ProtectionReport> {
        let lacking = || Some(String::from("this hub has no process engine"));
        Protection::ALL.iter().map(|&protection| ProtectionReport { protection, lacking: lacking() }).collect()
    }

    /// Starts what has a process of its own.
    // SEAM: the process engine starts it here.
    fn start_process(&self, runnable: &Runnable, _launch: Launch) -> Instance {
        let what = match runnable {
            Runnable::InHub(_) | Runnable::Isolated(_) => "isolated components",
            Runnable::Process(_) => "native executables",
        };
        Instance::never_started(Exit::Unfit(format!("this hub has no process engine, so it runs no {what}")))
    }
}

/// The protections that a running provider has; nothing for one in the hub, where WebAssembly's sandbox stands for them.
// SEAM: the process engine's instances tell it here.
pub(crate) fn protections(_running: &Instance) -> Option<Vec<ProtectionReport>> {
    None
}
