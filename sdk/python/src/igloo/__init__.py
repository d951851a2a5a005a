"""Igloo's SDK for providers in Python: a device driver is a class.

```python
from igloo import Command, Device, Provider

class Lamp(Provider[None]):
    async def setup(self) -> None:
        lamp = Device("lamp", "Desk lamp")
        self.switch = lamp.entity("bulb", "Bulb").light().switch(writable=True)
        self.home.describe(lamp)

    async def command(self, command: Command) -> None:
        if (on := command.asks(self.switch)) is not None:
            self.switch.write(on)
```

The same source runs as a WebAssembly component and as a native process. It is ordinary asyncio: open connections, start
tasks, use libraries. `docs/writing-a-provider-python.md` begins at the beginning.
"""

from igloo import _libraries, discovery, kinds, serial
from igloo._kind import Access, Kind
from igloo._main import main
from igloo._parts import Component, Event, Trigger, Update
from igloo.command import Command
from igloo.device import Device, Entity
from igloo.errors import (
    Busy,
    CommandError,
    ConfigError,
    DescribeError,
    DiscoveryError,
    EmitError,
    Failed,
    IglooError,
    Refusal,
    Rejected,
    SerialError,
    StoreError,
    Unavailable,
    WriteError,
)
from igloo.home import Home
from igloo.provider import Commands, Provider, Ready, action
from igloo.store import Store
from igloo.values import Choice, Color

__all__ = [
    "Access",
    "Busy",
    "Choice",
    "Color",
    "Command",
    "CommandError",
    "Commands",
    "Component",
    "ConfigError",
    "DescribeError",
    "Device",
    "DiscoveryError",
    "EmitError",
    "Entity",
    "Event",
    "Failed",
    "Home",
    "IglooError",
    "Kind",
    "Provider",
    "Ready",
    "Refusal",
    "Rejected",
    "SerialError",
    "Store",
    "StoreError",
    "Trigger",
    "Unavailable",
    "Update",
    "WriteError",
    "action",
    "discovery",
    "kinds",
    "main",
    "serial",
]

__version__ = "0.1.0"

# Here, so that what a provider imports afterwards finds it.
_libraries.install()
