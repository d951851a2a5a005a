"""Providers as native processes under a real hub."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from .hub import PATIENCE, ROOT, Hub, command, package

IGLOO = command()
pytestmark = pytest.mark.skipif(IGLOO is None, reason="no hub: cargo build --release -p igloo, or IGLOO_COMMAND")

TRYOUT = """
import asyncio
import logging
import sys
import threading
from dataclasses import dataclass

from igloo import Busy, Color, Command, Device, Provider, Rejected, WriteError, action, kinds


@dataclass
class Config:
    mood: str = "good"


class Tryout(Provider[Config]):
    async def setup(self) -> None:
        if self.config.mood == "bad":
            raise RuntimeError("a bad mood")
        self.device = Device("d", "Device", manufacturer="Acme", model="T1")
        entity = self.device.entity("e", "Entity")
        self.switch = entity.switch(writable=True)
        self.dimmer = entity.dimmer(writable=True, step=0.1)
        self.mode = entity.climate_mode(writable=True)
        self.color = entity.color(writable=True)
        self.power = entity.power(unit="kW", precision=1)
        self.ring = entity.doorbell(["ring"])
        self.press = entity.trigger()
        self.home.describe(self.device)
        self.home.write([self.power.to(230.5), self.mode.to(kinds.ClimateMode.HEAT), self.color.to(Color(1, 0.5, 0))])
        print("printed")
        print("to stderr", file=sys.stderr)
        logging.getLogger("library").error("from a library")
        await self.home.store.set_json("count", (await self.home.store.get_json("count") or 0) + 1)

    async def run(self) -> None:
        await asyncio.get_running_loop().create_future()

    async def command(self, command: Command) -> None:
        if command.asks(self.press):
            raise Busy
        if (level := command.asks(self.dimmer)) is not None:
            if level > 0.5:
                raise ValueError("too bright")
            self.dimmer.write(level)
        if (mode := command.asks(self.mode)) is not None:
            if mode is kinds.ClimateMode.OFF:
                raise ConnectionResetError("the wire")
            self.mode.write(mode)
        if (on := command.asks(self.switch)) is not None:
            if not on:
                raise Rejected("never off")
            self.switch.write(on)

    @action
    async def check(self) -> dict[str, object]:
        self.ring.emit("ring", 7)
        answers: dict[str, object] = {"keys": list(await self.home.store.keys())}
        try:
            self.power.write(float("nan"))
        except WriteError as error:
            answers["nan"] = error.refused[0].code
        await self.home.store.set("k", b"\\\\x00\\\\xff")
        answers["stored"] = (await self.home.store.get("k") == b"\\\\x00\\\\xff", await self.home.store.get("none"))
        await asyncio.to_thread(self.power.write, 5)
        answers["thread"] = await asyncio.to_thread(self.device.set_available, True)
        answers["removed"] = self.home.remove("nobody")
        return answers

    @action
    async def end(self, how: str) -> None:
        if how == "exit":
            sys.exit("enough")
        asyncio.get_running_loop().call_soon(self.fail)

    def fail(self) -> None:
        raise LookupError("in a callback")

    async def stop(self) -> None:
        logging.info("goodbye")
"""

MANIFEST = """
[config]
type = "object"
properties.mood = { type = "string", default = "good" }

[actions.check]
description = "Checks"

[actions.end]
description = "Ends"
[actions.end.parameters]
type = "object"
required = ["how"]
properties.how = { type = "string" }
"""


@pytest.fixture
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    folder = tmp_path_factory.mktemp("hub")
    # A sandbox looks into it as somebody else.
    for each in (folder, *folder.parents[:2]):
        each.chmod(0o755)
    assert IGLOO is not None
    with Hub(IGLOO, folder) as running:
        yield running


def value(hub: Hub, path: str) -> str:
    return hub.try_run("get", path).stdout.strip()


def logs(hub: Hub) -> str:
    return hub.run("logs", "tryout")


def test_a_provider_does_all_that_the_contract_has(hub: Hub, tmp_path: Path) -> None:
    hub.run("install", package("tryout", "Tryout", TRYOUT, tmp_path, MANIFEST))
    hub.until(lambda: value(hub, "tryout/d/e/power") != "")
    assert value(hub, "tryout/d/e/power") == "0.2305 kW"
    assert "heat" in value(hub, "tryout/d/e/climate-mode")

    assert hub.try_run("set", "tryout/d/e", "switch=on", "dimmer=0.4").returncode == 0
    assert "on" in value(hub, "tryout/d/e/switch")
    refused = hub.try_run("set", "tryout/d/e", "switch=off")
    assert refused.returncode == 6
    assert "never off" in refused.stderr
    failed = hub.try_run("set", "tryout/d/e", "dimmer=0.9")
    assert "ValueError: too bright" in failed.stderr
    assert "unavailable" in hub.try_run("set", "tryout/d/e", "climate-mode=off").stderr
    assert "busy" in hub.try_run("set", "tryout/d/e", "trigger=true").stderr
    # An exception is not the end of other calls.
    assert hub.try_run("set", "tryout/d/e", "dimmer=0.3").returncode == 0

    answers = hub.json("action", "tryout", "check")
    assert answers == {
        "keys": ["count"],
        "nan": "wrong-type",
        "stored": [True, None],
        "thread": True,
        "removed": False,
    }
    assert "enough" in hub.try_run("action", "tryout", "end", "how=exit").stderr
    assert hub.try_run("action", "tryout", "end", "how=callback").returncode == 0
    hub.until(lambda: "in a callback" in logs(hub))

    text = logs(hub)
    for line in ("printed", "to stderr", "library: from a library", "too bright", "tryout.py", "in a callback"):
        assert line in text, text
    hub.run("stop", "tryout")
    hub.until(lambda: "goodbye" in logs(hub))


def test_a_life_that_fails_has_its_reason(hub: Hub, tmp_path: Path) -> None:
    hub.try_run("install", package("tryout", "Tryout", TRYOUT, tmp_path, MANIFEST), "--config", "mood=bad")
    hub.until(lambda: "RuntimeError: a bad mood" in logs(hub))
    assert "tryout.py" in logs(hub)


def test_the_first_example_is_a_lamp(hub: Hub, tmp_path: Path) -> None:
    example = ROOT / "examples/python-lamp"
    manifest = (example / "igloo.toml").read_text()
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]
    threading.Thread(target=echo, args=(server,), daemon=True).start()
    manifest = manifest[manifest.index("[[wants]]") :].replace("7777", str(port))
    made = package("lamp", "Lamp", (example / "lamp.py").read_text(), tmp_path, manifest)
    hub.run("install", made, "--grant", f"tcp://127.0.0.1:{port}", "--config", "host=127.0.0.1")
    hub.until(lambda: hub.try_run("set", "lamp/lamp", "switch=on").returncode == 0)
    hub.until(lambda: "on" in value(hub, "lamp/lamp/bulb/switch"))
    assert hub.json("action", "lamp", "blink", "times=1") == {"blinked": 1}
    hub.until(lambda: "off" in value(hub, "lamp/lamp/bulb/switch"))
    server.close()


def echo(server: socket.socket) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            while data := connection.recv(100):
                connection.sendall(data)


METER = """
from igloo import Device, Provider, SerialError, serial


class Meter(Provider[None]):
    async def setup(self) -> None:
        device = Device("m", "Meter")
        self.text = device.entity("e", "Entity").text()
        self.home.describe(device)
        assert serial.slots() == (serial.Slot("meter", True),)
        try:
            await serial.open("other", 9600)
        except SerialError as error:
            print("other:", error.code)

    async def run(self) -> None:
        await serial.wait_present("meter")
        async with await serial.open("meter", baudrate=115200) as port:
            port.writer.write(b"hello\\n")
            await port.drain()
            self.text.write((await port.reader.readline()).decode().strip())
            try:
                await port.configure(serial.Settings(9600, parity="even", data_bits=7))
                await port.reader.readline()
            except SerialError as error:
                print("end:", error.code)
        await super().run()
"""


def test_a_serial_port_is_its_slot(hub: Hub, tmp_path: Path) -> None:
    server = socket.create_server(("127.0.0.1", 0))
    is_read = threading.Event()
    threading.Thread(target=answer_once, args=(server, is_read), daemon=True).start()
    manifest = '[[wants]]\ngrant = "serial:meter=?"\nwhy = "Reads"\n\n[config]\ntype = "object"\n'
    made = package("meter", "Meter", METER, tmp_path, manifest)
    hub.run("install", made, "--grant", f"serial:meter=socket://127.0.0.1:{server.getsockname()[1]}")
    hub.until(lambda: value(hub, "meter/m/e/text") == "olleh")
    is_read.set()
    hub.until(lambda: "end: disconnected" in hub.run("logs", "meter"))
    assert "other: access-denied" in hub.run("logs", "meter")
    server.close()


def answer_once(server: socket.socket, is_read: threading.Event) -> None:
    line = b""
    # To look whether it is there, a hub connects and says nothing.
    while not line:
        connection, _ = server.accept()
        with connection:
            line = connection.makefile("rb").readline().strip()
            if line:
                connection.sendall(line[::-1] + b"\n")
                is_read.wait(PATIENCE)


def test_a_package_by_hand_says_what_it_is(tmp_path: Path) -> None:
    made = package("tryout", "Tryout", TRYOUT, tmp_path, MANIFEST)
    done = subprocess.run([made / "provider"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "a hub starts it" in done.stderr
