//! An instance as the hub keeps it: what its owner decided, what it is doing, what it said and was denied.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use igloo_engine::{Denial, Policy};
use igloo_model::{InstanceId, InstanceName};
use igloo_protocol::{Grants, Limits, LogLevel, RunAs, Want};
use parking_lot::Mutex;
use serde_json::Value as Json;
use tokio::sync::watch;

use crate::{
    core::Core,
    denials::{Denials, Told},
    events::HubEvent,
    info::{CommandFailure, Failures, InstanceInfo, State},
    logs::{Log, LogSource},
    packages::Package,
    secrets::{self, Secrets},
    session::Session,
    shared_tree::now,
    storage::rows::InstanceRow,
};

/// What an instance's owner decided. The database has the same.
#[derive(Clone, Debug)]
pub(crate) struct Owned {
    pub(crate) name: InstanceName,
    pub(crate) package: Arc<Package>,
    pub(crate) wanted: bool,
    pub(crate) config: Json,
    pub(crate) grants: Grants,
    /// The owner's choice; nothing where the package's own way counts.
    pub(crate) run_as: Option<RunAs>,
}

impl Owned {
    /// How it runs.
    pub(crate) fn runs_as(&self) -> RunAs {
        self.run_as.unwrap_or_else(|| self.package.manifest.provider.run_as())
    }

    /// What bounds it.
    pub(crate) fn limits(&self) -> Limits {
        self.grants.limits_over(self.package.manifest.limits.defaults())
    }

    pub(crate) fn row(&self, id: InstanceId) -> InstanceRow {
        InstanceRow {
            id,
            name: self.name.to_string(),
            package: self.package.id.to_string(),
            wanted: self.wanted,
            config: self.config.clone(),
            grants: self.grants.clone(),
            run_as: self.run_as,
        }
    }

    pub(crate) fn secrets(&self) -> Secrets {
        Secrets::find(self.package.manifest.config.as_ref(), &self.config)
    }

    /// What the package asks for and no grant answers.
    pub(crate) fn missing_wants(&self) -> Vec<Want> {
        let wants = self.package.manifest.wants.iter();
        wants.filter(|want| !self.grants.list.iter().any(|grant| want.satisfied_by(grant))).cloned().collect()
    }
}

/// What the supervisor of an instance is to do. Each change has a number of its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wish {
    pub(crate) run: bool,
    /// The instance is to be forgotten: its supervisor ends.
    pub(crate) gone: bool,
    /// End what runs now without a goodbye, for this reason.
    pub(crate) abrupt: Option<String>,
    pub(crate) number: u64,
}

/// What an instance is doing.
#[derive(Clone, Debug)]
pub(crate) struct Status {
    pub(crate) state: State,
    pub(crate) since: i64,
    pub(crate) restarts: u32,
    /// The session that runs, or ran last.
    pub(crate) session: u64,
    /// The number of the wish that brought it here.
    pub(crate) wish: u64,
}

/// An update that may be undone: what ran before it.
#[derive(Clone, Debug)]
pub(crate) struct Trial {
    pub(crate) package: Arc<Package>,
    pub(crate) config: Json,
    until: Instant,
}

impl Trial {
    /// The new version has a minute to show that it runs.
    pub(crate) fn begin(package: Arc<Package>, config: Json) -> Self {
        Self { package, config, until: Instant::now() + TRIAL }
    }
}

/// How long an update may be undone.
const TRIAL: Duration = Duration::from_secs(60);

/// Figures since the hub started.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) writes: AtomicU64,
    pub(crate) events: AtomicU64,
    pub(crate) lost_events: AtomicU64,
    pub(crate) commands: AtomicU64,
    /// Of sessions that have ended; changed with the session's lock held.
    pub(crate) cpu_microseconds: AtomicU64,
    pub(crate) failures: Mutex<Failures>,
}

impl Counters {
    /// Counts a result that is a failure.
    pub(crate) fn counted<T>(&self, result: Result<T, CommandFailure>) -> Result<T, CommandFailure> {
        result.inspect_err(|failure| self.failures.lock().count(failure))
    }
}

/// See the module's words.
#[derive(Debug)]
pub(crate) struct Managed {
    pub(crate) id: InstanceId,
    pub(crate) owned: Mutex<Owned>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) wish: watch::Sender<Wish>,
    pub(crate) status: watch::Sender<Status>,
    pub(crate) session: Mutex<Option<Arc<Session>>>,
    pub(crate) log: Mutex<Log>,
    pub(crate) denials: Mutex<Denials>,
    pub(crate) counters: Counters,
    pub(crate) trial: Mutex<Option<Trial>>,
}

impl Managed {
    pub(crate) fn new(core: &Core, id: InstanceId, owned: Owned) -> Arc<Self> {
        let policy = Policy::new(owned.grants.clone(), core.api_addresses.clone());
        let log = Log::new(core.log_lines.clone(), owned.limits().logs_per_second);
        let status = Status { state: State::Stopped, since: now(), restarts: 0, session: 0, wish: 0 };
        Arc::new(Self {
            id,
            wish: watch::Sender::new(Wish { run: owned.wanted, number: 1, ..Wish::default() }),
            owned: Mutex::new(owned),
            policy,
            status: watch::Sender::new(status),
            session: Mutex::default(),
            log: Mutex::new(log),
            denials: Mutex::default(),
            counters: Counters::default(),
            trial: Mutex::default(),
        })
    }

    /// The same instance with a supervisor to come, stopped: it could not be removed.
    pub(crate) fn again(core: &Core, gone: &Self) -> Arc<Self> {
        let owned = gone.owned.lock().clone();
        Self::new(core, gone.id, Owned { wanted: false, ..owned })
    }

    /// What to go back to, if an update is on trial.
    pub(crate) fn take_trial(&self) -> Option<Trial> {
        self.trial.lock().take().filter(|trial| Instant::now() < trial.until)
    }

    pub(crate) fn name(&self) -> InstanceName {
        self.owned.lock().name.clone()
    }

    /// The session that runs now.
    pub(crate) fn current_session(&self) -> Option<Arc<Session>> {
        self.session.lock().clone()
    }

    /// Changes what the supervisor is to do, and answers the wish's number.
    pub(crate) fn wish(&self, change: impl FnOnce(&mut Wish)) -> u64 {
        let mut number = 0;
        self.wish.send_modify(|wish| {
            if wish.gone {
                // Its supervisor takes nothing up any more.
                return;
            }
            wish.abrupt = None;
            change(wish);
            wish.number += 1;
            number = wish.number;
        });
        number
    }

    /// Waits until the supervisor has taken up a wish.
    pub(crate) async fn taken_up(&self, number: u64) {
        // An error means that the instance is gone.
        let _ = self.status.subscribe().wait_for(|status| status.wish >= number).await;
    }

    /// Changes the status, and tells who listens.
    pub(crate) fn set_status(&self, core: &Core, change: impl FnOnce(&mut Status)) {
        let mut told = None;
        self.status.send_modify(|status| {
            let before = status.state.clone();
            change(status);
            if status.state != before {
                status.since = now();
                told = Some(status.state.clone());
            }
        });
        if let Some(state) = told {
            core.tell(HubEvent::InstanceState { instance: self.id, name: self.name(), state });
        }
    }

    /// A session says that commands may come.
    pub(crate) fn became_ready(&self, core: &Core, session: u64, after: Duration) {
        self.set_status(core, |status| {
            if status.session == session && status.state == State::Starting {
                status.state = State::Running;
            }
        });
        self.say(LogLevel::Info, format!("ready after {} ms", after.as_millis()));
    }

    /// A line of the hub's about this instance.
    pub(crate) fn say(&self, level: LogLevel, text: String) {
        self.log_line(level, LogSource::Hub, text);
    }

    pub(crate) fn log_line(&self, level: LogLevel, source: LogSource, text: String) {
        let name = self.name();
        self.log.lock().push((self.id, name), level, source, text);
    }

    /// Something was asked for that is not granted.
    pub(crate) fn denied(&self, core: &Core, denial: Denial) {
        let name = self.name();
        let (record, told) = self.denials.lock().record(self.id, name, denial, now());
        if told == Told::New {
            let verb = if record.enforced { "denied" } else { "would be denied" };
            let way_out = match (&record.grant, &record.reason) {
                (Some(grant), _) => format!("; the grant {grant} would allow it"),
                (None, Some(reason)) => format!(": {reason}"),
                (None, None) => String::new(),
            };
            self.say(LogLevel::Warn, format!("{verb}: {} {}{way_out}", record.capability, record.target));
        }
        if told != Told::No {
            core.tell(HubEvent::Denial(record));
        }
    }

    /// As of now.
    pub(crate) fn info(&self, core: &Core) -> InstanceInfo {
        let owned = self.owned.lock().clone();
        let status = self.status.borrow().clone();
        let (session, past_cpu) = {
            let session = self.session.lock();
            (session.clone(), self.counters.cpu_microseconds.load(Ordering::Relaxed))
        };
        let running = session.as_ref().and_then(|session| session.running.get());
        let mut stats = running.map(igloo_engine::Instance::stats).unwrap_or_default();
        stats.cpu_microseconds += past_cpu;
        let manifest = &owned.package.manifest;
        InstanceInfo {
            id: self.id,
            package: owned.package.id.clone(),
            package_name: manifest.package.name.clone(),
            version: manifest.package.version.clone(),
            state: status.state,
            wanted: owned.wanted,
            ready: session.as_ref().is_some_and(|session| session.is_ready()),
            restarts: status.restarts,
            since: status.since,
            config: secrets::hide(manifest.config.as_ref(), &owned.config),
            missing_wants: owned.missing_wants(),
            run_as: owned.runs_as(),
            run_as_chosen: owned.run_as.is_some(),
            limits: owned.limits(),
            stats,
            queue: session.as_ref().map_or(0, |session| session.under_way()),
            failures: *self.counters.failures.lock(),
            devices: core.tree.read(|tree| tree.devices().filter(|device| device.instance == self.id).count()),
            writes: self.counters.writes.load(Ordering::Relaxed),
            events: self.counters.events.load(Ordering::Relaxed),
            lost_events: self.counters.lost_events.load(Ordering::Relaxed),
            commands: self.counters.commands.load(Ordering::Relaxed),
            lost_log_lines: self.log.lock().lost_ever,
            denials: self.denials.lock().total,
            name: owned.name,
            grants: owned.grants,
        }
    }
}
