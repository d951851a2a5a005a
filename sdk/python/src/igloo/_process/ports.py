"""Serial ports: each one's bytes travel through a descriptor that the hub passed when it was opened."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from typing import Any, Final

from igloo import _host
from igloo._process.connection import CallFailed, Connection, Message
from igloo.errors import SerialError
from igloo.serial import ModemLines, Settings

REASON: Final = 1.0
"""Seconds that a port that hung up may take to say why."""
INPUT: Final = 16 * 1024
"""Bytes that are read at once."""


class Ports:
    """The ports that are open."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._open: dict[int, _Port] = {}

    async def open(self, slot: str, settings: Settings) -> _host.SerialLink:
        """Raises [`SerialError`]."""
        answer = await self.call("serial-open", {"slot": slot, "settings": _settings(settings)})
        if answer.descriptor is None:
            raise SerialError("unexpected", f"no port, but {answer.ok}")
        number = answer.ok["port"]
        try:
            stream = socket.socket(fileno=answer.descriptor)
        except OSError as error:
            os.close(answer.descriptor)
            raise SerialError("io", str(error)) from error
        stream.setblocking(False)
        port = _Port(self, number, stream)
        self._open[number] = port
        return port

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
        lines = {"data-terminal-ready": data_terminal_ready, "request-to-send": request_to_send}
        await self._control({"set-lines": lines})

    async def lines(self) -> ModemLines:
        answer = await self._control({"lines": {}})
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


def _settings(settings: Settings) -> Message:
    return {
        "baud-rate": settings.baudrate,
        "data-bits": settings.data_bits,
        "parity": settings.parity,
        "stop-bits": settings.stop_bits,
        "flow-control": settings.flow_control,
    }
