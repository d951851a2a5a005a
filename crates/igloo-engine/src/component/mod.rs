//! The `component` engine: WebAssembly components in this process, one wasmtime store each.
//!
//! - Guests run on threads of their own with a lower priority, never on those that serve the hub.
//! - A ticker interrupts running code every few milliseconds, so that one guest cannot keep a thread; it sleeps while
//!   no guest runs.
//! - CPU time is measured around every poll and held to the granted share; code that does not come to rest for
//!   [`SPIN_LIMIT`] is ended.
//! - To kill a guest is to drop its store, at any instant.
//!
//! What is compiled is kept by content ([`cache`]) and compiled in a child process, because compiling is an attack
//! surface and takes seconds for large components.

mod bare;
pub(crate) mod bindings;
pub mod cache;
mod capability;
mod lane;
mod pages;
mod runner;
mod sealed;
mod state;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, Thread},
    time::Duration,
};

use igloo_protocol::{Limits, Protection};
use tokio::sync::{mpsc, watch};
use wasmtime::component::Linker;

pub use self::cache::{CompilerCommand, compile_child};
use self::{bindings::ProviderPre, pages::Origin, state::State};
use crate::{
    counted::Counted,
    discovery::Discovery,
    home::Home,
    instance::{Exit, Gauge, Instance, Meters, QUEUED_CALLS, Route},
    outside::{Local, Outside, ports::PortsInUse},
    policy::Policy,
    process,
    quota::Watcher,
    roots::Roots,
};

/// How often running code is interrupted to let others run.
const TICK: Duration = Duration::from_millis(5);
/// How long code may run without coming to rest.
pub const SPIN_LIMIT: Duration = Duration::from_secs(5);
/// How nice guests' threads are, and those of guests that compute for long. Neither the nicest,
/// 19, nor `SCHED_IDLE` (sched(7)): a thread that is hardly ever run again keeps whatever lock it holds, such as the
/// tree's while its guest writes, from everybody.
const QUICK: i32 = 5;
const SLOW: i32 = 10;
/// When an instance has settled: what it has not touched since may go.
const SETTLED: Duration = Duration::from_secs(2);
/// How long instantiating may take.
const START_DEADLINE: Duration = Duration::from_secs(10);

/// Why the engine could not do something.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The engine itself could not be set up.
    #[error("the WebAssembly engine could not be set up: {0}")]
    Setup(String),
    /// The component could not be compiled.
    #[error("the component could not be compiled: {0}")]
    Compile(String),
    /// The component asks for something that the hub does not offer, or lacks what a provider must have.
    #[error("not a provider for this hub: {0}")]
    Unfit(String),
    /// A file could not be read or written.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

/// How to set the engine up.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Where compiled code is kept. Made with mode 0700.
    pub cache: PathBuf,
    /// The program that compiles in a child process; without one, compiling happens in this process.
    pub compiler: Option<CompilerCommand>,
    /// Threads that run guests.
    pub threads: usize,
    /// This program: what starts sandboxes and runs in them as a worker. Without it nothing has a process of its own.
    pub launcher: Option<PathBuf>,
}

impl EngineOptions {
    /// Compiled code in `cache`, compiled in this process, one thread for each core.
    #[must_use]
    pub fn new(cache: PathBuf) -> Self {
        Self { cache, compiler: None, threads: thread::available_parallelism().map_or(2, usize::from), launcher: None }
    }

    /// Runs providers as processes too, started by this program, which must call [`process::run_if_asked`] first of all.
    #[must_use]
    pub fn launcher(mut self, program: PathBuf) -> Self {
        self.launcher = Some(program);
        self
    }

    /// Compiles in a child process.
    #[must_use]
    pub fn compiler(mut self, compiler: CompilerCommand) -> Self {
        self.compiler = Some(compiler);
        self
    }
}

/// What one instance is started with.
pub struct Launch {
    /// For threads' names and messages.
    pub name: String,
    /// What it may reach.
    pub policy: Arc<Policy>,
    /// What bounds it.
    pub limits: Limits,
    /// Its home.
    pub home: Arc<dyn Home>,
    /// The directory it sees as `/data`, which `limits.private` bounds.
    pub private_directory: PathBuf,
    /// The root certificates that it and its requests trust; it sees them in `/etc/ssl`.
    pub roots: Arc<Roots>,
    /// Protections without which its process must not start.
    pub requires: BTreeSet<Protection>,
    /// Protections that its owner accepts to be lacking, also of those that are required.
    pub without: BTreeSet<Protection>,
}

/// A compiled component, ready to be started any number of times.
#[derive(Clone)]
pub struct Prepared {
    pre: ProviderPre<State>,
    /// The file it was loaded from, if that is large.
    origin: Option<Origin>,
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Prepared")
    }
}

/// What all instances of an engine share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) engine: wasmtime::Engine,
    pub(crate) ticker: Arc<Ticker>,
    pub(crate) ports: Arc<PortsInUse>,
    pub(crate) discovery: Arc<Discovery>,
    /// Watches private directories. A worker's is watched by its hub.
    pub(crate) watcher: Option<Arc<Watcher>>,
    /// Whether a guest's thread looks for the next call for a moment after one. A worker's thread has other things to do.
    pub(crate) lingers: bool,
    /// Runs the slow lane. A worker has none: there is nobody to be kept from.
    pub(crate) slow: Option<tokio::runtime::Handle>,
}

/// The engine. One serves the whole hub.
pub struct ComponentEngine {
    shared: Shared,
    linker: Linker<State>,
    /// `None` in a worker, which is given its code.
    cache: Option<cache::Cache>,
    /// `None` only while dropping.
    runtime: Option<tokio::runtime::Runtime>,
    slow: Option<tokio::runtime::Runtime>,
}

impl std::fmt::Debug for ComponentEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ComponentEngine")
    }
}

impl ComponentEngine {
    /// Sets the engine up.
    pub fn new(options: EngineOptions) -> Result<Arc<Self>, EngineError> {
        Self::with(options.threads, true, |engine| {
            cache::Cache::open(options.cache, options.compiler, engine).map(Some)
        })
    }

    /// An engine for the one component of a worker process, on one thread.
    pub(crate) fn for_worker() -> Result<Arc<Self>, EngineError> {
        Self::with(1, false, |_| Ok(None))
    }

    fn with(
        threads: usize,
        lingers: bool,
        cache: impl FnOnce(wasmtime::Engine) -> Result<Option<cache::Cache>, EngineError>,
    ) -> Result<Arc<Self>, EngineError> {
        let setup = |error: wasmtime::Error| EngineError::Setup(format!("{error:#}"));
        let engine = wasmtime::Engine::new(&config()).map_err(setup)?;
        let mut linker = Linker::new(&engine);
        capability::add_to_linker(&mut linker).map_err(setup)?;
        let cache = cache(engine.clone())?;
        let runtime = |name: &str, threads, nice| {
            tokio::runtime::Builder::new_multi_thread()
                .worker_threads(threads)
                .max_blocking_threads(16)
                .thread_name(name)
                .on_thread_start(move || lower_priority(nice))
                .enable_all()
                .build()
                .map_err(|error| EngineError::Setup(error.to_string()))
        };
        let slow = lingers.then(|| runtime("igloo-slow", 1, SLOW)).transpose()?;
        let quick = runtime("igloo-guest", threads, QUICK)?;
        let ticker = Ticker::start(engine.clone()).map_err(|error| EngineError::Setup(error.to_string()))?;
        let shared = Shared {
            engine,
            ticker,
            ports: Arc::default(),
            discovery: Arc::default(),
            watcher: lingers.then(|| Watcher::start(quick.handle())),
            lingers,
            slow: slow.as_ref().map(|slow| slow.handle().clone()),
        };
        Ok(Arc::new(Self { shared, linker, cache, runtime: Some(quick), slow }))
    }

    fn cache(&self) -> Result<&cache::Cache, EngineError> {
        self.cache.as_ref().ok_or_else(|| EngineError::Setup(String::from("a worker compiles nothing")))
    }

    /// Compiles a component, or loads what was compiled before. `sha256` is the hash of the file's content in
    /// hexadecimal, and is checked.
    pub async fn prepare(&self, component: &Path, sha256: &str) -> Result<Prepared, EngineError> {
        let loaded = self.cache()?.load(component, sha256).await?;
        self.prepared(&loaded.component, loaded.origin)
    }

    /// As [`ComponentEngine::prepare`], for workers: the code is loaded by each of them.
    pub async fn prepare_isolated(&self, component: &Path, sha256: &str) -> Result<process::Isolated, EngineError> {
        let code = self.cache()?.code(component, sha256).await?;
        process::Isolated::new(&code).map_err(|error| EngineError::File { path: component.to_owned(), error })
    }

    /// Loads the code that the hub gave this worker.
    pub(crate) fn load(&self, code: &Path) -> Result<Prepared, EngineError> {
        // SAFETY: the path leads to the sealed memory file that the hub, this process's parent, made of code that its own
        // compiler made for this configuration; nobody can change it.
        let component = unsafe { wasmtime::component::Component::deserialize_file(&self.shared.engine, code) };
        self.prepared(&component.map_err(|error| EngineError::Unfit(format!("{error:#}")))?, None)
    }

    fn prepared(
        &self,
        component: &wasmtime::component::Component,
        origin: Option<Origin>,
    ) -> Result<Prepared, EngineError> {
        let unfit = |error: wasmtime::Error| EngineError::Unfit(format!("{error:#}"));
        let without_sockets = capability::no_sockets::linker_for(component, &self.linker).map_err(unfit)?;
        let pre = without_sockets.as_ref().unwrap_or(&self.linker).instantiate_pre(component).map_err(unfit)?;
        Ok(Prepared { pre: ProviderPre::new(pre).map_err(unfit)?, origin })
    }

    /// Starts an instance. Returns at once: how it fares is told by the [`Instance`].
    #[must_use]
    pub fn start(&self, prepared: &Prepared, launch: Launch) -> Instance {
        let outside = self.local(&launch);
        let counted = outside.counted.clone();
        self.start_with(prepared, launch, Arc::new(outside), counted)
    }

    /// What an instance of this hub reaches.
    pub(crate) fn local(&self, launch: &Launch) -> Local {
        Local {
            policy: launch.policy.clone(),
            home: launch.home.clone(),
            roots: launch.roots.clone(),
            ports: self.shared.ports.clone(),
            discovery: self.shared.discovery.clone(),
            counted: Counted::new(&launch.limits),
        }
    }

    /// Starts an instance whose outside is this, and what it holds there.
    pub(crate) fn start_with(
        &self,
        prepared: &Prepared,
        launch: Launch,
        outside: Arc<dyn Outside>,
        counted: Counted,
    ) -> Instance {
        let (calls, incoming) = mpsc::channel(QUEUED_CALLS);
        let (exit, exited) = watch::channel(None);
        let (kill, killed) = watch::channel(None);
        let meters = Arc::new(Meters::default());
        let instance = Instance {
            route: Route::Guest(calls),
            gauge: Gauge::default(),
            protections: Arc::default(),
            exit: exited,
            kill,
            meters: meters.clone(),
            looks: self.shared.lingers,
            counted,
        };
        let life = runner::live(self.shared.clone(), prepared.pre.clone(), launch, outside, incoming, killed, meters);
        match &self.runtime {
            Some(runtime) => {
                runtime.spawn(async move { exit.send_replace(Some(life.await)) });
                if let Some(origin) = prepared.origin {
                    runtime.spawn(async move {
                        tokio::time::sleep(SETTLED).await;
                        let _ = tokio::task::spawn_blocking(move || origin.give_back()).await;
                    });
                }
            }
            None => drop(exit.send_replace(Some(Exit::NotStarted(String::from("the engine is shutting down"))))),
        }
        instance
    }

    /// What watches private directories, to be shared with other engines.
    pub(crate) fn watcher(&self) -> Option<&Arc<Watcher>> {
        self.shared.watcher.as_ref()
    }

    /// The broker that this engine's instances find devices with, to be shared with other engines.
    #[must_use]
    pub fn discovery(&self) -> &Arc<Discovery> {
        &self.shared.discovery
    }

    /// The runtime that runs the guests, for measuring on it.
    #[doc(hidden)]
    #[must_use]
    pub fn runtime(&self) -> Option<&tokio::runtime::Handle> {
        self.runtime.as_ref().map(tokio::runtime::Runtime::handle)
    }
}

impl Drop for ComponentEngine {
    fn drop(&mut self) {
        self.shared.ticker.stop();
        for runtime in [self.runtime.take(), self.slow.take()].into_iter().flatten() {
            runtime.shutdown_background();
        }
    }
}

/// The one configuration that code is compiled and run with, in this process and in the compiling child.
fn config() -> wasmtime::Config {
    let mut config = wasmtime::Config::new();
    config.wasm_component_model_async(true);
    config.epoch_interruption(true);
    // A guest's stack; more than that is a trap.
    config.max_wasm_stack(1 << 20);
    config.async_stack_size(2 << 20);
    // A trap's frames are told by their functions' names. What would give their lines, too, and what a native debugger
    // needs, is a tenth of the code that is loaded.
    config.generate_address_map(false);
    config.native_unwind_info(false);
    if has_many_addresses() {
        // All that 32 bits can reach is reserved for each memory: no access needs a check of its bounds, which makes
        // code a fifth smaller, and no memory moves when it grows.
        config.memory_reservation(4 << 30);
        config.memory_guard_size(32 << 20);
    } else {
        config.memory_reservation(0);
        config.memory_guard_size(64 << 10);
        // Up to the default limit no memory has to move, so what it shares with others' copies stays shared.
        config.memory_reservation_for_growth(64 << 20);
    }
    config
}

/// Whether hundreds of reservations of 4 GiB fit. They do not where a process has 39 bits of addresses (arm64's
/// `CONFIG_ARM64_VA_BITS_39`, as on some small computers). Every stack is in the upper part of what there is.
fn has_many_addresses() -> bool {
    let here = 0_u8;
    (&raw const here).addr() >> 40 != 0
}

/// Lets the hub's own threads go first when the machine is busy. What the system refuses is left as it is.
fn lower_priority(nice: i32) {
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), nice) {
        tracing::debug!(%error, "guests run at the usual priority");
    }
}

/// Advances the engine's epoch while guests run, and sleeps while none does.
#[derive(Debug)]
pub(crate) struct Ticker {
    /// A guest ran since the last tick.
    active: AtomicBool,
    /// Guests being polled at this moment.
    running: AtomicUsize,
    asleep: AtomicBool,
    stopped: AtomicBool,
    thread: std::sync::OnceLock<Thread>,
}

impl Ticker {
    fn start(engine: wasmtime::Engine) -> std::io::Result<Arc<Self>> {
        let ticker = Arc::new(Self {
            active: AtomicBool::new(false),
            running: AtomicUsize::new(0),
            asleep: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            thread: std::sync::OnceLock::new(),
        });
        let own = ticker.clone();
        let handle = thread::Builder::new().name(String::from("igloo-ticker")).spawn(move || {
            while !own.stopped.load(Ordering::Acquire) {
                // A guest that is being polled now may stay in that poll for long.
                if own.active.swap(false, Ordering::AcqRel) || own.running.load(Ordering::SeqCst) > 0 {
                    thread::sleep(TICK);
                    engine.increment_epoch();
                } else {
                    own.asleep.store(true, Ordering::SeqCst);
                    if !own.active.load(Ordering::SeqCst)
                        && own.running.load(Ordering::SeqCst) == 0
                        && !own.stopped.load(Ordering::SeqCst)
                    {
                        thread::park();
                    }
                    own.asleep.store(false, Ordering::SeqCst);
                }
            }
        })?;
        let _ = ticker.thread.set(handle.thread().clone());
        Ok(ticker)
    }

    /// A guest is about to run.
    pub(crate) fn wake(&self) {
        self.running.fetch_add(1, Ordering::SeqCst);
        if !self.active.load(Ordering::Relaxed) {
            self.active.store(true, Ordering::SeqCst);
        }
        if self.asleep.load(Ordering::SeqCst)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }

    /// A guest has run.
    pub(crate) fn rest(&self) {
        self.running.fetch_sub(1, Ordering::SeqCst);
    }

    fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }
}
