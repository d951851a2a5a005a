//! One instance's life: instantiate, run, deliver calls, end.
//!
//! Everything inside `run_concurrent` trusts no timer: deadlines are kept by whoever waits outside, and ending a guest
//! is dropping the future that owns its store.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::{Arc, atomic::Ordering},
    task::Poll,
    time::{Duration, Instant},
};

use futures::{StreamExt as _, stream::FuturesUnordered};
use tokio::sync::{mpsc, watch};
use wasmtime::component::Accessor;

use super::{
    Launch, SPIN_LIMIT, START_DEADLINE, Shared, Ticker,
    bindings::{Provider, ProviderPre},
    convert,
    state::State,
};
use crate::instance::{Call, Exit, Meters, several_cores};

/// How long a guest's thread stays awake for the next call after one. People's commands come one by one and do not
/// need it; scenes and automations come in rows, and waking a thread costs many times what a call does.
const LINGER: Duration = Duration::from_micros(100);
/// Calls that a guest answers before others on its thread have their turn.
const CALLS_IN_A_ROW: usize = 64;
/// Lines of a trap's backtrace that are kept.
const BACKTRACE_LINES: usize = 24;

pub(crate) async fn live(
    shared: Shared,
    pre: ProviderPre<State>,
    launch: Launch,
    calls: mpsc::Receiver<Call>,
    mut kill: watch::Receiver<Option<String>>,
    meters: Arc<Meters>,
) -> Exit {
    let state = match State::new(&launch, meters.clone(), &shared) {
        Ok(state) => state,
        Err(error) => return Exit::NotStarted(format!("{error:#}")),
    };
    let Shared { engine, ticker, .. } = shared;
    let (interrupted, born) = (state.interrupted.clone(), state.born);
    let life = async {
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
    let budget = Budget::new(launch.limits.cpu_percent);
    let metered = metered(life, budget, || interrupted.swap(false, Ordering::Relaxed), &meters, &ticker);
    tokio::select! {
        biased;
        Ok(reason) = kill.wait_for(Option::is_some) => Exit::Killed(reason.clone().unwrap_or_default()),
        exit = metered => exit,
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
    loop {
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
        // Whoever timed out counted this call as stuck before it stopped waiting.
        let _ = meters.stuck.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |stuck| stuck.checked_sub(1));
    }
    Ok(())
}

/// CPU time that an instance may use: a share of a core, saved up for at most a second.
struct Budget {
    share: f64,
    saved: f64,
    at: Instant,
}

impl Budget {
    fn new(percent: u32) -> Self {
        let share = f64::from(percent) / 100.0;
        Self { share, saved: share, at: Instant::now() }
    }

    /// Takes used time out; answers how long to wait before running on.
    fn spend(&mut self, used: Duration, now: Instant) -> Option<Duration> {
        let earned = now.duration_since(self.at).as_secs_f64() * self.share;
        self.at = now;
        self.saved = (self.saved + earned).min(self.share) - used.as_secs_f64();
        (self.saved < 0.0).then(|| Duration::from_secs_f64((-self.saved / self.share).min(1.0)))
    }
}

/// Polls a guest's life: measures its CPU time, holds it to its budget, and ends it when it does not come to rest.
async fn metered(
    life: impl Future<Output = Exit>,
    mut budget: Budget,
    was_interrupted: impl Fn() -> bool,
    meters: &Meters,
    ticker: &Ticker,
) -> Exit {
    let mut life = pin!(life);
    let mut pause: Option<Pin<Box<tokio::time::Sleep>>> = None;
    let mut busy_since: Option<Instant> = None;
    let mut calls_seen = 0;
    poll_fn(move |context| {
        if let Some(sleep) = &mut pause {
            if sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            pause = None;
        }
        for _ in 0..CALLS_IN_A_ROW {
            ticker.wake();
            let before = Instant::now();
            let polled = life.as_mut().poll(context);
            ticker.rest();
            let after = Instant::now();
            let used = after.duration_since(before);
            meters.cpu_nanoseconds.fetch_add(u64::try_from(used.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
            if polled.is_ready() {
                return polled;
            }
            let interrupted = was_interrupted();
            if interrupted {
                let since = *busy_since.get_or_insert(before);
                if after.duration_since(since) > SPIN_LIMIT {
                    let seconds = SPIN_LIMIT.as_secs();
                    return Poll::Ready(Exit::Killed(format!("it ran for {seconds} s without coming to rest")));
                }
            } else {
                busy_since = None;
            }
            if let Some(wait) = budget.spend(used, after) {
                let mut sleep = Box::pin(tokio::time::sleep(wait));
                if sleep.as_mut().poll(context).is_pending() {
                    pause = Some(sleep);
                }
                return Poll::Pending;
            }
            if interrupted || !another_call(meters, &mut calls_seen, after) {
                return Poll::Pending;
            }
        }
        // Others on this thread have their turn; the call that is waiting comes right after.
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await
}

/// After a call: whether another one comes before [`LINGER`] is over. While this looks, the guest's task counts as
/// running, so that a new call wakes no thread.
fn another_call(meters: &Meters, seen: &mut u64, now: Instant) -> bool {
    let calls = meters.calls.load(Ordering::Acquire);
    if std::mem::replace(seen, calls) == calls || !several_cores() {
        return false;
    }
    let until = now + LINGER;
    while Instant::now() < until {
        if meters.calls.load(Ordering::Acquire) != calls {
            return true;
        }
        std::hint::spin_loop();
    }
    false
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

/// A provider's words, bounded.
fn shorten(text: &str) -> String {
    const LONGEST: usize = 4096;
    if text.len() <= LONGEST {
        return text.to_owned();
    }
    let end = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    format!("{}…", text.get(..end).unwrap_or_default())
}
