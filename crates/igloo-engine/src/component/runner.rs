//! One instance's life: instantiate, run, deliver calls, end.
//!
//! Everything inside `run_concurrent` trusts no timer: deadlines are kept by whoever waits outside, and ending a guest
//! is dropping the future that owns its store.

use std::{
    pin::pin,
    sync::{Arc, atomic::Ordering},
};

use futures::{StreamExt as _, stream::FuturesUnordered};
use tokio::sync::{mpsc, watch};
use wasmtime::component::Accessor;

use super::{
    Launch, START_DEADLINE, Shared,
    bindings::{Provider, ProviderPre},
    lane::Guest,
    state::State,
};
use crate::{
    budget::Budget,
    convert::wit as convert,
    instance::{Call, Exit, Meters, shorten},
    outside::Outside,
    quota::{self, Quota},
};

/// Lines of a trap's backtrace that are kept.
const BACKTRACE_LINES: usize = 24;

pub(crate) async fn live(
    shared: Shared,
    pre: ProviderPre<State>,
    launch: Launch,
    outside: Arc<dyn Outside>,
    calls: mpsc::Receiver<Call>,
    mut kill: watch::Receiver<Option<String>>,
    meters: Arc<Meters>,
) -> Exit {
    let engine = shared.engine.clone();
    let quota = match &shared.watcher {
        Some(watcher) => {
            let (directory, home) = (launch.private_directory.clone(), launch.home.clone());
            match Quota::begin(watcher, directory, launch.limits.private, home).await {
                Ok(quota) => Some(quota.exceeded(quota::deleted_here(&launch.private_directory))),
                Err(error) => return Exit::NotStarted(error.to_string()),
            }
        }
        None => None,
    };
    let state = match State::new(&launch, meters.clone(), outside) {
        Ok(state) => state,
        Err(error) => return Exit::NotStarted(format!("{error:#}")),
    };
    let (interrupted, born) = (state.interrupted.clone(), state.born);
    let budget = Budget::new(launch.limits.cpu_percent);
    let meters_of_life = meters.clone();
    let life = async move {
        let meters = meters_of_life;
        let mut store = state.into_store(&engine);
        let provider = match tokio::time::timeout(START_DEADLINE, pre.instantiate_async(&mut store)).await {
            Ok(Ok(provider)) => provider,
            Ok(Err(error)) => return Exit::NotStarted(describe(&error)),
            Err(_) => return Exit::NotStarted(format!("it was not ready to run after {} s", START_DEADLINE.as_secs())),
        };
        tracing::debug!(provider = launch.name, after = ?born.elapsed(), "instantiated");
        let exit = match store.run_concurrent(async |accessor| serve(accessor, &provider, calls, &meters).await).await {
            Ok(exit) => exit,
            Err(error) => Exit::Trapped(describe(&error)),
        };
        match (exit, store.data_mut().panic.take()) {
            (Exit::Trapped(trace), Some(words)) => Exit::Trapped(shorten(&format!("{words}\n{trace}"))),
            (exit, _) => exit,
        }
    };
    let guest = Guest::new(life, budget, interrupted, meters, &shared);
    tokio::select! {
        biased;
        Ok(reason) = kill.wait_for(Option::is_some) => Exit::Killed(reason.clone().unwrap_or_default()),
        Some(reason) = async { Some(quota?.await) } => Exit::Killed(reason),
        exit = guest.live(shared.slow) => exit,
    }
}

/// Runs the provider and delivers calls to it until its `run` ends.
async fn serve(
    accessor: &Accessor<State>,
    provider: &Provider,
    mut calls: mpsc::Receiver<Call>,
    meters: &Meters,
) -> Exit {
    let driver = provider.igloo_provider_driver();
    let mut run = pin!(driver.call_run(accessor));
    let mut pending = FuturesUnordered::new();
    let mut turn = Turn::default();
    loop {
        if turn.is_over(meters) {
            tokio::task::yield_now().await;
        }
        tokio::select! {
            ended = &mut run => {
                return match ended {
                    Ok(Ok(())) => Exit::Finished,
                    Ok(Err(reason)) => Exit::Failed(shorten(&reason)),
                    Err(error) => Exit::Trapped(describe(&error)),
                };
            }
            Some(call) = calls.recv() => pending.push(deliver(accessor, provider, call, meters)),
            Some(done) = pending.next() => {
                if let Err(error) = done {
                    return Exit::Trapped(describe(&error));
                }
            }
        }
    }
}

/// How often the guest has been attended to in one poll. Calls may come as fast as it answers them: without an end, many
/// short ones would look like a long one to its lane, and keep others from their turn.
#[derive(Default)]
struct Turn {
    poll: u64,
    events: u32,
}

impl Turn {
    /// Calls and answers in one poll.
    const EVENTS: u32 = 16;

    fn is_over(&mut self, meters: &Meters) -> bool {
        let poll = meters.turns.load(Ordering::Relaxed);
        if std::mem::replace(&mut self.poll, poll) != poll {
            self.events = 0;
        }
        self.events += 1;
        self.events > Self::EVENTS
    }
}

/// Delivers one call. An answer that nobody waits for any more frees its slot.
async fn deliver(accessor: &Accessor<State>, provider: &Provider, call: Call, meters: &Meters) -> wasmtime::Result<()> {
    let driver = provider.igloo_provider_driver();
    let waited = match call {
        Call::Command(command, reply) => {
            if reply.is_closed() {
                false
            } else {
                let result = driver.call_command(accessor, convert::command(command)).await?;
                reply.send(result.map_err(convert::command_error)).is_ok()
            }
        }
        Call::Action(name, parameters, reply) => {
            if reply.is_closed() {
                false
            } else {
                let result = driver.call_action(accessor, name, parameters).await?;
                reply.send(result.map_err(convert::command_error)).is_ok()
            }
        }
        Call::Stop(reply) => {
            driver.call_stop(accessor).await?;
            let _ = reply.send(());
            true
        }
    };
    if !waited {
        meters.unstick();
    }
    Ok(())
}

/// An error with its causes and the guest's backtrace, for people.
fn describe(error: &wasmtime::Error) -> String {
    let text = match error.downcast_ref::<wasmtime::Trap>() {
        // The guest's own stack is at the bottom of its memory: below it there is nothing.
        Some(wasmtime::Trap::MemoryOutOfBounds | wasmtime::Trap::StackOverflow) => {
            format!("its stack is full, as a rule (large futures and arrays belong into a box: Box::pin)\n{error:?}")
        }
        _ => format!("{error:?}"),
    };
    let mut lines: Vec<&str> = text.lines().collect();
    if lines.len() > BACKTRACE_LINES {
        lines.truncate(BACKTRACE_LINES);
        lines.push("…");
    }
    shorten(&lines.join("\n"))
}
