"""What homes are made of: ESPHome's devices."""

from __future__ import annotations

from host.bench import Bench, Engine, Python, Row, same

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
