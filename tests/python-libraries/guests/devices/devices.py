"""Libraries of devices on the network, as they are on PyPI: one module for each, one function in it.

A function speaks with a real counterpart and answers with what was said, which the host checks. Nothing here knows what
is right.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import case_aiolifx
import case_kasa
import case_pymodbus
import case_xknx
import case_zeroconf
from igloo import Provider, Rejected, action

CASES: dict[str, Callable[[str, int, str], Awaitable[Any]]] = {
    "aiolifx": case_aiolifx.exchange,
    "pymodbus": case_pymodbus.exchange,
    "python-kasa": case_kasa.exchange,
    "xknx": case_xknx.exchange,
    "zeroconf": case_zeroconf.exchange,
}


class Libraries(Provider[None]):
    @action
    async def exchange(self, library: str, host: str = "127.0.0.1", port: int = 0, text: str = "") -> Any:
        """What the library was told by its counterpart."""
        if library not in CASES:
            raise Rejected("no such library")
        return await CASES[library](host, port, text)
