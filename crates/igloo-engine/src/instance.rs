//! A running provider, whatever runs it.
//!
//! Every wait here has a deadline that is kept outside the sandbox. Dropping an [`Instance`] kills it.

use std::{
    fmt,
    sync::{
        Arc, LazyLock, OnceLock,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use igloo_protocol::{Command, CommandError, Limits, ProtectionReport};
use tokio::sync::{mpsc, oneshot, watch};

use crate::{counted::Counted, process::Link};

/// Calls that may be waiting for a provider's attention; one more is `busy`.
pub const QUEUED_CALLS: usize = 256;
/// Calls that may have timed out without an answer. Their slots stay taken; one more and the instance is stuck.
pub const STUCK_CALLS: u32 = 32;

/// How long a caller looks for its answer before it sleeps, where the last answer was quick. Waking a thread that
/// sleeps costs tens of microseconds, many times what a quick call takes.
const LOOK: Duration = Duration::from_micros(50);
/// An answer is quick when it takes less than this, the waking of two threads included.
const QUICK: Duration = Duration::from_micros(150);

/// How a provider's life ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Exit {
    /// `run` returned without an error, or `stop` was asked for and obeyed.
    Finished,
    /// `run` returned an error.
    Failed(String),
    /// It trapped: message and backtrace.
    Trapped(String),
    /// It could not be started.
    NotStarted(String),
    /// This machine or this hub lacks what it needs: starting it again changes nothing.
    Unfit(String),
    /// The engine ended it, for this reason.
    Killed(String),
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finished => f.write_str("finished"),
            Self::Failed(reason) => write!(f, "failed: {reason}"),
            Self::Trapped(reason) => write!(f, "trapped: {reason}"),
            Self::NotStarted(reason) | Self::Unfit(reason) => write!(f, "did not start: {reason}"),
            Self::Killed(reason) => write!(f, "was ended: {reason}"),
        }
    }
}

/// How a command ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The device accepted it.
    Ok,
    /// The provider, or the engine before it, said no.
    Error(CommandError),
    /// No answer in time: whether it took effect is not known.
    Timeout,
    /// The provider ended before it answered: whether it took effect is not known.
    Interrupted,
}

/// How an action ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ActionOutcome {
    /// Its result, a JSON text.
    Ok(String),
    /// The provider, or the engine before it, said no.
    Error(CommandError),
    /// No answer in time.
    Timeout,
    /// The provider ended before it answered.
    Interrupted,
}

/// What a call asks of a provider.
#[derive(Debug)]
pub(crate) enum Call {
    /// A command and where its result goes.
    Command(Command, oneshot::Sender<Result<(), CommandError>>),
    /// An action: name, parameters.
    Action(String, String, oneshot::Sender<Result<String, CommandError>>),
    /// A chance to say goodbye.
    Stop(oneshot::Sender<()>),
}

/// Figures of a running instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Stats {
    /// Time spent running the provider's code.
    pub cpu_microseconds: u64,
    /// Linear memory in bytes.
    pub memory_bytes: u64,
    /// Calls delivered.
    pub calls: u64,
    /// Calls that timed out and have not been answered.
    pub stuck_calls: u32,
    /// Sockets open, where they are counted; a component's as of its last calls to its host.
    pub sockets: Option<u64>,
    /// Serial ports open, where they are counted.
    pub serial_ports: Option<u64>,
    /// Bytes that streams hold in the host, where they are counted.
    pub buffered_bytes: Option<u64>,
    /// Processes and threads, where there are any of its own.
    pub processes: Option<u64>,
}

/// Figures shared between an instance and the task that runs it.
#[derive(Debug, Default)]
pub(crate) struct Meters {
    pub(crate) cpu_nanoseconds: AtomicU64,
    pub(crate) memory_bytes: AtomicU64,
    pub(crate) calls: AtomicU64,
    /// How often a component was polled.
    pub(crate) turns: AtomicU64,
    pub(crate) stuck: AtomicU32,
    /// A component's sockets, as of its last calls to its host.
    pub(crate) sockets: AtomicU64,
    /// Whether the last answer was quick.
    quick: AtomicBool,
}

/// How calls get to a provider.
#[derive(Debug)]
pub(crate) enum Route {
    /// To the task that runs a component.
    Guest(mpsc::Sender<Call>),
    /// To a process, once it has started.
    Process(Arc<OnceLock<Arc<Link>>>),
}

impl Route {
    fn deliver(&self, call: Call) -> Result<(), CommandError> {
        match self {
            Self::Guest(calls) => calls.try_send(call).map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => CommandError::Busy,
                mpsc::error::TrySendError::Closed(_) => CommandError::Unavailable,
            }),
            Self::Process(link) => link.get().ok_or(CommandError::Unavailable)?.deliver(call),
        }
    }
}

/// Figures that the system keeps of a process.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Gauged {
    pub(crate) cpu: Duration,
    pub(crate) memory_bytes: u64,
    pub(crate) processes: u64,
    pub(crate) sockets: u64,
}

/// Reads them.
pub(crate) type Gauge = Arc<OnceLock<Box<dyn Fn() -> Gauged + Send + Sync>>>;

impl Meters {
    /// A call that had timed out was answered after all: whoever timed out counted it as stuck.
    pub(crate) fn unstick(&self) {
        let _ = self.stuck.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |stuck| stuck.checked_sub(1));
    }
}

/// A running provider.
pub struct Instance {
    pub(crate) route: Route,
    /// CPU time and memory, where the system counts them.
    pub(crate) gauge: Gauge,
    /// Told once it has started.
    pub(crate) protections: Arc<OnceLock<Vec<ProtectionReport>>>,
    pub(crate) exit: watch::Receiver<Option<Exit>>,
    pub(crate) kill: watch::Sender<Option<String>>,
    pub(crate) meters: Arc<Meters>,
    pub(crate) counted: Counted,
    /// Whether a caller may look for its answer: not on the one thread that is to give it.
    pub(crate) looks: bool,
}

impl Instance {
    /// One that has ended before it began, in this way.
    #[must_use]
    pub fn never_started(exit: Exit) -> Self {
        let (calls, _) = mpsc::channel(1);
        let (_, exit) = watch::channel(Some(exit));
        let (kill, _) = watch::channel(None);
        let route = Route::Guest(calls);
        Self {
            route,
            gauge: Arc::default(),
            protections: Arc::default(),
            exit,
            kill,
            meters: Arc::default(),
            counted: Counted::new(&Limits::default()),
            looks: false,
        }
    }

    /// Delivers a command, at most once, and waits for its outcome at most until its deadline.
    pub async fn command(&self, command: Command) -> Outcome {
        let deadline = command.deadline;
        self.command_within(command, deadline).await
    }

    /// As [`Instance::command`], with another wait than the command's own deadline.
    pub(crate) async fn command_within(&self, command: Command, deadline: Duration) -> Outcome {
        match self.call(deadline, |reply| Call::Command(command, reply)).await {
            Answered::Yes(Ok(())) => Outcome::Ok,
            Answered::Yes(Err(error)) => Outcome::Error(error),
            Answered::Late => Outcome::Timeout,
            Answered::Never => Outcome::Interrupted,
        }
    }

    /// Runs an action and waits for its outcome at most until the deadline.
    pub async fn action(&self, name: String, parameters: String, deadline: Duration) -> ActionOutcome {
        match self.call(deadline, |reply| Call::Action(name, parameters, reply)).await {
            Answered::Yes(Ok(result)) => ActionOutcome::Ok(result),
            Answered::Yes(Err(error)) => ActionOutcome::Error(error),
            Answered::Late => ActionOutcome::Timeout,
            Answered::Never => ActionOutcome::Interrupted,
        }
    }

    /// Asks the provider to say goodbye, waits at most until the deadline, and ends it.
    pub async fn stop(&self, deadline: Duration) -> Exit {
        let (reply, done) = oneshot::channel();
        if self.route.deliver(Call::Stop(reply)).is_ok() {
            let mut exit = self.exit.clone();
            let goodbye = async {
                tokio::select! {
                    _ = done => {}
                    _ = exit.wait_for(Option::is_some) => {}
                }
            };
            if tokio::time::timeout(deadline, goodbye).await.is_ok() {
                // Its own exit is told where `stop` made `run` return.
                self.kill.send_replace(Some(String::from(STOPPED)));
                return match self.ended().await {
                    Exit::Killed(reason) if reason == STOPPED => Exit::Finished,
                    exit => exit,
                };
            }
        }
        self.kill("it did not stop in time").await
    }

    /// Asks the provider to say goodbye, and waits at most until the deadline. It runs on.
    pub(crate) async fn goodbye(&self, deadline: Duration) {
        let (reply, done) = oneshot::channel();
        if self.route.deliver(Call::Stop(reply)).is_ok() {
            let _ = tokio::time::timeout(deadline, done).await;
        }
    }

    /// Ends the provider now.
    pub async fn kill(&self, reason: &str) -> Exit {
        self.kill.send_replace(Some(reason.to_owned()));
        self.ended().await
    }

    /// Waits for the provider's end.
    pub async fn ended(&self) -> Exit {
        let mut exit = self.exit.clone();
        match exit.wait_for(Option::is_some).await {
            Ok(exit) => exit.clone().unwrap_or(Exit::Finished),
            Err(_) => Exit::Killed(String::from("the engine is gone")),
        }
    }

    /// Figures as of now.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let engine = Duration::from_nanos(self.meters.cpu_nanoseconds.load(Ordering::Relaxed));
        let system = self.gauge.get().map(|read| read());
        let (waiting, sockets) = match &self.route {
            Route::Process(link) => (link.get().map_or(0, |link| link.waiting()), system.map(|system| system.sockets)),
            Route::Guest(_) => (0, Some(self.meters.sockets.load(Ordering::Relaxed))),
        };
        Stats {
            cpu_microseconds: u64::try_from((engine + system.map_or(Duration::ZERO, |system| system.cpu)).as_micros())
                .unwrap_or(u64::MAX),
            memory_bytes: system.map_or(self.meters.memory_bytes.load(Ordering::Relaxed), |system| system.memory_bytes),
            calls: self.meters.calls.load(Ordering::Relaxed),
            stuck_calls: self.meters.stuck.load(Ordering::Relaxed),
            sockets,
            serial_ports: Some(self.counted.serial_ports.now()),
            buffered_bytes: Some(self.counted.buffers.now() + self.counted.requests.now() + waiting),
            processes: system.map(|system| system.processes),
        }
    }

    /// What protects the home from its process, once it has started. `None` for a component in the hub, where
    /// WebAssembly's sandbox stands for all of it.
    #[must_use]
    pub fn protections(&self) -> Option<Vec<ProtectionReport>> {
        self.protections.get().cloned()
    }

    async fn call<T>(
        &self,
        deadline: Duration,
        call: impl FnOnce(oneshot::Sender<Result<T, CommandError>>) -> Call,
    ) -> Answered<T> {
        let (reply, mut answer) = oneshot::channel();
        let began = Instant::now();
        if let Err(error) = self.route.deliver(call(reply)) {
            return Answered::Yes(Err(error));
        }
        // After the call is in the queue: whoever sees the count finds it there.
        self.meters.calls.fetch_add(1, Ordering::Release);
        let answered = match self.look_for(&mut answer) {
            Some(answered) => answered,
            None => match tokio::time::timeout(deadline, answer).await {
                Ok(Ok(result)) => Answered::Yes(result),
                Ok(Err(_)) => Answered::Never,
                Err(_) => {
                    if self.meters.stuck.fetch_add(1, Ordering::Relaxed) + 1 > STUCK_CALLS {
                        self.kill.send_replace(Some(format!("more than {STUCK_CALLS} calls were never answered")));
                    }
                    Answered::Late
                }
            },
        };
        self.meters.quick.store(began.elapsed() < QUICK, Ordering::Relaxed);
        answered
    }

    /// Looks for an answer for a moment, without sleeping, where the last one was quick.
    fn look_for<T>(&self, answer: &mut oneshot::Receiver<Result<T, CommandError>>) -> Option<Answered<T>> {
        if !self.looks || !self.meters.quick.load(Ordering::Relaxed) || !several_cores() {
            return None;
        }
        let until = Instant::now() + LOOK;
        loop {
            match answer.try_recv() {
                Ok(result) => return Some(Answered::Yes(result)),
                Err(oneshot::error::TryRecvError::Closed) => return Some(Answered::Never),
                Err(oneshot::error::TryRecvError::Empty) if Instant::now() >= until => return None,
                Err(oneshot::error::TryRecvError::Empty) => std::hint::spin_loop(),
            }
        }
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance").field("exit", &*self.exit.borrow()).finish_non_exhaustive()
    }
}

/// A provider's words, bounded.
pub(crate) fn shorten(text: &str) -> String {
    const LONGEST: usize = 4096;
    if text.len() <= LONGEST {
        return text.to_owned();
    }
    let end = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    format!("{}…", text.get(..end).unwrap_or_default())
}

/// Whether looking can help: on one core it only keeps the other side from running.
pub(crate) fn several_cores() -> bool {
    static SEVERAL: LazyLock<bool> = LazyLock::new(|| std::thread::available_parallelism().is_ok_and(|n| n.get() > 1));
    *SEVERAL
}

const STOPPED: &str = "stopped";

enum Answered<T> {
    Yes(Result<T, CommandError>),
    Late,
    Never,
}
