"""Libraries that speak over a serial line, as they are on PyPI. The line is the slot `port`."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import serial
import serial_asyncio_fast
import serialx
from dsmr_parser.clients.protocol import create_dsmr_reader
from dsmr_parser.objects import Telegram
from igloo import Provider, Rejected, action
from pymodbus.client import AsyncModbusSerialClient

SLOT = "port"


async def pyserial(text: str) -> Any:
    """A line each way, blocking, with a timeout."""
    with serial.Serial(SLOT, 115_200, timeout=10) as port:
        port.write(f"{text}\n".encode())
        line = port.readline()
        port.timeout = 0.1
        return {"line": line.decode(), "then": port.read(1).decode()}


async def pyserial_asyncio_fast(text: str) -> Any:
    """A line each way, by streams."""
    reader, writer = await serial_asyncio_fast.open_serial_connection(url=SLOT, baudrate=115_200)
    return await _streams(reader, writer, text)


async def by_serialx(text: str) -> Any:
    """A line each way, by streams."""
    reader, writer = await serialx.open_serial_connection(SLOT, baudrate=115_200)
    return await _streams(reader, writer, text)


async def _streams(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, text: str) -> Any:
    writer.write(f"{text}\n".encode())
    await writer.drain()
    line = await asyncio.wait_for(reader.readline(), 10)
    writer.close()
    await writer.wait_closed()
    return {"line": line.decode()}


async def dsmr_parser(_: str) -> Any:
    """A telegram, by its own reader."""
    heard: asyncio.Future[Telegram] = asyncio.get_running_loop().create_future()

    def once(telegram: Telegram) -> None:
        if not heard.done():
            heard.set_result(telegram)

    transport, _protocol = await create_dsmr_reader(SLOT, "5", once)
    telegram = await asyncio.wait_for(heard, 20)
    transport.close()
    return {
        "equipment": telegram.EQUIPMENT_IDENTIFIER.value,
        "delivered": str(telegram.ELECTRICITY_USED_TARIFF_1.value),
        "time": telegram.P1_MESSAGE_TIMESTAMP.value.isoformat(),
    }


async def pymodbus(_: str) -> Any:
    """RTU: reads, writes, and the exception for what is not there."""
    async with AsyncModbusSerialClient(SLOT, baudrate=19_200) as client:
        read = await client.read_input_registers(4, count=2, device_id=1)
        await client.write_registers(10, [1234, 65535], device_id=1)
        missing = await client.read_holding_registers(500, count=1, device_id=1)
    return {"read": read.registers, "exception": missing.exception_code}


CASES: dict[str, Callable[[str], Awaitable[Any]]] = {
    "dsmr-parser": dsmr_parser,
    "pymodbus": pymodbus,
    "pyserial": pyserial,
    "pyserial-asyncio-fast": pyserial_asyncio_fast,
    "serialx": by_serialx,
}


class Libraries(Provider[None]):
    @action
    async def exchange(self, library: str, text: str = "") -> Any:
        """What the library was told by its counterpart."""
        if library not in CASES:
            raise Rejected("no such library")
        return await CASES[library](text)
