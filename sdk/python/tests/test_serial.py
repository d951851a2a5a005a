from __future__ import annotations

import asyncio
from typing import Any

import pytest

from igloo import SerialError, _host, serial

from .fake import FakeHost


class Link:
    """A port that says what it is told."""

    def __init__(self) -> None:
        self.arrived: asyncio.Queue[bytes | SerialError] = asyncio.Queue()
        self.sent = b""
        self.may_send = asyncio.Event()
        self.may_send.set()
        self.is_closed = False
        self.controls: list[Any] = []

    async def receive(self) -> bytes:
        data = await self.arrived.get()
        if isinstance(data, SerialError):
            raise data
        return data

    async def send(self, data: bytes) -> None:
        await self.may_send.wait()
        self.sent += data

    async def configure(self, settings: serial.Settings) -> None:
        self.controls.append(settings)

    async def set_lines(self, data_terminal_ready: bool | None, request_to_send: bool | None) -> None:
        self.controls.append((data_terminal_ready, request_to_send))

    async def lines(self) -> serial.ModemLines:
        return serial.ModemLines(True, False, False, False)

    async def send_break(self, milliseconds: int) -> None:
        self.controls.append(milliseconds)

    async def drain(self) -> None:
        self.controls.append("drain")

    async def discard(self, what: _host.Buffers) -> None:
        self.controls.append(what)

    def close(self) -> None:
        self.is_closed = True


def test_a_port_is_a_reader_and_a_writer(host: FakeHost) -> None:
    async def run() -> None:
        link = Link()
        host.link = link
        async with await serial.open("meter", 115200) as port:
            link.arrived.put_nowait(b"/KFM5")
            link.arrived.put_nowait(b"KAIFA!rest")
            assert await port.reader.readuntil(b"!") == b"/KFM5KAIFA!"
            port.writer.write(b"hello")
            await port.drain()
            await port.set_lines(dtr=True)
            await port.send_break(0.25)
            assert link.sent == b"hello"
            assert link.controls == ["drain", (True, None), 250]
            port.writer.write(b" goodbye")
        await asyncio.sleep(0)
        assert link.sent == b"hello goodbye"
        assert link.is_closed

    asyncio.run(run())


def test_a_port_that_goes_away_says_so_once(host: FakeHost) -> None:
    async def run() -> None:
        link = Link()
        host.link = link
        port = await serial.open("meter", 9600)
        link.arrived.put_nowait(b"half")
        link.arrived.put_nowait(SerialError("disconnected", "unplugged"))
        with pytest.raises(SerialError, match="unplugged"):
            await port.reader.readuntil(b"!")
        with pytest.raises(SerialError):
            await port.drain()
        await port.close()
        assert link.is_closed

    asyncio.run(run())


def test_a_slow_port_makes_its_writer_wait(host: FakeHost) -> None:
    async def run() -> None:
        link = Link()
        link.may_send.clear()
        host.link = link
        port = await serial.open("meter", 9600)
        port.writer.write(bytes(serial.HIGH_WATER * 2))
        waiting = asyncio.create_task(port.writer.drain())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not waiting.done()
        link.may_send.set()
        await waiting
        await port.close()
        assert len(link.sent) == serial.HIGH_WATER * 2

    asyncio.run(run())
