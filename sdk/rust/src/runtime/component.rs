//! Drives an unmodified single-threaded tokio from WebAssembly exports, turn by turn.
//!
//! A component must not block: while one export waits, the others run. tokio, however, waits by blocking in its
//! driver. So `block_on` runs only for one *turn*: when tokio would wait, [`wasi2`](super::wasi2) answers its poll
//! with nothing, notes the next deadline in [`PARK`] and ends the turn. The export `run` then waits asynchronously for
//! the *host futures* (WASI 0.3 calls: sockets, streams, clocks) and takes the next turn when one of them is ready.
//!
//! - Only `run`'s own task polls host futures: WASI 0.3 calls belong to the task that made them.
//! - Other exports start a tokio task and take a turn themselves, so most commands never wait for `run`'s task.
//! - A turn ends after a bounded number of polls, so that a busy provider still sees its host.

use super::wasi2::{PARK, Turn};
use crate::bindings::wasi::clocks::monotonic_clock;
use futures_util::stream::{FuturesUnordered, Stream};
use std::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    pin::{Pin, pin},
    rc::Rc,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll, Wake, Waker},
};
use tokio::{
    runtime::{Builder, LocalOptions, LocalRuntime},
    sync::oneshot,
};

type HostFuture = Pin<Box<dyn Future<Output = ()>>>;

/// So many rounds of host futures and turns go by before `run` lets its host have a look.
const ROUNDS: usize = 32;

thread_local! {
    static DRIVER: RefCell<Option<Rc<Driver>>> = const { RefCell::new(None) };
}

struct Driver {
    tokio: LocalRuntime,
    /// Started since `run`'s task looked last.
    started: RefCell<Vec<HostFuture>>,
    signal: Arc<Signal>,
    /// When `run`'s task wakes up at the latest, on the monotonic clock.
    armed: Cell<u64>,
}

/// Wakes `run`'s task. While a turn or a round is under way it only notes that there is more to do.
struct Signal {
    driving: AtomicBool,
    raised: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.raised.swap(true, Relaxed) && !self.driving.load(Relaxed) {
            let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(task) = task {
                task.wake();
            }
        }
    }
}

/// The body of the export `run`: `life` is a tokio task until it is done. What is still under way then is dropped.
pub(crate) async fn run<T: 'static>(life: impl Future<Output = T> + 'static) -> T {
    let tokio = Builder::new_current_thread()
        .enable_all()
        .on_thread_park(|| PARK.with(|park| park.set_parking(true)))
        .on_thread_unpark(|| PARK.with(|park| park.set_parking(false)))
        .build_local(LocalOptions::default());
    #[allow(clippy::expect_used, reason = "without its runtime a provider cannot even fail politely")]
    let tokio = tokio.expect("tokio's runtime starts");
    let signal =
        Arc::new(Signal { driving: AtomicBool::new(false), raised: AtomicBool::new(false), task: Mutex::new(None) });
    let driver =
        Rc::new(Driver { tokio, started: RefCell::default(), signal: signal.clone(), armed: Cell::new(u64::MAX) });
    DRIVER.set(Some(driver.clone()));
    let (done, mut life_done) = oneshot::channel();
    let signal_end = signal.clone();
    driver.tokio.spawn_local(async move {
        let _ = done.send(life.await);
        signal_end.wake_by_ref();
    });

    let waker = Waker::from(signal.clone());
    let mut host_futures = FuturesUnordered::new();
    let mut timer: Option<HostFuture> = None;
    let result = poll_fn(|outer| {
        signal.driving.store(true, Relaxed);
        *signal.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(outer.waker().clone());
        let cx = &mut Context::from_waker(&waker);
        for _ in 0..ROUNDS {
            signal.raised.store(false, Relaxed);
            driver.poll_host_futures(&mut host_futures, cx);
            if timer.as_mut().is_some_and(|timer| timer.as_mut().poll(cx).is_ready()) {
                timer = None;
                driver.armed.set(u64::MAX);
            }
            let turn = driver.turn();
            if let Ok(result) = life_done.try_recv() {
                return Poll::Ready(result);
            }
            let Turn::Idle(deadline) = turn else { continue };
            if deadline < driver.armed.get() {
                let mut wait: HostFuture = Box::pin(monotonic_clock::wait_until(deadline));
                if wait.as_mut().poll(cx).is_ready() {
                    continue;
                }
                driver.armed.set(deadline);
                timer = Some(wait);
            }
            if !signal.raised.load(Relaxed) && driver.started.borrow().is_empty() {
                signal.driving.store(false, Relaxed);
                return Poll::Pending;
            }
        }
        signal.driving.store(false, Relaxed);
        outer.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
    DRIVER.set(None);
    result
}

/// The body of every other export: `future` is a tokio task beside `run`. `None` before `run` began, after it ended,
/// and if it ends meanwhile.
pub(crate) async fn call<T: 'static>(future: impl Future<Output = T> + 'static) -> Option<T> {
    let driver = DRIVER.with_borrow(Clone::clone)?;
    let (done, mut result) = oneshot::channel();
    driver.tokio.spawn_local(async move {
        let _ = done.send(future.await);
    });
    driver.turn_beside_run();
    match result.try_recv() {
        Ok(result) => Some(result),
        Err(_) => result.await.ok(),
    }
}

/// Waits for an asynchronous import from within a tokio task. Dropping it cancels the import.
///
/// The answer is `Send` where its value is, although an import never is: so that `tokio::spawn` takes it.
pub(crate) fn host_call<T: 'static, F>(import: F) -> impl Future<Output = T> + use<T, F>
where
    F: Future<Output = T> + 'static,
{
    let (mut done, result) = oneshot::channel();
    start(async move {
        let mut import = pin!(import);
        let result = poll_fn(|cx| match done.poll_closed(cx) {
            Poll::Ready(()) => Poll::Ready(None),
            Poll::Pending => import.as_mut().poll(cx).map(Some),
        })
        .await;
        if let Some(result) = result {
            let _ = done.send(result);
        }
    });
    async move {
        match result.await {
            Ok(result) => result,
            // `run` is over and with it every task: nobody is going to look.
            Err(_) => std::future::pending().await,
        }
    }
}

/// Starts a host future. It is polled by `run`'s task until it is done or `run` is over.
pub(crate) fn start(future: impl Future<Output = ()> + 'static) {
    if let Some(driver) = DRIVER.with_borrow(Clone::clone) {
        driver.started.borrow_mut().push(Box::pin(future));
        driver.signal.wake_by_ref();
    }
}

impl Driver {
    fn poll_host_futures(&self, futures: &mut FuturesUnordered<HostFuture>, cx: &mut Context<'_>) {
        loop {
            futures.extend(self.started.take());
            while let Poll::Ready(Some(())) = Pin::new(&mut *futures).poll_next(cx) {}
            if self.started.borrow().is_empty() {
                return;
            }
        }
    }

    /// Runs tokio until it would wait, or for long enough.
    fn turn(&self) -> Turn {
        PARK.with(|park| park.begin());
        self.tokio.block_on(poll_fn(|cx| {
            PARK.with(|park| match park.ended() {
                Some(turn) => Poll::Ready(turn),
                None => {
                    park.set_root(cx.waker());
                    Poll::Pending
                }
            })
        }))
    }

    /// A turn in another export's task, which wakes `run`'s task only if there is something for it to do.
    fn turn_beside_run(&self) {
        self.signal.driving.store(true, Relaxed);
        let turn = self.turn();
        self.signal.driving.store(false, Relaxed);
        let raised = self.signal.raised.swap(false, Relaxed);
        let nothing = matches!(turn, Turn::Idle(deadline) if deadline >= self.armed.get());
        if raised || !nothing {
            self.signal.wake_by_ref();
        }
    }
}
