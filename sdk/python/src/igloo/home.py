"""The provider's home: what it may tell and ask its hub."""

from __future__ import annotations

from collections.abc import Iterable

from igloo import _host, _parts
from igloo._parts import Update
from igloo.device import Device
from igloo.store import Store


class Home:
    """The provider's side of its hub: `self.home` of a provider."""

    def __init__(self) -> None:
        self.store = Store()
        """The instance's key-value store."""

    def describe(self, device: Device) -> None:
        """Describes a device, or describes it anew. Its components can be written from now on; those that stay keep
        their values. Raises [`DescribeError`]."""
        handles = _host.current().describe(device.describe())
        for part, handle in zip(device.parts(), handles, strict=False):
            part.handle = handle

    def remove(self, device: Device | str) -> bool:
        """Removes a device that the owner or the device itself took away. True if it was there."""
        return _host.current().remove(device if isinstance(device, str) else device.id)

    def complete(self) -> None:
        """Everything this instance has now is described: devices of earlier sessions that were not become *missing*.

        Called for the author after `setup`, unless the provider's `READY` says otherwise.
        """
        _host.current().complete()

    def ready(self) -> None:
        """From here on commands are delivered. Called for the author as [`complete`] is."""
        _host.current().ready()

    def write(self, updates: Iterable[Update]) -> None:
        """Reports new values, applied as one: `home.write([power.to(230.5), energy.to(1234)])`. Never waits; only the
        newest value of a component counts. Raises [`WriteError`]; those that it does not name were taken."""
        _parts.write(updates)

    def set_available(self, device: Device | str, available: bool) -> bool:
        """Whether a device can be reached. Devices begin reachable; their values stay when they are not.
        False if there is no such device."""
        return _host.current().set_available(device if isinstance(device, str) else device.id, available)
