"""Names that libraries expect of `errno` and `socket` and that WASI's lack.

An error of this number never comes from WASI: it only has to be there to be compared with. Options of sockets have
Linux's numbers (asm-generic/socket.h, in.h, tcp.h): libraries know some of them by number.
"""

from __future__ import annotations

# Encodings that are looked up by name, and often by name only: nothing can be imported later.
import encodings.ascii
import encodings.hex_codec
import encodings.idna
import encodings.latin_1
import encodings.utf_8_sig
import encodings.utf_16  # noqa: F401
import errno
import socket

#: Above every errno of WASI (wasi_snapshot_preview1 has 77).
_FIRST = 200
_ERRORS = (
    "EHOSTDOWN", "ESHUTDOWN", "ETOOMANYREFS", "EPFNOSUPPORT", "ESOCKTNOSUPPORT", "EUSERS", "EREMOTE", "ENODATA",
    "ETIME", "ENOSR", "ENOSTR", "EUCLEAN", "EREMOTEIO", "ENOMEDIUM", "ECOMM", "ENONET", "EBADFD", "ESTRPIPE",
)  # fmt: skip

_SOCKET = {
    "SOL_SOCKET": 1, "SO_REUSEADDR": 2, "SO_TYPE": 3, "SO_ERROR": 4, "SO_BROADCAST": 6, "SO_SNDBUF": 7, "SO_RCVBUF": 8,
    "SO_KEEPALIVE": 9, "SO_LINGER": 13, "SO_REUSEPORT": 15, "SO_RCVTIMEO": 20, "SO_SNDTIMEO": 21, "SO_BINDTODEVICE": 25,
    "SO_ACCEPTCONN": 30, "SO_PROTOCOL": 38, "SO_DOMAIN": 39,
    "IPPROTO_IP": 0, "IPPROTO_ICMP": 1, "IPPROTO_TCP": 6, "IPPROTO_UDP": 17, "IPPROTO_IPV6": 41, "IPPROTO_ICMPV6": 58,
    "IP_TOS": 1, "IP_TTL": 2, "IP_MULTICAST_IF": 32, "IP_MULTICAST_TTL": 33, "IP_MULTICAST_LOOP": 34,
    "IP_ADD_MEMBERSHIP": 35, "IP_DROP_MEMBERSHIP": 36,
    "IPV6_UNICAST_HOPS": 16, "IPV6_MULTICAST_IF": 17, "IPV6_MULTICAST_HOPS": 18, "IPV6_MULTICAST_LOOP": 19,
    "IPV6_JOIN_GROUP": 20, "IPV6_LEAVE_GROUP": 21, "IPV6_V6ONLY": 26,
    "TCP_NODELAY": 1, "TCP_MAXSEG": 2, "TCP_CORK": 3, "TCP_KEEPIDLE": 4, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 6,
    "TCP_USER_TIMEOUT": 18,
    "INADDR_ANY": 0, "INADDR_BROADCAST": 0xFFFFFFFF, "INADDR_LOOPBACK": 0x7F000001, "SOMAXCONN": 128,
    "SHUT_RD": 0, "SHUT_WR": 1, "SHUT_RDWR": 2, "MSG_PEEK": 2, "MSG_DONTWAIT": 64, "MSG_NOSIGNAL": 16384,
    "AI_PASSIVE": 1, "AI_CANONNAME": 2, "AI_NUMERICHOST": 4, "AI_V4MAPPED": 8, "AI_ALL": 16, "AI_ADDRCONFIG": 32,
    "AI_NUMERICSERV": 1024, "NI_NUMERICHOST": 1, "NI_NUMERICSERV": 2,
    "EAI_AGAIN": -3, "EAI_FAIL": -4, "EAI_FAMILY": -6, "EAI_NONAME": -2, "EAI_SERVICE": -8, "EAI_SOCKTYPE": -7,
}  # fmt: skip


def install() -> None:
    """Adds what is missing; what is there stays as it is."""
    missing = [name for name in _ERRORS if not hasattr(errno, name)]
    for number, name in enumerate(missing, _FIRST):
        setattr(errno, name, number)
        errno.errorcode[number] = name  # type: ignore[index]
    # Two names of one number: the one that Linux tells.
    for name in ("EPIPE", "EAGAIN", "EOPNOTSUPP"):
        errno.errorcode[getattr(errno, name)] = name  # type: ignore[index]
    for name, value in _SOCKET.items():
        if not hasattr(socket, name):
            setattr(socket, name, value)
    for name in ("gaierror", "herror"):
        if not hasattr(socket, name):
            setattr(socket, name, type(name, (OSError,), {}))
