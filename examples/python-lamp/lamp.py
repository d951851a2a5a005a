"""A lamp that speaks lines over TCP: it takes `on` and `off`, and says `on` or `off` whenever it changed."""

import asyncio
import logging
from dataclasses import dataclass

from igloo import Command, Device, Provider, Rejected, Unavailable, action

log = logging.getLogger(__name__)


@dataclass
class Config:
    host: str
    port: int = 7777


class Lamp(Provider[Config]):
    line: asyncio.StreamWriter | None = None
    """Where commands go, while there is a connection."""

    async def setup(self) -> None:
        self.lamp = Device("lamp", "Desk lamp", manufacturer="Acme")
        self.switch = self.lamp.entity("bulb", "Bulb").light().switch(writable=True)
        self.home.describe(self.lamp)
        self.lamp.set_available(False)

    async def run(self) -> None:
        while True:
            try:
                await self.listen()
            except OSError as error:
                log.warning("the lamp is gone: %s", error)
            self.lamp.set_available(False)
            self.line = None
            await asyncio.sleep(5)

    async def listen(self) -> None:
        """Connects, and reports what the lamp says until it says no more."""
        lines, self.line = await asyncio.open_connection(self.config.host, self.config.port)
        self.lamp.set_available(True)
        async for line in lines:
            match line.strip():
                case b"on" | b"off" as state:
                    self.switch.write(state == b"on")
                case other:
                    log.info("not understood: %r", other)

    async def command(self, command: Command) -> None:
        on = command.asks(self.switch)
        if on is None:
            raise Rejected("only the switch can be set")
        await self.say(b"on\n" if on else b"off\n")

    async def say(self, line: bytes) -> None:
        if self.line is None:
            raise Unavailable
        self.line.write(line)
        await self.line.drain()

    @action
    async def blink(self, times: int = 3) -> dict[str, int]:
        """Shows which lamp it is."""
        for _ in range(times):
            await self.say(b"on\n")
            await asyncio.sleep(0.2)
            await self.say(b"off\n")
            await asyncio.sleep(0.2)
        return {"blinked": times}
