"""Modbus devices by pymodbus, over TCP or RTU on the serial slot `bus`. One request at a time is on the bus, as Modbus has
it; what a unit answers is what is written."""

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Literal

from igloo import Command, Device, Provider, Rejected, Unavailable, Update
from points import Bit, Register
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

log = logging.getLogger(__name__)


@dataclass
class Unit:
    """A device with an address of its own on the bus."""

    address: int
    name: str | None = None
    poll_seconds: float = 5.0
    coils: list[Bit] = field(default_factory=list)
    discrete_inputs: list[Bit] = field(default_factory=list)
    holding_registers: list[Register] = field(default_factory=list)
    input_registers: list[Register] = field(default_factory=list)

    def describe(self) -> Device:
        self.device = Device(f"unit-{self.address}", self.name or f"Unit {self.address}")
        tables = (
            ("coil", self.coils),
            ("discrete", self.discrete_inputs),
            ("holding", self.holding_registers),
            ("input", self.input_registers),
        )
        for table, points in tables:
            for point in points:
                point.describe(self.device, table)
        return self.device


@dataclass
class Config:
    transport: Literal["tcp", "rtu"]
    units: list[Unit]
    host: str | None = None
    port: int = 502
    baud: int = 9600
    parity: Literal["none", "even", "odd"] = "none"
    stop_bits: Literal[1, 2] = 1
    timeout_ms: int = 1000


class Modbus(Provider[Config]):
    async def setup(self) -> None:
        config, timeout = self.config, self.config.timeout_ms / 1000
        self.client: AsyncModbusTcpClient | AsyncModbusSerialClient
        if config.transport == "tcp":
            if config.host is None:
                raise ValueError("config.host is missing")
            self.client = AsyncModbusTcpClient(config.host, port=config.port, timeout=timeout, retries=0)
        else:
            self.client = AsyncModbusSerialClient(
                "bus",
                baudrate=config.baud,
                parity=config.parity[0].upper(),
                stopbits=config.stop_bits,
                timeout=timeout,
                retries=0,
            )
        self.units = {f"unit-{unit.address}": unit for unit in config.units}
        for unit in config.units:
            self.home.describe(unit.describe())

    async def run(self) -> None:
        async with asyncio.TaskGroup() as units:
            for unit in self.config.units:
                units.create_task(self.poll(unit))

    async def stop(self) -> None:
        self.client.close()

    async def poll(self, unit: Unit) -> None:
        """Keeps a unit's values up to date, for ever."""
        available = True
        while True:
            try:
                self.home.write(await self.read(unit))
            except (ModbusException, OSError) as error:
                if available:
                    log.warning("unit %d: %s", unit.address, error)
                available = False
            else:
                available = True
            unit.device.set_available(available)
            await asyncio.sleep(unit.poll_seconds)

    async def connect(self) -> None:
        if not self.client.connected and not await self.client.connect():
            raise ConnectionError("there is no connection")

    async def read(self, unit: Unit) -> list[Update]:
        """All of its values. A point that it refuses is unknown; a unit that does not answer raises."""
        await self.connect()
        updates = []
        for bits, read_bits in (
            (unit.coils, self.client.read_coils),
            (unit.discrete_inputs, self.client.read_discrete_inputs),
        ):
            for bit in bits:
                answer = await read_bits(bit.address, count=1, device_id=unit.address)
                refused = answer.isError()
                updates.append(bit.component.to_unknown() if refused else bit.component.to(bool(answer.bits[0])))
        for registers, read_registers in (
            (unit.holding_registers, self.client.read_holding_registers),
            (unit.input_registers, self.client.read_input_registers),
        ):
            for register in registers:
                answer = await read_registers(register.address, count=register.count, device_id=unit.address)
                component = register.component
                updates.append(
                    component.to_unknown() if answer.isError() else component.to(register.read(answer.registers))
                )
        return updates

    async def command(self, command: Command) -> None:
        unit = self.units[command.device]
        try:
            await self.connect()
            for bit in unit.coils:
                if (on := command.asks(bit.component)) is not None:
                    answer = await self.client.write_coil(bit.address, on, device_id=unit.address)
                    self.check(answer.isError(), answer.exception_code)
            for register in unit.holding_registers:
                if (wanted := command.asks(register.component)) is not None:
                    try:
                        words = register.registers(wanted)
                    except ValueError as error:
                        raise Rejected(str(error)) from None
                    answer = await self.client.write_registers(register.address, words, device_id=unit.address)
                    self.check(answer.isError(), answer.exception_code)
            # What the unit says now, not what it was asked for.
            self.home.write(await self.read(unit))
        except (ModbusException, OSError) as error:
            raise Unavailable(str(error)) from error

    @staticmethod
    def check(refused: bool, code: int) -> None:
        if refused:
            raise Rejected(f"the device refuses it: exception {code}")
