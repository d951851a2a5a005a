"""Streams between this component and the hub; of bytes, with a buffer at this end: sockets and serial ports share them.

Bounded: an incoming stream is read only while its buffer has less than is wanted, an outgoing one takes no more than
`LARGEST`. A read that waits has its memory already: so it asks for little until much comes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import componentize_py_runtime as runtime
import igloo_intrinsics as intrinsics
from componentize_py_types import Err

from . import driver

#: What one copy moves, and what an outgoing buffer holds at most. In bytes.
LARGEST = 64 * 1024
#: What the first copy moves, and each after one that was not full.
_SMALLEST = 4 * 1024

#: What the bindings made and nobody has dropped yet. The garbage collector must not come first: it would drop a stream
#: that is being read, which is a trap, or one that its owner is about to drop.
_kept: set[Any] = set()


def keep(resource: Any) -> Any:
    """Keeps what the bindings made until it is dropped by [`drop`]."""
    _kept.add(resource)
    return resource


def drop(resource: Any) -> None:
    """Drops what was kept; nothing if it is dropped already."""
    if resource in _kept:
        _kept.discard(resource)
        resource.__exit__(None, None, None)


#: Called when something about a stream has changed.
Changed = Callable[[], None]


def _nothing(*_: Any) -> None:
    """Takes the place of who is told no more."""


class Reader:
    """The readable end of a stream of anything: one read after the other, which can be cancelled at any moment."""

    __slots__ = ("_came", "_cancel", "_changed", "_end", "_promise", "closed", "over")

    def __init__(self, end: Any, cancel: Callable[[int], int], came: Callable[[Any], None], changed: Changed) -> None:
        self._end = keep(end)
        self._cancel = cancel
        self._came = came
        self._changed = changed
        self._promise: int | None = None
        #: Nothing comes any more. The last that came may come with it.
        self.over = False
        self.closed = False

    def read(self, count: int) -> None:
        """Begins to read up to `count` items, unless a read is under way. What is there comes at once."""
        if self._promise is not None or self.over or self.closed:
            return
        result = runtime.stream_read(self._end.type_, self._end.handle, count)
        if isinstance(result, Err):
            waitable, self._promise = result.value
            driver.Pending(waitable, self._promise).then(self._arrived)
        else:
            self._take_in(result.value)

    def _arrived(self, value: Any) -> None:
        self._promise = None
        if not self.closed:
            self._take_in(value)
            self._changed()

    def _take_in(self, value: tuple[int, Any]) -> None:
        code, items = value
        self.over = self.over or code == driver.DROPPED
        self._came(items)

    def stop(self) -> None:
        """Ends a read that is under way, at once. What it has got comes before."""
        if self._promise is not None:
            waitable = self._end.handle
            driver.forget(waitable)
            promise, self._promise = self._promise, None
            self._take_in(runtime.promise_get_result(self._cancel(waitable), promise))

    def close(self) -> None:
        """Stops, and drops the stream."""
        if not self.closed:
            self.closed = True
            self.stop()
            drop(self._end)
            # Whoever reads is referred to no more: its buffer can go with it.
            self._came = self._changed = _nothing


class Incoming:
    """The readable end of a stream of bytes, and the future that says how it ended."""

    __slots__ = ("_changed", "_ending", "_reader", "_size", "buffer", "ended", "error")

    def __init__(self, reader: Any, ending: Any, changed: Changed) -> None:
        self._reader = Reader(reader, intrinsics.cancel_read, self._came, self._notify)
        self._ending = keep(ending)
        self._changed = changed
        self._size = _SMALLEST
        self.buffer = bytearray()
        #: The stream is at its end; what is buffered can still be taken.
        self.ended = False
        #: Why it ended, if not in order: the interface's own error code.
        self.error: Any = None

    @property
    def closed(self) -> bool:
        """Whether it is read no more."""
        return self._reader.closed

    def _notify(self) -> None:
        self._changed()

    def want(self, enough: int = 1) -> None:
        """Begins to read, unless there are `enough` bytes to take or a read is under way."""
        if len(self.buffer) < enough:
            self._reader.read(self._size)

    def _came(self, data: bytes) -> None:
        if self.closed:
            return
        self._size = min(4 * self._size, LARGEST) if len(data) == self._size else _SMALLEST
        self.buffer += data
        if self._reader.over:
            ending, self._ending = self._ending, None
            _kept.discard(ending)
            if ending is None or ending.handle is None:
                self.ended = True
            else:
                # Whether that is an orderly end is known when this is told; what has come can be taken meanwhile.
                driver.start(ending.read(), self._told)

    def _told(self, value: Any, error: BaseException | None) -> None:
        self.ended = True
        if isinstance(value, Err):
            self.error = value.value
        elif isinstance(error, Err):
            self.error = error.value
        if not self.closed:
            self._changed()

    def take(self, count: int) -> bytes:
        """Up to `count` bytes of what has arrived; nothing if nothing has."""
        if count >= len(self.buffer):
            data = bytes(self.buffer)
            self.buffer.clear()
        else:
            data = bytes(self.buffer[:count])
            del self.buffer[:count]
        return data

    def discard(self) -> None:
        """Throws away what has arrived."""
        self.buffer.clear()

    def close(self) -> None:
        """No longer reads, at once, whether or not a read is under way."""
        if self.closed:
            return
        self._reader.close()
        self.buffer.clear()
        if self._ending is not None:
            drop(self._ending)
            self._ending = None


class Outgoing:
    """The writable end of a stream."""

    __slots__ = ("_changed", "_finishing", "_promise", "_writer", "broken", "buffer", "closed")

    def __init__(self, writer: Any, changed: Changed) -> None:
        self._writer = keep(writer)
        self._changed = changed
        self._promise: int | None = None
        self._finishing = False
        self.buffer = bytearray()
        #: The other end takes no more.
        self.broken = False
        self.closed = False

    def room(self) -> int:
        """How many bytes can be put."""
        return 0 if self._finishing or self.closed else LARGEST - len(self.buffer)

    def put(self, data: Any) -> int:
        """Takes as much as there is room for, and begins to send it."""
        view = memoryview(data).cast("B")[: self.room()]
        self.buffer += view
        self._send()
        return len(view)

    def put_whole(self, data: bytes) -> None:
        """Takes all of it, beyond what there is room for: only for who has waited for room, and gives little."""
        if not self._finishing and not self.closed:
            self.buffer += data
            self._send()

    def _send(self) -> None:
        while self.buffer and self._promise is None and not self.broken and not self.closed:
            # The bytes are copied at once; what was not delivered stays at the front.
            result = runtime.stream_write(self._writer.type_, self._writer.handle, bytes(self.buffer))
            if isinstance(result, Err):
                waitable, self._promise = result.value
                driver.Pending(waitable, self._promise).then(self._delivered)
                return
            self._count(result.value)
        if not self.buffer and self._finishing:
            self._drop()

    def _delivered(self, value: Any) -> None:
        self._promise = None
        if self.closed:
            return
        self._count(value)
        self._send()
        self._changed()

    def _count(self, value: tuple[int, int]) -> None:
        code, count = value
        del self.buffer[:count]
        if code == driver.DROPPED:
            self.broken = True
            self.buffer.clear()

    def finish(self) -> None:
        """Takes no more, and ends the stream when everything is delivered."""
        self._finishing = True
        if not self.buffer or self.broken:
            self._drop()

    def close(self) -> None:
        """Ends the stream at once; what was not delivered is lost."""
        if self.closed:
            return
        self.buffer.clear()
        if self._promise is not None:
            waitable = self._writer.handle
            driver.forget(waitable)
            code = intrinsics.cancel_write(waitable)
            runtime.promise_get_result(code, self._promise)
            self._promise = None
        self._drop()

    def _drop(self) -> None:
        if not self.closed:
            self.closed = True
            drop(self._writer)
            self._changed()
