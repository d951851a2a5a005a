"""The providers in Python, each with a real counterpart."""

from __future__ import annotations

import json
from pathlib import Path

from host.bench import (
    ROOT,
    Bench,
    Engine,
    Line,
    Program,
    Python,
    ask,
    find,
    free_port,
    same,
)

UNIT = {
    "address": 1,
    "poll_seconds": 0.1,
    "coils": [{"address": 3, "name": "Pump"}],
    "discrete_inputs": [{"address": 2, "name": "Door"}],
    "holding_registers": [
        {"address": 10, "name": "Set", "kind": "target-temperature", "scale": 0.1, "type": "i16", "writable": True}
    ],
    "input_registers": [{"address": 4, "name": "Total", "kind": "energy", "type": "u32"}],
}


def _modbus(bench: Bench, engine: Engine, server: Python, grant: str, config: dict[str, object]) -> None:
    server.ask({"do": "set", "unit": 1, "table": "i", "address": 4, "values": [1, 2]})
    server.ask({"do": "set", "unit": 1, "table": "d", "address": 2, "values": [True]})
    with bench.instance("modbus-py", [grant], engine, {"units": [UNIT], **config}) as modbus:
        modbus.until("a reading", lambda: modbus.value("unit-1", "input-4", "energy") == 65538)
        same(modbus.value("unit-1", "discrete-2", "boolean"), True)
        modbus.set("unit-1/coil-3", "switch=on")
        same(modbus.value("unit-1", "coil-3", "switch"), True)
        modbus.set("unit-1/holding-10", "target-temperature=-21.5")
        same(modbus.value("unit-1", "holding-10", "target-temperature"), -21.5)
        held = server.ask({"do": "get", "unit": 1, "table": "h", "address": 10, "count": 1})
        same(held, {"values": [65536 - 215]})
        server.ask({"do": "mute", "units": [1]})
        modbus.until("a unit that does not answer is not there", lambda: not modbus.reachable("unit-1"))
        server.ask({"do": "mute", "units": []})
        modbus.until("it is again", lambda: modbus.reachable("unit-1"))


def modbus_tcp(bench: Bench, engine: Engine) -> None:
    with Python("modbus_server.py", "tcp", "0") as server:
        config = {"transport": "tcp", "host": "127.0.0.1", "port": server.ready, "timeout_ms": 300}
        _modbus(bench, engine, server, f"tcp://127.0.0.1:{server.ready}", config)


def modbus_rtu(bench: Bench, engine: Engine) -> None:
    with Line() as line, Python("modbus_server.py", "rtu", line.far) as server:
        config = {"transport": "rtu", "baud": 19200, "timeout_ms": 300}
        _modbus(bench, engine, server, f"serial:bus={line.near}", config)


def p1(bench: Bench, engine: Engine) -> None:
    telegrams = ROOT / "providers/p1-meter/telegrams/esmr5.txt"
    grant = f"serial:meter=replay:{telegrams}?loop=true&baud=115200"
    with bench.instance("p1-py", [grant], engine) as meter:
        oracle = json.loads(
            ask(Path(find("python")), ROOT / "tests/real/py/dsmr_oracle.py", "5", telegrams).splitlines()[0]
        )
        told = {each["name"]: each["value"] for each in oracle}
        id = bytes.fromhex(told["EQUIPMENT_IDENTIFIER"]).decode()
        wanted = float(told["ELECTRICITY_USED_TARIFF_1"]) * 1000
        meter.until("a telegram", lambda: meter.value(id, "delivered-1", "energy") == wanted)
        same(meter.value(id, "l1", "voltage"), float(told["INSTANTANEOUS_VOLTAGE_L1"]))
        same(meter.value(id, "tariff", "tariff"), int(told["ELECTRICITY_ACTIVE_TARIFF"]))


def mqtt(bench: Bench, engine: Engine) -> None:
    port = free_port()
    lamp = {
        "id": "0x01",
        "name": "Lamp",
        "availability": "lamp/available",
        "values": [
            {"name": "Power", "kind": "switch", "topic": "lamp/state", "set_topic": "lamp/set", "field": "state"},
            {"name": "Bulb", "kind": "dimmer", "topic": "lamp/state", "field": "brightness", "scale": 0.01},
        ],
    }
    broker = (find("mosquitto"), "-p", str(port))
    tool = ("-h", "127.0.0.1", "-p", str(port), "-q", "1", "-t")
    config = {"host": "127.0.0.1", "port": port, "devices": [lamp]}
    with (
        Program(*broker, says="running"),
        bench.instance("mqtt-py", [f"tcp://127.0.0.1:{port}"], engine, config) as home,
    ):
        ask("mosquitto_pub", *tool, "lamp/available", "-r", "-m", "online")
        ask("mosquitto_pub", *tool, "lamp/state", "-r", "-m", '{"state": "OFF", "brightness": 40}')
        home.until("its state", lambda: home.value("0x01", "bulb", "dimmer") == 0.4 and home.reachable("0x01"))
        same(home.value("0x01", "power", "switch"), False)
        with Program(find("mosquitto_sub"), *tool, "lamp/set") as listener:
            # A message may come before it listens.
            home.until("a message", lambda: home.set("0x01/power", "switch=on") or listener.said('{"state": "ON"}'))
        same(home.value("0x01", "power", "switch"), False)
        ask("mosquitto_pub", *tool, "lamp/state", "-r", "-m", '{"state": "ON"}')
        home.until("its report", lambda: home.value("0x01", "power", "switch") is True)
        ask("mosquitto_pub", *tool, "lamp/available", "-r", "-m", "offline")
        home.until("it is away", lambda: not home.reachable("0x01"))


def lifx(bench: Bench, engine: Engine) -> None:
    port = free_port()
    emulator = (find("lifx-emulator"), "--bind", "127.0.0.1", "--port", str(port), "--color", "1", "--verbose")
    config = {"lamps": [f"127.0.0.1:{port}"], "poll_seconds": 0.2}
    with (
        Program(*emulator, says="Server running"),
        bench.instance("lifx", [f"udp://127.0.0.1:{port}"], engine, config) as lamps,
    ):
        lamp = "d073d5000001"
        lamps.until("the lamp", lambda: lamps.value(lamp, "bulb", "switch") is not None)
        lamps.set(f"{lamp}/bulb", "switch=on", "dimmer=50%", "color=#00ff00")
        lamps.set(f"{lamp}/bulb", "color-temperature=4000")
        # What the lamp says when it is asked again.
        lamps.until("its state", lambda: lamps.value(lamp, "bulb", "color-temperature") == 4000)
        assert abs(lamps.value(lamp, "bulb", "dimmer") - 0.5) < 1e-4
        same(lamps.value(lamp, "bulb", "switch"), True)
        same(lamps.value(lamp, "bulb", "color"), {"red": 1.0, "green": 1.0, "blue": 1.0})


def roku(bench: Bench, engine: Engine) -> None:
    port = free_port()
    with Python("roku_player.py", str(port)) as player:
        config = {"host": "127.0.0.1", "port": port, "poll_seconds": 0.2}
        with bench.instance("roku", [f"tcp://127.0.0.1:{port}"], engine, config) as roku:
            roku.until("the player", lambda: roku.value("igloo-test", "player", "switch") is True)
            roku.set("igloo-test/key-volume-up", "trigger=on")
            same(player.line(), {"pressed": "VolumeUp"})
            roku.set("igloo-test/channel", "text=Emulated App 3")
            same(player.line(), {"launched": "3"})
