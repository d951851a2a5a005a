"""Name lookup: `getaddrinfo` for granted names, waiting or not."""

from __future__ import annotations

import encodings.idna  # noqa: F401 (nothing can be imported later)
import ipaddress
import socket
from collections.abc import Callable
from typing import Any

from componentize_py_types import Err
from wit_world.imports import ip_name_lookup
from wit_world.imports import wasi_sockets_types as wasi

from . import driver

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

#: Services that libraries name instead of numbering (IANA's register of service names).
_SERVICES = {"http": 80, "https": 443, "mqtt": 1883, "secure-mqtt": 8883, "domain": 53, "ntp": 123}


def address(of: Any) -> Address:
    """A WASI address as Python's."""
    if isinstance(of, wasi.IpAddress_Ipv4):
        return ipaddress.IPv4Address(bytes(of.value))
    return ipaddress.IPv6Address(b"".join(part.to_bytes(2, "big") for part in of.value))


def _literal(host: Any, flags: int) -> tuple[str, list[Address] | None]:
    """The name as text, and its addresses if it needs no lookup."""
    if isinstance(host, (bytes, bytearray)):
        host = host.decode("ascii")
    if not host:
        passive = flags & getattr(socket, "AI_PASSIVE", 1)
        return "", [ipaddress.ip_address("0.0.0.0" if passive else "127.0.0.1")]
    name = str(host)
    try:
        return name, [ipaddress.ip_address(name)]
    except ValueError:
        pass
    if flags & getattr(socket, "AI_NUMERICHOST", 4):
        raise socket.gaierror(socket.EAI_NONAME, f"`{name}` is not an address")
    return name, None


def _port(port: Any) -> int:
    if port is None or port == "" or port == b"":
        return 0
    if isinstance(port, (bytes, bytearray)):
        port = port.decode("ascii")
    if isinstance(port, str) and not port.lstrip("-").isdigit():
        if port not in _SERVICES:
            raise socket.gaierror(getattr(socket, "EAI_SERVICE", -8), f"unknown service `{port}`")
        return _SERVICES[port]
    return int(port)


def _answers(addresses: list[Address], port: int, family: int, type_: int, proto: int, name: str) -> list[Any]:
    kinds = [
        (kind, number)
        for kind, number in ((socket.SOCK_STREAM, 6), (socket.SOCK_DGRAM, 17))
        if type_ in (0, kind) and proto in (0, number)
    ]
    found = []
    for each in addresses:
        of = socket.AF_INET if each.version == 4 else socket.AF_INET6
        if family not in (0, of):
            continue
        where: Any = (str(each), port)
        if isinstance(each, ipaddress.IPv6Address):
            host, _, scope = str(each).partition("%")
            where = (host, port, 0, int(scope) if scope.isdigit() else 0)
        found.extend((of, kind, number, "", where) for kind, number in kinds)
    if not found:
        raise socket.gaierror(socket.EAI_NONAME, f"`{name}` has no address of that kind")
    return found


def _refused(name: str, error: Err[Any]) -> socket.gaierror:
    kind = type(error.value).__name__.removeprefix("ErrorCode_")
    if kind == "AccessDenied":
        return socket.gaierror(socket.EAI_FAIL, f"`{name}` is not granted (`igloo denials` says how to grant it)")
    if kind == "TemporaryResolverFailure":
        return socket.gaierror(socket.EAI_AGAIN, f"`{name}` could not be looked up now")
    return socket.gaierror(socket.EAI_NONAME, f"`{name}` has no address")


async def lookup(host: Any, port: Any, family: int = 0, type_: int = 0, proto: int = 0, flags: int = 0) -> list[Any]:
    """`socket.getaddrinfo`, awaited."""
    name, addresses = _literal(host, flags)
    if addresses is None:
        try:
            addresses = [address(each) for each in await ip_name_lookup.resolve_addresses(name)]
        except Err as error:
            raise _refused(name, error) from None
    return _answers(addresses, _port(port), family, type_, proto, name)


def getaddrinfo(host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0) -> list[Any]:
    """`socket.getaddrinfo`: blocks the instance while a name is looked up."""
    name, addresses = _literal(host, flags)
    if addresses is None:
        found: list[Any] = []
        failed: list[BaseException] = []
        ended = False

        def done(value: Any, error: BaseException | None) -> None:
            nonlocal ended
            ended = True
            if error is not None:
                failed.append(error)
            else:
                found.extend(value)

        driver.start(ip_name_lookup.resolve_addresses(name), done)
        driver.block(lambda: ended)
        if failed:
            error = failed[0]
            raise (_refused(name, error) if isinstance(error, Err) else error) from None
        addresses = [address(each) for each in found]
    return _answers(addresses, _port(port), family, type, proto, name)


def getnameinfo(where: Any, flags: int = 0) -> tuple[str, str]:
    """The address itself: names are not looked up backwards."""
    return str(where[0]), str(where[1])


#: For callers that take a function.
Lookup = Callable[..., list[Any]]
