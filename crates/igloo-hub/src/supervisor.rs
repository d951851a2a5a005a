//! Keeps one instance running as its owner wishes. One task for each instance, on the hub's threads.
//!
//! compiling → starting → running → (failed → backing off → starting …) | stopped | quarantined. Whatever happens to the
//! provider, the devices it described stay, and the task is free to act on the next wish.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use igloo_engine::{Exit, Instance, component::Launch};
use igloo_protocol::LogLevel;
use tokio::sync::watch;

use crate::{
    backoff::{Budget, Next, jitter},
    core::Core,
    directory::make_private,
    engines::Runnable,
    info::State,
    managed::{Managed, Wish},
    session::{Session, SessionHome},
    shared_tree::now,
};

/// How long a provider may take to say goodbye.
const STOP_DEADLINE: Duration = Duration::from_secs(5);
/// How long an engine may take to end what it was told to kill.
const KILL_DEADLINE: Duration = Duration::from_secs(10);

/// How a session ended.
enum Ended {
    /// There is a new wish.
    Asked,
    /// The provider returned without an error.
    Finished,
    /// It failed, for this reason, after being ready for so long.
    Failed(String, Duration),
    /// This machine or this hub lacks what it needs.
    Unfit(String),
}

/// Runs until the instance is gone.
pub(crate) async fn supervise(core: Arc<Core>, managed: Arc<Managed>) {
    let mut wishes = managed.wish.subscribe();
    let mut budget = Budget::default();
    let mut began = 0;
    loop {
        let wish = wishes.borrow_and_update().clone();
        if wish.number != began {
            began = wish.number;
            budget = Budget::default();
        }
        if wish.gone || !wish.run {
            settle(&core, &managed, &wish, State::Stopped);
            if wish.gone || wishes.changed().await.is_err() {
                return;
            }
            continue;
        }
        let ended = run(&core, &managed, &wish, &mut wishes).await;
        let (reason, ready_for) = match ended {
            Ended::Asked => continue,
            Ended::Finished => {
                managed.say(LogLevel::Info, String::from("finished"));
                settle(&core, &managed, &wish, State::Stopped);
                if wishes.changed().await.is_err() {
                    return;
                }
                continue;
            }
            Ended::Failed(reason, ready_for) => (reason, Some(ready_for)),
            Ended::Unfit(reason) => (reason, None),
        };
        if let Some(trial) = managed.take_trial() {
            let version = trial.package.manifest.package.version.clone();
            managed.say(LogLevel::Error, format!("{reason}; the update failed, going back to {version}"));
            match core.roll_back(&managed, trial).await {
                Ok(()) => {
                    budget = Budget::default();
                    continue;
                }
                Err(error) => managed.say(LogLevel::Error, format!("could not go back: {error}")),
            }
        }
        // What cannot run here is not tried again until its owner changes something.
        let next = ready_for.map_or(Next::Quarantine, |ready_for| budget.fail(ready_for, jitter()));
        match next {
            Next::Restart(wait) => {
                managed.say(LogLevel::Error, format!("{reason}; starting again {}", soon(wait)));
                if !wait.is_zero() {
                    let until = now().saturating_add(i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX));
                    settle(&core, &managed, &wish, State::BackingOff { until, reason });
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        _ = wishes.changed() => continue,
                    }
                }
                managed.set_status(&core, |status| status.restarts += 1);
            }
            Next::Quarantine => {
                let often = if ready_for.is_some() { "it failed too often and" } else { "it" };
                managed.say(
                    LogLevel::Error,
                    format!("{reason}; {often} is left in quarantine: start it again when that is mended"),
                );
                settle(&core, &managed, &wish, State::Quarantined { reason });
                if wishes.changed().await.is_err() {
                    return;
                }
            }
        }
    }
}

fn settle(core: &Core, managed: &Managed, wish: &Wish, state: State) {
    managed.set_status(core, |status| {
        status.state = state;
        status.wish = wish.number;
    });
}

fn soon(wait: Duration) -> String {
    if wait.is_zero() { String::from("at once") } else { format!("in {:.1} s", wait.as_secs_f64()) }
}

/// Compiles if need be, and runs one session to its end.
async fn run(core: &Arc<Core>, managed: &Arc<Managed>, wish: &Wish, wishes: &mut watch::Receiver<Wish>) -> Ended {
    let (package, run_as) = {
        let owned = managed.owned.lock();
        (owned.package.clone(), owned.runs_as())
    };
    if !package.is_ready(run_as) {
        settle(core, managed, wish, State::Compiling);
    }
    let runnable = tokio::select! {
        runnable = package.runnable(core, run_as) => runnable,
        _ = wishes.changed() => return Ended::Asked,
    };
    match runnable {
        Ok(runnable) => run_session(core, managed, &runnable, wish, wishes).await,
        Err(reason) => Ended::Failed(reason, Duration::ZERO),
    }
}

async fn run_session(
    core: &Arc<Core>,
    managed: &Arc<Managed>,
    runnable: &Runnable,
    wish: &Wish,
    wishes: &mut watch::Receiver<Wish>,
) -> Ended {
    let private = core.directory.private(managed.id);
    if let Err(error) = make_private(&private) {
        return Ended::Failed(format!("its private directory: {error}"), Duration::ZERO);
    }
    let mut number = 0;
    managed.set_status(core, |status| {
        status.state = State::Starting;
        status.wish = wish.number;
        status.session += 1;
        number = status.session;
    });
    let session = Session::begin(core.clone(), managed.clone(), number);
    let (requires, without, start_deadline) = {
        let owned = managed.owned.lock();
        let provider = &owned.package.manifest.provider;
        let start_deadline = Duration::from_secs(provider.start_deadline_s.into());
        (provider.requires.clone(), owned.grants.without(), start_deadline)
    };
    let launch = Launch {
        name: managed.name().to_string(),
        policy: managed.policy.clone(),
        limits: session.limits(),
        home: Arc::new(SessionHome(session.clone())),
        private_directory: private,
        roots: core.roots.clone(),
        requires,
        without,
    };
    let running = session.running.get_or_init(|| core.engines.start(runnable, launch));
    *managed.session.lock() = Some(session.clone());
    let late = async {
        tokio::time::sleep(start_deadline).await;
        if session.was_ready() {
            std::future::pending::<()>().await;
        }
    };
    let exit = tokio::select! {
        exit = running.ended() => Some(exit),
        () = late => {
            session.refuse_commands();
            let seconds = start_deadline.as_secs();
            Some(kill(running, &format!("it was not ready after {seconds} s, which is its start-deadline-s")).await)
        }
        _ = wishes.changed() => {
            session.refuse_commands();
            let wish = wishes.borrow().clone();
            end(running, &wish).await;
            None
        }
    };
    let ready_for = session.ready_for();
    {
        let mut current = managed.session.lock();
        managed.counters.cpu_microseconds.fetch_add(running.stats().cpu_microseconds, Ordering::Relaxed);
        current.take();
    }
    session.close();
    match exit {
        None => Ended::Asked,
        Some(Exit::Finished) => Ended::Finished,
        Some(exit @ Exit::Unfit(_)) => Ended::Unfit(session.clean(&exit.to_string())),
        Some(exit) => Ended::Failed(session.clean(&exit.to_string()), ready_for),
    }
}

/// Ends what runs for a reason, without a goodbye.
async fn kill(running: &Instance, reason: &str) -> Exit {
    let killed = tokio::time::timeout(KILL_DEADLINE, running.kill(reason)).await;
    killed.unwrap_or_else(|_| Exit::Killed(reason.to_owned()))
}

/// Ends what runs, with a goodbye unless the wish is abrupt.
async fn end(running: &Instance, wish: &Wish) {
    let ended = async {
        match &wish.abrupt {
            Some(reason) => running.kill(reason).await,
            None => running.stop(STOP_DEADLINE).await,
        }
    };
    if tokio::time::timeout(STOP_DEADLINE + KILL_DEADLINE, ended).await.is_err() {
        tracing::error!("the engine did not end an instance that it was told to kill");
    }
}
