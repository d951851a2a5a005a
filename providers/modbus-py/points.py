"""What is in a unit: coils, inputs and registers, each as one component."""

import struct
from dataclasses import dataclass, field
from typing import Any, Literal

from igloo import Component, ConfigError, Device, Kind
from igloo.kinds import KINDS
from pymodbus.client.mixin import ModbusClientMixin
from pymodbus.exceptions import ModbusException

Number = Literal["u16", "i16", "u32", "i32", "f32"]
TYPES = {
    "u16": ModbusClientMixin.DATATYPE.UINT16,
    "i16": ModbusClientMixin.DATATYPE.INT16,
    "u32": ModbusClientMixin.DATATYPE.UINT32,
    "i32": ModbusClientMixin.DATATYPE.INT32,
    "f32": ModbusClientMixin.DATATYPE.FLOAT32,
}


@dataclass
class Bit:
    """A coil or a discrete input."""

    address: int
    name: str
    kind: str | None = None
    writable: bool = True
    component: Component[Any] = field(init=False)

    def describe(self, device: Device, table: str) -> None:
        coil = table == "coil"
        kind = self.kind or ("switch" if coil else "boolean")
        entity = device.entity(f"{table}-{self.address}", self.name)
        self.component = entity.component(kind, writable=coil and self.writable)


@dataclass
class Register:
    """A number in one register or in two."""

    address: int
    name: str
    kind: str = "real"
    type: Number = "u16"
    word_order: Literal["high-first", "low-first"] = "high-first"
    scale: float = 1.0
    unit: str | None = None
    writable: bool = False
    component: Component[Any] = field(init=False)

    def describe(self, device: Device, table: str) -> None:
        entity = device.entity(f"{table}-{self.address}", self.name)
        known = KINDS.get(self.kind)
        case = known.value.case if isinstance(known, Kind) else None
        if case not in ("real", "integer"):
            raise ConfigError(f"`{self.kind}` is no kind whose value is a number")
        self._is_real = case == "real"
        self.component = entity.component(self.kind, writable=table == "holding" and self.writable, unit=self.unit)

    @property
    def count(self) -> int:
        """Registers that it takes."""
        length: int = TYPES[self.type].value[1]
        return length

    @property
    def _order(self) -> Literal["big", "little"]:
        return "big" if self.word_order == "high-first" else "little"

    def read(self, registers: list[int]) -> Any:
        """The value in the kind's unit."""
        number = ModbusClientMixin.convert_from_registers(registers, TYPES[self.type], word_order=self._order)
        assert isinstance(number, (int, float))
        value = number * self.scale
        # Kinds of whole numbers take whole numbers.
        return value if self._is_real else round(value)

    def registers(self, value: float) -> list[int]:
        """What to write for a value. Raises `ValueError` for what does not fit."""
        number: int | float = value / self.scale
        if self.type != "f32":
            number = round(number)
        try:
            return ModbusClientMixin.convert_to_registers(number, TYPES[self.type], word_order=self._order)
        except (ModbusException, struct.error, OverflowError) as error:
            raise ValueError(f"{value} does not fit into {self.type}") from error
