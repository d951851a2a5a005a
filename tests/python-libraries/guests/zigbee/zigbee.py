"""bellows over zigpy's serial line, as they are on PyPI. The line is the slot `port`."""

from typing import Any

import zigpy.config
from bellows.ezsp import EZSP
from igloo import Provider, action


class Libraries(Provider[None]):
    @action
    async def exchange(self, library: str, text: str = "") -> Any:
        """A reset, the version and commands to a coprocessor."""
        line = {zigpy.config.CONF_DEVICE_PATH: "port", zigpy.config.CONF_DEVICE_BAUDRATE: 115_200}
        ezsp = EZSP(zigpy.config.SCHEMA_DEVICE(line))
        # The slot belongs to the provider's own event loop.
        await ezsp.connect(use_thread=False)
        (address,) = await ezsp.getEui64()
        (echo,) = await ezsp.echo(data=text.encode())
        answer = {"version": ezsp.ezsp_version, "address": str(address), "echo": bytes(echo).decode()}
        await ezsp.disconnect()
        return answer
