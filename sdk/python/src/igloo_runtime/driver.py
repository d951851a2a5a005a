"""The Component Model's tasks of this instance, and what they wait for.

Each call of the hub (`run`, `command`, …) is a task of the Component Model; all of them share one event loop. What the
loop waits for (streams, calls to the hub, timers) is joined to the waitable set of the oldest task, so that one event
wakes one task; a task whose own coroutine ended while another one was running is woken by its doorbell.

This module knows nothing of sockets or of asyncio's transports. It takes the place of componentize-py's own loop, by
setting the four functions that generated code calls: `first_poll`, `callback`, `await_result` and `spawn`.

Sources: Canonical ABI, "Component Model Async" (callback codes, event codes, subtask states); componentize-py 0.25.1.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any, Protocol

import componentize_py_async_support as support
import componentize_py_runtime as runtime
import igloo_intrinsics as intrinsics
import wit_world
from componentize_py_types import Err, Ok
from wit_world.imports import monotonic_clock

if TYPE_CHECKING:
    from asyncio import Task

# What a callback answers: its task is done, or waits for a set (whose number is above the lowest four bits).
_EXIT = 0
_WAIT = 2
# Kinds of events.
_NONE = 0
_SUBTASK = 1
_CANCELLED = 6
# A subtask's state once it has returned.
_RETURNED = 2
# How a copy ended, in the lowest four bits of its code; the count is above them.
COMPLETED = 0
DROPPED = 1

#: Called with the value that was waited for.
Done = Callable[[Any], None]


class Loop(Protocol):
    """What the driver needs of the instance's event loop."""

    def turn(self) -> None:
        """Runs everything that can run now, and arms a timer for the next of what cannot."""

    def create_task(self, coroutine: Coroutine[Any, Any, Any]) -> Task[Any]: ...


class Pending:
    """A call to the hub or a copy that is under way: awaited by a coroutine, or watched by a callback."""

    __slots__ = ("promise", "waitable")

    def __init__(self, waitable: int, promise: int) -> None:
        self.waitable = waitable
        self.promise = promise

    def then(self, done: Done) -> None:
        """Calls back with the value, from within the callback of whichever task the event reached."""
        promise = self.promise
        _watch(self.waitable, lambda code: done(runtime.promise_get_result(code, promise)))

    def __await__(self) -> Generator[Any, Any, Any]:
        if _stepping:
            return (yield self)
        future = events.get_running_loop().create_future()

        def done(value: Any) -> None:
            # Nobody waits for it any more: the value, and what it owns, is dropped.
            if not future.done():
                future.set_result(value)

        self.then(done)
        return (yield from future)


#: What is waited for, by waitable: called with the event's code.
_watched: dict[int, Callable[[int], None]] = {}
#: Tasks that are alive, the oldest first. What is watched is joined to the first one's set.
_tasks: list[_ComponentTask] = []
#: Doorbells of tasks that ended, to be used again.
_spare: list[_Doorbell] = []
#: True while a coroutine is being stepped by `start`, outside of any event loop.
_stepping = False
#: The set of a blocking call that is under way, or 0. It has everything that is watched meanwhile.
_blocking = 0
_loop: Loop | None = None


def _watch(waitable: int, done: Callable[[int], None]) -> None:
    _watched[waitable] = done
    if _blocking:
        runtime.waitable_join(waitable, _blocking)
    elif _tasks:
        runtime.waitable_join(waitable, _tasks[0].waitables())


def forget(waitable: int) -> None:
    """Nobody watches this any more: it is about to be cancelled."""
    _watched.pop(waitable, None)
    runtime.waitable_join(waitable, 0)


def _move_all(waitables: int) -> None:
    for waitable in _watched:
        runtime.waitable_join(waitable, waitables)


def _event(kind: int, waitable: int, code: int) -> None:
    """Tells whoever watches. A subtask that has merely started is no news."""
    if kind == _SUBTASK:
        if code != _RETURNED:
            return
        done = _watched.pop(waitable)
        runtime.waitable_join(waitable, 0)
        runtime.subtask_drop(waitable)
    else:
        done = _watched.pop(waitable)
        runtime.waitable_join(waitable, 0)
    done(code)


def when_done(result: Any, done: Done) -> None:
    """Calls back with what one of the runtime's functions answers: at once, or when it is there."""
    if isinstance(result, Ok):
        done(result.value)
    else:
        Pending(*result.value).then(done)


def start(coroutine: Coroutine[Any, Any, Any], done: Callable[[Any, BaseException | None], None]) -> None:
    """Carries out a call to the hub without an event loop, and calls back with its value or its error.

    Only for coroutines of generated bindings: they await nothing but calls and copies.
    """

    def step(value: Any) -> None:
        global _stepping
        outer, _stepping = _stepping, True
        try:
            pending = coroutine.send(value)
        except StopIteration as stopped:
            _stepping = outer
            done(stopped.value, None)
            return
        except Exception as error:
            _stepping = outer
            done(None, error)
            return
        _stepping = outer
        pending.then(step)

    step(None)


def block(until: Callable[[], bool], timeout: float | None = None) -> bool:
    """Waits for `until` to become true, and blocks the whole instance meanwhile, as a blocking call does natively.

    Answers whether it did before the timeout, in seconds.
    """
    global _blocking
    if until():
        return True
    over = False
    if timeout is not None:
        if timeout <= 0:
            return False

        def fired(_value: Any, _error: BaseException | None) -> None:
            nonlocal over
            over = True

        start(monotonic_clock.wait_for(int(timeout * 1e9) + 1), fired)
        if until():
            return True
    outer = _blocking
    waitables = _blocking = runtime.waitable_set_new()
    _move_all(waitables)
    try:
        while not until():
            if over:
                return False
            if not _watched:
                raise RuntimeError("this would wait for ever: nothing is under way that could end it")
            _event(*intrinsics.wait(waitables))
    finally:
        _blocking = outer
        _move_all(outer or (_tasks[0].waitables() if _tasks else 0))
        runtime.waitable_set_drop(waitables)
    return True


class _Doorbell:
    """A stream from the component to itself: writing to it wakes the task that reads it."""

    __slots__ = ("armed", "promise", "reader", "writer")

    def __init__(self) -> None:
        self.writer, self.reader = wit_world.byte_stream()
        self.armed = False
        self.promise = 0

    def arm(self, waitables: int) -> None:
        if not self.armed:
            result = runtime.stream_read(self.reader.type_, self.reader.handle, 1)
            _waitable, self.promise = result.value
            self.armed = True
        runtime.waitable_join(self.reader.handle, waitables)

    def ring(self) -> None:
        runtime.stream_write(self.writer.type_, self.writer.handle, b"\1")

    def rung(self, code: int) -> None:
        self.armed = False
        runtime.promise_get_result(code, self.promise)


class _ComponentTask:
    """One call of the hub."""

    __slots__ = ("bell", "borrows", "error", "index", "result", "running", "set", "spawned", "task")

    def __init__(self, index: int, borrows: int) -> None:
        self.index = index
        self.borrows = borrows
        self.task: Task[Any] | None = None
        self.result: Any = None
        self.error: BaseException | None = None
        self.running = False
        #: How much of what it spawned keeps it alive.
        self.spawned = 0
        self.bell: _Doorbell | None = None
        self.set = 0

    def waitables(self) -> int:
        if not self.set:
            self.set = runtime.waitable_set_new()
        return self.set

    def ended(self, task: Task[Any]) -> None:
        if task.cancelled():
            self.error = CancelledError()
        else:
            error = task.exception()
            if error is None:
                self.result = Ok(task.result())
            elif isinstance(error, Err):
                self.result = error
            else:
                self.error = error
        self.wake()

    def wake(self) -> None:
        if not self.running and self.bell is not None:
            self.bell.ring()

    def turn(self) -> int:
        """Runs what can run, and answers what the hub is to do with this task."""
        assert _loop is not None
        self.running = True
        try:
            _loop.turn()
        finally:
            self.running = False
        if self.error is not None:
            raise self.error
        if self.result is not None:
            runtime.call_task_return(self.index, self.borrows, self.result)
            self.result = None
            self.task = None
        if self.task is None and not self.spawned:
            self.leave()
            return _EXIT
        if self.bell is None:
            self.bell = _spare.pop() if _spare else _Doorbell()
        self.bell.arm(self.waitables())
        runtime.context_set(self)
        return _WAIT | self.waitables() << 4

    def leave(self) -> None:
        first = _tasks[0] is self
        _tasks.remove(self)
        if self.bell is not None:
            runtime.waitable_join(self.bell.reader.handle, 0)
            _spare.append(self.bell)
            self.bell = None
        if first:
            _move_all(_tasks[0].waitables() if _tasks else 0)
        if self.set:
            runtime.waitable_set_drop(self.set)


def _first_poll(index: int, borrows: int, coroutine: Coroutine[Any, Any, Any]) -> int:
    assert _loop is not None
    task = _ComponentTask(index, borrows)
    _tasks.append(task)
    if len(_tasks) == 1 and _watched:
        _move_all(task.waitables())
    task.running = True
    task.task = _loop.create_task(coroutine)
    task.task.add_done_callback(task.ended)
    return task.turn()


def _callback(kind: int, waitable: int, code: int) -> int:
    task: _ComponentTask = runtime.context_get()
    runtime.context_set(None)
    task.running = True
    bell = task.bell
    if bell is not None and bell.armed and waitable == bell.reader.handle and kind not in (_NONE, _SUBTASK):
        bell.rung(code)
    elif kind not in (_NONE, _CANCELLED):
        _event(kind, waitable, code)
    return task.turn()


async def _await_result(result: Any) -> Any:
    if isinstance(result, Ok):
        return result.value
    return await Pending(*result.value)


def _spawn(coroutine: Coroutine[Any, Any, Any]) -> None:
    """componentize-py's own: what it spawns keeps the call alive that is under way."""
    assert _loop is not None
    task = next((task for task in _tasks if task.running), None)
    spawned = _loop.create_task(coroutine)
    _rooted.add(spawned)
    if task is not None:
        task.spawned += 1

    def ended(_: Task[Any]) -> None:
        _rooted.discard(spawned)
        if task is not None:
            task.spawned -= 1
            task.wake()

    spawned.add_done_callback(ended)


#: asyncio itself holds tasks only weakly.
_rooted: set[Task[Any]] = set()


def install(loop: Loop) -> None:
    """Makes this loop the instance's."""
    global _loop
    _loop = loop
    support.first_poll = _first_poll
    support.callback = _callback
    support.await_result = _await_result
    support.spawn = _spawn


def is_serving() -> bool:
    """Whether the hub has called. It has not while the component is made: nothing of the hub's can be asked then."""
    return bool(_tasks)
