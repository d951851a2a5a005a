"""A pymodbus server with two units, told what to do by lines of JSON.

    modbus_server.py rtu PATH      units on a serial bus
    modbus_server.py tcp PORT      units behind a port of 127.0.0.1, 0 for any

It says {"ready": PORT} once it listens (0 for a serial bus), and answers every line of its input with a line:

    {"do": "set", "unit": 1, "table": "d", "address": 0, "values": [true]}   {"done": true}
    {"do": "get", "unit": 1, "table": "c", "address": 0, "count": 4}         {"values": [false, ...]}
    {"do": "mute", "units": [2]}           those units get requests and do not answer
    {"do": "delay", "seconds": [0.1, 0.4]} units take between so and so long to tell input registers from 10 on
    {"do": "requests"}                     {"requests": [[unit, function, address, count], ...]} since the last time

Tables are c(oils), d(iscrete inputs), h(olding registers) and i(nput registers). It ends when its input does.
"""

import asyncio
import json
import logging
import random
import sys
from typing import Any

from pymodbus.pdu import ModbusPDU
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

READ_FUNCTION = {"c": 1, "d": 2, "h": 3, "i": 4}

# That a client went away is part of the tests.
logging.disable(logging.ERROR)

requests: list[list[int]] = []
muted: set[int] = set()
delay = [0.0, 0.0]


def device(unit: int) -> SimDevice:
    """A unit with 16 coils and inputs, holding registers 0 to 99, input registers 0 to 299, and nothing else."""

    def bits() -> list[SimData]:
        return [SimData(0, values=[False] * 16, datatype=DataType.BITS)]

    def registers(count: int) -> list[SimData]:
        return [SimData(0, count=count, values=0, datatype=DataType.REGISTERS)]

    return SimDevice(unit, simdata=(bits(), bits(), registers(100), registers(300)), action=wait)


async def wait(function: int, _start: int, address: int, *_: object) -> None:
    if function == READ_FUNCTION["i"] and address >= 10:
        await asyncio.sleep(random.uniform(*delay))


def note(sending: bool, pdu: ModbusPDU) -> ModbusPDU:
    if not sending:
        requests.append([pdu.dev_id, pdu.function_code, pdu.address, pdu.count])
    return pdu


def silence(unit_at: int):
    """Takes the answers of muted units out; the unit is in this byte of a frame."""

    def trace(sending: bool, packet: bytes) -> bytes:
        return b"" if sending and len(packet) > unit_at and packet[unit_at] in muted else packet

    return trace


async def obey(server: ModbusSerialServer | ModbusTcpServer, line: dict[str, Any]) -> dict[str, Any]:
    match line["do"]:
        case "set":
            await server.async_setValues(line["unit"], READ_FUNCTION[line["table"]], line["address"], line["values"])
            return {"done": True}
        case "get":
            values = await server.async_getValues(
                line["unit"], READ_FUNCTION[line["table"]], line["address"], line["count"]
            )
            return {"values": values}
        case "mute":
            muted.clear()
            muted.update(line["units"])
            return {"done": True}
        case "delay":
            global delay
            delay = line["seconds"]
            return {"done": True}
        case "requests":
            answer = requests.copy()
            requests.clear()
            return {"requests": answer}
        case other:
            raise ValueError(other)


async def main() -> None:
    devices = [device(1), device(2)]
    server: ModbusSerialServer | ModbusTcpServer
    if sys.argv[1] == "rtu":
        server = ModbusSerialServer(devices, port=sys.argv[2], baudrate=19200, trace_pdu=note, trace_packet=silence(0))
    else:
        server = ModbusTcpServer(
            devices, address=("127.0.0.1", int(sys.argv[2])), trace_pdu=note, trace_packet=silence(6)
        )
    await server.serve_forever(background=True)
    port = server.transport.sockets[0].getsockname()[1] if sys.argv[1] == "tcp" else 0
    print(json.dumps({"ready": port}), flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await obey(server, json.loads(line))), flush=True)


asyncio.run(main())
