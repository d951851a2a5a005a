"""LIFX lamps, by unicast on the local network: power, colour, brightness, white.

A lamp's serial number is its device's identifier, so it may get another address. What a lamp confirms is what is written.
"""

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field

from igloo import Color, Command, Device, Provider, Ready, Rejected, Unavailable
from lamp import Lamp, Light
from light import from_color, to_color

log = logging.getLogger(__name__)

PORT = 56700
"""LIFX LAN protocol, "Introduction"."""


@dataclass
class Config:
    lamps: list[str]
    poll_seconds: float = 5.0


@dataclass
class Shown:
    """A lamp, as the hub knows it."""

    lamp: Lamp
    device: Device = field(init=False)

    def __post_init__(self) -> None:
        lamp = self.lamp
        self.device = Device(lamp.serial, lamp.light.label or "Lamp", manufacturer="LIFX")
        bulb = self.device.entity("bulb", "Bulb").light()
        self.switch = bulb.switch(writable=True)
        self.dimmer = bulb.dimmer(writable=True)
        self.color = bulb.color(writable=True)
        # Products differ in their range; every one takes this.
        self.kelvin = bulb.color_temperature(writable=True, minimum=2500, maximum=9000)


class Lifx(Provider[Config]):
    READY = Ready.MANUAL

    async def setup(self) -> None:
        self.shown: dict[str, Shown] = {}
        self.met = {place: asyncio.Event() for place in self.config.lamps}

    async def run(self) -> None:
        async with asyncio.TaskGroup() as lamps:
            for place in self.met:
                lamps.create_task(self.follow(place))
            # One that does not answer does not keep the others from taking commands.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(3):
                    for met in self.met.values():
                        await met.wait()
            self.home.complete()
            self.home.ready()

    async def follow(self, place: str) -> None:
        """Keeps one lamp's values up to date, for ever."""
        host, _, port = place.partition(":")
        while True:
            try:
                lamp = await Lamp.connect(host, int(port or PORT))
            except OSError as error:
                log.info("%s does not answer: %s", place, error)
                await asyncio.sleep(self.config.poll_seconds)
                continue
            shown = self.shown[lamp.serial] = Shown(lamp)
            self.home.describe(shown.device)
            self.show(shown, lamp.light)
            self.met[place].set()
            await self.poll(shown)

    async def poll(self, shown: Shown) -> None:
        available = True
        while True:
            await asyncio.sleep(self.config.poll_seconds)
            try:
                self.show(shown, await shown.lamp.state())
            except OSError as error:
                if available:
                    log.warning("%s is gone: %s", shown.device.name, error)
                available = False
            else:
                available = True
            shown.device.set_available(available)

    def show(self, shown: Shown, light: Light) -> None:
        updates = [
            shown.switch.to(light.on),
            shown.dimmer.to(light.brightness / 0xFFFF),
            shown.kelvin.to(light.kelvin),
            shown.color.to(Color(*to_color(light.hue, light.saturation))),
        ]
        self.home.write(updates)

    async def command(self, command: Command) -> None:
        shown = self.shown.get(command.device)
        if shown is None:
            raise Unavailable
        lamp, milliseconds = shown.lamp, round((command.transition or 0) * 1000)
        light = await lamp.state()
        color, kelvin = command.asks(shown.color), command.asks(shown.kelvin)
        if color is not None and kelvin is not None:
            raise Rejected("a lamp is coloured or white, not both")
        if color is not None:
            light.hue, light.saturation = from_color(color.red, color.green, color.blue)
        if kelvin is not None:
            light.kelvin, light.saturation = kelvin, 0
        if (level := command.asks(shown.dimmer)) is not None:
            light.brightness = round(level * 0xFFFF)
        if {"color", "color-temperature", "dimmer"} & command.changes.keys():
            await lamp.set_light(light, milliseconds)
        if (on := command.asks(shown.switch)) is not None:
            await lamp.set_power(on, milliseconds)
        # What it was set to, not what it shows in the middle of a transition.
        light.on = light.on if on is None else on
        self.show(shown, light)
