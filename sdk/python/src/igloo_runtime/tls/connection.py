"""`_ssl._SSLSocket`: one connection, between the hub's state machine and a transport for its ciphertext.

No method waits by itself: a transport that has nothing says `SSLWantReadError`, or blocks as its socket does.

Source: CPython 3.14, Modules/_ssl.c, for what each method answers and raises.
"""

from __future__ import annotations

import contextlib
import weakref
from typing import TYPE_CHECKING, Any, Protocol

from componentize_py_types import Err
from wit_world.imports import connections as hub

from . import ciphers, constants, errors
from .bio import MemoryBIO
from .certificate import Certificate, shown

if TYPE_CHECKING:
    from .context import _SSLContext

#: Bytes of a record's plaintext (RFC 8446, section 5.1): what one write takes before it is sent.
_RECORD = 16 * 1024
#: Bytes that are moved at once, which is what a connection holds at most.
_PIECE = 64 * 1024

_VERSIONS = {"tls1.2": "TLSv1.2", "tls1.3": "TLSv1.3"}


class Transport(Protocol):
    """Moves ciphertext."""

    def receive(self) -> bytes | None:
        """Some that has come; None at its end. SSLWantReadError if there is none and it must not wait."""

    def keep(self, rest: bytes) -> None:
        """What was received and could not be taken is received again."""

    def has_rest(self) -> bool:
        """Whether something is kept."""

    def can_send(self) -> None:
        """SSLWantWriteError if it cannot take any now and must not wait."""

    def send(self, data: bytes) -> None:
        """Takes all of it."""

    def socket(self) -> Any:
        """The socket that is behind it, or None."""


class MemoryTransport:
    """Between two buffers; somebody else moves what is in them."""

    def __init__(self, incoming: MemoryBIO, outgoing: MemoryBIO) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._rest = b""

    def receive(self) -> bytes | None:
        if self._rest:
            rest, self._rest = self._rest, b""
            return rest
        data = self._incoming.read(_PIECE)
        if not data:
            if self._incoming.eof:
                return None
            raise errors.want_read()
        return data

    def keep(self, rest: bytes) -> None:
        self._rest = rest

    def has_rest(self) -> bool:
        return bool(self._rest)

    def can_send(self) -> None:
        """A buffer always can."""

    def send(self, data: bytes) -> None:
        self._outgoing.write(data)

    def socket(self) -> None:
        return None


class SocketTransport:
    """Over a socket of this runtime: it blocks, or does not, as that does."""

    def __init__(self, sock: Any) -> None:
        # The socket has the connection, which has this.
        self._socket = weakref.ref(sock)
        self._rest = b""

    def socket(self) -> Any:
        found = self._socket()
        if found is None:
            raise errors.failed("UNINITIALIZED", "the socket is gone")
        return found

    def receive(self) -> bytes | None:
        if self._rest:
            rest, self._rest = self._rest, b""
            return rest
        try:
            sock = self.socket()
            data: bytes = sock._receive_plain(_PIECE)
            # What is decrypted can be more than is read: who selects on the socket is told of the rest.
            sock._changed()
            return data or None
        except BlockingIOError:
            raise errors.want_read() from None
        except TimeoutError:
            raise TimeoutError("The read operation timed out") from None

    def keep(self, rest: bytes) -> None:
        self._rest = rest

    def has_rest(self) -> bool:
        return bool(self._rest)

    def can_send(self) -> None:
        try:
            self.socket()._wait_for_room()
        except BlockingIOError:
            raise errors.want_write() from None
        except TimeoutError:
            raise TimeoutError("The write operation timed out") from None

    def send(self, data: bytes) -> None:
        self.socket()._send_plain(data)


class _SSLSocket:
    """A connection, as `ssl.SSLObject` and `ssl.SSLSocket` use it."""

    def __init__(
        self, context: _SSLContext, connection: hub.Connection, transport: Transport, server_side: bool,
        server_hostname: str | None, owner: Any,
    ) -> None:  # fmt: skip
        self._context = context
        self._connection = connection
        self._transport = transport
        self.server_side = server_side
        self.server_hostname = server_hostname
        self._owner = None if owner is None else weakref.ref(owner)
        self._complete = False
        self._input_ended = False
        self._closing = False
        if (sock := transport.socket()) is not None:
            sock._above = self._holds

    # Moving ciphertext.

    def _failed(self, error: Err[Any]) -> Exception:
        """The exception, after the peer was told."""
        with contextlib.suppress(OSError):
            self._flush()
        return errors.of(error.value, self.server_hostname)

    def _flush(self) -> None:
        while data := self._connection.take(_PIECE):
            self._transport.send(data)

    def _receive(self) -> None:
        """Feeds what has come. SSLWantReadError if nothing has; SSLEOFError if nothing ever will."""
        if self._input_ended:
            raise errors.end_of_file()
        data = self._transport.receive()
        if data is None:
            self._input_ended = True
            self._connection.feed_end()
            return
        try:
            taken = self._connection.feed(data)
        except Err as error:
            raise self._failed(error) from None
        if taken < len(data):
            self._transport.keep(data[taken:])

    def do_handshake(self) -> None:
        """Goes on until both ends agree."""
        while True:
            try:
                self._complete = self._connection.handshake()
            except Err as error:
                if self._input_ended:
                    raise errors.end_of_file() from None
                raise self._failed(error) from None
            self._flush()
            if self._complete:
                return
            self._receive()

    def _shaken(self) -> None:
        if not self._complete:
            self.do_handshake()

    def read(self, size: int = 1024, buffer: Any = None, /) -> Any:
        """Up to `size` bytes, or how many were put into the buffer; nothing at the end."""
        view = None
        if buffer is not None:
            view = memoryview(buffer).cast("B")
            if size <= 0 or size > len(view):
                size = len(view)
        elif size < 0:
            raise ValueError("size should not be negative")
        if not size:
            return 0 if view is not None else b""
        self._shaken()
        data = self._read(min(size, _PIECE))
        if view is None:
            return data
        view[: len(data)] = data
        return len(data)

    def _read(self, size: int) -> bytes:
        while True:
            try:
                outcome = self._connection.read(size)
            except Err as error:
                raise self._failed(error) from None
            if isinstance(outcome, hub.ReadOutcome_Data):
                return outcome.value
            if isinstance(outcome, hub.ReadOutcome_Closed):
                if self._closing:
                    raise errors.zero_return()
                return b""
            if isinstance(outcome, hub.ReadOutcome_Truncated):
                if self._context.options & constants.OP_IGNORE_UNEXPECTED_EOF:
                    return b""
                raise errors.end_of_file()
            self._flush()
            self._receive()

    def write(self, data: Any, /) -> int:
        """Takes some of it, and answers how many bytes."""
        self._shaken()
        view = memoryview(data).cast("B")
        if not view:
            return 0
        while True:
            self._transport.can_send()
            try:
                taken = self._connection.write(bytes(view[:_RECORD]))
            except Err as error:
                raise self._failed(error) from None
            self._flush()
            if taken:
                return taken

    def pending(self) -> int:
        """How many bytes can be read at once."""
        count = self._connection.readable()
        if not count and self._transport.has_rest():
            self._receive()
            count = self._connection.readable()
        return count

    def _holds(self) -> bool:
        """Whether there is something to read that is no longer in the socket."""
        return self._complete and (self._transport.has_rest() or self._connection.readable() > 0)

    def shutdown(self) -> Any:
        """Closes this end, and waits for the peer's close. Answers the socket."""
        if not self._complete:
            raise errors.failed("SHUTDOWN_WHILE_IN_INIT", "shutdown while in init")
        self._closing = True
        self._connection.close_notify()
        self._flush()
        while True:
            try:
                outcome = self._connection.read(1)
            except Err as error:
                raise self._failed(error) from None
            if isinstance(outcome, hub.ReadOutcome_Data):
                raise errors.failed("APPLICATION_DATA_AFTER_CLOSE_NOTIFY", "application data after close notify")
            if isinstance(outcome, hub.ReadOutcome_Closed):
                if (sock := self._transport.socket()) is not None:
                    sock._above = None
                return sock
            if isinstance(outcome, hub.ReadOutcome_Truncated):
                raise errors.end_of_file()
            self._receive()

    # What was agreed on.

    def getpeercert(self, binary_form: bool = False, /) -> Any:
        """The peer's certificate: as a dict, empty if it was not checked; or as DER. None if it showed none."""
        if not self._complete:
            raise ValueError("handshake not done yet")
        chain = self._connection.peer_certificates()
        if not chain:
            return None
        if binary_form:
            return bytes(chain[0])
        if self._context.verify_mode == constants.CERT_NONE:
            return {}
        try:
            return shown(bytes(chain[0]))
        except ValueError as error:
            raise errors.failed("BAD_CERTIFICATE", str(error)) from None

    def get_unverified_chain(self) -> list[Certificate] | None:
        """What the peer showed, its own first."""
        chain = self._connection.peer_certificates()
        return [Certificate(bytes(one)) for one in chain] if chain else None

    def get_verified_chain(self) -> list[Certificate] | None:
        """What the peer showed. The hub does not tell which root it found."""
        return self.get_unverified_chain()

    def cipher(self) -> tuple[str, str, int] | None:
        name = self._connection.cipher_suite() if self._complete else None
        return None if name is None else ciphers.by_iana(name)

    def shared_ciphers(self) -> list[tuple[str, str, int]] | None:
        """Of those that a client offers, the hub tells which one was chosen."""
        chosen = self.cipher()
        return [chosen] if self.server_side and chosen is not None else None

    def version(self) -> str | None:
        version = self._connection.version() if self._complete else None
        return None if version is None else _VERSIONS.get(version, version)

    def selected_alpn_protocol(self) -> str | None:
        protocol = self._connection.alpn()
        return None if protocol is None else bytes(protocol).decode("ascii", "replace")

    def compression(self) -> None:
        """Never: it tells what is encrypted (CVE-2012-4929)."""

    @property
    def session(self) -> None:
        """The hub resumes none, and has none to give."""
        return None

    @session.setter
    def session(self, value: Any) -> None:
        if value is not None:
            raise TypeError("Value is not a SSLSession.")

    @property
    def session_reused(self) -> bool:
        return self._connection.resumed()

    @property
    def owner(self) -> Any:
        return None if self._owner is None else self._owner()

    @property
    def context(self) -> _SSLContext:
        return self._context

    @context.setter
    def context(self, value: Any) -> None:
        raise NotImplementedError("a connection cannot change its context: the hub's TLS has no callback for it")

    def get_channel_binding(self, kind: str = "tls-unique") -> None:
        """TLS 1.3 has no `tls-unique` (RFC 8446, appendix C.5), and the hub none for TLS 1.2."""
        if kind == "tls-unique":
            raise NotImplementedError('the hub\'s TLS has no channel binding "tls-unique"')
        raise ValueError(f"'{kind}' channel binding type not implemented")

    def verify_client_post_handshake(self) -> None:
        raise NotImplementedError("Post-handshake auth is not supported by the hub's TLS.")
