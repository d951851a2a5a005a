"""A provider whose actions each use an unmodified library on the slot `meter`, whose other end is `peer.py`.

An action answers with what it saw; what is wrong it raises. The same source runs under both engines.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import igloo
import serial
import serial.tools.list_ports
import serial_asyncio
import serial_asyncio_fast
import serialx
from igloo import Provider, action
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

MUCH = bytes(range(97, 123)) * 4000
"""More than any buffer on the way has room for."""


@dataclass
class Took:
    """Seconds since it was made."""

    since: float

    def __call__(self) -> float:
        return time.monotonic() - self.since


def took() -> Took:
    return Took(time.monotonic())


async def echoes(reader: Any, writer: Any, much: bytes = MUCH) -> None:
    """What is written comes back in upper case: a little, and much while both directions are under way."""
    writer.write(b"hello\n")
    await writer.drain()
    assert await reader.readuntil(b"\n") == b"HELLO\n"
    writer.write(much)
    assert await reader.readexactly(len(much)) == much.upper()
    try:
        async with asyncio.timeout(0.1):
            await reader.read(1)
        raise AssertionError("something arrived")
    except TimeoutError:
        pass
    writer.write(b"again\n")
    assert await reader.readuntil(b"\n") == b"AGAIN\n"


class Cases(Provider[None]):
    """Nothing but actions."""

    async def run(self) -> None:
        await asyncio.get_running_loop().create_future()

    @action
    async def pyserial(self) -> list[str]:
        """Blocking reads and writes, with and without timeouts."""
        seen = []
        with serial.Serial("meter", baudrate=115200, timeout=5) as port:
            seen.append(repr(port))
            assert port.write(b"hello\n") == 6
            assert port.readline() == b"HELLO\n"
            port.timeout = 0.2
            since = took()
            assert port.read(1) == b""
            assert 0.19 <= since() < 2, since()
            port.timeout = 0
            since = took()
            assert port.read(10) == b""
            assert since() < 0.1, since()
            port.timeout = 5
            port.write(b"!later\n")
            since = took()
            assert port.read(5) == b"later"
            assert since() > 0.2, since()
            seen.append(f"later after {since():.2f} s")
            port.write(b"abcdef\n")
            assert port.read(1) == b"A"
            while port.in_waiting < 6:
                assert since() < 5
                time.sleep(0.01)  # noqa: ASYNC251 - as code does that knows of no event loop
            assert port.read(port.in_waiting) == b"BCDEF\n"
            port.write(b"stale\n")
            port.flush()
            while port.in_waiting < 6:
                assert since() < 5
                time.sleep(0.01)  # noqa: ASYNC251 - as code does that knows of no event loop
            port.reset_input_buffer()
            assert port.in_waiting == 0
            # An echo that is held up on its way holds up what is written.
            view, back = MUCH, b""
            port.write_timeout = 0
            port.timeout = 0
            while len(back) < len(MUCH):
                if view:
                    view = view[port.write(view) :]
                back += port.read(65536)
                assert since() < 20, (len(view), len(back))
            assert back == MUCH.upper()
            port.write_timeout = None
            port.timeout = 5
            port.inter_byte_timeout = 0.1
            port.write(b"abc\n")
            assert port.read(100) == b"ABC\n"
            port.inter_byte_timeout = None
            port.cancel_read()
            assert port.read(1) == b""
            port.baudrate = 19200
            port.parity = serial.PARITY_EVEN
            port.bytesize = serial.SEVENBITS
            port.dtr = False
            port.rts = True
            port.write(b"slow\n")
            assert port.read_until(b"\n") == b"SLOW\n"
            for name in ("cts", "dsr", "ri", "cd"):
                try:
                    seen.append(f"{name} {getattr(port, name)}")
                except serial.SerialException as error:
                    seen.append(f"{name}: {error}")
                    break
            try:
                port.send_break(0.01)
                seen.append("sent a break")
            except serial.SerialException as error:
                seen.append(f"break: {error}")
        assert not port.is_open
        try:
            port.read(1)
            raise AssertionError("a closed port was read")
        except serial.SerialException as error:
            seen.append(str(error))
        again = serial.serial_for_url("meter", 9600, timeout=5)
        again.write(b"bye\n")
        again.close()
        return seen

    @action
    async def names(self) -> list[str]:
        """What there is, and what is said of what there is not."""
        seen = [f"{port.device}: {port.description}" for port in serial.tools.list_ports.comports()]
        seen += [each.device for each in serialx.list_serial_ports()]
        assert seen == ["meter: Slot meter", "meter"], seen
        for attempt in (
            lambda: serial.Serial("/dev/ttyUSB0"),
            lambda: serialx.serial_for_url("/dev/ttyUSB0", 9600).open(),
            lambda: serial.Serial("spare"),
            lambda: serial.Serial("meter", parity="M"),
            lambda: serial.Serial("meter", 7),
        ):
            try:
                attempt()
                raise AssertionError("it was opened")
            except (OSError, ValueError) as error:
                seen.append(f"{type(error).__name__}: {error}")
        with serial.Serial("meter", 9600):
            try:
                serial.Serial("meter", 9600)
                raise AssertionError("it was opened twice")
            except serial.SerialException as error:
                seen.append(f"{type(error).__name__}: {error}")
        return seen

    @action
    async def pyserial_asyncio(self) -> str:
        """pyserial-asyncio's streams."""
        reader, writer = await serial_asyncio.open_serial_connection(url="meter", baudrate=115200)
        await echoes(reader, writer)
        writer.close()
        return type(writer.transport).__module__

    @action
    async def pyserial_asyncio_fast(self) -> str:
        """pyserial-asyncio-fast's streams, and that its end is told.

        Version 0.16 never forgets that it waited for room once; so nothing here makes it wait.
        """
        reader, writer = await serial_asyncio_fast.open_serial_connection(url="meter", baudrate=115200)
        await echoes(reader, writer, MUCH[:32000])
        writer.close()
        await writer.wait_closed()
        return type(writer.transport).__module__

    @action
    async def serialx_sync(self) -> list[str]:
        """serialx, blocking."""
        seen = []
        with serialx.serial_for_url("meter", baudrate=115200, read_timeout=5) as port:
            seen.append(type(port).__name__)
            assert port.write(b"hello\n") == 6
            assert port.readexactly(6) == b"HELLO\n"
            since = took()
            assert port.readinto(bytearray(1), timeout=0.2) == 0
            assert 0.19 <= since() < 2, since()
            port.write(b"!later\n")
            assert port.readexactly(5) == b"later"
            port.reconfigure_port(baudrate=9600, parity=serialx.Parity.EVEN)
            port.write(b"again\n")
            port.flush()
            assert port.read_until(b"\n") == b"AGAIN\n"
            port.set_modem_pins(dtr=True, rts=False)
            try:
                seen.append(repr(port.get_modem_pins()))
            except OSError as error:
                seen.append(repr(error))
            assert port.num_unread_bytes() == 0
        return seen

    @action
    async def serialx_async(self) -> str:
        """serialx, in the event loop."""
        reader, writer = await serialx.open_serial_connection("meter", baudrate=115200)
        await echoes(reader, writer)
        await writer.transport.reconfigure_port(baudrate=19200)
        await writer.transport.set_modem_pins(dtr=True)
        writer.write(b"more\n")
        await writer.transport.flush()
        assert await reader.readline() == b"MORE\n"
        writer.close()
        await writer.wait_closed()
        async with serialx.async_serial_for_url("meter", baudrate=9600) as port:
            await port.write(b"short\n")
            assert await port.readline() == b"SHORT\n"
        return type(writer.transport).__name__

    @action
    async def igloo_serial(self) -> str:
        """The SDK's own."""
        async with await igloo.serial.open("meter", 115200) as port:
            await echoes(port.reader, port.writer)
            await port.drain()
        return type(port).__name__

    @action
    async def zeroconf(self) -> list[str]:
        """zeroconf's browser and service info, on what the hub finds."""
        seen: list[str] = []
        found: asyncio.Queue[str] = asyncio.Queue()

        def changed(zeroconf: Any, service_type: str, name: str, state_change: Any) -> None:
            seen.append(f"{state_change.name} {name}")
            found.put_nowait(name)

        async with AsyncZeroconf() as zc:
            browser = AsyncServiceBrowser(zc.zeroconf, "_igloo-case._tcp.local.", handlers=[changed])
            async with asyncio.timeout(20):
                name = await found.get()
            info = AsyncServiceInfo("_igloo-case._tcp.local.", name)
            assert await info.async_request(zc.zeroconf, 3000)
            seen.append(f"{info.server} {info.port} {info.properties} {bool(info.parsed_addresses())}")
            await browser.async_cancel()
        # Without a browser: the question alone begins to look.
        async with AsyncZeroconf() as zc:
            info = await zc.async_get_service_info("_igloo-case._tcp.local.", name, timeout=10000)
            assert info is not None
            seen.append(f"{info.port}")
        return seen

    @action
    async def unplug(self, library: str) -> str:
        """The peer hangs up while something is read."""
        if library == "pyserial":
            port = serial.Serial("meter", 115200, timeout=10)
            port.write(b"!hang up\n")
            try:
                return f"read {port.read(100)!r}"
            except serial.SerialException as error:
                return f"SerialException: {error}"
            finally:
                port.close()
        if library == "serialx_sync":
            with serialx.serial_for_url("meter", baudrate=115200, read_timeout=10) as port:
                port.write(b"!hang up\n")
                try:
                    return f"read {port.readexactly(100)!r}"
                except OSError as error:
                    return f"{type(error).__name__}: {error}"
        opened = {
            "pyserial_asyncio_fast": lambda: serial_asyncio_fast.open_serial_connection(url="meter", baudrate=115200),
            "serialx": lambda: serialx.open_serial_connection("meter", baudrate=115200),
        }
        reader, writer = await opened[library]()
        writer.write(b"!hang up\n")
        try:
            async with asyncio.timeout(10):
                return f"read {await reader.readexactly(100)!r}"
        except OSError as error:
            return f"{type(error).__name__}: {error}"
        finally:
            writer.close()
