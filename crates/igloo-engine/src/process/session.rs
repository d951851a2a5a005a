//! One process's life: start it in its sandbox, greet it, serve it, find out how it ended.

use std::{
    collections::BTreeSet,
    os::fd::OwnedFd,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use igloo_protocol::{LogLevel, Protection, ProtectionReport, limits::Limit};
use igloo_sandbox::{Exit as Ending, Limits, Running, Spec, sockets::Tally};
use igloo_wire::{
    DecodeError, Decoder, FromProvider, ToProvider, codec,
    message::{Outcome, RequestError},
    types::LogLevel as WireLogLevel,
};
use parking_lot::Mutex;
use tokio::{
    io::AsyncReadExt as _,
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    Link, Program,
    link::ReadError,
    net,
    requests::Requests,
    worker::{self, Isolated},
};
use crate::{
    budget::Budget,
    component::Launch,
    convert::wire as convert,
    home::Home,
    instance::{Exit, Gauge, Gauged, Meters, shorten},
    output::Lines,
    outside::Local,
    quota::{Quota, Unmeasurable, Watcher},
};

/// How long a process may take until it says hello.
const HELLO: Duration = Duration::from_secs(10);
/// How long what a process said last is listened for after its end.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How long a process that said that it is finished may take to end.
const END: Duration = Duration::from_secs(5);
/// Messages that make no sense before the process is ended.
const MALFORMED: u32 = 16;
/// Names of unknown messages and fields that are logged, each once.
const UNKNOWN: usize = 16;
/// How an SDK begins the line that it logs at level `error` when the provider panics.
const PANIC: &str = "panic: ";
/// What ends who writes beyond `RLIMIT_FSIZE` (setrlimit(2)).
const XFSZ: i32 = rustix::process::Signal::XFSZ.as_raw();

/// What runs in the sandbox.
pub(super) enum What {
    Program(Program),
    /// This program itself, running a component.
    Worker(Isolated),
}

/// Everything that one life needs.
pub(super) struct Session {
    pub(super) launcher: igloo_sandbox::Launcher,
    pub(super) what: What,
    pub(super) launch: Launch,
    pub(super) outside: Local,
    pub(super) watcher: Option<Arc<Watcher>>,
    pub(super) link: Arc<OnceLock<Arc<Link>>>,
    pub(super) gauge: Gauge,
    pub(super) protections: Arc<OnceLock<Vec<ProtectionReport>>>,
    pub(super) meters: Arc<Meters>,
}

impl Session {
    pub(super) async fn live(self, mut kill: watch::Receiver<Option<String>>) -> Exit {
        let link = self.link.clone();
        let life = self.run();
        let exit = tokio::select! {
            biased;
            // Dropping the life kills the sandbox.
            Ok(reason) = kill.wait_for(Option::is_some) => Exit::Killed(reason.clone().unwrap_or_default()),
            exit = life => exit,
        };
        // However it ended: whoever waits for an answer is told that there will be none.
        if let Some(link) = link.get() {
            link.close();
        }
        exit
    }

    async fn run(self) -> Exit {
        let spec = match self.spec() {
            Ok(spec) => spec,
            Err(error) => return Exit::NotStarted(error.to_string()),
        };
        let quota = match self.quota().await {
            Ok(quota) => quota,
            Err(error) => return Exit::NotStarted(error.to_string()),
        };
        let mut running = match igloo_sandbox::start(&self.launcher, spec).await {
            Ok(running) => running,
            Err(igloo_sandbox::Error::Lacking { protection, why, .. }) => return Exit::Unfit(lacks(protection, &why)),
            Err(error @ igloo_sandbox::Error::Execute { .. }) => return Exit::Unfit(error.to_string()),
            Err(error) => return Exit::NotStarted(error.to_string()),
        };
        let _ = self.protections.set(reports(running.report()));
        let link = match running.take_protocol().map(|socket| Link::new(socket.into(), self.launch.limits.buffers)) {
            Some(Ok(link)) => Arc::new(link),
            Some(Err(error)) => return Exit::NotStarted(error.to_string()),
            None => return Exit::NotStarted(String::from("the sandbox has no socket")),
        };
        let _ = self.link.set(link.clone());
        let outputs = [(running.take_stdout(), LogLevel::Info), (running.take_stderr(), LogLevel::Warn)];
        let (listener, names) = (running.take_socket_listener(), running.take_resolver_socket());
        let running = Arc::new(running);
        let used = Arc::downgrade(&running);
        let process_limit = Arc::new(ProcessLimit::new(&self.launch));
        let limit = process_limit.clone();
        let sockets = Tally::default();
        let tally = sockets.clone();
        let _ = self.gauge.set(Box::new(move || {
            let Some(running) = used.upgrade() else { return Gauged::default() };
            let usage = running.usage();
            limit.tell(&running);
            Gauged {
                cpu: usage.cpu,
                memory_bytes: usage.memory_bytes,
                processes: usage.processes,
                sockets: running.init_pid().map_or(0, |init| tally.open(init)),
            }
        }));
        // Ended with this future, whatever ends it.
        let mut tasks = JoinSet::new();
        let budget = Arc::new(Mutex::new(Budget::new(self.launch.limits.cpu_percent)));
        for (output, level) in outputs {
            if let Some(output) = output {
                let lines = Lines::new(self.launch.home.clone(), level);
                tasks.spawn(print(output, lines, budget.clone()));
            }
        }
        let most = self.launch.limits.sockets as usize;
        net::serve(&mut tasks, &running, listener, names, &self.outside, most, sockets);
        let (unwritable, mut cannot_write) = tokio::sync::oneshot::channel();
        let writer = link.clone();
        tasks.spawn(async move {
            let _ = unwritable.send(writer.keep_writing().await);
        });
        let mut conversation = Conversation::new(&self, link.clone(), budget);
        let exit = tokio::select! {
            Some(reason) = exceeded(quota, running.clone()) => Exit::Killed(reason),
            said = conversation.listen() => conversation.after(said, &running).await,
            ending = running.wait() => {
                let _ = timeout(LAST_WORDS, conversation.listen()).await;
                conversation.ended(&ending)
            }
            Ok(error) = &mut cannot_write => match error {
                super::link::SendError::Gone(_) => {
                    let ending = timeout(END, running.wait()).await;
                    let _ = timeout(LAST_WORDS, conversation.listen()).await;
                    ending.map_or_else(
                        |_| Exit::Killed(String::from("it closed its socket and did not end")),
                        |ending| conversation.ended(&ending),
                    )
                }
                error => Exit::Killed(error.to_string()),
            },
        };
        process_limit.tell(&running);
        exit
    }

    /// Measures its private directory before anything of it runs.
    async fn quota(&self) -> Result<Option<Quota>, Unmeasurable> {
        let Some(watcher) = &self.watcher else { return Ok(None) };
        let (directory, home) = (self.launch.private_directory.clone(), self.launch.home.clone());
        Quota::begin(watcher, directory, self.launch.limits.private, home).await.map(Some)
    }

    fn spec(&self) -> std::io::Result<Spec> {
        let limits = &self.launch.limits;
        let mut memory = limits.memory;
        let mut environment: Vec<(String, String)> =
            [("HOME", "/data"), ("PATH", "/usr/bin:/bin"), ("LANG", "C.UTF-8"), ("TMPDIR", "/tmp"), ("IGLOO_FD", "3")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into();
        let (executable, program_directory, arguments, extra_fds) = match &self.what {
            What::Program(program) => {
                let directory = program.executable.parent().map(std::path::Path::to_owned).unwrap_or_default();
                (program.executable.clone(), directory, Vec::new(), Vec::new())
            }
            What::Worker(isolated) => {
                memory = memory.saturating_add(worker::OVERHEAD);
                environment.push((worker::SETTINGS.to_owned(), worker::settings(limits)));
                let program = self.launcher.program.clone();
                (program.clone(), program, vec![worker::ARGUMENT.to_owned()], vec![isolated.code()?])
            }
        };
        Ok(Spec {
            name: self.launch.name.clone(),
            executable,
            arguments,
            program_directory,
            private_directory: self.launch.private_directory.clone(),
            roots_directory: Some(self.launch.roots.directory().to_owned()),
            environment,
            limits: Limits {
                memory_bytes: Some(memory),
                cpu_percent: Some(limits.cpu_percent),
                processes: Some(limits.processes),
                open_files: Some(u64::from(limits.sockets) + 256),
                file_size_bytes: Some(limits.private),
            },
            required: sandbox_names(&self.launch.requires),
            accept_lacking: sandbox_names(&self.launch.without),
            without: BTreeSet::new(),
            extra_fds,
        })
    }
}

/// Tells once that the kernel refused a process.
struct ProcessLimit {
    home: Arc<dyn Home>,
    limit: u32,
    told: AtomicBool,
}

impl ProcessLimit {
    fn new(launch: &Launch) -> Self {
        Self { home: launch.home.clone(), limit: launch.limits.processes, told: AtomicBool::new(false) }
    }

    fn tell(&self, running: &Running) {
        if running.refused_processes() > 0 && !self.told.swap(true, Ordering::Relaxed) {
            let (limit, more) = (self.limit, self.limit.saturating_mul(2));
            let line = format!("the limit processes={limit} is reached; grant processes={more} for more");
            self.home.log(LogLevel::Error, &line);
        }
    }
}

/// Waits until its private directory holds too much.
async fn exceeded(quota: Option<Quota>, running: Arc<Running>) -> Option<String> {
    Some(quota?.exceeded(Box::new(move |device| running.deleted_bytes(device))).await)
}

/// Why it may not run here, and what its owner can do.
fn lacks(protection: igloo_sandbox::Protection, why: &str) -> String {
    format!(
        "this machine lacks {protection} ({why}), without which it must not run; provide it, or accept that it is lacking: \
         grant without={protection}"
    )
}

/// The sandbox's report in the words of grants and manifests.
pub(super) fn reports(report: &igloo_sandbox::Report) -> Vec<ProtectionReport> {
    let told = report.iter().filter_map(|(protection, lacking)| {
        Some(ProtectionReport { protection: protection.name().parse().ok()?, lacking: lacking.map(str::to_owned) })
    });
    told.collect()
}

/// The sandbox's own names of protections.
fn sandbox_names(protections: &BTreeSet<Protection>) -> BTreeSet<igloo_sandbox::Protection> {
    let named = |protection: &Protection| {
        igloo_sandbox::Protection::ALL.into_iter().find(|known| known.name() == protection.name())
    };
    protections.iter().filter_map(named).collect()
}

/// Passes on what a process prints, at the pace that its budget allows.
async fn print(output: OwnedFd, mut lines: Lines, budget: Arc<Mutex<Budget>>) {
    let Ok(mut output) = tokio::net::unix::pipe::Receiver::from_owned_fd(output) else { return };
    let mut buffer = vec![0; 4096];
    while let Ok(count @ 1..) = output.read(&mut buffer).await {
        let before = Instant::now();
        lines.put(buffer.get(..count).unwrap_or_default());
        let now = Instant::now();
        let wait = budget.lock().spend(now.duration_since(before), now);
        if let Some(wait) = wait {
            sleep(wait).await;
        }
    }
}

/// Why listening ended.
enum Said {
    /// The socket was closed.
    Nothing,
    /// `run` ended.
    Finished(Option<String>),
    /// It broke the protocol.
    Nonsense(String),
}

/// What a process says, and what comes of it.
struct Conversation<'a> {
    session: &'a Session,
    link: Arc<Link>,
    requests: Requests,
    budget: Arc<Mutex<Budget>>,
    decoder: Decoder,
    buffer: Vec<u8>,
    greeted: bool,
    finished: Option<Option<String>>,
    panic: Option<String>,
    malformed: u32,
    unknown: Vec<String>,
}

impl<'a> Conversation<'a> {
    fn new(session: &'a Session, link: Arc<Link>, budget: Arc<Mutex<Budget>>) -> Self {
        let requests = Requests::new(session.launch.home.clone(), session.outside.clone(), link.clone());
        Self {
            session,
            link,
            requests,
            budget,
            decoder: Decoder::default(),
            buffer: Vec::new(),
            greeted: false,
            finished: None,
            panic: None,
            malformed: 0,
            unknown: Vec::new(),
        }
    }

    /// Reads and answers until there is nothing more to read.
    async fn listen(&mut self) -> Said {
        let deadline = tokio::time::Instant::now() + HELLO;
        loop {
            let before = Instant::now();
            loop {
                let frame = match self.decoder.next_frame() {
                    Ok(Some(frame)) => frame,
                    Ok(None) => break,
                    Err(error) => return Said::Nonsense(error.to_string()),
                };
                let (bytes, mut skipped) = (frame.len(), Vec::new());
                let message = codec::decode(frame, |field| skipped.push(field));
                for field in skipped {
                    self.skip("the field", &field);
                }
                if let Some(said) = self.take(message, bytes) {
                    return said;
                }
                self.link.room().await;
            }
            let now = Instant::now();
            let used = now.duration_since(before);
            let nanoseconds = u64::try_from(used.as_nanos()).unwrap_or(u64::MAX);
            self.session.meters.cpu_nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
            let wait = self.budget.lock().spend(used, now);
            if let Some(wait) = wait {
                sleep(wait).await;
            }
            let read = self.link.read(&mut self.decoder, &mut self.buffer);
            let read = if self.greeted {
                read.await
            } else {
                match tokio::time::timeout_at(deadline, read).await {
                    Ok(read) => read,
                    Err(_) => return Said::Nonsense(format!("it did not say hello within {} s", HELLO.as_secs())),
                }
            };
            match read {
                Ok(()) => {}
                Err(ReadError::Closed) => {
                    return match self.finished.take() {
                        Some(error) => Said::Finished(error),
                        None => Said::Nothing,
                    };
                }
                Err(ReadError::Frame(error)) => return Said::Nonsense(error.to_string()),
            }
        }
    }

    /// One message.
    fn take(&mut self, message: Result<FromProvider, DecodeError>, bytes: usize) -> Option<Said> {
        let message = match message {
            Ok(message) => message,
            Err(DecodeError::Unknown { name, call }) => {
                self.skip("the message", &name);
                if let Some(id) = call {
                    self.answer(id, RequestError::Malformed(format!("this hub knows no request `{name}`")));
                }
                return None;
            }
            Err(DecodeError::Malformed { text, call }) => {
                self.malformed += 1;
                if self.malformed > MALFORMED {
                    return Some(Said::Nonsense(format!(
                        "it sent {} malformed messages; the last: {text}",
                        self.malformed
                    )));
                }
                let line = format!("a malformed message is skipped: {text}");
                self.session.launch.home.log(LogLevel::Warn, &line);
                if let Some(id) = call {
                    self.answer(id, RequestError::Malformed(text));
                }
                return None;
            }
        };
        let home = &self.session.launch.home;
        if !self.greeted && !matches!(message, FromProvider::Hello { .. }) {
            return Some(Said::Nonsense(String::from("its first message was not `hello`")));
        }
        match message {
            FromProvider::Hello { version, sdk, .. } => {
                if std::mem::replace(&mut self.greeted, true) {
                    return Some(Said::Nonsense(String::from("it said hello twice")));
                }
                if version != igloo_wire::VERSION {
                    let version = version.escape_debug();
                    return Some(Said::Nonsense(format!(
                        "it speaks version {version} of the protocol, this hub {}",
                        igloo_wire::VERSION
                    )));
                }
                tracing::debug!(provider = self.session.launch.name, sdk, "hello");
                let welcome = ToProvider::Welcome {
                    version: igloo_wire::VERSION.to_owned(),
                    features: Vec::new(),
                    name: self.session.launch.name.clone(),
                    config: home.config().to_string(),
                };
                if let Err(error) = self.link.send(&welcome, None) {
                    return Some(Said::Nonsense(error.to_string()));
                }
                self.link.open();
            }
            FromProvider::Complete {} => home.complete(),
            FromProvider::Ready {} => home.ready(),
            FromProvider::Write { updates } => {
                let refused = convert::write(&**home, updates);
                if !refused.is_empty() {
                    let _ = self.link.send(&ToProvider::Refused { updates: refused }, None);
                }
            }
            FromProvider::Log { level, message } => {
                home.log(convert::log_level(level), &message);
                if level == WireLogLevel::Error && message.starts_with(PANIC) {
                    self.panic = Some(message);
                }
            }
            FromProvider::Call { id, request } => self.requests.handle(id, request, bytes),
            FromProvider::Answer { id, result } => {
                if !self.link.answered(id, result) {
                    self.session.meters.unstick();
                }
            }
            FromProvider::Finished { error } => {
                self.finished = Some(error.clone());
                return Some(Said::Finished(error));
            }
        }
        None
    }

    fn answer(&self, id: u64, error: RequestError) {
        let _ = self.link.send(&ToProvider::Answer { id, result: Outcome::Error(error) }, None);
    }

    /// Tells once of something that this hub does not know.
    fn skip(&mut self, what: &str, name: &str) {
        if self.unknown.len() < UNKNOWN && !self.unknown.iter().any(|known| known == name) {
            self.unknown.push(name.to_owned());
            let line = format!("{what} `{}` is not known to this hub and is skipped", name.escape_debug());
            self.session.launch.home.log(LogLevel::Warn, &line);
        }
    }

    /// What its last message means.
    async fn after(&mut self, said: Said, running: &Running) -> Exit {
        match said {
            Said::Nonsense(reason) => Exit::Killed(format!("it broke the protocol: {reason}")),
            Said::Finished(error) => {
                self.finished = Some(error);
                self.link.close();
                match timeout(END, running.wait()).await {
                    Ok(ending) => self.ended(&ending),
                    Err(_) => Exit::Killed(String::from("it said that it is finished and did not end")),
                }
            }
            Said::Nothing => match timeout(END, running.wait()).await {
                Ok(ending) => self.ended(&ending),
                Err(_) => Exit::Killed(String::from("it closed its socket and did not end")),
            },
        }
    }

    /// What its end means.
    fn ended(&mut self, ending: &Ending) -> Exit {
        match (self.finished.take(), self.panic.take()) {
            (Some(None), _) => Exit::Finished,
            (Some(Some(error)), _) => Exit::Failed(shorten(&error)),
            (None, Some(words)) => Exit::Trapped(shorten(&words)),
            (None, None) => match *ending {
                Ending::OutOfMemory => Exit::Killed(format!(
                    "it used more than its memory limit of {}; grant memory=SIZE for more",
                    igloo_protocol::grants::size_text(self.session.launch.limits.memory)
                )),
                Ending::Code(code) => {
                    Exit::Trapped(format!("it exited with code {code} without saying that it is finished"))
                }
                Ending::Signal(XFSZ) => {
                    let private = self.session.launch.limits.private;
                    let (limit, more) = (Limit::Private(private), Limit::Private(private.saturating_mul(2)));
                    Exit::Killed(format!("a file of it reached the limit {limit}; grant {more} for more"))
                }
                Ending::Signal(signal) => Exit::Trapped(format!("it was killed by signal {signal}")),
                Ending::Killed => Exit::Killed(String::from("its sandbox was killed")),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protections_are_the_same_here_and_in_the_sandbox() {
        let ours: Vec<_> = Protection::ALL.iter().map(|one| (one.name(), one.means())).collect();
        let theirs: Vec<_> = igloo_sandbox::Protection::ALL.iter().map(|one| (one.name(), one.sentence())).collect();
        assert_eq!(ours, theirs);
        let all = Protection::ALL.iter().copied().collect();
        assert_eq!(sandbox_names(&all).len(), Protection::ALL.len());
    }

    #[test]
    fn who_lacks_a_protection_is_told_the_grant() {
        let text = lacks(igloo_sandbox::Protection::MemoryLimit, "no control group");
        assert!(text.contains("lacks memory-limit (no control group)") && text.ends_with("grant without=memory-limit"));
    }
}
