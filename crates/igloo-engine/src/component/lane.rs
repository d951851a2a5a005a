//! Polls guests: measures their CPU time, holds them to their budget, ends those that do not come to rest, and keeps those
//! that compute for long out of the others' way.
//!
//! There are two lanes. Guests begin in the *quick* one, whose threads they share. One that keeps its thread for longer
//! than [`LONG`] at a time, and so for more than [`FORGIVEN`] in all (less is a start, or a large telegram), goes on in
//! the *slow* lane: a thread of lower priority, which only such guests share. It comes back when it has not done so for
//! [`COOL`]. So beside a guest that spins, others wait for three ticks at most, once.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use tokio::{runtime::Handle, task::AbortHandle, time::Sleep};

use super::{SPIN_LIMIT, Shared, Ticker};
use crate::{
    budget::Budget,
    instance::{Exit, Meters, several_cores},
};

/// How long a guest's thread stays awake for the next call after one. People's commands come one by one and do not
/// need it; scenes and automations come in rows, and waking a thread costs many times what a call does.
const LINGER: Duration = Duration::from_micros(100);
/// How long a guest goes on with the next call before others on its thread have their turn.
const TURN: Duration = Duration::from_millis(1);
/// A guest that keeps its thread for longer belongs into the slow lane.
const LONG: Duration = Duration::from_millis(2);
/// What a guest may take of its thread in long turns before it belongs there: two ticks. An interpreter's start is two
/// turns of some milliseconds.
const FORGIVEN: Duration = Duration::from_millis(10);
/// How long a guest stays in the slow lane after it last kept its thread for long, and how long until that is forgotten.
const COOL: Duration = Duration::from_secs(1);

/// A guest's life, and what is known of how it is spent.
pub(super) struct Guest {
    life: Pin<Box<dyn Future<Output = Exit> + Send>>,
    budget: Budget,
    /// Set by the ticker's interruption.
    interrupted: Arc<AtomicBool>,
    meters: Arc<Meters>,
    ticker: Arc<Ticker>,
    lingers: bool,
    has_slow_lane: bool,
    pause: Option<Pin<Box<Sleep>>>,
    busy_since: Option<Instant>,
    /// When it last kept its thread for long.
    long_at: Option<Instant>,
    /// How long its long turns took, in all, since [`COOL`] last passed without one.
    long: Duration,
    slow_until: Option<Instant>,
    calls_seen: u64,
}

/// Where a guest is polled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lane {
    Quick,
    Slow,
}

impl Guest {
    pub(super) fn new(
        life: impl Future<Output = Exit> + Send + 'static,
        budget: Budget,
        interrupted: Arc<AtomicBool>,
        meters: Arc<Meters>,
        shared: &Shared,
    ) -> Self {
        Self {
            life: Box::pin(life),
            budget,
            interrupted,
            meters,
            ticker: shared.ticker.clone(),
            lingers: shared.lingers,
            has_slow_lane: shared.slow.is_some(),
            pause: None,
            busy_since: None,
            long_at: None,
            long: Duration::ZERO,
            slow_until: None,
            calls_seen: 0,
        }
    }

    /// Runs it to its end. Dropping this ends it: at once, or in the slow lane at its next tick.
    pub(super) async fn live(mut self, slow: Option<Handle>) -> Exit {
        loop {
            if let Some(exit) = poll_fn(|context| self.poll(context, Lane::Quick)).await {
                return exit;
            }
            let Some(slow) = &slow else { continue };
            let turn = slow.spawn(async move {
                let exit = poll_fn(|context| self.poll(context, Lane::Slow)).await;
                (self, exit)
            });
            let _ends_with_this = AbortOnDrop(turn.abort_handle());
            match turn.await {
                Ok((_, Some(exit))) => return exit,
                Ok((guest, None)) => self = guest,
                Err(_) => return Exit::Killed(String::from("the engine is shutting down")),
            }
        }
    }

    /// The guest's end, or `None` when it belongs into the other lane.
    fn poll(&mut self, context: &mut Context<'_>, lane: Lane) -> Poll<Option<Exit>> {
        if let Some(sleep) = &mut self.pause {
            if sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            self.pause = None;
        }
        let began = Instant::now();
        let mut before = began;
        loop {
            self.ticker.wake();
            self.meters.turns.fetch_add(1, Ordering::Relaxed);
            let polled = self.life.as_mut().poll(context);
            self.ticker.rest();
            let after = Instant::now();
            let used = after.duration_since(before);
            let nanoseconds = u64::try_from(used.as_nanos()).unwrap_or(u64::MAX);
            self.meters.cpu_nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
            if let Poll::Ready(exit) = polled {
                return Poll::Ready(Some(exit));
            }
            let interrupted = self.interrupted.swap(false, Ordering::Relaxed);
            if interrupted {
                let since = *self.busy_since.get_or_insert(before);
                if after.duration_since(since) > SPIN_LIMIT {
                    let seconds = SPIN_LIMIT.as_secs();
                    let reason = format!("it ran for {seconds} s without coming to rest");
                    return Poll::Ready(Some(Exit::Killed(reason)));
                }
            } else {
                self.busy_since = None;
            }
            // A tick that happens to come says nothing: it interrupts whoever runs.
            if used > LONG {
                self.had_long_turn(used, after);
            }
            let wait = self.budget.spend(used, after);
            if self.belongs(after) != lane {
                // What it waits for is asked anew there, by the first poll; so is the pause kept.
                self.pause = wait.map(|wait| Box::pin(tokio::time::sleep(wait)));
                return Poll::Ready(None);
            }
            if let Some(wait) = wait {
                let mut sleep = Box::pin(tokio::time::sleep(wait));
                if sleep.as_mut().poll(context).is_pending() {
                    self.pause = Some(sleep);
                }
                return Poll::Pending;
            }
            if interrupted || !self.lingers || lane == Lane::Slow || !self.another_call(after) {
                return Poll::Pending;
            }
            before = Instant::now();
            if before.duration_since(began) > TURN {
                // The call that is waiting comes right after the others.
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
    }

    fn had_long_turn(&mut self, used: Duration, now: Instant) {
        let goes_on = self.long_at.replace(now).is_some_and(|at| now.duration_since(at) < COOL);
        self.long = if goes_on { self.long + used } else { used };
        if self.long > FORGIVEN {
            self.slow_until = Some(now + COOL);
        }
    }

    fn belongs(&self, now: Instant) -> Lane {
        let is_slow = self.has_slow_lane && self.slow_until.is_some_and(|until| now < until);
        if is_slow { Lane::Slow } else { Lane::Quick }
    }

    /// After a call: whether another one comes before [`LINGER`] is over. While this looks, the guest's task counts as
    /// running, so that a new call wakes no thread.
    fn another_call(&mut self, now: Instant) -> bool {
        let calls = self.meters.calls.load(Ordering::Acquire);
        if std::mem::replace(&mut self.calls_seen, calls) == calls || !several_cores() {
            return false;
        }
        let until = now + LINGER;
        while Instant::now() < until {
            if self.meters.calls.load(Ordering::Acquire) != calls {
                return true;
            }
            std::hint::spin_loop();
        }
        false
    }
}

struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
