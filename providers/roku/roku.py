"""A Roku player, by its External Control Protocol over HTTP (developer.roku.com, "External Control Protocol"): the keys of
its remote control, its channels, and whether it is on."""

import asyncio
import logging
from dataclasses import dataclass
from urllib.parse import quote
from xml.etree import ElementTree

from aiohttp import ClientError, ClientSession, ClientTimeout
from igloo import Command, Device, Provider, Ready, Rejected, Trigger, Unavailable

log = logging.getLogger(__name__)

KEYS = {
    "home": "Home",
    "back": "Back",
    "up": "Up",
    "down": "Down",
    "left": "Left",
    "right": "Right",
    "select": "Select",
    "play": "Play",
    "rewind": "Rev",
    "forward": "Fwd",
    "replay": "InstantReplay",
    "info": "Info",
    "volume-up": "VolumeUp",
    "volume-down": "VolumeDown",
    "mute": "VolumeMute",
}
LARGEST = 1 << 20
"""Bytes of an answer: a list of channels has some kilobytes."""


@dataclass
class Config:
    host: str
    port: int = 8060
    poll_seconds: float = 5.0


class Roku(Provider[Config]):
    READY = Ready.MANUAL

    async def run(self) -> None:
        place = f"http://{self.config.host}:{self.config.port}"
        async with ClientSession(place, timeout=ClientTimeout(total=5)) as self.session:
            while True:
                try:
                    await self.meet()
                    break
                except (ClientError, OSError) as error:
                    log.info("the player does not answer: %s", error)
                    await asyncio.sleep(self.config.poll_seconds)
            self.home.complete()
            self.home.ready()
            await self.follow()

    async def meet(self) -> None:
        """Asks the player what it is, and describes it."""
        info = await self.query("device-info")
        self.channels = {app.text or "": app.get("id", "") for app in (await self.query("apps")).iter("app")}
        serial = info.findtext("serial-number") or info.findtext("udn")
        if not serial:
            raise OSError("it does not say its serial number")
        name = info.findtext("user-device-name") or "Roku"
        self.player = Device(serial, name, manufacturer="Roku", model=info.findtext("model-name"))
        screen = self.player.entity("player", "Player").media_player()
        self.power = screen.switch(writable=True)
        channel = self.player.entity("channel", "Channel").text_select()
        self.channel = channel.text(writable=True, options=list(self.channels))
        self.keys: dict[str, tuple[Trigger, str]] = {}
        for id, key in KEYS.items():
            trigger = self.player.entity(f"key-{id}", key).trigger()
            self.keys[f"key-{id}"] = trigger, key
        self.home.describe(self.player)
        self.show_power(info)

    async def follow(self) -> None:
        """Keeps its values up to date, for ever."""
        available = True
        while True:
            try:
                self.show_power(await self.query("device-info"))
                active = (await self.query("active-app")).find("app")
                if active is not None and active.text in self.channels:
                    self.channel.write(active.text)
                else:
                    # Its home screen, or something that it has no name for.
                    self.channel.write_unknown()
            except (ClientError, OSError) as error:
                if available:
                    log.warning("the player is gone: %s", error)
                available = False
            else:
                available = True
            self.player.set_available(available)
            await asyncio.sleep(self.config.poll_seconds)

    def show_power(self, info: ElementTree.Element) -> None:
        mode = info.findtext("power-mode")
        if mode is not None:
            self.power.write(mode == "PowerOn")

    async def query(self, what: str) -> ElementTree.Element:
        async with self.session.get(f"/query/{what}") as response:
            response.raise_for_status()
            text = await response.content.read(LARGEST)
        try:
            return ElementTree.fromstring(text)
        except ElementTree.ParseError as error:
            raise OSError(f"no XML for {what}: {error}") from None

    async def post(self, path: str) -> None:
        try:
            async with self.session.post(path) as response:
                response.raise_for_status()
        except ClientError as error:
            raise Unavailable(str(error)) from error

    async def command(self, command: Command) -> None:
        if command.entity in self.keys:
            await self.post(f"/keypress/{self.keys[command.entity][1]}")
        elif (on := command.asks(self.power)) is not None:
            await self.post(f"/keypress/{'PowerOn' if on else 'PowerOff'}")
            self.power.write(on)
        elif (name := command.asks(self.channel)) is not None:
            if name not in self.channels:
                raise Rejected(f"there is no channel {name}")
            await self.post(f"/launch/{quote(self.channels[name])}")
            self.channel.write(name)
        else:
            raise Rejected("nothing else can be set")
