//! Keeps one instance running as its owner wishes. One task for each instance, on the hub's threads.
//!
//! compiling → starting → running → (failed → backing off → starting …) | stopped | quarantined. Whatever happens to the
//! provider, the devices it described stay, and the task is free to act on the next wish.

use std::{sync::Arc, time::Duration};

use igloo_engine::{
    Exit, Instance,
    component::{Launch, Prepared},
};
use igloo_protocol::LogLevel;
use tokio::sync::watch;

use crate::{
    backoff::{Budget, Next, jitter},
    core::Core,
    directory::make_private,
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
            Ended::Failed(reason, ready_for) => (reason, ready_for),
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
        match budget.fail(ready_for, jitter()) {
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
                managed.say(
                    LogLevel::Error,
                    format!(
                        "{reason}; it failed too often and is left in quarantine: start it again when that is mended"
                    ),
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
    let package = managed.owned.lock().package.clone();
    if !package.is_ready() {
        settle(core, managed, wish, State::Compiling);
    }
    let prepared = tokio::select! {
        prepared = package.prepared(core) => prepared,
        _ = wishes.changed() => return Ended::Asked,
    };
    match prepared {
        Ok(prepared) => run_session(core, managed, &prepared, wish, wishes).await,
        Err(reason) => Ended::Failed(reason, Duration::ZERO),
    }
}

async fn run_session(
    core: &Arc<Core>,
    managed: &Arc<Managed>,
    prepared: &Prepared,
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
    let launch = Launch {
        name: managed.name().to_string(),
        policy: managed.policy.clone(),
        limits: session.limits(),
        home: Arc::new(SessionHome(session.clone())),
        private_directory: private,
        roots: core.roots.clone(),
        requires: std::collections::BTreeSet::new(),
        without: std::collections::BTreeSet::new(),
    };
    let running = session.running.get_or_init(|| core.engine.start(prepared, launch));
    *managed.session.lock() = Some(session.clone());
    let exit = tokio::select! {
        exit = running.ended() => Some(exit),
        _ = wishes.changed() => {
            session.refuse_commands();
            let wish = wishes.borrow().clone();
            end(running, &wish).await;
            None
        }
    };
    let ready_for = session.ready_for();
    managed.session.lock().take();
    session.close();
    match exit {
        None => Ended::Asked,
        Some(Exit::Finished) => Ended::Finished,
        Some(exit) => Ended::Failed(session.clean(&exit.to_string()), ready_for),
    }
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
