"""One lamp: its datagrams. A request is sent again until its answer comes; an answer is known by its number.

Source: the LIFX LAN protocol (lan.developer.lifx.com): "Packet contents" for the header, "Field types" for numbers,
which are little-endian, and the messages named here.
"""

import asyncio
import itertools
import struct
from dataclasses import dataclass
from typing import Final, Self

HEADER: Final = struct.Struct("<HHI8s6xBB8xH2x")
"""Size; protocol, addressable and tagged; source; target; flags; sequence; type."""
PROTOCOL: Final = 1024 | 1 << 12
"""The protocol's number, and that the frame has an address."""
TAGGED: Final = 1 << 13
"""For whoever gets it: the target is not known yet."""
ANSWER, ACKNOWLEDGE = 1, 2
"""Flags: what the lamp is to answer with."""
SOURCE: Final = 0x49474C4F
"""Not 0, so that a lamp answers to this port alone."""

GET_SERVICE, STATE_SERVICE = 2, 3
ACKNOWLEDGEMENT = 45
GET_COLOR, SET_COLOR, LIGHT_STATE, SET_LIGHT_POWER = 101, 102, 107, 117
COLOR: Final = struct.Struct("<xHHHHI")
STATE: Final = struct.Struct("<HHHH2xH32s")
POWER: Final = struct.Struct("<HI")

TRIES: Final = 4
TRY: Final = 0.5
"""Seconds. Lamps lose datagrams: the documentation asks to send again after some hundred milliseconds."""


@dataclass
class Light:
    """A lamp's state: numbers of 16 bits, and kelvin."""

    hue: int
    saturation: int
    brightness: int
    kelvin: int
    on: bool
    label: str

    @classmethod
    def read(cls, payload: bytes) -> Self:
        """From a LightState. Raises `OSError` for what is none."""
        if len(payload) < STATE.size:
            raise OSError("a state that is too short")
        *color, power, label = STATE.unpack_from(payload)
        return cls(*color, power > 0, label.rstrip(b"\0").decode(errors="replace"))


class Lamp(asyncio.DatagramProtocol):
    """Made by [`connect`]."""

    serial: str
    light: Light

    def __init__(self) -> None:
        self._target = bytes(8)
        self._numbers = itertools.cycle(range(256))
        self._waiting: dict[int, asyncio.Future[tuple[bytes, int, bytes]]] = {}
        self._transport: asyncio.DatagramTransport

    @classmethod
    async def connect(cls, host: str, port: int) -> Self:
        """The lamp at this address, with its state. Raises `OSError`."""
        transport, lamp = await asyncio.get_running_loop().create_datagram_endpoint(cls, remote_addr=(host, port))
        try:
            lamp._target, _ = await lamp._ask(GET_SERVICE, b"", STATE_SERVICE)
            # The first six bytes are its address, which is its serial number.
            lamp.serial = lamp._target[:6].hex()
            lamp.light = await lamp.state()
        except BaseException:
            transport.close()
            raise
        return lamp

    async def state(self) -> Light:
        """What it shows now. Raises `OSError`."""
        _, payload = await self._ask(GET_COLOR, b"", LIGHT_STATE)
        return Light.read(payload)

    async def set_light(self, light: Light, milliseconds: int) -> None:
        """Its colour and brightness. Raises `OSError`."""
        payload = COLOR.pack(light.hue, light.saturation, light.brightness, light.kelvin, milliseconds)
        await self._ask(SET_COLOR, payload, ACKNOWLEDGEMENT)

    async def set_power(self, on: bool, milliseconds: int) -> None:
        """On or off. Raises `OSError`."""
        await self._ask(SET_LIGHT_POWER, POWER.pack(0xFFFF if on else 0, milliseconds), ACKNOWLEDGEMENT)

    async def _ask(self, kind: int, payload: bytes, wanted: int) -> tuple[bytes, bytes]:
        """Who answered, and with what."""
        number = next(self._numbers)
        flags = ACKNOWLEDGE if wanted == ACKNOWLEDGEMENT else ANSWER
        tagged = 0 if any(self._target) else TAGGED
        size = HEADER.size + len(payload)
        datagram = HEADER.pack(size, PROTOCOL | tagged, SOURCE, self._target, flags, number, kind) + payload
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            for _ in range(TRIES):
                self._transport.sendto(datagram)
                done, _ = await asyncio.wait([answer], timeout=TRY)
                if done:
                    target, answered, payload = answer.result()
                    if answered != wanted:
                        raise OSError(f"answered with a message of type {answered}")
                    return target, payload
            raise TimeoutError("no answer")
        finally:
            self._waiting.pop(number, None)

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, _: object) -> None:
        if len(data) < HEADER.size:
            return
        _, _, source, target, _, number, kind = HEADER.unpack_from(data)
        waiting = self._waiting.get(number)
        if source == SOURCE and waiting is not None and not waiting.done():
            waiting.set_result((target, kind, data[HEADER.size :]))

    def error_received(self, _: Exception) -> None:
        """Nobody is there at the moment: it is asked again."""

    def connection_lost(self, error: Exception | None) -> None:
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(error or ConnectionError("closed"))
