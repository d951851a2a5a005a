//! The engines, and the one place that starts a provider on one of them.

use std::{path::PathBuf, sync::Arc};

use igloo_engine::{
    Exit, Instance,
    component::{ComponentEngine, EngineError, EngineOptions, Launch, Prepared},
    process::{self, Isolated, ProcessEngine, Program},
};
use igloo_protocol::{Protection, ProtectionReport};

/// What is started: what a package's file became.
#[derive(Clone, Debug)]
pub(crate) enum Runnable {
    /// A component, in the hub.
    InHub(Prepared),
    /// A component, in a process of its own.
    Isolated(Isolated),
    /// An executable.
    Process(PathBuf),
}

/// One of each for the whole hub.
#[derive(Debug)]
pub(crate) struct Engines {
    pub(crate) component: Arc<ComponentEngine>,
    process: Option<Arc<ProcessEngine>>,
    launcher: Option<PathBuf>,
}

impl Engines {
    pub(crate) fn new(options: EngineOptions) -> Result<Self, EngineError> {
        let launcher = options.launcher.clone();
        let component = ComponentEngine::new(options)?;
        let process = launcher.as_deref().map(|program| ProcessEngine::new(program, component.clone())).transpose()?;
        Ok(Self { component, process, launcher })
    }

    /// Starts a provider. Returns at once: how it fares is told by the [`Instance`].
    pub(crate) fn start(&self, runnable: &Runnable, launch: Launch) -> Instance {
        match (runnable, &self.process) {
            (Runnable::InHub(prepared), _) => self.component.start(prepared, launch),
            (Runnable::Isolated(isolated), Some(engine)) => engine.start_isolated(isolated, launch),
            (Runnable::Process(executable), Some(engine)) => {
                engine.start(&Program { executable: executable.clone() }, launch)
            }
            (_, None) => Instance::never_started(Exit::Unfit(String::from("this hub has no process engine"))),
        }
    }

    /// The protections that this machine offers to processes.
    pub(crate) async fn machine(&self) -> Vec<ProtectionReport> {
        let found = match &self.launcher {
            Some(program) => process::machine(program).await,
            None => Err(String::from("this hub has no process engine")),
        };
        found.unwrap_or_else(|error| {
            let lacking = |&protection| ProtectionReport { protection, lacking: Some(error.clone()) };
            Protection::ALL.iter().map(lacking).collect()
        })
    }
}
