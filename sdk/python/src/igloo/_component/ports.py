"""Serial ports of a component: streams of `igloo:serial`, for code that waits in an event loop or that blocks.

One [`Port`] has the bytes of both directions, with a bounded buffer for each. It is a descriptor of the runtime, so
that an event loop's `add_reader` takes it; [`Link`] is the same for coroutines.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Final, Literal

import wit_world
from componentize_py_types import Err
from wit_world.imports import igloo_serial_types as wit
from wit_world.imports import ports

from igloo import _host
from igloo._component.values import code
from igloo.errors import SerialError
from igloo.serial import ModemLines, Settings
from igloo_runtime import driver
from igloo_runtime.readiness import READ, WRITE, Descriptor
from igloo_runtime.streams import Incoming, Outgoing

CLOSING: Final = 5.0
"""Seconds that closing a port may take to send what was written."""
INPUT: Final = 64 * 1024
"""Bytes that a link hands on at once, and after which no more are read before some are taken."""
GLANCE: Final = 1e-3
"""Seconds that are enough to hear what has happened: nothing is heard while code runs that never waits."""


def _settings(settings: Settings) -> Any:
    return wit.Settings(
        settings.baudrate,
        settings.data_bits,
        wit.Parity[settings.parity.upper()],
        settings.stop_bits,
        wit.FlowControl[settings.flow_control.upper()],
    )


#: Closed, but the hub has not let go of them: their slots are busy for a moment.
_closing: set[Port] = set()


async def _asked(what: Any) -> Any:
    try:
        return await what
    except Err as error:
        raise SerialError(*code(error.value)) from None


def _block(what: Any) -> Any:
    """The same, and blocks the instance meanwhile."""
    outcome: list[tuple[Any, BaseException | None]] = []
    driver.start(what, lambda value, error: outcome.append((value, error)))
    driver.block(lambda: bool(outcome))
    value, error = outcome[0]
    if isinstance(error, Err):
        raise SerialError(*code(error.value)) from None
    if error is not None:
        raise error
    return value


def _lines(lines: Any) -> ModemLines:
    return ModemLines(lines.clear_to_send, lines.data_set_ready, lines.ring_indicator, lines.carrier_detect)


class Port(Descriptor):
    """[`igloo._host.BlockingPort`] over a port of `igloo:serial`."""

    def __init__(self, port: Any) -> None:
        super().__init__()
        self._port = port
        #: Called after the selectors that watch it, when something has changed.
        self.on_change: Callable[[], None] | None = None
        arriving, ending = port.receive()
        self._in = Incoming(arriving, ending, self._changed)
        writer, reader = wit_world.byte_stream()
        self._out = Outgoing(writer, self._changed)
        self._failed: SerialError | None = None
        self._closed = False
        self._interrupted: set[str] = set()
        #: The hub takes what is written until then. It has borrowed the port.
        self._sending = True
        driver.start(port.send(reader), self._sent)

    @classmethod
    def open(cls, slot: str, settings: Settings) -> Port:
        """Blocks. Raises [`SerialError`]."""
        driver.block(lambda: not _closing, CLOSING)
        return cls(_block(ports.Port.open(slot, _settings(settings))))

    def _sent(self, _value: Any, error: BaseException | None) -> None:
        if isinstance(error, Err):
            self._failed = SerialError(*code(error.value))
        self._sending = False
        if self._closed:
            self._drop()
        self._changed()

    def _drop(self) -> None:
        _closing.discard(self)
        port, self._port = self._port, None
        if port is not None:
            port.__exit__(None, None, None)

    def _changed(self) -> None:
        super()._changed()
        if self.on_change is not None:
            self.on_change()

    def _ready(self) -> int:
        if self._closed:
            return 0
        self._in.want()
        ready = READ if self._in.buffer or self._in.ended else 0
        return ready | (WRITE if self._out.room() > 0 or self._out.broken or self._failed is not None else 0)

    # Bytes.

    def read(self, count: int) -> bytes:
        if not self._in.buffer:
            self._glance()
        return self.take(count)

    def _glance(self) -> None:
        """Hears what has arrived. Code that asks again and again needs it: it does not let the loop run."""
        self._in.want(INPUT)
        before = len(self._in.buffer)
        driver.block(lambda: len(self._in.buffer) > before or self._in.ended or self._closed, GLANCE)

    def take(self, count: int) -> bytes:
        """As `read`, for code that lets the loop run."""
        self.resource()
        self._in.want()
        if self._in.buffer:
            return self._in.take(count)
        if self._in.ended:
            if self._in.error is not None:
                raise SerialError(*code(self._in.error))
            raise SerialError("disconnected", "the port went away")
        return b""

    def write(self, data: bytes | bytearray | memoryview) -> int:
        if not self._out.room():
            driver.block(lambda: self._out.room() > 0 or self._out.broken or self._closed, GLANCE)
        return self.put(data)

    def put(self, data: bytes | bytearray | memoryview) -> int:
        """As `write`, for code that lets the loop run."""
        self.resource()
        if self._failed is not None:
            raise self._failed
        if self._out.broken:
            raise SerialError("disconnected", "the port went away")
        return self._out.put(data)

    def is_sent(self) -> bool:
        """Whether the hub has everything that was written."""
        return not self._out.buffer

    def waiting(self) -> int:
        self.resource()
        self._glance()
        return len(self._in.buffer)

    def unsent(self) -> int:
        if self._out.buffer:
            driver.block(lambda: not self._out.buffer, GLANCE)
        return len(self._out.buffer)

    def wait(self, what: Literal["read", "write"], timeout: float | None) -> bool:
        of = READ if what == "read" else WRITE

        def over() -> bool:
            return bool(self._ready() & of) or self._closed or what in self._interrupted

        over_in_time = driver.block(over, timeout)
        if what in self._interrupted:
            self._interrupted.discard(what)
            return False
        return over_in_time and not self._closed

    def interrupt(self, what: Literal["read", "write"]) -> None:
        self._interrupted.add(what)

    # Controls.

    def resource(self) -> Any:
        """The hub's port. Raises `disconnected` once it is closed."""
        if self._port is None or self._closed:
            raise SerialError("disconnected", "the port is closed")
        return self._port

    def configure(self, settings: Settings) -> None:
        _block(self.resource().configure(_settings(settings)))

    def set_lines(self, data_terminal_ready: bool | None, request_to_send: bool | None) -> None:
        _block(self.resource().set_lines(wit.ControlLines(data_terminal_ready, request_to_send)))

    def lines(self) -> ModemLines:
        return _lines(_block(self.resource().lines()))

    def send_break(self, milliseconds: int) -> None:
        _block(self.resource().send_break(milliseconds))

    def drain(self) -> None:
        driver.block(lambda: not self._out.buffer or self._failed is not None)
        if self._failed is not None:
            raise self._failed
        _block(self.resource().drain())

    def discard(self, what: _host.Buffers) -> None:
        if what != "output":
            self.forget()
        _block(self.resource().discard(wit.Buffers[what.upper()]))
        if what != "output":
            # What came here while the hub threw its own away.
            self.forget()

    def forget(self) -> None:
        """Throws away what has arrived here."""
        self._in.discard()

    def close(self) -> None:
        if not self._closed:
            driver.block(lambda: not self._out.buffer or self._failed is not None, CLOSING)
            self.abort()
            # Then the slot can be opened again.
            driver.block(lambda: not self._sending, CLOSING)

    def abort(self) -> None:
        """Closes at once; what the hub does not have is lost."""
        if self._closed:
            return
        self._closed = True
        self._in.close()
        self._out.close()
        self._changed()
        self._forget_number()
        # It is dropped when the hub has noticed that its stream is at its end.
        if self._sending:
            _closing.add(self)
        else:
            self._drop()

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):
            self.abort()


class Link:
    """[`igloo._host.SerialLink`] over a port."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self._changed = asyncio.Event()
        port.on_change = self._changed.set
        self._closed = False

    @classmethod
    async def open(cls, slot: str, settings: Settings) -> Link:
        """Raises [`SerialError`]."""
        if _closing:
            changed = asyncio.Event()
            for port in _closing:
                port.on_change = changed.set
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSING):
                    while _closing:
                        changed.clear()
                        await changed.wait()
        return cls(Port(await _asked(ports.Port.open(slot, _settings(settings)))))

    async def receive(self) -> bytes:
        while not self._closed:
            self._changed.clear()
            data = self._port.take(INPUT)
            if data:
                return data
            await self._changed.wait()
        return b""

    async def send(self, data: bytes) -> None:
        view = memoryview(data)
        while True:
            self._changed.clear()
            view = view[self._port.put(view) :]
            if not view and self._port.is_sent():
                return
            await self._changed.wait()

    async def configure(self, settings: Settings) -> None:
        await _asked(self._port.resource().configure(_settings(settings)))

    async def set_lines(self, data_terminal_ready: bool | None, request_to_send: bool | None) -> None:
        await _asked(self._port.resource().set_lines(wit.ControlLines(data_terminal_ready, request_to_send)))

    async def lines(self) -> ModemLines:
        return _lines(await _asked(self._port.resource().lines()))

    async def send_break(self, milliseconds: int) -> None:
        await _asked(self._port.resource().send_break(milliseconds))

    async def drain(self) -> None:
        await _asked(self._port.resource().drain())

    async def discard(self, what: _host.Buffers) -> None:
        if what != "output":
            self._port.forget()
        await _asked(self._port.resource().discard(wit.Buffers[what.upper()]))

    def close(self) -> None:
        self._closed = True
        self._port.abort()
