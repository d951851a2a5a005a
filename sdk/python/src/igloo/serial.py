"""Serial ports, by the slot that the manifest names and its owner binds: `serial:meter=?`.

```python
async with await igloo.serial.open("meter", baudrate=115200) as port:
    telegram = await port.reader.readuntil(b"!")
    port.writer.write(b"\\r\\n")
    await port.writer.drain()
```

The provider never learns whether a slot is a tty or a port on the network. Errors are [`igloo.SerialError`], an
`OSError`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Self, TypeVar

from igloo import _host
from igloo._host import Buffers
from igloo.errors import SerialError

P = TypeVar("P", bound=asyncio.BaseProtocol)

Parity = Literal["none", "odd", "even"]
FlowControl = Literal["none", "software", "hardware"]

HIGH_WATER: Final = 64 * 1024
"""Bytes that wait to be sent before a writer is asked to pause."""
SEND: Final = 16 * 1024
"""Bytes handed to the hub at once."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How characters travel. The hub refuses what the port cannot do with `invalid-settings`."""

    baudrate: int
    """Bits per second, 50 to 4 000 000."""
    data_bits: int = 8
    """5, 6, 7 or 8."""
    parity: Parity = "none"
    stop_bits: int = 1
    """1 or 2."""
    flow_control: FlowControl = "none"


@dataclass(frozen=True, slots=True)
class ModemLines:
    """The lines that a modem, or whatever is at the other end, drives."""

    clear_to_send: bool
    data_set_ready: bool
    ring_indicator: bool
    carrier_detect: bool


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot of this instance's manifest."""

    name: str
    bound: bool
    """Whether the owner has bound it to a port."""


def slots() -> Sequence[Slot]:
    """The slots that this instance's manifest names."""
    return tuple(Slot(name, bound) for name, bound in _host.current().serial_slots())


async def wait_present(slot: str) -> None:
    """Waits until the slot's port is there to be opened. Returns at once if it is. Raises [`SerialError`]."""
    await _host.current().serial_wait_present(slot)


async def open(
    slot: str,
    baudrate: int,
    *,
    data_bits: int = 8,
    parity: Parity = "none",
    stop_bits: int = 1,
    flow_control: FlowControl = "none",
    limit: int = 64 * 1024,
) -> SerialPort:
    """Opens a slot's port, exclusively. `limit` is what the reader keeps, as of `asyncio.open_connection`.

    Raises [`SerialError`]; `timeout` after 10 seconds.
    """
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=limit, loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    settings = Settings(baudrate, data_bits, parity, stop_bits, flow_control)
    transport, _ = await create_connection(lambda: protocol, slot, settings)
    return SerialPort(transport, reader, asyncio.StreamWriter(transport, protocol, reader, loop))


async def create_connection(
    protocol_factory: Callable[[], P], slot: str, settings: Settings
) -> tuple[SerialTransport, P]:
    """Opens a slot's port for an asyncio protocol, as an event loop's functions of this name do for sockets."""
    link = await _host.current().serial_open(slot, settings)
    protocol = protocol_factory()
    transport = SerialTransport(asyncio.get_running_loop(), link, slot, settings)
    transport._start(protocol)
    return transport, protocol


class SerialPort:
    """An open serial port: an asyncio reader and writer, and the port's own functions. `async with` closes it."""

    def __init__(self, transport: SerialTransport, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._transport: Final = transport
        self.reader: Final = reader
        """What arrives. A port that goes away raises [`SerialError`] with the code `disconnected`."""
        self.writer: Final = writer
        """What is sent. `await writer.drain()` waits while much waits to be sent; [`drain`] until all of it is sent."""

    @property
    def slot(self) -> str:
        """The slot that it was opened by."""
        return self._transport.slot

    async def configure(self, settings: Settings) -> None:
        """Changes the settings of the open port."""
        await self._transport.link.configure(settings)

    async def set_lines(self, *, dtr: bool | None = None, rts: bool | None = None) -> None:
        """Drives DTR and RTS; None leaves a line as it is. On ports without lines this does nothing and succeeds."""
        await self._transport.link.set_lines(dtr, rts)

    async def lines(self) -> ModemLines:
        """Reads CTS, DSR, RI and CD."""
        return await self._transport.link.lines()

    async def send_break(self, seconds: float) -> None:
        """Holds the break condition, 1 ms to 5 s."""
        await self._transport.link.send_break(round(seconds * 1000))

    async def drain(self) -> None:
        """Waits until everything written has been transmitted."""
        await self._transport.sent()
        await self._transport.link.drain()

    async def discard(self, what: Buffers = "both") -> None:
        """Throws away what the hub has received and was not read, what was written and not sent, or both."""
        if what != "input":
            self._transport.forget()
        await self._transport.link.discard(what)

    async def close(self) -> None:
        """Sends what was written, and closes the port. May be called again."""
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class SerialTransport(asyncio.Transport):
    """A port as an asyncio transport. Two tasks carry its bytes, with bounded buffers in both directions."""

    def __init__(self, loop: asyncio.AbstractEventLoop, link: _host.SerialLink, slot: str, settings: Settings) -> None:
        super().__init__(extra={"slot": slot, "settings": settings})
        self.link: Final = link
        self.slot: Final = slot
        self._loop = loop
        self._protocol: asyncio.BaseProtocol | None = None
        self._output = bytearray()
        self._high, self._low = HIGH_WATER, HIGH_WATER // 4
        self._is_paused = False
        self._is_closing = False
        self._ends_output = False
        self._has_output = asyncio.Event()
        self._is_sent = asyncio.Event()
        self._is_sent.set()
        self._may_read = asyncio.Event()
        self._may_read.set()
        self._tasks: list[asyncio.Task[None]] = []

    def _start(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol
        protocol.connection_made(self)
        self._tasks = [self._loop.create_task(self._receive()), self._loop.create_task(self._send())]

    async def _receive(self) -> None:
        try:
            while True:
                await self._may_read.wait()
                data = await self.link.receive()
                if not data:
                    return
                # Pausing counts at once.
                await self._may_read.wait()
                if isinstance(self._protocol, asyncio.Protocol) and not self._is_closing:
                    self._protocol.data_received(data)
        except OSError as error:
            self._lost(error)
        except Exception as error:
            self._loop.call_exception_handler(
                {"message": "a serial protocol failed", "exception": error, "transport": self}
            )
            self._lost(error)

    async def _send(self) -> None:
        try:
            while True:
                await self._has_output.wait()
                while self._output:
                    data = bytes(self._output[:SEND])
                    del self._output[:SEND]
                    self._maybe_resume()
                    await self.link.send(data)
                self._has_output.clear()
                self._is_sent.set()
                if self._ends_output:
                    return self._lost(None)
        except OSError as error:
            self._lost(error)

    def _lost(self, error: Exception | None) -> None:
        """The end, once: tells the protocol, and closes the port."""
        protocol, self._protocol = self._protocol, None
        if protocol is None:
            return
        self._is_closing = True
        self._output.clear()
        self._is_sent.set()
        for task in self._tasks:
            if task is not _current_task():
                task.cancel()
        # After what waits for the port has let go of it.
        self._loop.call_soon(self.link.close)
        self._loop.call_soon(protocol.connection_lost, error)

    def _maybe_pause(self) -> None:
        if not self._is_paused and len(self._output) > self._high and self._protocol is not None:
            self._is_paused = True
            self._protocol.pause_writing()

    def _maybe_resume(self) -> None:
        if self._is_paused and len(self._output) <= self._low and self._protocol is not None:
            self._is_paused = False
            self._protocol.resume_writing()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._ends_output:
            raise RuntimeError("write_eof() was called")
        if not data or self._is_closing:
            return
        self._output += data
        self._is_sent.clear()
        self._has_output.set()
        self._maybe_pause()

    async def sent(self) -> None:
        """Waits until the hub has everything that was written. Raises [`SerialError`]."""
        await self._is_sent.wait()
        if self._protocol is None:
            raise SerialError("disconnected", "the port is closed")

    def forget(self) -> None:
        """Throws away what was written and the hub does not have."""
        self._output.clear()
        self._maybe_resume()

    def write_eof(self) -> None:
        self.close()

    def can_write_eof(self) -> bool:
        return False

    def close(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            self._ends_output = True
            self._has_output.set()

    def abort(self) -> None:
        self._lost(None)

    def is_closing(self) -> bool:
        return self._is_closing

    def pause_reading(self) -> None:
        self._may_read.clear()

    def resume_reading(self) -> None:
        self._may_read.set()

    def is_reading(self) -> bool:
        return self._may_read.is_set() and not self._is_closing

    def get_write_buffer_size(self) -> int:
        return len(self._output)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._low, self._high

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        high = (HIGH_WATER if low is None else 4 * low) if high is None else high
        low = high // 4 if low is None else low
        if not high >= low >= 0:
            raise ValueError(f"high ({high}) must be at least low ({low}), and both at least 0")
        self._high, self._low = high, low
        self._maybe_pause()

    def get_protocol(self) -> asyncio.BaseProtocol:
        if self._protocol is None:
            raise RuntimeError("the port is closed")
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return super().get_extra_info(name, default)


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None
