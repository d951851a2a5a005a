"""What homes are made of: ESPHome's devices."""

from __future__ import annotations

import os
import subprocess
import sys

from host import firmware
from host.bench import PATIENCE, ROOT, Bench, Engine, Python, Row, same

KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
"""`0123456789abcdef` twice."""


def aioesphomeapi(bench: Bench, engine: Engine) -> Row:
    with Python("esphome_server.py", KEY) as server:
        port = server.ready
        grants = [f"tcp://127.0.0.1:{port}"]
        answer = bench.exchange("homes", "aioesphomeapi", grants, engine, host="127.0.0.1", port=port, text=KEY)
        expected = {
            "device": ["porch", "AA:BB:CC:DD:EE:FF"],
            "switch": "Relay",
            "unit": "°C",
            "outside": -3.5,
            "states": [False, True],
        }
        same(answer, expected)
        same(server.line(), {"command": [11, True]})
        same(server.line(), {"pinged": True})
    what = "Encrypted by Noise: a device's entities and states, a ping answered, a switch set"
    return Row("aioesphomeapi", engine, True, "a device of its messages and noiseprotocol", what)


def aioesphomeapi_plaintext(bench: Bench, engine: Engine) -> Row:
    with firmware.running() as (device, port):
        grants = [f"tcp://127.0.0.1:{port}"]
        answer = bench.exchange("homes", "aioesphomeapi", grants, engine, host="127.0.0.1", port=port)
        name, mac = answer.pop("device")
        same((name, len(mac)), (firmware.NAME, len("AA:BB:CC:DD:EE:FF")))
        same(answer, {"switch": "Relay", "unit": "W", "outside": 0.5, "states": [False, True]})
        device.says("igloo (127.0.0.1): connected")
    what = "In plain text: a device's entities and states, a switch set, which the firmware tells back"
    return Row("aioesphomeapi", engine, True, f"firmware of ESPHome {firmware.VERSION}", what)


INSIDE = "IGLOO_TEST_NETWORK"
"""Set in a process that is in a network of its own."""
NETWORK = 'ip link set lo up && ip link set lo multicast on && ip route add 224.0.0.0/4 dev lo && exec "$@"'


def zeroconf(bench: Bench, engine: Engine) -> Row:
    if INSIDE in os.environ:
        _browse(bench, engine)
    else:
        # Multicast goes through the loopback interface only in a network where it was told to.
        own = ("unshare", "--user", "--map-root-user", "--net", "sh", "-c", NETWORK, "sh")
        paths = ("--igloo", bench.igloo, "--packages", bench.packages)
        program = (sys.executable, ROOT / "tests/python-libraries/run.py", *paths, f"zeroconf/{engine}")
        command, environment = [*map(str, (*own, *program))], os.environ | {INSIDE: "1"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0, done.stderr
    what = "Browsed for a service and found it, by the hub's discovery"
    return Row("zeroconf", engine, True, "zeroconf in another process", what)


def _browse(bench: Bench, engine: Engine) -> None:
    kind = "_igloo-lamp._tcp"
    with Python("services.py") as services:
        services.ask({"register": {"type": kind, "name": "lamp", "port": 80, "properties": {"colour": "red"}}})
        told = bench.exchange("devices", "zeroconf", [f"discovery:{kind}"], engine, text=f"{kind}.local.")
    same(told, {"found": f"lamp.{kind}.local."})
