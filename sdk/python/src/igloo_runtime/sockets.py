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
from collections import deque
from collections.abc import Iterator
from typing import Any, Self

import componentize_py_runtime as runtime
import igloo_intrinsics as intrinsics
import wit_world
from componentize_py_types import Err
from wit_world.imports import wasi_sockets_types as wasi

from . import driver, names
from .errors import number, os_error
from .readiness import READ, WRITE, Descriptor, descriptor
from .streams import Incoming, Outgoing

#: Datagrams that wait to be received or sent. Beyond it they are lost, as in a kernel.
_DATAGRAMS = 64
#: Connections that wait to be accepted.
_ACCEPTED = 16
#: The largest payload of a datagram over IPv4, in bytes (RFC 768: 65535 less the headers).
_LARGEST_DATAGRAM = 65507

_NONE, _CONNECTING, _CONNECTED, _LISTENING, _CLOSED = range(5)


def _would_block() -> BlockingIOError:
    return BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))


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
            return super().__new__(_Udp if datagrams else _Tcp)
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
        self.family = stdlib.AddressFamily(family)
        self.type = stdlib.SocketKind(type)
        self.proto = max(proto, 0)
        self._timeout = Socket._default_timeout
        self._state = _NONE
        self._resource = None
        self._bound = False
        self._error = 0
        self._options: dict[tuple[int, int], int] = {}
        self._io_refs = 0
        self._close_when_unused = False
        self._prepare()

    def _prepare(self) -> None:
        """What a new socket of this kind begins with."""
        raise NotImplementedError

    # What both kinds share.

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
        """Options are kept and told again; those that would reach others than the peer are refused."""
        self._open()
        if level in (stdlib.IPPROTO_IP, stdlib.IPPROTO_IPV6) and not isinstance(value, int):
            raise OSError(
                errno.ENOPROTOOPT,
                "a component cannot join multicast groups: look for devices with `igloo.discovery`",
            )
        if isinstance(value, int):
            self._options[level, option] = value

    def getsockopt(self, level: int, option: int, length: int = 0) -> Any:
        self._open()
        if level == stdlib.SOL_SOCKET:
            if option == getattr(stdlib, "SO_ERROR", 4):
                error, self._error = self._error, 0
                return error
            if option == getattr(stdlib, "SO_TYPE", 3):
                return int(self.type)
        value = self._options.get((level, option), 0)
        return value.to_bytes(length, "little") if length else value

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
        where = self._resolve(where)
        try:
            self._made().bind(_to_wasi(where))
        except Err as error:
            raise os_error(error.value, f"{where[0]}:{where[1]}") from None
        self._bound = True

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

    def makefile(self, *args: Any, **kwargs: Any) -> Any:
        return stdlib._igloo_stdlib_socket.makefile(self, *args, **kwargs)  # type: ignore[attr-defined]

    def _decref_socketios(self) -> None:
        if self._io_refs > 0:
            self._io_refs -= 1
        if self._close_when_unused and self._io_refs <= 0:
            self._real_close()

    def close(self) -> None:
        """Closes, once no file made of it is open any more."""
        self._close_when_unused = True
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
        for stream in (vars(self).get("_in"), vars(self).get("_out")):
            if stream is not None:
                stream._changed = self._changed
        other._state = _CLOSED
        other._resource = None

    def _settle(self) -> None:
        """Nothing may be under way that would call this object back: another takes its place."""
        raise NotImplementedError

    def detach(self) -> int:
        """Gives the socket up without closing it. Its number can be given to `socket.socket(fileno=…)`."""
        number = self._number
        if number != -1:
            kept: Socket = object.__new__(_Udp if isinstance(self, _Udp) else _Tcp)
            kept._adopt(number)
            _detached[number] = kept
        return number

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

    def __repr__(self) -> str:
        closed = " [closed]" if self._state == _CLOSED else ""
        return f"<socket.socket{closed} fd={self._number}, family={self.family!r}, type={self.type!r}>"

    # What each kind does in its own way.

    def _made(self) -> Any:
        raise NotImplementedError

    def _release(self) -> None:
        raise NotImplementedError

    def connect(self, where: Any) -> None:
        raise NotImplementedError

    def recvfrom(self, count: int, flags: int = 0) -> tuple[bytes, Any]:
        raise NotImplementedError

    def sendto(self, data: Any, *args: Any) -> int:
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
        #: `connect` is under way, and has borrowed the resource: it is dropped when that returns.
        self._calling = False
        # While listening:
        self._listener: Any = None
        self._accepting: tuple[int, int] | None = None
        self._accepted: deque[Any] = deque()

    def _made(self) -> Any:
        if self._resource is None:
            of = wasi.IpAddressFamily.IPV4 if self.family == stdlib.AF_INET else wasi.IpAddressFamily.IPV6
            try:
                self._resource = wasi.TcpSocket.create(of)
            except Err as error:
                raise os_error(error.value) from None
        return self._resource

    def connect(self, where: Any) -> None:
        self._open()
        if self._state == _CONNECTED:
            raise OSError(errno.EISCONN, os.strerror(errno.EISCONN))
        if self._state == _CONNECTING:
            raise OSError(errno.EALREADY, os.strerror(errno.EALREADY))
        where = self._resolve(where)
        resource = self._made()
        to = _to_wasi(where)
        self._state = _CONNECTING
        self._calling = True

        def done(_value: Any, error: BaseException | None) -> None:
            self._calling = False
            if self._state == _CLOSED:
                resource.__exit__(None, None, None)
            elif error is None:
                self._begin()
            else:
                self._state = _NONE
                self._error = number(error.value) if isinstance(error, Err) else errno.EIO
                # What failed to connect cannot try again: the next attempt makes a new one.
                resource.__exit__(None, None, None)
                self._resource = None
            self._changed()

        driver.start(resource.connect(to), done)
        if self._state == _CONNECTING and self._timeout == 0:
            raise BlockingIOError(errno.EINPROGRESS, os.strerror(errno.EINPROGRESS))
        self._wait(lambda: self._state != _CONNECTING)
        if self._error:
            error, self._error = self._error, 0
            text = os.strerror(error)
            if error == errno.EACCES:
                text = "Permission denied: it is not granted (`igloo denials` says how to grant it)"
            raise OSError(error, f"{text}: {where[0]}:{where[1]}")

    def _begin(self) -> None:
        self._state = _CONNECTED
        writer, reader = wit_world.byte_stream()
        ending = self._resource.send(reader)
        self._out = Outgoing(writer, self._changed)
        # How sending ended is told by the stream: it takes no more.
        ending.__exit__(None, None, None)
        self._in = Incoming(*self._resource.receive(), self._changed)

    def _ready(self) -> int:
        if self._state == _CONNECTED:
            assert self._in is not None
            assert self._out is not None
            self._in.want()
            ready = READ if self._in.buffer or self._in.ended or self._shut_read else 0
            if self._out.room() > 0 or self._out.broken or self._shut_write:
                ready |= WRITE
            return ready
        if self._state == _LISTENING:
            self._want_connection()
            return READ if self._accepted else 0
        if self._state == _NONE and self._error:
            return READ | WRITE
        return 0

    def _streams(self) -> tuple[Incoming, Outgoing]:
        self._open()
        if self._in is None or self._out is None:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        return self._in, self._out

    def recv(self, count: int, flags: int = 0) -> bytes:
        incoming, _ = self._streams()
        if count < 0:
            raise ValueError("negative buffersize in recv")
        if self._shut_read or not count:
            return b""
        incoming.want()
        if not incoming.buffer and not incoming.ended:
            self._wait(lambda: incoming.want() or incoming.buffer or incoming.ended or self._state == _CLOSED)
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
        _, outgoing = self._streams()
        if self._shut_write:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        if not len(data):
            return 0
        self._wait(lambda: outgoing.room() > 0 or outgoing.broken)
        if outgoing.broken:
            raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
        return outgoing.put(data)

    def sendall(self, data: Any, flags: int = 0) -> None:
        view = memoryview(data).cast("B")
        while view:
            view = view[self.send(view, flags) :]

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
            self._listener = resource.listen()
        except Err as error:
            raise os_error(error.value, "listening") from None
        self._state = _LISTENING

    def _settle(self) -> None:
        if self._calling:
            raise OSError(errno.EALREADY, "the socket is being connected")
        self._stop_accepting()

    def _stop_accepting(self) -> None:
        if self._accepting is not None:
            waitable, promise = self._accepting
            driver.forget(waitable)
            code = intrinsics.cancel_accept(waitable)
            self._came_in(runtime.promise_get_result(code, promise))
            self._accepting = None

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
        if self._accepting is not None or len(self._accepted) >= _ACCEPTED or self._listener is None:
            return
        result = runtime.stream_read(self._listener.type_, self._listener.handle, 1)
        if isinstance(result, Err):
            self._accepting = result.value
            driver.Pending(*result.value).then(self._came)
        else:
            self._came_in(result.value)

    def _came(self, value: Any) -> None:
        self._accepting = None
        if self._state == _LISTENING:
            self._came_in(value)
            self._changed()

    def _came_in(self, value: tuple[int, list[Any]]) -> None:
        code, connections = value
        self._accepted.extend(connections)
        if code == driver.DROPPED:
            self._listener.__exit__(None, None, None)
            self._listener = None

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
        connection._begin()
        try:
            peer = connection.getpeername()
        except OSError:
            peer = ("0.0.0.0", 0)
        return connection, peer

    def _release(self) -> None:
        self._stop_accepting()
        for waiting in self._accepted:
            waiting.__exit__(None, None, None)
        self._accepted.clear()
        if self._listener is not None:
            self._listener.__exit__(None, None, None)
            self._listener = None
        if self._in is not None:
            self._in.close()
        if self._out is not None and not self._out.closed:
            # What was sent is delivered, as a kernel does after `close`; the stream keeps itself until then.
            self._out.finish()
        if self._resource is not None and not self._calling:
            self._resource.__exit__(None, None, None)
        self._resource = None


class _Udp(Socket):
    def _prepare(self) -> None:
        self._received: deque[tuple[bytes, Any]] = deque()
        self._receiving = False
        self._sending = 0
        self._to: Any = None

    def _made(self) -> Any:
        if self._resource is None:
            of = wasi.IpAddressFamily.IPV4 if self.family == stdlib.AF_INET else wasi.IpAddressFamily.IPV6
            try:
                self._resource = wasi.UdpSocket.create(of)
            except Err as error:
                raise os_error(error.value) from None
        return self._resource

    def connect(self, where: Any) -> None:
        self._open()
        where = self._resolve(where)
        try:
            self._made().connect(_to_wasi(where))
        except Err as error:
            raise os_error(error.value, f"{where[0]}:{where[1]}") from None
        self._to = where
        self._bound = True
        self._state = _CONNECTED

    def _settle(self) -> None:
        if self._receiving or self._sending:
            raise OSError(errno.EBUSY, "datagrams are under way")

    def _want(self) -> None:
        if self._receiving or not self._bound or len(self._received) >= _DATAGRAMS:
            return
        self._receiving = True
        resource = self._resource

        def done(value: Any, error: BaseException | None) -> None:
            self._receiving = False
            if self._state == _CLOSED:
                resource.__exit__(None, None, None)
                return
            if error is None:
                data, where = value
                self._received.append((bytes(data), _from_wasi(where)))
            elif isinstance(error, Err):
                self._error = number(error.value)
            self._changed()

        driver.start(resource.receive(), done)

    def _ready(self) -> int:
        if self._state == _CLOSED:
            return 0
        self._want()
        ready = READ if self._received or self._error else 0
        return ready | (WRITE if self._sending < _DATAGRAMS else 0)

    def recvfrom(self, count: int, flags: int = 0) -> tuple[bytes, Any]:
        self._open()
        if not self._bound:
            raise OSError(errno.EINVAL, "receiving before `bind`, `connect` or a first `sendto`")

        def came() -> bool:
            self._want()
            return bool(self._received) or bool(self._error) or self._state == _CLOSED

        self._wait(came)
        if not self._received:
            error, self._error = self._error or errno.EBADF, 0
            raise OSError(error, os.strerror(error))
        if flags & getattr(stdlib, "MSG_PEEK", 2):
            data, where = self._received[0]
        else:
            data, where = self._received.popleft()
            self._want()
        return data[:count], where

    def send(self, data: Any, flags: int = 0) -> int:
        if self._to is None:
            raise OSError(errno.EDESTADDRREQ, os.strerror(errno.EDESTADDRREQ))
        return self._post(data, None)

    def sendall(self, data: Any, flags: int = 0) -> None:
        self.send(data, flags)

    def sendto(self, data: Any, *args: Any) -> int:
        where = self._resolve(args[-1])
        return self._post(data, None if self._to is not None else where)

    def _post(self, data: Any, where: Any) -> int:
        self._open()
        payload = bytes(data)
        if len(payload) > _LARGEST_DATAGRAM:
            raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
        self._wait(lambda: self._sending < _DATAGRAMS)
        failed: list[OSError] = []
        at_once = True

        def done(_value: Any, error: BaseException | None) -> None:
            self._sending -= 1
            if error is not None:
                what = f"{where[0]}:{where[1]}" if where is not None else ""
                refused = os_error(error.value, what) if isinstance(error, Err) else OSError(errno.EIO, str(error))
                if at_once:
                    failed.append(refused)
                else:
                    self._error = refused.errno or errno.EIO
            self._changed()

        self._sending += 1
        driver.start(self._made().send(payload, None if where is None else _to_wasi(where)), done)
        at_once = False
        if failed:
            raise failed[0]
        # Sending binds a socket that was not bound.
        self._bound = True
        return len(payload)

    def shutdown(self, how: int) -> None:
        self._open()

    def _release(self) -> None:
        self._received.clear()
        if self._resource is not None and not self._receiving and not self._sending:
            self._resource.__exit__(None, None, None)
        self._resource = None


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
    stdlib.getaddrinfo = names.getaddrinfo  # type: ignore[assignment]
    stdlib.has_ipv6 = True
    stdlib.has_dualstack_ipv6 = lambda: False
    stdlib.gethostname = lambda: "igloo"
    stdlib.getfqdn = lambda name="": name or "igloo"
    stdlib.gethostbyname = lambda name: names.getaddrinfo(name, 0, stdlib.AF_INET)[0][4][0]
    stdlib.setdefaulttimeout = _set_default_timeout
    stdlib.getdefaulttimeout = lambda: Socket._default_timeout
    if not hasattr(stdlib, "SocketIO"):
        stdlib.SocketIO = io.RawIOBase  # type: ignore[misc]


def _set_default_timeout(value: float | None) -> None:
    Socket._default_timeout = value
