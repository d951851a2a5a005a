"""zeroconf's link to the network, in a sandbox without multicast: its questions are answered from `igloo:discovery`.

What zeroconf sends as a multicast query comes here instead of to a socket. A question about a service type or one of
its instances (`_hap._tcp.local.`) begins a browse of the hub's, and what is found is given to zeroconf as the response
that a responder would have multicast (RFC 6762, RFC 6763): its cache, browsers and `ServiceInfo` are its own code.
Later questions, also for a host, are answered from what was found.

Limits: a provider announces nothing (what zeroconf registers is not sent), only types that are granted are found
(`discovery:_hap._tcp`), and a host is known only as part of a service. At most 16 types are looked for at a time; each
until its `Zeroconf` is closed.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from types import ModuleType
from typing import Any, Final

from igloo import discovery
from igloo.errors import DiscoveryError

TTL: Final = 4500
"""Seconds that a record is kept, as RFC 6762, section 10, has it for all but hosts. The hub tells when one is lost."""
HOST_TTL: Final = 120
"""The same of a host's records."""
BROWSES: Final = 16
"""Types that are looked for at a time: the hub's own limit."""
FOUND: Final = 1024
"""Instances that are kept of a type: the hub's own limit."""
HERE: Final = ("192.0.2.1", 5353)
"""Where responses come from: an address that nobody has (RFC 5737)."""

_PTR, _TXT, _AAAA, _A, _SRV, _ANY = 12, 16, 28, 1, 33, 255

_log = logging.getLogger("igloo.zeroconf")


class _Socket:
    """What zeroconf asks of a transport's socket."""

    family = socket.AF_INET

    def fileno(self) -> int:
        return -1

    def getsockname(self) -> tuple[str, int]:
        return HERE


class Link(asyncio.DatagramTransport):
    """A transport on which a zeroconf instance is alone with the hub."""

    def __init__(self, protocol: Any) -> None:
        super().__init__({"socket": _Socket()})
        self._protocol = protocol
        self._looking: dict[str, asyncio.Task[None]] = {}
        #: By type and instance, each in lower case.
        self._found: dict[str, dict[str, discovery.Service]] = {}
        self._is_closed = False

    def sendto(self, data: Any, addr: Any = None) -> None:
        """Takes a query; everything else is dropped."""
        from zeroconf import DNSIncoming

        message = DNSIncoming(bytes(data))
        if self._is_closed or not message.valid or not message.is_query():
            return
        answers = []
        for question in message.questions:
            kind = _kind(question.name)
            if kind is not None:
                self._look(kind)
            answers += self._known(question.name.lower(), question.type)
        self._respond(answers)

    def _look(self, kind: str) -> None:
        if kind in self._looking:
            return
        if len(self._looking) >= BROWSES:
            _log.warning("%s is not looked for: an instance looks for %d things at a time", kind, BROWSES)
            return
        self._looking[kind] = asyncio.get_running_loop().create_task(self._browse(kind))

    async def _browse(self, kind: str) -> None:
        found = self._found.setdefault(kind, {})
        try:
            async with discovery.browse(kind) as findings:
                async for finding in findings:
                    if isinstance(finding, discovery.Service) and (
                        finding.name.lower() in found or len(found) < FOUND
                    ):
                        found[finding.name.lower()] = finding
                        self._respond(_records(kind, finding))
                    elif isinstance(finding, discovery.ServiceLost):
                        lost = found.pop(finding.name.lower(), None)
                        if lost is not None:
                            self._respond(_records(kind, lost, goodbye=True))
        except DiscoveryError as error:
            _log.warning("%s is not looked for: %s (a provider is granted `discovery:%s`)", kind, error, kind)

    def _known(self, name: str, asked: int) -> list[Any]:
        """Records of what was found, for this question."""
        answers = []
        for kind, found in self._found.items():
            for service in found.values():
                records = _records(kind, service)
                matching = [each for each in records if each.name.lower() == name and asked in (each.type, _ANY)]
                # With an instance's pointer comes what is asked for next (RFC 6763, section 12.1).
                answers += records if any(each.type == _PTR for each in matching) else matching
        return answers

    def _respond(self, records: list[Any]) -> None:
        from zeroconf import DNSOutgoing, Error

        if not records or self._is_closed:
            return
        # A response, authoritative (RFC 6762, section 18).
        message = DNSOutgoing(0x8400)
        for record in records:
            message.add_answer_at_time(record, 0)
        try:
            packets = message.packets()
        except Error as error:
            # Anybody on the network may have a name that zeroconf does not take.
            _log.warning("something that was found is left out: %r", error)
            return
        for packet in packets:
            # As from a socket: after the caller.
            asyncio.get_running_loop().call_soon(self._receive, packet)

    def _receive(self, packet: bytes) -> None:
        if not self._is_closed:
            self._protocol.datagram_received(packet, HERE)

    def close(self) -> None:
        """Looks no more."""
        self._is_closed = True
        for task in self._looking.values():
            task.cancel()
        self._looking.clear()
        self._found.clear()

    abort = close

    def is_closing(self) -> bool:
        return self._is_closed


def _kind(name: str) -> str | None:
    """The service type that a name is, or is an instance of: `Lamp._hap._tcp.local.` → `_hap._tcp`.

    `_services._dns-sd._udp.local.` asks what types there are, which is not for a provider to know.
    """
    labels = name.lower().rstrip(".").split(".")
    if len(labels) < 3 or labels[-1] != "local" or labels[-2] not in ("_tcp", "_udp") or labels[-3] == "_dns-sd":
        return None
    return f"{labels[-3]}.{labels[-2]}" if labels[-3].startswith("_") else None


def _records(kind: str, service: discovery.Service, goodbye: bool = False) -> list[Any]:
    """What a responder says of a service; with no time to live if it says goodbye."""
    from zeroconf import DNSAddress, DNSPointer, DNSService, DNSText

    internet, unique = 1, 0x8001
    ttl = 0 if goodbye else TTL
    host_ttl = 0 if goodbye else HOST_TTL
    name = f"{service.name}.{kind}.local."
    host = service.host.rstrip(".") + "."
    records: list[Any] = [DNSPointer(f"{kind}.local.", _PTR, internet, ttl, name)]
    if goodbye:
        # Its host may have other services.
        return records
    records.append(DNSService(name, _SRV, unique, host_ttl, 0, 0, service.port, host))
    text = b"".join(_entry(key, value) for key, value in service.properties)
    records.append(DNSText(name, _TXT, unique, ttl, text or b"\0"))
    for address in service.addresses:
        is_v6 = ":" in address
        try:
            packed = socket.inet_pton(socket.AF_INET6 if is_v6 else socket.AF_INET, address.partition("%")[0])
        except OSError:
            continue
        records.append(DNSAddress(host, _AAAA if is_v6 else _A, unique, host_ttl, packed))
    return records


def _entry(key: str, value: bytes) -> bytes:
    """A string of a TXT record (RFC 6763, section 6). The hub tells a key without a value as one with an empty one."""
    entry = (key.encode() + b"=" + value if value else key.encode())[:255]
    return bytes((len(entry),)) + entry


async def _create_endpoints(engine: Any) -> None:
    """In the stead of `AsyncEngine._async_create_endpoints`."""
    from zeroconf._listener import AsyncListener
    from zeroconf._transport import make_wrapped_transport

    protocol = AsyncListener(engine.zc)
    link = Link(protocol)
    protocol.connection_made(link)
    wrapped = make_wrapped_transport(link)
    engine.protocols.append(protocol)
    engine.readers.append(wrapped)
    engine.senders.append(wrapped)


async def _no_interfaces(engine: Any, *_: Any) -> bool:
    """In the stead of `AsyncEngine.async_update_interfaces`: none appeared."""
    return False


def extend(engine: ModuleType) -> None:
    """Gives the engine its endpoints, and no sockets."""
    engine.AsyncEngine._async_create_endpoints = _create_endpoints
    engine.AsyncEngine.async_update_interfaces = _no_interfaces
    # `_core` takes it out of `_utils.net` after it has taken the engine.
    for name in ("zeroconf._utils.net", "zeroconf._core"):
        module = sys.modules.get(name)
        if hasattr(module, "create_sockets"):
            module.create_sockets = _no_sockets  # type: ignore[union-attr]


def _no_sockets(*_: Any, **__: Any) -> tuple[None, list[Any]]:
    return None, []
