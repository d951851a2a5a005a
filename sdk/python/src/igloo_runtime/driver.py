"""The Component Model's tasks of this instance, and what they wait for.

Each call of the hub (`run`, `command`, …) is a task of the Component Model; all of them share one event loop. What the
loop waits for (streams, calls to the hub, timers) is joined to the waitable set of the oldest task, so that one event
wakes one task; a task whose own coroutine ended while another one was running is woken by its doorbell.

This module knows nothing of sockets or of asyncio's transports. It takes the place of componentize-py's own loop, by
setting the four functions that generated code calls: `first_poll`, `callback`, `await_result` and `spawn`.

What the hub calls must never raise: componentize-py makes a trap of it, which ends the instance. An exception of a
callback is the loop's exception handler's. A call's own coroutine must raise nothing but `Err`: anything else is told
and never answered, because only the coroutine knows the type of its answer.

Sources: Canonical ABI, "Component Model Async" (callback codes, event codes, subtask states); componentize-py 0.25.1.
"""

from __future__ import annotations

import heapq
import time
from asyncio import CancelledError, events
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

    def begin(self) -> None:
        """The hub has called for the first time."""

    def start_call(self, coroutine: Coroutine[Any, Any, Any]) -> Task[Any]:
        """Makes a call's task, and runs it until it waits for something. Raises nothing."""

    def create_task(self, coroutine: Coroutine[Any, Any, Any], **options: Any) -> Task[Any]: ...

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Tells of an exception that nobody waits for."""


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
#: True once the hub has called. While a component is being made there is no hub, and asking one would be a trap.
_live = False
#: When timers are due that the hub was asked for, the earliest first. They cannot be cancelled: one is armed only if it
#: is earlier than all others, so there are few.
_armed: list[float] = []


def is_live() -> bool:
    """Whether there is a hub; there is none while the component is being made."""
    return _live


def arm(when: float) -> bool:
    """Asks to be woken at `when` (on `time.monotonic`'s clock) or earlier. True if it is so late already."""
    if _armed and _armed[0] <= when:
        return False
    now = time.monotonic()
    if when <= now:
        return True
    heapq.heappush(_armed, when)
    due = False

    def fired(_value: Any, _error: BaseException | None) -> None:
        nonlocal due
        due = True
        _armed.remove(when)
        heapq.heapify(_armed)

    start(monotonic_clock.wait_for(int((when - now) * 1e9) + 1), fired)
    return due


_breathing = False


def breathe() -> None:
    """Asks to be called again as soon as others have had their turn."""
    global _breathing
    if _breathing:
        return
    _breathing = True

    def breathed(_value: Any, _error: BaseException | None) -> None:
        global _breathing
        _breathing = False

    start(monotonic_clock.wait_for(1), breathed)


def _told(message: str, error: BaseException) -> None:
    """Tells the loop's exception handler, which raises nothing."""
    if _loop is not None:
        _loop.call_exception_handler({"message": message, "exception": error})


def _watch(waitable: int, done: Callable[[int], None]) -> None:
    _watched[waitable] = done
    if _blocking:
        runtime.waitable_join(waitable, _blocking)
    elif _tasks:
        runtime.waitable_join(waitable, _tasks[0].waitables())


def forget(waitable: int) -> None:
    """Nobody watches this any more: it is about to be cancelled."""
    if _watched.pop(waitable, None) is not None and not _blocking:
        _wake_first()
    runtime.waitable_join(waitable, 0)


def _wake_first() -> None:
    """Something is about to leave the first task's set, perhaps with an event for which that task is being woken.

    It must find one: where it finds none, wasmtime 48 says "BUG: delivering non-present event" and ends the instance
    (concurrent.rs, `handle_guest_call`). So its doorbell is rung.
    """
    if _tasks:
        _tasks[0].wake()


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
    try:
        done(code)
    except Exception as error:
        _told("Exception while taking in what the hub answered", error)


def when_done(result: Any, done: Done) -> None:
    """Calls back with what one of the runtime's functions answers: at once, or when it is there."""
    if isinstance(result, Ok):
        done(result.value)
    else:
        Pending(*result.value).then(done)


class _Start:
    """A call that `start` carries out. No closure, which would refer to itself: what a call has would stay until the
    garbage collector comes, buffers of sockets among it."""

    __slots__ = ("coroutine", "done")

    def __init__(self, coroutine: Coroutine[Any, Any, Any], done: Callable[[Any, BaseException | None], None]) -> None:
        self.coroutine = coroutine
        self.done = done

    def step(self, value: Any) -> None:
        global _stepping
        outer, _stepping = _stepping, True
        try:
            pending = self.coroutine.send(value)
        except StopIteration as stopped:
            _stepping = outer
            self.done(stopped.value, None)
            return
        except BaseException as error:
            _stepping = outer
            self.done(None, error)
            return
        _stepping = outer
        pending.then(self.step)


def start(coroutine: Coroutine[Any, Any, Any], done: Callable[[Any, BaseException | None], None]) -> None:
    """Carries out a call to the hub without an event loop, and calls back with its value or its error.

    Only for coroutines of generated bindings: they await nothing but calls and copies.
    """
    _Start(coroutine, done).step(None)


def block(until: Callable[[], bool], timeout: float | None = None) -> bool:
    """Waits for `until` to become true, and blocks the whole instance meanwhile, as a blocking call does natively.

    Answers whether it did before the timeout, in seconds.
    """
    global _blocking
    if until():
        return True
    deadline = None if timeout is None else time.monotonic() + timeout
    if not _live:
        raise RuntimeError("nothing can be waited for while a component is being made")
    outer = _blocking
    if not outer:
        _wake_first()
    waitables = _blocking = runtime.waitable_set_new()
    _move_all(waitables)
    try:
        while not until():
            if deadline is not None and (time.monotonic() >= deadline or arm(deadline)):
                return until()
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

    __slots__ = ("armed", "promise", "reader", "ringing", "writer")

    def __init__(self) -> None:
        self.writer, self.reader = wit_world.byte_stream()
        self.armed = False
        self.ringing = False
        self.promise = 0

    def arm(self, waitables: int) -> None:
        if not self.armed:
            result = runtime.stream_read(self.reader.type_, self.reader.handle, 1)
            _waitable, self.promise = result.value
            self.armed = True
        runtime.waitable_join(self.reader.handle, waitables)

    def ring(self) -> None:
        if self.ringing or not self.armed:
            return
        self.ringing = True
        # Somebody is reading, so it is done at once.
        runtime.stream_write(self.writer.type_, self.writer.handle, b"\1")

    def rung(self, code: int) -> None:
        self.armed = self.ringing = False
        runtime.promise_get_result(code, self.promise)


class _ComponentTask:
    """One call of the hub."""

    __slots__ = ("bell", "borrows", "index", "outcome", "returned", "running", "set", "spawned")

    def __init__(self, index: int, borrows: int) -> None:
        self.index = index
        self.borrows = borrows
        #: What its coroutine made, once it has ended.
        self.outcome: Ok[Any] | Err[Any] | None = None
        self.returned = False
        self.running = True
        #: How much of what it spawned keeps it alive.
        self.spawned = 0
        self.bell: _Doorbell | None = None
        self.set = 0

    def waitables(self) -> int:
        if not self.set:
            self.set = runtime.waitable_set_new()
        return self.set

    def ended(self, task: Task[Any]) -> None:
        error = CancelledError() if task.cancelled() else task.exception()
        if error is None:
            self.outcome = Ok(task.result())
        elif isinstance(error, Err):
            self.outcome = error
        else:
            # What its export does not declare cannot be answered: the call's deadline ends it.
            _told("A call raised what it must not", error)
        self.wake()

    def wake(self) -> None:
        if not self.running and self.bell is not None:
            self.bell.ring()

    def turn(self) -> int:
        """Runs what can run, and answers what the hub is to do with this task."""
        assert _loop is not None
        _loop.turn()
        self.running = False
        if self.outcome is not None and not self.returned:
            self.returned = True
            try:
                runtime.call_task_return(self.index, self.borrows, self.outcome)
            except Exception as error:
                # It was of the wrong type. The call is never answered, and its deadline ends it.
                _told("What a call answered is not what it has to", error)
            self.outcome = None
        if self.returned and not self.spawned:
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
    global _live
    assert _loop is not None
    if not _live:
        _live = True
        _loop.begin()
    task = _ComponentTask(index, borrows)
    _tasks.append(task)
    if len(_tasks) == 1 and _watched:
        _move_all(task.waitables())
    call = _loop.start_call(coroutine)
    if call.done():
        task.ended(call)
    else:
        call.add_done_callback(task.ended)
    return task.turn()


def _callback(kind: int, waitable: int, code: int) -> int:
    task: _ComponentTask = runtime.context_get()
    runtime.context_set(None)
    task.running = True
    bell = task.bell
    if bell is not None and bell.armed and waitable == bell.reader.handle and kind not in (_NONE, _SUBTASK):
        bell.rung(code)
    elif kind not in (_NONE, _CANCELLED):
        try:
            _event(kind, waitable, code)
        except BaseException as error:
            _told("Exception while taking in what the hub answered", error)
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
    if task is not None:
        task.spawned += 1

    def ended(_: Task[Any]) -> None:
        if task is not None:
            task.spawned -= 1
            task.wake()

    spawned.add_done_callback(ended)


def install(loop: Loop) -> None:
    """Makes this loop the instance's."""
    global _loop
    _loop = loop
    support.first_poll = _first_poll
    support.callback = _callback
    support.await_result = _await_result
    support.spawn = _spawn
