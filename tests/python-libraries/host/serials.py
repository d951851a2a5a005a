"""Serial lines, with pyserial, pymodbus and telegrams of a meter at their other ends."""

from __future__ import annotations

import json

from host.bench import ROOT, Bench, Engine, Line, Python, Row, ask, find, same

TELEGRAMS = ROOT / "providers/p1-meter/telegrams/esmr5.txt"


def _line(bench: Bench, engine: Engine, library: str) -> dict[str, str]:
    with Line() as line, Python("upper.py", line.far):
        answer: dict[str, str] = bench.exchange("serial", library, [f"serial:port={line.near}"], engine, text="a line")
    same(answer.pop("line"), "A LINE\n")
    return answer


def pyserial(bench: Bench, engine: Engine) -> Row:
    same(_line(bench, engine, "pyserial"), {"then": ""})
    what = "A line each way, blocking; nothing when a timeout passed"
    return Row("pyserial", engine, True, "pyserial at the other end", what)


def pyserial_asyncio_fast(bench: Bench, engine: Engine) -> Row:
    _line(bench, engine, "pyserial-asyncio-fast")
    return Row(
        "pyserial-asyncio-fast", engine, True, "pyserial at the other end", "A line each way, by asyncio's streams"
    )


def serialx(bench: Bench, engine: Engine) -> Row:
    _line(bench, engine, "serialx")
    return Row("serialx", engine, True, "pyserial at the other end", "A line each way, by asyncio's streams")


def pymodbus(bench: Bench, engine: Engine) -> Row:
    with Line() as line, Python("modbus_server.py", "rtu", line.far) as server:
        server.ask({"do": "set", "unit": 1, "table": "i", "address": 4, "values": [7, 4242]})
        answer = bench.exchange("serial", "pymodbus", [f"serial:port={line.near}"], engine)
        same(answer, {"read": [7, 4242], "exception": 2})
        wrote = server.ask({"do": "get", "unit": 1, "table": "h", "address": 10, "count": 2})
        same(wrote, {"values": [1234, 65535]})
    what = "RTU on a serial line: read input registers, wrote two, and got the exception for what is not there"
    return Row("pymodbus", engine, True, "pymodbus as a server", what)


def dsmr_parser(bench: Bench, engine: Engine) -> Row:
    grant = f"serial:port=replay:{TELEGRAMS}?loop=true&baud=115200"
    answer = bench.exchange("serial", "dsmr-parser", [grant], engine)
    oracle = json.loads(ask(find("python"), ROOT / "tests/real/py/dsmr_oracle.py", "5", TELEGRAMS).splitlines()[0])
    told = {each["name"]: each["value"] for each in oracle}
    same(answer["equipment"], told["EQUIPMENT_IDENTIFIER"])
    same(answer["delivered"], told["ELECTRICITY_USED_TARIFF_1"])
    same(answer["time"], told["P1_MESSAGE_TIMESTAMP"])
    what = "Its own reader on a serial line: a telegram, its readings and its time, as in plain Python"
    return Row("dsmr-parser", engine, True, "a telegram of ESMR 5", what)


def _zigbee(bench: Bench, engine: Engine) -> None:
    with Line() as line, Python("zigbee_coprocessor.py", line.far):
        answer = bench.exchange("zigbee", "bellows", [f"serial:port={line.near}"], engine, text="~echo\x11}")
    same(answer, {"version": 13, "address": "00:12:4b:00:12:34:56:78", "echo": "~echo\x11}"})


def bellows(bench: Bench, engine: Engine) -> Row:
    _zigbee(bench, engine)
    what = "A reset, the version, commands to a Zigbee coprocessor on a serial line, bytes escaped both ways"
    return Row("bellows", engine, True, "a coprocessor of bellows' own frames and commands", what)


def zigpy(bench: Bench, engine: Engine) -> Row:
    _zigbee(bench, engine)
    return Row(
        "zigpy", engine, True, "a coprocessor of bellows' own frames and commands", "Its serial line, for bellows"
    )
