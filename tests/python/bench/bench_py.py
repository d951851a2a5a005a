"""Measures the way of a command: one switch."""

import asyncio

from igloo import Command, Device, Provider


class Bench(Provider[None]):
    """One switch that obeys at once."""

    async def setup(self) -> None:
        bench = Device("bench", "Bench")
        self.switch = bench.entity("switch", "Switch").switch(writable=True)
        self.home.describe(bench)

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def command(self, command: Command) -> None:
        if (on := command.asks(self.switch)) is not None:
            self.switch.write(on)
