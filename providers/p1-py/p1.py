"""A smart meter's P1 port, read by dsmr-parser: its own reader on the slot `meter`, its own words for what is measured."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

from dsmr_parser.clients.protocol import create_dsmr_reader
from dsmr_parser.objects import Telegram
from igloo import Component, Device, Provider, Ready, Update
from readings import ENTITIES, FACTOR

log = logging.getLogger(__name__)


@dataclass
class Config:
    version: str = "5"
    silence_seconds: int = 35


class P1(Provider[Config]):
    READY = Ready.MANUAL
    meter: Device | None = None

    async def run(self) -> None:
        # The newest is enough: a meter that is read slowly loses telegrams, not memory.
        self.telegrams: asyncio.Queue[Telegram] = asyncio.Queue(1)
        while True:
            try:
                await self.read()
            except OSError as error:
                log.warning("the port: %s", error)
            if self.meter is not None:
                self.meter.set_available(False)
            await asyncio.sleep(2)

    async def read(self) -> None:
        """Opens the port, and reports telegrams until it is lost."""
        transport, protocol = await create_dsmr_reader("meter", self.config.version, self.heard)
        ended = asyncio.ensure_future(protocol.wait_closed())
        try:
            while not ended.done():
                telegram = asyncio.ensure_future(self.telegrams.get())
                await asyncio.wait(
                    [telegram, ended], timeout=self.config.silence_seconds, return_when=asyncio.FIRST_COMPLETED
                )
                if telegram.done():
                    self.report(telegram.result())
                    continue
                telegram.cancel()
                if self.meter is not None and not ended.done():
                    log.warning("no good telegram for %d s", self.config.silence_seconds)
                    self.meter.set_available(False)
        finally:
            ended.cancel()
            transport.close()

    def heard(self, telegram: Telegram) -> None:
        """By dsmr-parser, for each telegram whose checksum is right."""
        if self.telegrams.full():
            self.telegrams.get_nowait()
        self.telegrams.put_nowait(telegram)

    def report(self, telegram: Telegram) -> None:
        found = {name: item for name, item in telegram if name in ENTITIES and item.value is not None}
        if self.meter is None:
            self.describe(telegram, found)
        assert self.meter is not None
        self.meter.set_available(True)
        self.home.write([self.update(name, item) for name, item in found.items() if name in self.components])

    def describe(self, telegram: Telegram, found: dict[str, Any]) -> None:
        """The first telegram says what this meter measures."""
        number = getattr(telegram, "EQUIPMENT_IDENTIFIER", None)
        id = bytes.fromhex(number.value).decode("ascii", "replace") if number and number.value else "meter"
        self.meter = Device(id, "Electricity meter")
        self.components: dict[str, Component[Any]] = {}
        for name in found:
            entity, text, kind = ENTITIES[name]
            part = self.meter.entity(entity, text)
            part.meter()
            self.components[name] = part.component(kind)
        self.home.describe(self.meter)
        self.home.complete()
        self.home.ready()

    def update(self, name: str, item: Any) -> Update:
        kind, value = ENTITIES[name][2], item.value
        # It has decimal numbers in the unit that the telegram names.
        known = int(value) if kind in ("tariff", "count") else float(value) * FACTOR.get(item.unit, 1.0)
        return self.components[name].to(known)
