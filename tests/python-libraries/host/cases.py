"""All cases, in the order of the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from host import (
    blocked,
    devices,
    homes,
    messages,
    mqtt,
    natives,
    providers,
    serials,
    web,
)
from host.bench import Bench, Engine, Row

ENGINES: tuple[Engine, ...] = ("component", "process")


@dataclass(frozen=True)
class Case:
    """A library, or a provider, that is tried in one way."""

    library: str
    run: Callable[[Bench, Engine], Row | None]
    """Its row of the table; a provider has none."""
    engine: Engine = "component"

    def __str__(self) -> str:
        return f"{self.run.__name__}/{self.engine}"


CASES = [
    Case("aiohttp", web.aiohttp),
    Case("aiohttp", web.aiohttp_server),
    Case("aiohttp", web.aiohttp_tls),
    Case("httpx", web.httpx),
    Case("httpx", web.httpx_tls),
    Case("websockets", web.websockets),
    Case("websockets", web.websockets_tls),
    Case("pymodbus", devices.pymodbus),
    Case("pymodbus", serials.pymodbus),
    Case("gmqtt", mqtt.gmqtt),
    Case("gmqtt", mqtt.gmqtt_tls),
    Case("aiomqtt", mqtt.aiomqtt),
    Case("aiomqtt", mqtt.aiomqtt_tls),
    Case("paho-mqtt", mqtt.paho),
    Case("paho-mqtt", mqtt.paho_tls),
    Case("python-kasa", devices.kasa),
    Case("aiolifx", devices.aiolifx),
    Case("xknx", devices.xknx),
    Case("aioesphomeapi", homes.aioesphomeapi),
    Case("aioesphomeapi", homes.aioesphomeapi_plaintext),
    Case("zeroconf", homes.zeroconf),
    Case("pyserial", serials.pyserial),
    Case("pyserial-asyncio-fast", serials.pyserial_asyncio_fast),
    Case("serialx", serials.serialx),
    Case("dsmr-parser", serials.dsmr_parser),
    Case("bellows", blocked.built("bellows")),
    Case("bellows", serials.bellows, "process"),
    Case("zigpy", blocked.built("zigpy")),
    Case("zigpy", serials.zigpy, "process"),
    Case("PyYAML", messages.pyyaml),
    Case("protobuf", messages.protobuf),
    Case("pydantic", blocked.built("pydantic")),
    Case("pydantic", natives.pydantic, "process"),
    Case("numpy", blocked.built("numpy")),
    Case("numpy", natives.numpy, "process"),
]

# The providers in Python: both ways to run one are tried.
CASES += [
    Case(name, run, engine)
    for name, run in (
        ("modbus-py", providers.modbus_tcp),
        ("modbus-py", providers.modbus_rtu),
        ("p1-py", providers.p1),
        ("mqtt-py", providers.mqtt),
        ("lifx", providers.lifx),
        ("roku", providers.roku),
    )
    for engine in ENGINES
]
