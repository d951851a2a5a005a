"""Frames on the socket and what they mean: calls of either side and their answers.

- What needs no answer is put into a buffer, which is sent once in a turn of the loop, or when it is full. Only a full
  one makes its writer wait for the hub.
- [`Connection.call`] is answered while everything else goes on; [`Connection.ask`] holds the whole process up, as an
  import of a component does. What else arrives meanwhile waits in its order.

May be used from any thread, as far as each function says. Must not know what a device is.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import os
import select
import socket
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, NoReturn

from igloo._process import codec

OUTPUT: Final = 64 * 1024
"""Bytes that wait to be sent before their writer has to wait for the hub."""
INPUT: Final = 64 * 1024
"""Bytes that are read at once."""
READS: Final = 16
"""Reads in one turn of the loop, so that a hub with much to say does not keep the provider from its work."""
PATIENCE: Final = 30.0
"""Seconds that a hub may take to answer a call that blocks, and to read what was sent."""
EARLY: Final = 8192
"""Messages that wait while a call blocks: a hub has at most 64 calls under way, the rest are answers and findings."""
MALFORMED: Final = 8
"""Malformed messages until the stream is given up."""
TOLD: Final = 64
"""Unknown messages that are told of: once each."""
DESCRIPTORS: Final = 16
"""Descriptors that come with one read."""

_PREFIX: Final = struct.Struct(">I")
_ANCILLARY: Final = socket.CMSG_SPACE(DESCRIPTORS * array.array("i").itemsize)
_CLOEXEC: Final = socket.MSG_CMSG_CLOEXEC

Message = dict[str, Any]
Handler = Callable[[str, Message], None]


class Lost(Exception):
    """Nothing more can be said or heard."""


class Closed(Lost):
    """The hub closed the connection."""

    def __init__(self) -> None:
        super().__init__("the hub closed the connection")


class CallFailed(Exception):
    """The hub answered a call with this error: a name, or a map of one entry."""

    def __init__(self, error: Any) -> None:
        super().__init__(str(error))
        self.error = error


class TooLarge(ValueError):
    """A message that does not fit into a frame."""


class Answer:
    """What a call was answered, and the descriptor that came with it."""

    __slots__ = ("descriptor", "ok")

    def __init__(self, ok: Any, descriptor: int | None) -> None:
        self.ok = ok
        self.descriptor = descriptor


def encode(name: str, fields: Message) -> bytes:
    """A frame. Raises [`TooLarge`]."""
    content = codec.pack({name: fields})
    if len(content) > codec.MAX_FRAME:
        raise TooLarge(f"a message of {len(content)} bytes does not fit into a frame of at most {codec.MAX_FRAME}")
    return _PREFIX.pack(len(content)) + content


class Connection:
    """The one connection of this process."""

    def __init__(self, hub: socket.socket) -> None:
        hub.setblocking(False)
        self._socket = hub
        self._lock = threading.RLock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.get_ident()
        self._handler: Handler | None = None
        self._output = bytearray()
        self._is_flushing = False
        self._is_writing = False
        self._buffer = bytearray(INPUT)
        self._input = bytearray()
        self._descriptors: deque[int] = deque()
        self._early: deque[tuple[str, Message, int | None]] = deque()
        self._calls: dict[int, asyncio.Future[Answer]] = {}
        self._last_call = 0
        self._malformed = 0
        self._told: set[str] = set()
        self._error: Lost | None = None
        self.lost: asyncio.Future[Lost] | None = None
        """Done when the connection is lost, once [`attach`] was called."""

    # The beginning.

    def greet(self, sdk: str) -> Message:
        """Says hello and waits for the welcome. Raises [`Lost`]."""
        self.say("hello", {"version": "0.1", "features": [], "sdk": sdk})
        self._flush(wait=True)
        return self._wait_for(lambda name, _: name == "welcome")[1]

    def attach(self, handler: Handler) -> None:
        """Goes on in the running loop, on whose thread this is called. What is no answer is handed on, in its order."""
        loop = asyncio.get_running_loop()
        self._loop, self._handler, self._thread = loop, handler, threading.get_ident()
        self.lost = loop.create_future()
        loop.add_reader(self._socket.fileno(), self._on_readable)
        loop.call_soon(self._hand_on)

    # What is said.

    def say(self, name: str, fields: Message, *, now: bool = False) -> None:
        """Says something that has no answer, in this turn of the loop; `now` at once. From any thread.

        Raises [`TooLarge`], and nothing if the connection is lost.
        """
        frame = encode(name, fields)
        with self._lock:
            if self._error is not None:
                return
            self._output += frame
            if threading.get_ident() != self._thread or len(self._output) > OUTPUT:
                self._flush_quietly(wait=True)
            elif now:
                self._flush_quietly(wait=False)
            elif self._loop is not None and not self._is_flushing and not self._is_writing:
                self._is_flushing = True
                self._loop.call_soon(self._flush_soon)

    async def call(self, name: str, fields: Message, begun: Callable[[int], None] | None = None) -> Answer:
        """Asks for something. `begun` is told the call's id before anything can be answered. In the loop.

        Raises [`CallFailed`]. For ever pending if the connection is lost, for then the process ends.
        """
        call = self._begin(name, fields)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._calls[call] = future
        if begun is not None:
            begun(call)
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                _close(future.result().descriptor)
            raise
        finally:
            self._calls.pop(call, None)

    def tell(self, name: str, fields: Message) -> None:
        """Asks for something whose answer does not matter. From any thread."""
        with contextlib.suppress(CallFailed):
            self._begin(name, fields)

    def ask(self, name: str, fields: Message, patience: float = PATIENCE) -> Any:
        """Asks for something and blocks this thread until it is answered. Raises [`CallFailed`].

        A hub that takes longer than `patience`, in seconds, is gone.
        """
        answer = self.obtain(name, fields, patience)
        _close(answer.descriptor)
        return answer.ok

    def obtain(self, name: str, fields: Message, patience: float = PATIENCE) -> Answer:
        """The same, with the descriptor that came with the answer."""
        loop = self._loop
        if loop is not None and threading.get_ident() != self._thread:
            return asyncio.run_coroutine_threadsafe(self.call(name, fields), loop).result()
        call = self._begin(name, fields)
        try:
            self._flush(wait=True)
            _, answer, descriptor = self._wait_for(
                lambda name, fields: name == "answer" and fields.get("id") == call, patience
            )
        except Lost as lost:
            leave(lost)
        try:
            return Answer(_outcome(answer), descriptor)
        except CallFailed:
            _close(descriptor)
            raise

    def listen(self, seconds: float) -> None:
        """Gives the loop's handler what arrives within this time, or has; blocks its thread until something does.

        Of calls it begins, in their order, those that the hub asks. Nothing in another thread, nor once it is lost.
        """
        if threading.get_ident() != self._thread:
            return
        with contextlib.suppress(Lost):
            poll = select.poll()
            poll.register(self._socket, select.POLLIN)
            if not self._early and not self._receive():
                poll.poll(seconds * 1000)
                self._receive()
            self._hand_on()

    def _begin(self, name: str, fields: Message) -> int:
        with self._lock:
            self._last_call += 1
            call = self._last_call
            try:
                self.say("call", {"id": call, "request": {name: fields}})
            except TooLarge as error:
                raise CallFailed({"malformed": str(error)}) from None
            return call

    def log(self, level: str, message: str) -> None:
        """A line for the provider's log. From any thread."""
        with contextlib.suppress(TooLarge):
            self.say("log", {"level": level, "message": message})

    def flush(self) -> None:
        """Sends everything, waiting for the hub to read. Raises [`Lost`]."""
        self._flush(wait=True)

    def _flush_soon(self) -> None:
        self._is_flushing = False
        self._flush_quietly(wait=False)

    def _flush_quietly(self, *, wait: bool) -> None:
        # The loop learns it from its reader, or from `lost`.
        with contextlib.suppress(Lost):
            self._flush(wait=wait)

    def _flush(self, *, wait: bool) -> None:
        with self._lock:
            if self._error is not None:
                raise self._error
            deadline = 0.0
            while self._output:
                try:
                    sent = self._socket.send(self._output)
                except BlockingIOError:
                    if not wait and self._loop is not None:
                        if not self._is_writing:
                            self._is_writing = True
                            self._loop.add_writer(self._socket.fileno(), self._on_writable)
                        return
                    deadline = deadline or time.monotonic() + PATIENCE
                    self._wait(select.POLLOUT, deadline)
                except OSError as error:
                    self._fail(Closed() if isinstance(error, BrokenPipeError) else Lost(str(error)))
                else:
                    del self._output[:sent]

    def _on_writable(self) -> None:
        if self._loop is not None:
            self._loop.remove_writer(self._socket.fileno())
        self._is_writing = False
        self._flush_quietly(wait=False)

    # What is heard.

    def _on_readable(self) -> None:
        try:
            for _ in range(READS):
                if not self._receive():
                    break
            self._hand_on()
        except Lost:
            pass

    def _hand_on(self) -> None:
        """Gives each message to whoever waits for it."""
        while self._early:
            name, fields, descriptor = self._early.popleft()
            if name != "answer":
                if self._handler is not None:
                    self._handler(name, fields)
                continue
            future = self._calls.pop(fields.get("id", 0), None)
            if future is None or future.done():
                # Nobody waits any more.
                _close(descriptor)
                continue
            try:
                future.set_result(Answer(_outcome(fields), descriptor))
            except CallFailed as error:
                future.set_exception(error)

    def _wait_for(
        self, is_it: Callable[[str, Message], bool], patience: float = PATIENCE
    ) -> tuple[str, Message, int | None]:
        """Reads until this message has arrived; what arrives besides waits for the loop. Raises [`Lost`]."""
        deadline = time.monotonic() + patience
        seen = 0
        while True:
            for at in range(seen, len(self._early)):
                if is_it(*self._early[at][:2]):
                    found = self._early[at]
                    del self._early[at]
                    if self._early and self._loop is not None:
                        self._loop.call_soon(self._hand_on)
                    return found
            seen = len(self._early)
            if seen > EARLY:
                self._fail(Lost(f"more than {EARLY} messages instead of an answer"))
            if not self._receive() and len(self._early) == seen:
                self._wait(select.POLLIN, deadline)

    def _receive(self) -> bool:
        """Reads once. Whether there may be more. Raises [`Lost`]."""
        if self._error is not None:
            raise self._error
        try:
            count, ancillary, _, _ = self._socket.recvmsg_into([self._buffer], _ANCILLARY, _CLOEXEC)
        except BlockingIOError:
            return False
        except OSError as error:
            self._fail(Closed() if isinstance(error, ConnectionResetError) else Lost(str(error)))
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                received = array.array("i")
                received.frombytes(data[: len(data) - len(data) % received.itemsize])
                self._descriptors.extend(received)
        if count == 0:
            self._fail(Closed())
        self._input += memoryview(self._buffer)[:count]
        self._parse()
        return count == INPUT

    def _parse(self) -> None:
        """Turns the frames that are there into messages."""
        data, at = self._input, 0
        while len(data) - at >= 4:
            (length,) = _PREFIX.unpack_from(data, at)
            if length > codec.MAX_FRAME:
                self._fail(Lost(f"a frame of {length} bytes; the largest has {codec.MAX_FRAME}"))
            if len(data) - at - 4 < length:
                break
            frame = bytes(data[at + 4 : at + 4 + length])
            at += 4 + length
            self._message(frame)
        del data[:at]

    def _message(self, frame: bytes) -> None:
        try:
            message = codec.unpack(frame)
        except codec.Malformed as error:
            return self._misunderstood(str(error))
        if message.__class__ is not dict or len(message) != 1:
            return self._misunderstood("it is no map of one entry")
        ((name, fields),) = message.items()
        if fields.__class__ is not dict:
            return self._misunderstood(f"{name} has no fields")
        descriptor = None
        if name == "answer":
            result = fields.get("result")
            ok = result.get("ok") if isinstance(result, dict) else None
            if isinstance(ok, dict) and ("port" in ok or "response" in ok):
                if not self._descriptors:
                    self._fail(Lost("an answer came without its descriptor"))
                descriptor = self._descriptors.popleft()
        self._early.append((name, fields, descriptor))
        return None

    def _misunderstood(self, why: str) -> None:
        """A broken stream is given up in the end."""
        self.log("warn", f"from the hub: a malformed message: {why[:256]}")
        self._malformed += 1
        if self._malformed > MALFORMED:
            self._fail(Lost(f"malformed messages: {why[:256]}"))

    def unknown(self, name: str) -> None:
        """A message of a newer hub is skipped, with one line in the log."""
        if len(self._told) < TOLD and name not in self._told:
            self._told.add(name)
            self.log("debug", f"from the hub: unknown message `{name[:64]}`")

    # The end.

    def _wait(self, event: int, deadline: float) -> None:
        poll = select.poll()
        poll.register(self._socket, event)
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            self._fail(Lost("the hub did not answer, or read, in time"))

    def _fail(self, error: Lost) -> NoReturn:
        if self._error is None:
            self._error = error
            self._output.clear()
            loop = self._loop
            if loop is not None and not loop.is_closed():
                loop.call_soon_threadsafe(self._tell_lost, error)
        raise self._error

    def _tell_lost(self, error: Lost) -> None:
        if self._loop is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._loop.remove_writer(self._socket.fileno())
        if self.lost is not None and not self.lost.done():
            self.lost.set_result(error)


def _outcome(answer: Message) -> Any:
    result = answer.get("result")
    if isinstance(result, dict) and "ok" in result:
        return result["ok"]
    raise CallFailed(result.get("error") if isinstance(result, dict) else result)


def _close(descriptor: int | None) -> None:
    if descriptor is not None:
        with contextlib.suppress(OSError):
            os.close(descriptor)


def leave(lost: Lost) -> NoReturn:
    """The end of a process whose hub is gone in the middle of a call. Nothing can be told to anybody."""
    with contextlib.suppress(Exception):
        print(lost, file=sys.__stderr__, flush=True)
    os._exit(0 if isinstance(lost, Closed) else 1)
