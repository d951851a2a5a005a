//! A component in a process of its own: the placement `isolated`.
//!
//! The process is this very program, in the same sandbox as a native provider, for owners who do not want to trust one
//! runtime's sandbox alone. In it a [`ComponentEngine`] runs one component. Its home and its outside ask the hub over
//! `igloo-wire`; its sockets are made by the hub, as a native provider's are; so what breaks out of WebAssembly has
//! gained what a native provider has: nothing but its grants.
//!
//! The compiled code comes as a sealed memory file, which all workers of a component share.

mod client;
mod convert;
mod home;
mod outside;

use std::{fs::File, io::Write as _, os::fd::OwnedFd, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use igloo_protocol::Limits;
use igloo_wire::{
    FromProvider, ToProvider,
    message::{Order, Outcome},
};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

use self::client::Client;
use super::{Instance, ProcessEngine, session};
use crate::{
    ActionOutcome, Exit, Outcome as CommandOutcome, Policy, Roots,
    component::{ComponentEngine, EngineError, Launch, Prepared},
    counted::Counted,
};

/// The environment variable that tells a worker its limits, as JSON.
pub(super) const SETTINGS: &str = "IGLOO_WORKER";
/// The argument that makes this program a worker.
pub(super) const ARGUMENT: &str = "sandboxed-worker";
/// Where a worker finds the compiled component: its descriptor 4, behind the socket.
const CODE: &str = "/proc/self/fd/4";
/// Memory that a worker needs beside its component's.
pub(super) const OVERHEAD: u64 = 48 << 20;
/// How long the hub may take to answer the worker's hello.
const WELCOME: Duration = Duration::from_secs(10);
/// How long a call is waited for here. The hub keeps its deadline, and takes a late answer as what it is.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);
/// How long a component may take to say goodbye, before the hub loses patience.
const STOP: Duration = Duration::from_secs(5);

/// A compiled component for workers.
#[derive(Clone, Debug)]
pub struct Isolated {
    code: Arc<OwnedFd>,
}

impl Isolated {
    /// Code that was verified a moment ago.
    pub(crate) fn new(code: &[u8]) -> std::io::Result<Self> {
        let memory = memfd_create("igloo-component", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        let mut file = File::from(memory);
        file.write_all(code)?;
        fcntl_add_seals(&file, SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        Ok(Self { code: Arc::new(file.into()) })
    }

    pub(super) fn code(&self) -> std::io::Result<OwnedFd> {
        self.code.try_clone()
    }
}

/// The limits as a worker reads them.
pub(super) fn settings(limits: &Limits) -> String {
    serde_json::to_string(limits).unwrap_or_default()
}

impl ProcessEngine {
    /// Starts a component in a worker process. Returns at once: how it fares is told by the [`Instance`].
    #[must_use]
    pub fn start_isolated(&self, component: &Isolated, launch: Launch) -> Instance {
        self.launch(session::What::Worker(component.clone()), launch)
    }
}

/// What this program does when it is started with [`ARGUMENT`] as a sandbox's program.
pub(super) fn main() -> ExitCode {
    match work() {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "the worker cannot run: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Why a worker cannot run.
#[derive(Debug, thiserror::Error)]
enum WorkerError {
    #[error("it is started by the hub, with {0}")]
    Alone(&'static str),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Socket(#[from] client::Broken),
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

fn work() -> Result<ExitCode, WorkerError> {
    let settings = std::env::var(SETTINGS).map_err(|_| WorkerError::Alone("its limits"))?;
    let limits: Limits = serde_json::from_str(&settings).map_err(|_| WorkerError::Alone("its limits as JSON"))?;
    let engine = ComponentEngine::for_worker()?;
    let prepared = engine.load(std::path::Path::new(CODE))?;
    let runtime = engine.runtime().cloned().ok_or(WorkerError::Alone("a runtime"))?;
    let exit = runtime.block_on(async { tokio::spawn(serve(engine, prepared, limits)).await });
    match exit {
        Ok(result) => result,
        Err(error) => Err(std::io::Error::other(error).into()),
    }
}

/// Runs the component and carries calls to it until it ends.
async fn serve(engine: Arc<ComponentEngine>, prepared: Prepared, limits: Limits) -> Result<ExitCode, WorkerError> {
    let client = Client::open()?;
    client.say(&FromProvider::Hello {
        version: igloo_wire::VERSION.to_owned(),
        features: Vec::new(),
        sdk: Some(String::from("igloo worker")),
    });
    let welcome = tokio::time::timeout(WELCOME, client.next()).await.map_err(|_| WorkerError::Alone("a welcome"))??;
    let ToProvider::Welcome { name, config, .. } = welcome else { return Err(WorkerError::Alone("a welcome")) };
    let launch = Launch {
        name,
        // Its sockets are the hub's, who decides there.
        policy: Policy::new(igloo_protocol::Grants::default(), Vec::new()),
        limits,
        home: Arc::new(home::RemoteHome::new(client.clone(), config)),
        private_directory: PathBuf::from("/data"),
        roots: Roots::shown("/etc/ssl".into())?,
        requires: Default::default(),
        without: Default::default(),
    };
    let outside = Arc::new(outside::Remote::new(client.clone()));
    let counted = Counted::new(&launch.limits);
    let instance = Arc::new(engine.start_with(&prepared, launch, outside, counted));
    loop {
        let message = tokio::select! {
            exit = instance.ended() => return Ok(report(&client, exit)),
            message = client.next() => message?,
        };
        match message {
            ToProvider::Call { id, request } => {
                // In order: it is in the component's queue before the next message is read.
                let (client, instance) = (client.clone(), instance.clone());
                let mut answer = Box::pin(async move {
                    if let Some(result) = carry_out(&instance, request).await {
                        client.say(&FromProvider::Answer { id, result });
                    }
                });
                let delivered = futures::poll!(&mut answer);
                if delivered.is_pending() {
                    tokio::spawn(answer);
                }
            }
            ToProvider::Refused { updates } => {
                tracing::debug!(?updates, "the hub refused what the worker had accepted");
            }
            // Everything else was taken by the client.
            _ => {}
        }
    }
}

/// The answer; none if the component ended before it: then the hub tells whoever asked that.
async fn carry_out(
    instance: &Instance,
    order: Order,
) -> Option<Outcome<Option<String>, igloo_wire::types::CommandError>> {
    let error = |error| Some(Outcome::Error(convert::command_error(error)));
    match order {
        Order::Command(command) => match convert::command(command) {
            Ok(command) => match instance.command_within(command, PATIENCE).await {
                CommandOutcome::Ok => Some(Outcome::Ok(None)),
                CommandOutcome::Error(reason) => error(reason),
                CommandOutcome::Timeout | CommandOutcome::Interrupted => None,
            },
            Err(_) => error(igloo_protocol::CommandError::Rejected(String::from("a value is not a date or time"))),
        },
        Order::Action { name, parameters } => match instance.action(name, parameters, PATIENCE).await {
            ActionOutcome::Ok(text) => Some(Outcome::Ok(Some(text))),
            ActionOutcome::Error(reason) => error(reason),
            ActionOutcome::Timeout | ActionOutcome::Interrupted => None,
        },
        Order::Stop {} => {
            instance.goodbye(STOP).await;
            Some(Outcome::Ok(None))
        }
    }
}

/// Tells the hub how the component ended.
fn report(client: &Client, exit: Exit) -> ExitCode {
    let (error, code) = match exit {
        Exit::Finished => (None, ExitCode::SUCCESS),
        Exit::Failed(reason) => (Some(reason), ExitCode::FAILURE),
        exit @ (Exit::Trapped(_) | Exit::NotStarted(_) | Exit::Unfit(_) | Exit::Killed(_)) => {
            (Some(exit.to_string()), ExitCode::FAILURE)
        }
    };
    client.say(&FromProvider::Finished { error });
    client.flush();
    code
}
