"""Libraries that speak over the network, as they are on PyPI: one module for each, one function in it.

A function speaks with a real counterpart and answers with what was said, which the host checks. Nothing here knows what
is right.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import case_aiohttp
import case_aiomqtt
import case_gmqtt
import case_httpx
import case_paho
import case_protobuf
import case_websockets
import case_yaml
from igloo import Provider, Rejected, action

CASES: dict[str, Callable[[str, int, str], Awaitable[Any]]] = {
    "aiohttp": case_aiohttp.exchange,
    "aiohttp-server": case_aiohttp.serve,
    "aiomqtt": case_aiomqtt.exchange,
    "gmqtt": case_gmqtt.exchange,
    "httpx": case_httpx.exchange,
    "paho-mqtt": case_paho.exchange,
    "protobuf": case_protobuf.exchange,
    "PyYAML": case_yaml.exchange,
    "websockets": case_websockets.exchange,
}


class Libraries(Provider[None]):
    @action
    async def exchange(self, library: str, host: str = "127.0.0.1", port: int = 0, text: str = "") -> Any:
        """What the library was told by its counterpart."""
        if library not in CASES:
            raise Rejected("no such library")
        return await CASES[library](host, port, text)
