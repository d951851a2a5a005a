"""`socket.socket` on WASI 0.3: TCP and UDP, non-blocking, blocking and with a timeout.

A blocking call blocks the whole instance, as it blocks an event loop natively. What a home's driver has no use for
(raw and Unix sockets, ancillary data) and what WASI has not (multicast, broadcast) is an OSError that says so.
"""

from __future__ import annotations

import contextlib
import errno
import io
import ipaddress
import os
import socket as stdlib
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Self

import igloo_intrinsics as intrinsics
import wit_world
from componentize_py_types import Err
from wit_world.imports import monotonic_clock
from wit_world.imports import wasi_sockets_types as wasi

from . import driver, multiplex, names
from .errors import number, os_error
from .readiness import READ, WRITE, Descriptor, descriptor
from .streams import LARGEST, Incoming, Outgoing, Reader, drop, keep

#: Datagrams that wait to be received or sent. Beyond it they are lost, as in a kernel.
_DATAGRAMS = 64
#: Connections that wait to be accepted.
_ACCEPTED = 16
#: The largest payload of a datagram over IPv4, in bytes (RFC 768: 65535 less the headers).
_LARGEST_DATAGRAM = 65507

#: How long what was sent before `close` may take to be delivered, in nanoseconds: Linux's tcp_fin_timeout (tcp(7)).
_LINGER = 60_000_000_000

_NONE, _CONNECTING, _CONNECTED, _LISTENING, _CLOSED = range(5)


def _would_block() -> BlockingIOError:
    return BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))


def _refuse(error: int, text: str = "") -> OSError:
    return OSError(error, text or os.strerror(error))


def _weakly(socket: Socket) -> Callable[[], None]:
    """Tells a socket that something changed, without keeping it: what nobody holds any more is closed."""
    known = weakref.ref(socket)

    def changed() -> None:
        held = known()
        if held is not None:
            held._changed()

    return changed


def _to_wasi(where: Any) -> Any:
    host, port = where[0], where[1]
    of = ipaddress.ip_address(host or "0.0.0.0")
    if not 0 <= port <= 0xFFFF:
        raise OverflowError("port must be 0-65535.")
    packed = of.packed
    if of.version == 4:
        return wasi.IpSocketAddress_Ipv4(wasi.Ipv4SocketAddress(port=port, address=tuple(packed)))
    parts = tuple(int.from_bytes(packed[at : at + 2], "big") for at in range(0, 16, 2))
    flow = where[2] if len(where) > 2 else 0
    scope = where[3] if len(where) > 3 else 0
    return wasi.IpSocketAddress_Ipv6(
        wasi.Ipv6SocketAddress(port=port, flow_info=flow, address=parts, scope_id=scope)
    )


def _from_wasi(where: Any) -> Any:
    value = where.value
    if isinstance(where, wasi.IpSocketAddress_Ipv4):
        return str(ipaddress.IPv4Address(bytes(value.address))), value.port
    packed = b"".join(part.to_bytes(2, "big") for part in value.address)
    return str(ipaddress.IPv6Address(packed)), value.port, value.flow_info, value.scope_id


class Socket(Descriptor):
    """A TCP or UDP socket with the interface of `socket.socket`."""

    _default_timeout: float | None = None
    # Of one that did not come to be.
    _state = _CLOSED
    _resource: Any = None

    def __new__(cls, family: int = -1, type: int = -1, proto: int = -1, fileno: Any = None) -> Self:
        if cls is Socket:
            of = None if fileno is None else _detached.get(fileno) or descriptor(fileno)
            datagrams = isinstance(of, _Udp) or (type != -1 and type & 0xF == stdlib.SOCK_DGRAM)
            return super().__new__(_Udp if datagrams else _Tcp)  # type: ignore[return-value]
        return super().__new__(cls)

    def __init__(self, family: int = -1, type: int = -1, proto: int = -1, fileno: Any = None) -> None:
        if fileno is not None:
            self._adopt(fileno)
            return
        super().__init__()
        family = stdlib.AF_INET if family == -1 else family
        if family not in (stdlib.AF_INET, stdlib.AF_INET6):
            raise OSError(errno.EAFNOSUPPORT, f"a component has sockets of IPv4 and IPv6 only, not {family!r}")
        type = stdlib.SOCK_STREAM if type == -1 else type & 0xF
        if type not in (stdlib.SOCK_STREAM, stdlib.SOCK_DGRAM):
            raise OSError(errno.EPROTONOSUPPORT, f"a component has stream and datagram sockets only, not {type!r}")
        self._family = stdlib.AddressFamily(family)
        self._type = stdlib.SocketKind(type)
        self._proto = max(proto, 0)
        self._timeout = Socket._default_timeout
        self._state = _NONE
        self._resource = None
        self._bound = False
        self._error = 0
        self._options: dict[tuple[int, int], Any] = {}
        self._io_refs = 0
        self._closed = False
        self._prepare()

    def _prepare(self) -> None:
        """What a new socket of this kind begins with."""
        raise NotImplementedError

    # What both kinds share.

    @property
    def family(self) -> stdlib.AddressFamily:
        return self._family

    @property
    def type(self) -> stdlib.SocketKind:
        return self._type

    @property
    def proto(self) -> int:
        return self._proto

    def _wait(self, until: Any) -> None:
        """Waits in the socket's manner: not at all, with its timeout, or for ever."""
        if until():
            return
        if self._timeout == 0:
            raise _would_block()
        if not driver.block(until, self._timeout):
            raise TimeoutError("timed out")

    def _open(self) -> None:
        if self._state == _CLOSED:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    def _resolve(self, where: Any) -> Any:
        """The address with its name looked up."""
        host = where[0]
        if isinstance(host, str):
            try:
                ipaddress.ip_address(host)
            except ValueError:
                if host == "<broadcast>":
                    return ("255.255.255.255", *where[1:])
                return names.getaddrinfo(host, where[1], self.family, self.type)[0][4]
        return where

    def settimeout(self, value: float | None) -> None:
        if value is not None and value < 0:
            raise ValueError("Timeout value out of range")
        self._timeout = value

    def gettimeout(self) -> float | None:
        return self._timeout

    @property
    def timeout(self) -> float | None:
        return self._timeout

    def setblocking(self, flag: bool) -> None:
        self._timeout = None if flag else 0

    def getblocking(self) -> bool:
        return self._timeout != 0

    def setsockopt(self, level: int, option: int, value: Any = None, length: int | None = None) -> None:
        """Options that WASI has take effect, others are kept and told again; one that would mislead is refused."""
        self._open()
        if value is None and length is None:
            raise TypeError("setsockopt requires a value")
        if level in (stdlib.IPPROTO_IP, stdlib.IPPROTO_IPV6) and not isinstance(value, int):
            raise _refuse(
                errno.ENOPROTOOPT,
                "a component cannot join multicast groups: look for devices with `igloo.discovery`",
            )
        if (level, option) == (stdlib.SOL_SOCKET, stdlib.SO_BINDTODEVICE):
            raise _refuse(errno.ENOPROTOOPT, "a component does not see network interfaces")
        if (level, option) == (stdlib.IPPROTO_IPV6, stdlib.IPV6_V6ONLY) and not value:
            raise _refuse(errno.ENOPROTOOPT, "a component's sockets of IPv6 are of IPv6 only")
        self._options[level, option] = value
        if self._resource is not None:
            self._apply(level, option, value)

    def _apply(self, level: int, option: int, value: Any) -> None:
        """Tells the hub of an option that WASI has."""
        known = _TAKES_EFFECT.get((level, option))
        if known is None or not isinstance(value, int):
            return
        name, factor = known
        method = getattr(self._resource, name, None) or getattr(self._resource, f"set_unicast_{name[4:]}", None)
        if method is None:
            return
        try:
            method(bool(value) if factor == 0 else value * factor)
        except Err as error:
            raise os_error(error.value) from None

    def _apply_all(self) -> None:
        for (level, option), value in self._options.items():
            self._apply(level, option, value)

    def getsockopt(self, level: int, option: int, length: int = 0) -> Any:
        self._open()
        value: Any = self._options.get((level, option), 0)
        if level == stdlib.SOL_SOCKET:
            if option == stdlib.SO_ERROR:
                value, self._error = self._error, 0
            elif option == stdlib.SO_TYPE:
                value = int(self.type)
            elif option == stdlib.SO_DOMAIN:
                value = int(self.family)
            elif option == stdlib.SO_PROTOCOL:
                value = self.proto or (6 if self.type == stdlib.SOCK_STREAM else 17)
            elif option == stdlib.SO_ACCEPTCONN:
                value = int(self._state == _LISTENING)
            elif option in (stdlib.SO_RCVBUF, stdlib.SO_SNDBUF) and not value:
                value = LARGEST
        elif (level, option) == (stdlib.IPPROTO_IPV6, stdlib.IPV6_V6ONLY):
            value = 1
        if isinstance(value, int):
            return value.to_bytes(4, "little")[:length] if length else value
        return bytes(value)[:length] if length else int.from_bytes(bytes(value)[:4], "little")

    def getsockname(self) -> Any:
        self._open()
        if self._resource is None:
            return ("0.0.0.0", 0) if self.family == stdlib.AF_INET else ("::", 0, 0, 0)
        try:
            return _from_wasi(self._resource.get_local_address())
        except Err as error:
            if isinstance(error.value, wasi.ErrorCode_InvalidState):
                return ("0.0.0.0", 0) if self.family == stdlib.AF_INET else ("::", 0, 0, 0)
            raise os_error(error.value) from None

    def getpeername(self) -> Any:
        self._open()
        if self._state != _CONNECTED:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        try:
            return _from_wasi(self._resource.get_remote_address())
        except Err as error:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN)) from error

    def bind(self, where: Any) -> None:
        self._open()
        if self._bound:
            raise _refuse(errno.EINVAL)
        where = self._resolve(where)
        self._bind(where)
        self._bound = True

    def _bind(self, where: Any) -> None:
        try:
            self._made().bind(_to_wasi(where))
        except Err as error:
            raise os_error(error.value, f"{where[0]}:{where[1]}") from None

    def connect_ex(self, where: Any) -> int:
        """As `connect`, with errno's number instead of an exception."""
        try:
            self.connect(where)
        except OSError as error:
            return error.errno or errno.EIO
        return 0

    def recv(self, count: int, flags: int = 0) -> bytes:
        return self.recvfrom(count, flags)[0]

    def recv_into(self, buffer: Any, count: int = 0, flags: int = 0) -> int:
        return self.recvfrom_into(buffer, count, flags)[0]

    def recvfrom_into(self, buffer: Any, count: int = 0, flags: int = 0) -> tuple[int, Any]:
        view = memoryview(buffer).cast("B")
        data, where = self.recvfrom(count or len(view), flags)
        view[: len(data)] = data
        return len(data), where

    def sendmsg(self, buffers: Any, ancillary: Any = (), flags: int = 0, where: Any = None) -> int:
        if list(ancillary):
            raise _refuse(errno.EOPNOTSUPP, "a component's sockets have no ancillary data")
        data = b"".join(bytes(buffer) for buffer in buffers)
        return self.send(data, flags) if where is None else self.sendto(data, flags, where)

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        return stdlib._igloo_stdlib_socket._sendfile_use_send(self, file, offset, count)  # type: ignore[attr-defined,no-any-return]

    def _check_sendfile_params(self, file: Any, offset: int, count: int | None) -> None:
        stdlib._igloo_stdlib_socket._check_sendfile_params(self, file, offset, count)  # type: ignore[attr-defined]

    def makefile(self, *args: Any, **kwargs: Any) -> Any:
        return stdlib._igloo_stdlib_socket.makefile(self, *args, **kwargs)  # type: ignore[attr-defined]

    def _decref_socketios(self) -> None:
        if self._io_refs > 0:
            self._io_refs -= 1
        if self._closed and self._io_refs <= 0:
            self._real_close()

    def close(self) -> None:
        """Closes, once no file made of it is open any more."""
        self._closed = True
        if self._io_refs <= 0:
            self._real_close()

    def _real_close(self) -> None:
        if self._state != _CLOSED:
            self._state = _CLOSED
            self._changed()
            self._release()
            self._forget_number()

    def _adopt(self, number: int) -> None:
        """Takes the place of the socket that has this number, or had it until `detach`."""
        other = _detached.pop(number, None) or descriptor(number)
        if other is self or not isinstance(other, Socket) or isinstance(other, _Udp) is not isinstance(self, _Udp):
            raise OSError(errno.EBADF, f"descriptor {number} is not a socket of this kind")
        other._settle()
        vars(self).update(vars(other))
        self._take_number(other)
        self._follow()
        other._state = _CLOSED
        other._resource = None

    def _settle(self) -> None:
        """Nothing may be under way that would call this object back: another takes its place."""
        raise NotImplementedError

    def _follow(self) -> None:
        """Is told of changes from now on, in the place of the socket that was."""
        raise NotImplementedError

    def detach(self) -> int:
        """Gives the socket up without closing it. Its number can be given to `socket.socket(fileno=…)`."""
        number = self._number
        if number != -1:
            kept: Socket = object.__new__(_Udp if isinstance(self, _Udp) else _Tcp)
            kept._adopt(number)
            _detached[number] = kept
        return number

    def dup(self) -> Socket:
        raise _refuse(errno.EOPNOTSUPP, "a component's sockets have no descriptors to duplicate")

    def get_inheritable(self) -> bool:
        return False

    def set_inheritable(self, inheritable: bool) -> None:
        """Nothing is ever inherited: a component starts no programs."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if self._state != _CLOSED and self._resource is not None:
            self._real_close()

    def __getstate__(self) -> Any:
        raise TypeError(f"cannot pickle {self.__class__.__name__!r} object")

    def __repr__(self) -> str:
        closed = " [closed]" if self._state == _CLOSED else ""
        kind = f"family={self.family!s}, type={self.type!s}, proto={self.proto}"
        text = f"<socket.socket{closed} fd={self._number}, {kind}"
        if not closed:
            for name in ("getsockname", "getpeername"):
                with contextlib.suppress(OSError):
                    text += f", {'l' if name == 'getsockname' else 'r'}addr={getattr(self, name)()}"
        return text + ">"

    # What each kind does in its own way.

    def _made(self) -> Any:
        raise NotImplementedError

    def _release(self) -> None:
        raise NotImplementedError

    def connect(self, where: Any) -> None:
        raise NotImplementedError

    def recvfrom(self, count: int, flags: int = 0) -> tuple[bytes, Any]:
        raise NotImplementedError

    def send(self, data: Any, flags: int = 0) -> int:
        raise NotImplementedError

    def sendall(self, data: Any, flags: int = 0) -> None:
        raise NotImplementedError

    def sendto(self, data: Any, *args: Any) -> int:
        raise NotImplementedError

    def shutdown(self, how: int) -> None:
        raise NotImplementedError

    def listen(self, backlog: int = 128) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    def accept(self) -> tuple[Socket, Any]:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))


class _Tcp(Socket):
    def _prepare(self) -> None:
        self._in: Incoming | None = None
        self._out: Outgoing | None = None
        self._shut_read = False
        self._shut_write = False
        self._told_reset = False
        #: `connect` is under way, and has borrowed the resource: it is dropped when that returns.
        self._calling = False
        #: Says whether a protocol over this socket holds something to be read.
        self._above: Callable[[], bool] | None = None
        # While listening:
        self._listener: Reader | None = None
        self._accepted: deque[Any] = deque()

    def _made(self) -> Any:
        if self._resource is None:
            self._resource = _create(wasi.TcpSocket, self.family)
            self._apply_all()
        return self._resource

    def connect(self, where: Any) -> None:
        self._open()
        if self._state == _CONNECTED:
            raise OSError(errno.EISCONN, os.strerror(errno.EISCONN))
        if self._state == _CONNECTING:
            raise OSError(errno.EALREADY, os.strerror(errno.EALREADY))
        if self._state == _LISTENING:
            raise _refuse(errno.EISCONN)
        where = self._resolve(where)
        resource = self._made()
        to = _to_wasi(where)
        self._state = _CONNECTING
        self._calling = True
        self._error = 0

        def done(_value: Any, error: BaseException | None) -> None:
            self._calling = False
            if self._state == _CLOSED:
                drop(resource)
                return
            if error is None:
                try:
                    self._begin()
                except Err as refused:
                    error = refused
            if error is not None:
                self._in = self._out = None
                self._state = _NONE
                self._error = number(error.value) if isinstance(error, Err) else errno.EIO
                # What failed to connect cannot try again: the next attempt makes a new one.
                drop(resource)
                self._resource = None
                self._bound = False
            self._changed()

        driver.start(resource.connect(to), done)
        if self._state == _CONNECTING and self._timeout == 0:
            raise BlockingIOError(errno.EINPROGRESS, os.strerror(errno.EINPROGRESS))
        self._wait(lambda: self._state != _CONNECTING)
        self._open()
        if self._error:
            error, self._error = self._error, 0
            text = os.strerror(error)
            if error == errno.EACCES:
                text = "Permission denied: it is not granted (`igloo denials` says how to grant it)"
            raise OSError(error, f"{text}: {where[0]}:{where[1]}")

    def _begin(self) -> None:
        changed = _weakly(self)
        writer, reader = wit_world.byte_stream()
        ending = self._resource.send(reader)
        self._out = Outgoing(writer, changed)
        # How sending ended is told by the stream: it takes no more.
        ending.__exit__(None, None, None)
        self._in = Incoming(*self._resource.receive(), changed)
        self._state = _CONNECTED

    def _ready(self) -> int:
        if self._state == _CONNECTED:
            assert self._in is not None
            assert self._out is not None
            self._in.want()
            ready = READ if self._in.buffer or self._in.ended or self._shut_read else 0
            if self._above is not None and self._above():
                ready |= READ
            if self._out.room() > 0 or self._out.broken or self._shut_write:
                ready |= WRITE
            return ready
        if self._state == _LISTENING:
            self._want_connection()
            return READ if self._accepted else 0
        # One that is not connected is ready to fail, as for epoll (EPOLLHUP).
        return READ | WRITE if self._state == _NONE else 0

    def _streams(self) -> tuple[Incoming, Outgoing]:
        self._open()
        if self._in is None or self._out is None:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        return self._in, self._out

    def recv(self, count: int, flags: int = 0) -> bytes:
        incoming, _ = self._streams()
        if count < 0:
            raise ValueError("negative buffersize in recv")
        if not count:
            return b""
        incoming.want()
        if not incoming.buffer and not incoming.ended and not self._shut_read:
            self._wait(
                lambda: incoming.want() or incoming.buffer or incoming.ended or incoming.closed or self._shut_read
            )
            self._open()
        if incoming.buffer:
            if flags & getattr(stdlib, "MSG_PEEK", 2):
                return bytes(incoming.buffer[:count])
            return incoming.take(count)
        if incoming.error is not None:
            error, incoming.error = incoming.error, None
            raise os_error(error)
        return b""

    def recvfrom(self, count: int, flags: int = 0) -> tuple[bytes, Any]:
        return self.recv(count, flags), None

    def send(self, data: Any, flags: int = 0) -> int:
        self._open()
        outgoing = self._out
        if outgoing is None or self._shut_write:
            raise _refuse(errno.EPIPE)
        if not len(data):
            return 0
        self._wait(lambda: outgoing.room() > 0 or outgoing.broken or outgoing.closed)
        self._open()
        if outgoing.broken:
            # The first one learns of the reset, the others that nothing can be sent any more (tcp(7)).
            error, self._told_reset = (errno.EPIPE if self._told_reset else errno.ECONNRESET), True
            raise _refuse(error)
        return outgoing.put(data)

    def sendall(self, data: Any, flags: int = 0) -> None:
        view = memoryview(data).cast("B")
        until = None if self._timeout is None else time.monotonic() + self._timeout
        whole = self._timeout
        try:
            while view:
                view = view[self.send(view, flags) :]
                if until is not None and whole:
                    self._timeout = max(until - time.monotonic(), 1e-6)
        finally:
            self._timeout = whole

    def sendto(self, data: Any, *args: Any) -> int:
        return self.send(data)

    def shutdown(self, how: int) -> None:
        _, outgoing = self._streams()
        if how in (stdlib.SHUT_RD, stdlib.SHUT_RDWR):
            self._shut_read = True
        if how in (stdlib.SHUT_WR, stdlib.SHUT_RDWR) and not self._shut_write:
            self._shut_write = True
            outgoing.finish()
        self._changed()

    def listen(self, backlog: int = 128) -> None:
        self._open()
        if self._state == _LISTENING:
            return
        resource = self._made()
        try:
            resource.set_listen_backlog_size(max(backlog, 1))
            connections = resource.listen()
        except Err as error:
            raise os_error(error.value, "listening") from None
        accepted = self._accepted

        # The reader is held while it reads, and must not hold the socket: one that nobody has is closed.
        def came(some: list[Any]) -> None:
            accepted.extend(keep(connection) for connection in some)

        self._listener = Reader(connections, intrinsics.cancel_accept, came, _weakly(self))
        self._state = _LISTENING

    def _settle(self) -> None:
        if self._calling:
            raise OSError(errno.EALREADY, "the socket is being connected")

    def _follow(self) -> None:
        changed = _weakly(self)
        for stream in (self._in, self._out, self._listener):
            if stream is not None:
                stream._changed = changed

    # For TLS over this socket: past what a subclass makes of `recv` and `send`.

    def _receive_plain(self, count: int) -> bytes:
        return _Tcp.recv(self, count)

    def _wait_for_room(self) -> None:
        _, outgoing = self._streams()
        self._wait(lambda: outgoing.room() > 0 or outgoing.broken)
        if outgoing.broken:
            raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))

    def _send_plain(self, data: bytes) -> None:
        """Takes all of it: what was encrypted must not be taken apart. Bounded by whoever waits for room before."""
        _, outgoing = self._streams()
        outgoing.put_whole(data)

    def _want_connection(self) -> None:
        if self._listener is not None and len(self._accepted) < _ACCEPTED:
            self._listener.read(1)

    def accept(self) -> tuple[Socket, Any]:
        self._open()
        if self._state != _LISTENING:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

        def came() -> bool:
            self._want_connection()
            return bool(self._accepted) or self._state != _LISTENING

        self._wait(came)
        self._open()
        connection = _Tcp(self.family, self.type, self.proto)
        connection._resource = self._accepted.popleft()
        try:
            connection._begin()
        except Err:
            connection.close()
            raise _refuse(errno.ECONNABORTED) from None
        try:
            peer = connection.getpeername()
        except OSError:
            peer = ("0.0.0.0", 0)
        return connection, peer

    def _release(self) -> None:
        self._above = None
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for waiting in self._accepted:
            drop(waiting)
        self._accepted.clear()
        if self._in is not None:
            self._in.close()
        if self._out is not None and not self._out.closed:
            # What was sent is delivered, as a kernel does after `close`; the stream keeps itself until then.
            outgoing = self._out
            outgoing.finish()
            if not outgoing.closed:
                driver.start(monotonic_clock.wait_for(_LINGER), lambda _value, _error: outgoing.close())
        if self._resource is not None and not self._calling:
            drop(self._resource)
        self._resource = None


class _Port:
    """A UDP socket of WASI, which can outlive its `socket.socket`.

    WASI 0.3's `receive` takes no cancelling here (there is no `subtask.cancel`), and the resource cannot be dropped
    before it returns. So one that is closed meanwhile waits to be used again by the next socket that asks for the same
    address: there are never more than were open at a time, and an address that was closed can be bound again at once.
    """

    __slots__ = ("asked", "connected", "family", "owner", "received", "receiving", "resource", "sending")

    #: Closed ones that cannot be dropped yet.
    waiting: list[_Port] = []  # noqa: RUF012

    def __init__(self, family: int, asked: Any) -> None:
        self.resource = _create(wasi.UdpSocket, family)
        self.family = family
        #: What it was bound to; None if by sending only.
        self.asked = asked
        self.connected = False
        self.receiving = False
        self.sending = 0
        self.received: deque[tuple[bytes, Any]] = deque()
        self.owner: weakref.ref[_Udp] | None = None

    @classmethod
    def of(cls, owner: _Udp, asked: Any) -> _Port:
        """One that is bound to this, or will be by sending if None."""
        for port in cls.waiting:
            if port.family == owner.family and port._serves(asked):
                cls.waiting.remove(port)
                break
        else:
            port = cls(owner.family, asked)
            if asked is not None:
                try:
                    port.resource.bind(_to_wasi(asked))
                except Err as error:
                    port.drop()
                    raise os_error(error.value, f"{asked[0]}:{asked[1]}") from None
        port.owner = weakref.ref(owner)
        return port

    def _serves(self, asked: Any) -> bool:
        if asked is None or self.asked is None:
            return asked is self.asked
        if asked[0] != self.asked[0]:
            return False
        if asked[1] == self.asked[1]:
            return True
        try:
            return bool(asked[1] and _from_wasi(self.resource.get_local_address())[1] == asked[1])
        except Err:
            return False

    def changed(self) -> None:
        owner = self.owner() if self.owner is not None else None
        if owner is not None:
            owner._changed()

    def want(self) -> None:
        """Begins to receive, unless that is under way or enough has come."""
        if self.receiving or len(self.received) >= _DATAGRAMS:
            return
        self.receiving = True

        def done(value: Any, error: BaseException | None) -> None:
            self.receiving = False
            owner = self.owner() if self.owner is not None else None
            if owner is None:
                self.unused()
            elif error is None:
                data, where = value
                self.received.append((bytes(data), _from_wasi(where)))
            elif isinstance(error, Err):
                owner._error = number(error.value)
            self.changed()

        driver.start(self.resource.receive(), done)

    def close(self) -> None:
        """Its socket is closed."""
        self.owner = None
        self.received.clear()
        if self.connected:
            self.connected = False
            with contextlib.suppress(Err):
                self.resource.disconnect()
        self.unused()

    def unused(self) -> None:
        """Goes as soon as nothing is under way."""
        if self.owner is not None:
            return
        if self.receiving or self.sending:
            if self not in _Port.waiting:
                _Port.waiting.append(self)
            return
        if self in _Port.waiting:
            _Port.waiting.remove(self)
        self.drop()

    def drop(self) -> None:
        if self.resource is not None:
            resource, self.resource = self.resource, None
            drop(resource)


class _Udp(Socket):
    def _prepare(self) -> None:
        self._port: _Port | None = None
        self._to: Any = None

    def _settle(self) -> None:
        """What is under way tells the port, and that its owner."""

    def _follow(self) -> None:
        if self._port is not None:
            self._port.owner = weakref.ref(self)

    def _use(self, asked: Any = None) -> _Port:
        if self._port is None:
            self._port = _Port.of(self, asked)
            self._resource = self._port.resource
            self._apply_all()
        return self._port

    def _bind(self, where: Any) -> None:
        if self._port is not None:
            raise _refuse(errno.EINVAL)
        self._use((str(ipaddress.ip_address(where[0] or _any(self.family))), *where[1:]))

    def connect(self, where: Any) -> None:
        self._open()
        where = self._resolve(where)
        port = self._use()
        try:
            port.resource.connect(_to_wasi(where))
        except Err as error:
            raise os_error(error.value, f"{where[0]}:{where[1]}") from None
        port.connected = True
        self._to = where
        self._bound = True
        self._state = _CONNECTED
        self._changed()

    def _ready(self) -> int:
        if self._state == _CLOSED:
            return 0
        port = self._port
        if port is None:
            return WRITE
        if self._bound:
            port.want()
        ready = READ if port.received or self._error else 0
        return ready | (WRITE if port.sending < _DATAGRAMS else 0)

    def recv(self, count: int, flags: int = 0) -> bytes:
        return self.recvfrom(count, flags)[0]

    def recvfrom(self, count: int, flags: int = 0) -> tuple[bytes, Any]:
        self._open()
        if count < 0:
            raise ValueError("negative buffersize in recvfrom")

        def came() -> bool:
            if self._port is not None and self._bound:
                self._port.want()
            return bool(self._port and self._port.received) or bool(self._error) or self._state == _CLOSED

        self._wait(came)
        self._open()
        port = self._port
        if port is None or not port.received:
            error, self._error = self._error, 0
            raise _refuse(error)
        if flags & stdlib.MSG_PEEK:
            data, where = port.received[0]
        else:
            data, where = port.received.popleft()
            port.want()
        return data[:count], where

    def send(self, data: Any, flags: int = 0) -> int:
        if self._to is None:
            self._open()
            raise _refuse(errno.EDESTADDRREQ)
        return self._post(data, None)

    def sendall(self, data: Any, flags: int = 0) -> None:
        self.send(data, flags)

    def sendto(self, data: Any, *args: Any) -> int:
        if not args:
            raise TypeError("sendto() takes 2 or 3 arguments (1 given)")
        self._open()
        where = self._resolve(args[-1])
        if self._to is not None and where[:2] != self._to[:2]:
            raise _refuse(errno.EISCONN, "a connected socket of a component sends to its peer only")
        return self._post(data, None if self._to is not None else where)

    def _post(self, data: Any, where: Any) -> int:
        self._open()
        if self._error and self._to is not None:
            error, self._error = self._error, 0
            raise _refuse(error)
        payload = bytes(data)
        if len(payload) > _LARGEST_DATAGRAM:
            raise _refuse(errno.EMSGSIZE)
        to = None if where is None else _to_wasi(where)
        port = self._use()
        self._wait(lambda: port.sending < _DATAGRAMS or self._state == _CLOSED)
        self._open()
        failed: list[OSError] = []
        at_once = True

        def done(_value: Any, error: BaseException | None) -> None:
            port.sending -= 1
            if error is not None:
                what = f"{where[0]}:{where[1]}" if where is not None else ""
                refused = os_error(error.value, what) if isinstance(error, Err) else OSError(errno.EIO, str(error))
                owner = port.owner() if port.owner is not None else None
                if at_once:
                    failed.append(refused)
                elif owner is not None:
                    owner._error = refused.errno or errno.EIO
            port.unused()
            port.changed()

        port.sending += 1
        driver.start(port.resource.send(payload, to), done)
        at_once = False
        # Sending binds a socket that was not bound.
        self._bound = True
        self._changed()
        if failed:
            raise failed[0]
        return len(payload)

    def shutdown(self, how: int) -> None:
        self._open()
        if self._to is None:
            raise _refuse(errno.ENOTCONN)

    def _release(self) -> None:
        port, self._port, self._resource = self._port, None, None
        if port is not None:
            port.close()


class _Pair(Socket):
    """One end of `socketpair`: two sockets of this component that are connected with each other."""

    def _prepare(self) -> None:
        self._state = _CONNECTED
        self._inbox = bytearray()
        #: The other end, as long as it is open and takes what is sent.
        self._peer: _Pair | None = None
        #: Nothing more comes.
        self._ended = False
        self._shut_write = False

    def detach(self) -> int:
        raise _refuse(errno.EOPNOTSUPP, "one end of a pair in memory cannot be given up")

    def _ready(self) -> int:
        if self._state == _CLOSED:
            return 0
        ready = READ if self._inbox or self._ended else 0
        full = self._peer is not None and len(self._peer._inbox) >= LARGEST
        return ready if full else ready | WRITE

    def recvfrom(self, count: int, flags: int = 0) -> tuple[bytes, Any]:
        self._open()
        if count < 0:
            raise ValueError("negative buffersize in recv")
        self._wait(lambda: self._inbox or self._ended or self._state == _CLOSED)
        self._open()
        data = bytes(self._inbox[:count])
        if not flags & stdlib.MSG_PEEK:
            del self._inbox[: len(data)]
            if self._peer is not None:
                self._peer._changed()
        return data, None

    def send(self, data: Any, flags: int = 0) -> int:
        self._open()
        self._wait(lambda: self._peer is None or len(self._peer._inbox) < LARGEST or self._state == _CLOSED)
        self._open()
        if self._peer is None or self._shut_write:
            raise _refuse(errno.EPIPE)
        view = memoryview(data).cast("B")[: LARGEST - len(self._peer._inbox)]
        self._peer._inbox += view
        self._peer._changed()
        return len(view)

    def sendall(self, data: Any, flags: int = 0) -> None:
        view = memoryview(data).cast("B")
        while view:
            view = view[self.send(view, flags) :]

    def sendto(self, data: Any, *args: Any) -> int:
        return self.send(data)

    def getsockname(self) -> Any:
        self._open()
        return ""

    def getpeername(self) -> Any:
        self._open()
        return ""

    def bind(self, where: Any) -> None:
        raise _refuse(errno.EINVAL)

    def connect(self, where: Any) -> None:
        self._open()
        raise _refuse(errno.EISCONN)

    def shutdown(self, how: int) -> None:
        self._open()
        if how in (stdlib.SHUT_RD, stdlib.SHUT_RDWR):
            self._ended = True
        if how in (stdlib.SHUT_WR, stdlib.SHUT_RDWR) and not self._shut_write:
            self._shut_write = True
            if self._peer is not None:
                self._peer._ended = True
                self._peer._changed()
        self._changed()

    def _release(self) -> None:
        peer, self._peer = self._peer, None
        self._inbox.clear()
        if peer is not None:
            peer._ended = True
            peer._peer = None
            peer._changed()


def _any(family: int) -> str:
    return "0.0.0.0" if family == stdlib.AF_INET else "::"


def _create(kind: Any, family: int) -> Any:
    """A socket of WASI."""
    if not driver.is_live():
        # Some libraries look at import whether there is IPv6.
        raise _refuse(errno.EOPNOTSUPP, "there are no sockets while a component is being made")
    of = wasi.IpAddressFamily.IPV4 if family == stdlib.AF_INET else wasi.IpAddressFamily.IPV6
    try:
        return keep(kind.create(of))
    except Err as error:
        raise os_error(error.value) from None


def socketpair(family: int | None = None, type: int = -1, proto: int = 0) -> tuple[Socket, Socket]:
    """Two connected stream sockets, within this component."""
    if type not in (-1, stdlib.SOCK_STREAM):
        raise _refuse(errno.EPROTONOSUPPORT, "a component's pairs of sockets are streams")
    one, other = _Pair(), _Pair()
    one._peer, other._peer = other, one
    return one, other


#: Options that WASI has: the method of its sockets, and what Python's value is multiplied by; 0 for a boolean.
_TAKES_EFFECT: dict[tuple[int, int], tuple[str, int]] = {}


def _learn_options() -> None:
    nanoseconds = 1_000_000_000
    _TAKES_EFFECT.update(
        {
            (stdlib.SOL_SOCKET, stdlib.SO_KEEPALIVE): ("set_keep_alive_enabled", 0),
            (stdlib.SOL_SOCKET, stdlib.SO_RCVBUF): ("set_receive_buffer_size", 1),
            (stdlib.SOL_SOCKET, stdlib.SO_SNDBUF): ("set_send_buffer_size", 1),
            (stdlib.IPPROTO_TCP, stdlib.TCP_KEEPIDLE): ("set_keep_alive_idle_time", nanoseconds),
            (stdlib.IPPROTO_TCP, stdlib.TCP_KEEPINTVL): ("set_keep_alive_interval", nanoseconds),
            (stdlib.IPPROTO_TCP, stdlib.TCP_KEEPCNT): ("set_keep_alive_count", 1),
        }
    )
    for level, option in (
        (stdlib.IPPROTO_IP, stdlib.IP_TTL),
        (stdlib.IPPROTO_IPV6, stdlib.IPV6_UNICAST_HOPS),
    ):
        _TAKES_EFFECT[level, option] = ("set_hop_limit", 1)


#: Sockets that were given up and not closed, by number.
_detached: dict[int, Socket] = {}


@contextlib.contextmanager
def for_tcp() -> Iterator[None]:
    """Meanwhile `socket.socket` is the class of TCP's sockets, to be subclassed."""
    both, stdlib.socket = stdlib.socket, _Tcp  # type: ignore[misc]
    try:
        yield
    finally:
        stdlib.socket = both  # type: ignore[misc]


def install() -> None:
    """Makes these the standard library's sockets."""
    stdlib._igloo_stdlib_socket = stdlib.socket  # type: ignore[attr-defined]
    stdlib.socket = stdlib.SocketType = Socket  # type: ignore[assignment,misc]
    stdlib.socketpair = socketpair  # type: ignore[assignment]
    stdlib.getaddrinfo = names.getaddrinfo  # type: ignore[assignment]
    stdlib.getnameinfo = names.getnameinfo  # type: ignore[assignment]
    stdlib.has_ipv6 = True
    stdlib.has_dualstack_ipv6 = lambda: False
    stdlib.gethostname = lambda: "igloo"
    stdlib.getfqdn = lambda name="": name or "igloo"
    stdlib.gethostbyname = lambda name: names.getaddrinfo(name, 0, stdlib.AF_INET)[0][4][0]
    stdlib.setdefaulttimeout = _set_default_timeout
    stdlib.getdefaulttimeout = lambda: Socket._default_timeout
    if not hasattr(stdlib, "SocketIO"):
        stdlib.SocketIO = io.RawIOBase  # type: ignore[misc]
    _learn_options()
    multiplex.install()


def _set_default_timeout(value: float | None) -> None:
    Socket._default_timeout = value
