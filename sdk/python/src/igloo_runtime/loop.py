"""asyncio's event loop on WASI 0.3: CPython's own selector loop, over this runtime's selector.

Transports, servers, datagrams, `sock_*`, `start_tls`, signals' and executors' errors are CPython's code, unchanged.
What is ours is how it waits: the instance's loop never blocks, it returns to the hub and is called again.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import threading
import time
from asyncio import base_events, events, selector_events
from collections.abc import Callable
from typing import Any

from wit_world.imports import monotonic_clock

from . import driver, names
from .readiness import Selector

#: A call in an executor's stead that takes longer, in seconds, is told about once: it held everything else up.
_LONG = 0.1


class WasiEventLoop(selector_events.BaseSelectorEventLoop):
    """An event loop of its own, as `asyncio.new_event_loop()` makes it. Waiting blocks the instance."""

    def __init__(self) -> None:
        super().__init__(Selector())
        self._told_of_executors = False

    # There are no threads and no signals: nobody but the loop itself could wake it.

    def _make_self_pipe(self) -> None:
        self._internal_fds += 1

    def _close_self_pipe(self) -> None:
        self._internal_fds -= 1

    def _write_to_self(self) -> None:
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

    async def getnameinfo(self, sockaddr: Any, flags: int = 0) -> tuple[str, str]:
        """The address itself: names are not looked up backwards."""
        return sockaddr[0], str(sockaddr[1])


class InstanceLoop(WasiEventLoop):
    """The loop that all of an instance's calls share. It runs whenever the hub calls."""

    def __init__(self) -> None:
        super().__init__()
        self._selector.never_blocks = True
        #: When timers are due that the hub was asked for, the earliest first. They cannot be cancelled, so one is armed
        #: only if it is earlier than all others: there are few.
        self._armed: list[float] = []
        # It is always running: it can neither be run nor stopped.
        self._thread_id = threading.get_ident()

    def _check_running(self) -> None:
        raise RuntimeError("This event loop is already running")

    def close(self) -> None:
        """It lives as long as its instance."""
        raise RuntimeError("Cannot close a running event loop")

    def turn(self) -> None:
        """Runs everything that can run now, and arms a timer for the next of what cannot."""
        events._set_running_loop(self)
        while True:
            ready = self._selector.select(0)
            if ready:
                self._process_events(ready)
            self._take_due()
            if not self._ready:
                if not self._arm():
                    return
                continue
            for _ in range(len(self._ready)):
                handle = self._ready.popleft()
                if not handle._cancelled:
                    handle._run()

    def _take_due(self) -> None:
        """Timers that are due become ready, and cancelled ones at the front go."""
        scheduled = self._scheduled
        if not scheduled:
            return
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

    def _arm(self) -> bool:
        """Asks the hub for the next timer. True if it is due already."""
        if not self._scheduled:
            return False
        when = self._scheduled[0]._when
        if self._armed and self._armed[0] <= when:
            return False
        heapq.heappush(self._armed, when)
        due = False

        def fired(_value: Any, _error: BaseException | None) -> None:
            nonlocal due
            due = True
            self._armed.remove(when)
            heapq.heapify(self._armed)

        driver.start(monotonic_clock.wait_for(max(0, int((when - self.time()) * 1e9)) + 1), fired)
        return due


class _Policy(events._BaseDefaultEventLoopPolicy):
    _loop_factory = WasiEventLoop


def install() -> InstanceLoop:
    """Makes the instance's loop, and this module's loops those of `asyncio.run` and `new_event_loop`."""
    loop = InstanceLoop()
    events._set_event_loop_policy(_Policy())
    events._get_event_loop_policy().set_event_loop(loop)
    asyncio.DefaultEventLoopPolicy = _Policy
    asyncio.SelectorEventLoop = asyncio.EventLoop = WasiEventLoop
    events._set_running_loop(loop)
    driver.install(loop)
    return loop
