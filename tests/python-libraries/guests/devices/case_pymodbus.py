"""Modbus TCP: reads, writes, and the exception for what is not there."""

from typing import Any

from pymodbus.client import AsyncModbusTcpClient


async def exchange(host: str, port: int, text: str) -> dict[str, Any]:
    async with AsyncModbusTcpClient(host, port=port) as client:
        read = await client.read_input_registers(4, count=2, device_id=1)
        await client.write_registers(10, [1234, 65535], device_id=1)
        await client.write_coil(3, True, device_id=1)
        missing = await client.read_holding_registers(500, count=1, device_id=1)
    return {"read": read.registers, "exception": missing.exception_code}
