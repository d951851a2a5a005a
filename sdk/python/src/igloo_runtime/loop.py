"""asyncio's event loop on WASI 0.3: CPython's own selector loop, over this runtime's selector.

Transports, servers, datagrams, `sock_*`, `start_tls`, signals' and executors' errors are CPython's code, unchanged.
What is ours is how it waits: the instance's loop never blocks, it returns to the hub and is called again.
"""

from __future__ import annotations

import asyncio
import concurrent.futures.thread  # noqa: F401 (nothing can be imported later)
import heapq
import itertools
import logging
import random
import sys
import threading
import time
from asyncio import base_events, events, selector_events, unix_events
from collections.abc import Callable, Coroutine
from typing import Any

from . import driver, names
from .readiness import Selector

_set_running_loop = events._set_running_loop

#: A call in an executor's stead that takes longer, in seconds, is told about once: it held everything else up.
_LONG = 0.1
#: A loop that has not come to rest after so many rounds looks at the clock, and returns to the hub after so long, in
#: seconds. A guest that keeps its thread for 2 ms is a slow one (igloo-engine's lane).
_ROUNDS = 16
_BREATH = 0.001


class WasiEventLoop(selector_events.BaseSelectorEventLoop):
    """An event loop of its own, as `asyncio.new_event_loop()` makes it. Waiting blocks the instance."""

    def __init__(self, selector: Any = None) -> None:
        super().__init__(Selector() if selector is None else selector)
        self._told_of_executors = False

    # There are no threads and no signals: nobody but the loop itself could wake it.

    def _make_self_pipe(self) -> None:
        self._internal_fds += 1

    def _close_self_pipe(self) -> None:
        self._internal_fds -= 1

    def _write_to_self(self) -> None:
        if isinstance(self._selector, Selector):
            self._selector.wake()

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        """Calls `func` at once, because there are no threads. It holds everything else up until it returns."""
        self._check_closed()
        if self._debug:
            self._check_callback(func, "run_in_executor")
        future = self.create_future()
        began = time.monotonic()
        try:
            future.set_result(func(*args))
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            future.set_exception(error)
        took = time.monotonic() - began
        if took > _LONG and not self._told_of_executors:
            self._told_of_executors = True
            name = getattr(func, "__qualname__", repr(func))
            logging.getLogger("igloo").warning(
                "`%s` was to run in a thread and took %.1f s: a component has no threads, so nothing else ran "
                'meanwhile. Where that matters, use `engine = "process"`.', name, took,
            )
        return future

    async def getaddrinfo(
        self, host: Any, port: Any, *, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
    ) -> Any:
        """Looks a granted name up, without blocking."""
        return await names.lookup(host, port, family, type, proto, flags)


class InstanceLoop(WasiEventLoop):
    """The loop that all of an instance's calls share. It runs whenever the hub calls."""

    def __init__(self) -> None:
        super().__init__()
        self._selector.never_blocks = True
        #: Tasks that are pending. asyncio itself holds them only weakly, and one that is only waited for by what it
        #: waits for itself would be lost.
        self._tasks: set[asyncio.Task[Any]] = set()
        # It is always running: it can neither be run nor stopped.
        self._thread_id = threading.get_ident()

    def _check_running(self) -> None:
        raise RuntimeError("This event loop is already running")

    def close(self) -> None:
        """It lives as long as its instance."""
        raise RuntimeError("Cannot close a running event loop")

    def stop(self) -> None:
        """It lives as long as its instance."""
        raise RuntimeError("An instance's event loop cannot be stopped: let `run` return instead")

    def create_task(self, coro: Any, **options: Any) -> asyncio.Task[Any]:
        """A task that lives until it is done, whether or not anybody holds it."""
        task = super().create_task(coro, **options)
        self._root(task)
        return task

    def _root(self, task: asyncio.Task[Any]) -> None:
        if not task.done():
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def begin(self) -> None:
        """The hub has called for the first time: this instance begins to differ from others of its component."""
        random.seed()
        sys.set_asyncgen_hooks(firstiter=self._asyncgen_firstiter_hook, finalizer=self._asyncgen_finalizer_hook)

    def start_call(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Makes a call's task, and runs it until it waits for something."""
        _set_running_loop(self)
        try:
            task = asyncio.Task(coroutine, loop=self, eager_start=True)
            self._root(task)
            return task
        except BaseException as error:
            # It called `sys.exit`, which a task raises again.
            ended: Any = self.create_future()
            ended.set_exception(error)
            return ended  # type: ignore[no-any-return]

    def turn(self) -> None:
        """Runs everything that can run now, and arms a timer for the next of what cannot. Raises nothing.

        What never comes to rest, such as `while not ready: await asyncio.sleep(0)`, is left from time to time: what it
        looks for comes from outside.
        """
        _set_running_loop(self)
        ready = self._ready
        selector = self._selector
        until = 0.0
        for round_ in itertools.count(1):
            if not round_ % _ROUNDS:
                now = self.time()
                if not until:
                    until = now + _BREATH
                elif now > until:
                    driver.breathe()
                    return
            if selector._candidates:
                found = selector.select(0)
                if found:
                    self._process_events(found)
            if self._scheduled:
                self._take_due()
            if not ready:
                if not self._scheduled or not driver.arm(self._scheduled[0]._when):
                    return
                continue
            for _ in range(len(ready)):
                handle = ready.popleft()
                if not handle._cancelled:
                    try:
                        handle._run()
                    except BaseException as error:
                        # `sys.exit` and the like end a thread natively; here they end only whoever called them.
                        self._leaked(handle, error)

    def _leaked(self, handle: Any, error: BaseException) -> None:
        self.call_exception_handler(
            {
                "message": f"{type(error).__name__} ended a callback, and nothing else",
                "exception": error,
                "handle": handle,
            }
        )

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """As every loop does; but nothing leaves it."""
        try:
            super().call_exception_handler(context)
        except BaseException as error:
            logging.getLogger("asyncio").error("The exception handler raised", exc_info=error)

    def _take_due(self) -> None:
        """Timers that are due become ready, and cancelled ones at the front go."""
        scheduled = self._scheduled
        if self._timer_cancelled_count > base_events._MIN_CANCELLED_TIMER_HANDLES_FRACTION * len(scheduled) and len(
            scheduled
        ) > base_events._MIN_SCHEDULED_TIMER_HANDLES:
            for handle in scheduled:
                handle._scheduled = not handle._cancelled
            scheduled = self._scheduled = [handle for handle in scheduled if not handle._cancelled]
            heapq.heapify(scheduled)
            self._timer_cancelled_count = 0
        end = self.time() + self._clock_resolution
        while scheduled and (scheduled[0]._cancelled or scheduled[0]._when < end):
            handle = heapq.heappop(scheduled)
            handle._scheduled = False
            if handle._cancelled:
                self._timer_cancelled_count -= 1
            else:
                self._ready.append(handle)


class _Policy(events._BaseDefaultEventLoopPolicy):
    _loop_factory = WasiEventLoop


def install() -> InstanceLoop:
    """Makes the instance's loop, and this module's loops those of `asyncio.run` and `new_event_loop`."""
    loop = InstanceLoop()
    events._set_event_loop_policy(_Policy())
    events._get_event_loop_policy().set_event_loop(loop)
    asyncio.DefaultEventLoopPolicy = unix_events._DefaultEventLoopPolicy = _Policy
    unix_events.SelectorEventLoop = unix_events.EventLoop = WasiEventLoop
    asyncio.SelectorEventLoop = asyncio.EventLoop = WasiEventLoop
    events._set_running_loop(loop)
    driver.install(loop)
    return loop
