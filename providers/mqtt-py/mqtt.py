"""Devices behind an MQTT broker. Which topic is which value is configuration: MQTT itself says nothing of devices."""

import asyncio
import json
import logging
from collections import defaultdict
from dataclasses import dataclass

from aiomqtt import Client, MqttError
from igloo import Command, Device, Provider, Rejected, Unavailable
from topic import Value

log = logging.getLogger(__name__)


@dataclass
class Described:
    """A device of the configuration."""

    id: str
    name: str
    values: list[Value]
    availability: str | None = None


@dataclass
class Config:
    host: str
    devices: list[Described]
    port: int = 1883
    username: str | None = None
    password: str | None = None


class Mqtt(Provider[Config]):
    client: Client | None = None
    """While there is a connection."""

    async def setup(self) -> None:
        self.values: dict[str, list[Value]] = defaultdict(list)
        self.availability: dict[str, list[Device]] = defaultdict(list)
        self.devices = []
        for described in self.config.devices:
            device = Device(described.id, described.name)
            for value in described.values:
                value.describe(device)
                self.values[value.topic].append(value)
            self.home.describe(device)
            device.set_available(False)
            if described.availability is not None:
                self.availability[described.availability].append(device)
            else:
                self.devices.append(device)

    async def run(self) -> None:
        while True:
            try:
                await self.listen()
            except MqttError as error:
                log.warning("the broker is gone: %s", error)
            self.client = None
            for device in (*self.devices, *(each for devices in self.availability.values() for each in devices)):
                device.set_available(False)
            await asyncio.sleep(2)

    async def listen(self) -> None:
        """Connects, and reports what is published until the connection is lost."""
        config = self.config
        async with Client(config.host, config.port, username=config.username, password=config.password) as client:
            for topic in {*self.values, *self.availability}:
                await client.subscribe(topic, qos=1)
            self.client = client
            # Devices that do not say whether they are there are there with their broker.
            for device in self.devices:
                device.set_available(True)
            async for message in client.messages:
                payload = message.payload if isinstance(message.payload, bytes) else str(message.payload).encode()
                self.heard(str(message.topic), payload)

    def heard(self, topic: str, payload: bytes) -> None:
        try:
            text = payload.decode()
        except UnicodeDecodeError:
            log.info("%s: not text", topic)
            return
        for device in self.availability.get(topic, ()):
            device.set_available(text == "online")
        for value in self.values.get(topic, ()):
            try:
                value.show(text)
            except (ValueError, json.JSONDecodeError) as error:
                log.info("%s: %s", topic, error)

    async def command(self, command: Command) -> None:
        wanted = [
            (value, new)
            for values in self.values.values()
            for value in values
            if (new := command.asks(value.component)) is not None
        ]
        if self.client is None:
            raise Unavailable("there is no connection to the broker")
        for value, new in wanted:
            if value.set_topic is None:
                raise Rejected(f"{value.name} cannot be set")
            try:
                await self.client.publish(value.set_topic, value.payload(new), qos=1)
            except MqttError as error:
                raise Unavailable(str(error)) from error
