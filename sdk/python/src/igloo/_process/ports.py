"""Serial ports: each one's bytes travel through a descriptor that the hub passed when it was opened."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import math
import os
import select
import socket
import sys
import termios
import time
from typing import Any, Final, Literal

from igloo import _host
from igloo._process.connection import Answer, CallFailed, Connection, Message
from igloo.errors import SerialError
from igloo.serial import ModemLines, Settings

REASON: Final = 1.0
"""Seconds that a port that hung up may take to say why."""
SLOW: Final = 300.0
"""Seconds that a port may take to do something, such as to transmit to a device that holds it up."""
CLOSING: Final = 5.0
"""Seconds that closing a port may take to send what was written."""
INPUT: Final = 16 * 1024
"""Bytes that are read at once."""


def _stream(answer: Answer) -> tuple[int, socket.socket]:
    """A port's number, and its bytes. Raises [`SerialError`]."""
    if answer.descriptor is None:
        raise SerialError("unexpected", f"no port, but {answer.ok}")
    try:
        stream = socket.socket(fileno=answer.descriptor)
    except OSError as error:
        os.close(answer.descriptor)
        raise SerialError("io", str(error)) from error
    stream.setblocking(False)
    return answer.ok["port"], stream


class Ports:
    """The ports that are open."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._open: dict[int, _Port | BlockingPort] = {}

    async def open(self, slot: str, settings: Settings) -> _host.SerialLink:
        """Raises [`SerialError`]."""
        number, stream = _stream(await self.call("serial-open", {"slot": slot, "settings": _settings(settings)}))
        port = _Port(self, number, stream)
        self._open[number] = port
        return port

    def open_blocking(self, slot: str, settings: Settings) -> BlockingPort:
        """Raises [`SerialError`]. From any thread."""
        from igloo._process.host import coded

        try:
            answer = self._connection.obtain("serial-open", {"slot": slot, "settings": _settings(settings)})
        except CallFailed as error:
            raise SerialError(*coded(error, "serial")) from None
        number, stream = _stream(answer)
        port = BlockingPort(self, number, stream)
        self._open[number] = port
        return port

    def control(self, number: int, control: Message) -> Any:
        """Asks the hub, and blocks. Raises [`SerialError`]. From any thread."""
        from igloo._process.host import coded

        try:
            return self._connection.ask("serial-control", {"port": number, "control": control}, SLOW)
        except CallFailed as error:
            raise SerialError(*coded(error, "serial")) from None

    def listen(self) -> None:
        """Hears what the hub has said already, or says soon."""
        self._connection.listen(REASON)

    async def call(self, name: str, fields: Message) -> Any:
        """Asks the hub. Raises [`SerialError`]."""
        from igloo._process.host import coded

        try:
            return await self._connection.call(name, fields)
        except CallFailed as error:
            raise SerialError(*coded(error, "serial")) from None

    def ended(self, fields: Message) -> None:
        """`port-ended`: why the descriptor ends."""
        port = self._open.get(fields.get("port", 0))
        if port is not None:
            port.ended(fields.get("error"))

    def close(self, number: int) -> None:
        """Said in the stream of messages, so that the slot can be opened again at once."""
        self._open.pop(number, None)
        self._connection.tell("serial-control", {"port": number, "control": {"close": {}}})


class _Port:
    """An open port, as [`igloo._host.SerialLink`]."""

    def __init__(self, ports: Ports, number: int, stream: socket.socket) -> None:
        self._ports = ports
        self._number = number
        self._stream: socket.socket | None = stream
        self._loop = asyncio.get_running_loop()
        self._reason: asyncio.Future[Any] = self._loop.create_future()

    def ended(self, reason: Any) -> None:
        """The hub said why."""
        if not self._reason.done():
            self._reason.set_result(reason)

    async def receive(self) -> bytes:
        if self._stream is None:
            return b""
        with contextlib.suppress(OSError):
            data = await self._loop.sock_recv(self._stream, INPUT)
            if data:
                return data
        raise await self._why()

    async def _why(self) -> SerialError:
        from igloo._process.host import coded

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(REASON):
                reason = await asyncio.shield(self._reason)
            if reason is not None:
                return SerialError(*coded(CallFailed(reason), "serial"))
        return SerialError("disconnected")

    async def send(self, data: bytes) -> None:
        if self._stream is None:
            raise SerialError("disconnected", "the port is closed")
        try:
            await self._loop.sock_sendall(self._stream, data)
        except OSError:
            raise await self._why() from None

    async def configure(self, settings: Settings) -> None:
        await self._control({"configure": _settings(settings)})

    async def set_lines(self, data_terminal_ready: bool | None, request_to_send: bool | None) -> None:
        await self._control(_set_lines(data_terminal_ready, request_to_send))

    async def lines(self) -> ModemLines:
        return _lines(await self._control({"lines": {}}))

    async def send_break(self, milliseconds: int) -> None:
        await self._control({"send-break": milliseconds})

    async def drain(self) -> None:
        await self._control({"drain": {}})

    async def discard(self, what: _host.Buffers) -> None:
        await self._control({"discard": what})

    async def _control(self, control: Message) -> Any:
        return (await self._ports.call("serial-control", {"port": self._number, "control": control})).ok

    def close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()
            self._ports.close(self._number)


class BlockingPort:
    """An open port, as [`igloo._host.BlockingPort`]. Its descriptor is a socket of the system's."""

    def __init__(self, ports: Ports, number: int, stream: socket.socket) -> None:
        self._ports = ports
        self._number = number
        self._stream: socket.socket | None = stream
        self._reason: Any = None
        self._has_written = False
        # Told by a byte, so that another thread can end a wait.
        self._bells: dict[str, tuple[socket.socket, socket.socket]] = {
            what: socket.socketpair() for what in ("read", "write")
        }
        for bell in self._bells.values():
            for end in bell:
                end.setblocking(False)

    def ended(self, reason: Any) -> None:
        """The hub said why."""
        self._reason = reason

    def _socket(self) -> socket.socket:
        if self._stream is None:
            raise SerialError("disconnected", "the port is closed")
        return self._stream

    def _why(self) -> SerialError:
        from igloo._process.host import coded

        if self._reason is None:
            self._ports.listen()
        if self._reason is not None:
            return SerialError(*coded(CallFailed(self._reason), "serial"))
        return SerialError("disconnected", "the port went away")

    def fileno(self) -> int:
        return -1 if self._stream is None else self._stream.fileno()

    def read(self, count: int) -> bytes:
        try:
            data = self._socket().recv(count)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise error if isinstance(error, SerialError) else self._why() from None
        if not data and count:
            raise self._why()
        return data

    def write(self, data: bytes | bytearray | memoryview) -> int:
        self._has_written = True
        try:
            return self._socket().send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise error if isinstance(error, SerialError) else self._why() from None

    def waiting(self) -> int:
        return self._queued(termios.FIONREAD)

    def unsent(self) -> int:
        # The kernel counts what it keeps beside the bytes, too.
        return self._queued(termios.TIOCOUTQ)

    def _queued(self, request: int) -> int:
        answer = fcntl.ioctl(self._socket(), request, bytes(4))
        return int.from_bytes(answer, sys.byteorder, signed=True)

    def wait(self, what: Literal["read", "write"], timeout: float | None) -> bool:
        stream, bell = self._socket(), self._bells[what][0]
        poll = select.poll()
        poll.register(stream, select.POLLIN if what == "read" else select.POLLOUT)
        poll.register(bell, select.POLLIN)
        # Rounded up: a wait is never shorter than it was asked to be.
        ready = [descriptor for descriptor, _ in poll.poll(None if timeout is None else math.ceil(timeout * 1000))]
        if bell.fileno() in ready:
            bell.recv(4096)
            return False
        return bool(ready)

    def interrupt(self, what: Literal["read", "write"]) -> None:
        # A bell that is full of rings rings.
        with contextlib.suppress(BlockingIOError):
            self._bells[what][1].send(b"\0")

    def configure(self, settings: Settings) -> None:
        self._control({"configure": _settings(settings)})

    def set_lines(self, data_terminal_ready: bool | None, request_to_send: bool | None) -> None:
        self._control(_set_lines(data_terminal_ready, request_to_send))

    def lines(self) -> ModemLines:
        return _lines(self._control({"lines": {}}))

    def send_break(self, milliseconds: int) -> None:
        self._control({"send-break": milliseconds})

    def drain(self) -> None:
        self._control({"drain": {}})
        self._has_written = False

    def discard(self, what: _host.Buffers) -> None:
        self._control({"discard": what})
        if what != "output":
            with contextlib.suppress(SerialError):
                while self.read(INPUT):
                    pass

    def _control(self, control: Message) -> Any:
        self._socket()
        return self._ports.control(self._number, control)

    def close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is None:
            return
        if self._has_written:
            # The hub closes its end when the port has all of it.
            deadline = time.monotonic() + CLOSING
            with contextlib.suppress(OSError):
                stream.shutdown(socket.SHUT_WR)
                stream.settimeout(CLOSING)
                while stream.recv(INPUT) and time.monotonic() < deadline:
                    pass
        stream.close()
        self._ports.close(self._number)
        for bell in self._bells.values():
            for end in bell:
                end.close()


def _set_lines(data_terminal_ready: bool | None, request_to_send: bool | None) -> Message:
    return {"set-lines": {"data-terminal-ready": data_terminal_ready, "request-to-send": request_to_send}}


def _lines(answer: Any) -> ModemLines:
    try:
        lines = answer["lines"]
        return ModemLines(
            clear_to_send=lines["clear-to-send"],
            data_set_ready=lines["data-set-ready"],
            ring_indicator=lines["ring-indicator"],
            carrier_detect=lines["carrier-detect"],
        )
    except (KeyError, TypeError):
        raise SerialError("unexpected", f"no lines, but {answer}") from None


def _settings(settings: Settings) -> Message:
    return {
        "baud-rate": settings.baudrate,
        "data-bits": settings.data_bits,
        "parity": settings.parity,
        "stop-bits": settings.stop_bits,
        "flow-control": settings.flow_control,
    }
