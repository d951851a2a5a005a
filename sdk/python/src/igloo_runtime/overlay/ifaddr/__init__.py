"""The package `ifaddr`: a component has no network adapters of its own that it could be told of, and so there are none.

The shape of ifaddr 0.2.
"""

from __future__ import annotations

from collections.abc import Iterable

_V4 = str
_V6 = tuple[str, int, int]


class IP:
    """An address of an adapter."""

    def __init__(self, ip: _V4 | _V6, network_prefix: int, nice_name: str) -> None:
        self.ip = ip
        self.network_prefix = network_prefix
        self.nice_name = nice_name

    @property
    def is_IPv4(self) -> bool:
        """Whether it is an address of IPv4, as text."""
        return not isinstance(self.ip, tuple)

    @property
    def is_IPv6(self) -> bool:
        """Whether it is an address of IPv6: text, flow, scope."""
        return isinstance(self.ip, tuple)


class Adapter:
    """A network adapter."""

    def __init__(self, name: str, nice_name: str, ips: list[IP], index: int | None = None) -> None:
        self.name = name
        self.nice_name = nice_name
        self.ips = ips
        self.index = index


def get_adapters(include_unconfigured: bool = False) -> Iterable[Adapter]:
    """None."""
    return []


__all__ = ["IP", "Adapter", "get_adapters"]
