"""Finding devices on the local network, through the hub: a provider has no multicast of its own.

```python
async with browse("_hap._tcp") as findings:
    async for finding in findings:
        match finding:
            case Service(name=name, addresses=addresses, port=port): ...
            case ServiceLost(name=name): ...
```

The manifest wants `discovery:_hap._tcp`. Finding a device does not allow connecting to it: that takes a grant of its
address or name, such as `tcp://192.168.1.20:502`, from the owner. What is found is said by anybody on the network:
believe a device, not its announcement.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, Self

from igloo import _host


@dataclass(frozen=True, slots=True)
class Service:
    """A service found by DNS-SD over mDNS is there, or is not as it was."""

    kind: str
    """Its type, such as `_hap._tcp`."""
    name: str
    """The instance's name, such as `Kitchen lamp`."""
    host: str
    """The host's name, such as `lamp.local`."""
    port: int
    addresses: tuple[str, ...]
    """The host's addresses, as text."""
    properties: tuple[tuple[str, bytes], ...] = field(default=())
    """The TXT record; a key without a value has an empty one."""

    def property(self, key: str) -> bytes | None:
        """The value of a key of the TXT record, in which upper and lower case are the same."""
        return next((value for name, value in self.properties if name.lower() == key.lower()), None)

    def text(self, key: str) -> str | None:
        """The same as text, if it is text."""
        value = self.property(key)
        try:
            return None if value is None else value.decode()
        except UnicodeDecodeError:
            return None


@dataclass(frozen=True, slots=True)
class ServiceLost:
    """A service said goodbye or expired."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class SsdpDevice:
    """A device found by SSDP is there, or is not as it was."""

    target: str
    """The search target that it answered to, such as `roku:ecp`."""
    usn: str
    """The unique service name."""
    location: str
    """The URL of its description."""
    headers: tuple[tuple[str, str], ...] = field(default=())
    """All headers, with names in lower case."""


@dataclass(frozen=True, slots=True)
class SsdpLost:
    """A device said goodbye or expired."""

    usn: str


Finding = Service | ServiceLost | SsdpDevice | SsdpLost


class Browser:
    """What is there now, then every change: an asynchronous iterator, which begins to look when it is first asked.

    A reader that is slow gets the newest state of each service, not each change. It looks until it is closed, as at the
    end of `async with`, or until nobody has it any more. Raises [`DiscoveryError`].
    """

    def __init__(self, begin: Callable[[], Awaitable[_host.FindingSource]]) -> None:
        self._begin: Final = begin
        self._source: _host.FindingSource | None = None
        self._closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Finding:
        if self._closed:
            raise StopAsyncIteration
        if self._source is None:
            self._source = await self._begin()
        finding = await self._source.next()
        if finding is None:
            self.close()
            raise StopAsyncIteration
        return finding

    async def __aenter__(self) -> Self:
        if self._source is None:
            self._source = await self._begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the looking. May be called again."""
        self._closed = True
        source, self._source = self._source, None
        if source is not None:
            source.close()

    def __del__(self) -> None:
        # Also while the interpreter ends.
        with contextlib.suppress(Exception):
            self.close()


def browse(service_type: str) -> Browser:
    """Looks for services of a DNS-SD type, such as `_hap._tcp`. An instance looks for at most 16 things at a time."""
    return Browser(lambda: _host.current().browse(service_type))


def search(target: str) -> Browser:
    """Looks for devices that answer to an SSDP search target, such as `roku:ecp`. The manifest wants
    `discovery:roku:ecp`."""
    return Browser(lambda: _host.current().search(target))
