"""Unmodified libraries on the hub's capabilities: those that are installed where the tests run."""

from __future__ import annotations

import asyncio
import importlib
import sys
import time
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from igloo import SerialError, _host, discovery, serial
from igloo._libraries import finder

from .fake import FakeHost

PACKAGES = ("serial", "serialx", "zeroconf", "serial_asyncio_fast")


def _loaded() -> dict[str, ModuleType]:
    return {name: module for name, module in sys.modules.items() if name.partition(".")[0] in PACKAGES}


@pytest.fixture
def hooked() -> Iterator[None]:
    """The import hook, and packages that are loaded anew through it; afterwards as it was."""
    before, path = _loaded(), list(sys.meta_path)
    ours = [name for name in sys.modules if name.startswith("igloo._libraries.") and name != finder.__name__]
    for name in [*before, *ours]:
        del sys.modules[name]
    finder.install()
    yield
    sys.meta_path[:] = path
    for name in _loaded():
        del sys.modules[name]
    sys.modules.update(before)


class Port:
    """A port whose other end says what was said to it, and goes away after that."""

    def __init__(self) -> None:
        self.arrived = b""
        self.controls: list[Any] = []
        self.is_interrupted = False
        self.is_closed = False
        self.room = 1000
        self.error: SerialError | None = None

    def fileno(self) -> int:
        return 99

    def read(self, count: int) -> bytes:
        data, self.arrived = self.arrived[:count], self.arrived[count:]
        if not data and self.error is not None:
            raise self.error
        return data

    def write(self, data: bytes | bytearray | memoryview) -> int:
        taken = bytes(data)[: self.room]
        self.room -= len(taken)
        self.arrived += taken
        return len(taken)

    def waiting(self) -> int:
        return len(self.arrived)

    def unsent(self) -> int:
        return 0

    def wait(self, what: str, timeout: float | None) -> bool:
        interrupted, self.is_interrupted = self.is_interrupted, False
        if interrupted:
            return False
        if not (self.arrived if what == "read" else self.room):
            assert timeout is not None, "this would wait for ever"
            time.sleep(timeout)
            return False
        return True

    def interrupt(self, what: str) -> None:
        self.is_interrupted = True

    def configure(self, settings: serial.Settings) -> None:
        if settings.baudrate == 7:
            raise SerialError("invalid-settings", "no 7 bauds")
        self.controls.append(settings)

    def set_lines(self, data_terminal_ready: bool | None, request_to_send: bool | None) -> None:
        self.controls.append((data_terminal_ready, request_to_send))

    def lines(self) -> serial.ModemLines:
        return serial.ModemLines(True, False, True, False)

    def send_break(self, milliseconds: int) -> None:
        self.controls.append(milliseconds)

    def drain(self) -> None:
        self.controls.append("drain")

    def discard(self, what: _host.Buffers) -> None:
        self.controls.append(what)

    def close(self) -> None:
        self.is_closed = True


class SerialHost(FakeHost):
    """A hub with two slots, one of which is bound."""

    def __init__(self) -> None:
        super().__init__()
        self.port = Port()
        self.opened: list[tuple[str, serial.Settings]] = []

    def serial_slots(self) -> list[tuple[str, bool]]:
        return [("meter", True), ("spare", False)]

    def serial_open_blocking(self, slot: str, settings: serial.Settings) -> Port:
        self.opened.append((slot, settings))
        return self.port


@pytest.fixture
def hub(hooked: None) -> Iterator[SerialHost]:
    host = SerialHost()
    _host.install(host)
    yield host
    _host.install(None)


def _library(name: str) -> Any:
    pytest.importorskip(name, reason=f"{name} is not installed")
    return importlib.import_module(name)


def test_pyserial_opens_a_slot_and_reads_and_writes(hub: SerialHost) -> None:
    pyserial = _library("serial")
    port = pyserial.Serial("meter", 115200, parity="E", rtscts=True, timeout=0.05)
    assert hub.opened == [("meter", serial.Settings(115200, 8, "even", 1, "hardware"))]
    # With hardware flow control RTS is the port's own.
    assert hub.port.controls == [(True, None), "input"]
    assert port.write(b"hello\n") == 6
    assert port.in_waiting == 6
    assert port.readline() == b"hello\n"
    assert port.read(1) == b""
    port.timeout = 0
    assert port.read(5) == b""
    port.timeout = None
    port.cancel_read()
    assert port.read(5) == b""
    del hub.port.controls[:]
    port.baudrate = 9600
    port.dtr = False
    port.send_break(9)
    port.flush()
    assert (port.cts, port.dsr, port.ri, port.cd) == (True, False, True, False)
    assert hub.port.controls == [serial.Settings(9600, 8, "even", 1, "hardware"), (False, None), 5000, "drain"]
    port.close()
    assert hub.port.is_closed
    with pytest.raises(pyserial.SerialException):
        port.read()


def test_pyserial_says_what_went_wrong(hub: SerialHost) -> None:
    pyserial = _library("serial")
    with pytest.raises(pyserial.SerialException, match=r"no slot `/dev/ttyUSB0`.*`meter`, `spare`"):
        pyserial.Serial("/dev/ttyUSB0")
    with pytest.raises(pyserial.SerialException, match="bound to no port"):
        pyserial.serial_for_url("spare")
    with pyserial.Serial("meter", timeout=0.05, write_timeout=0.05) as port:
        with pytest.raises(ValueError, match="no 7 bauds"):
            port.baudrate = 7
        with pytest.raises(ValueError, match="parity"):
            port.parity = "M"
        with pytest.raises(pyserial.SerialException, match="break"):
            port.break_condition = True
        with pytest.raises(pyserial.SerialTimeoutException):
            port.write(bytes(1001))
        hub.port.error = SerialError("disconnected", "unplugged")
        assert port.read(2000) == bytes(1000)
        with pytest.raises(pyserial.SerialException, match="unplugged"):
            port.read(1)


def test_ports_are_the_slots_that_are_bound(hub: SerialHost) -> None:
    _library("serial")
    list_ports = importlib.import_module("serial.tools.list_ports")
    assert [port.device for port in list_ports.comports()] == ["meter"]
    serialx = _library("serialx")
    assert [port.device for port in serialx.list_serial_ports()] == ["meter"]


def test_serialx_opens_a_slot(hub: SerialHost) -> None:
    serialx = _library("serialx")
    with serialx.serial_for_url("meter", baudrate=19200, read_timeout=0.05) as port:
        assert port.write(b"hello\n") == 6
        assert port.readexactly(6) == b"hello\n"
        assert port.get_modem_pins().cts is serialx.PinState.HIGH
        hub.port.error = SerialError("disconnected", "unplugged")
        with pytest.raises(OSError, match="unplugged"):
            port.readexactly(1)
    assert hub.port.is_closed
    assert hub.opened == [("meter", serial.Settings(19200))]


def test_what_was_imported_before_is_exchanged(hub: SerialHost) -> None:
    sys.meta_path[:] = [each for each in sys.meta_path if not isinstance(each, finder.Finder)]
    pyserial = _library("serial")
    theirs = pyserial.Serial
    finder.install()
    assert pyserial.Serial is not theirs
    pyserial.Serial("meter").close()
    assert hub.port.is_closed


class Findings:
    """What a browse finds."""

    def __init__(self, *found: discovery.Finding) -> None:
        self.queue: asyncio.Queue[discovery.Finding | None] = asyncio.Queue()
        for each in found:
            self.queue.put_nowait(each)

    async def next(self) -> discovery.Finding | None:
        return await self.queue.get()

    def close(self) -> None:
        self.queue.put_nowait(None)


def test_zeroconf_finds_what_the_hub_finds(hub: SerialHost, monkeypatch: pytest.MonkeyPatch) -> None:
    _library("zeroconf")
    lamp = discovery.Service(
        "_hap._tcp", "Desk lamp", "lamp.local", 80, ("192.0.2.7", "2001:db8::7"), (("id", b"1"), ("paired", b""))
    )
    asked: list[str] = []

    async def run() -> None:
        zc_asyncio = importlib.import_module("zeroconf.asyncio")
        findings = Findings(lamp)

        async def browse(service_type: str) -> Findings:
            asked.append(service_type)
            return findings

        monkeypatch.setattr(hub, "browse", browse)
        changes: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

        def changed(zeroconf: Any, service_type: str, name: str, state_change: Any) -> None:
            changes.put_nowait((state_change.name, name))

        async with zc_asyncio.AsyncZeroconf() as zeroconf:
            browser = zc_asyncio.AsyncServiceBrowser(zeroconf.zeroconf, "_hap._tcp.local.", handlers=[changed])
            async with asyncio.timeout(10):
                assert await changes.get() == ("Added", "Desk lamp._hap._tcp.local.")
                info = zc_asyncio.AsyncServiceInfo("_hap._tcp.local.", "Desk lamp._hap._tcp.local.")
                assert await info.async_request(zeroconf.zeroconf, 3000)
                assert (info.server, info.port) == ("lamp.local.", 80)
                assert info.parsed_addresses() == ["192.0.2.7", "2001:db8::7"]
                assert info.properties == {b"id": b"1", b"paired": None}
                findings.queue.put_nowait(discovery.ServiceLost("_hap._tcp", "Desk lamp"))
                assert await changes.get() == ("Removed", "Desk lamp._hap._tcp.local.")
            await browser.async_cancel()

    asyncio.run(run())
    assert asked == ["_hap._tcp"]
