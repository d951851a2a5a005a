"""`_ssl._SSLContext`: settings of connections. The hub is told of them when a connection is made.

Until then they are only kept: libraries make contexts while they are imported, and that is while the component is made,
where there is no hub.

Source: CPython 3.14, Modules/_ssl.c, for what may be set, what it means, and what is a ValueError.
"""

from __future__ import annotations

import contextlib
import os
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any, Self

from componentize_py_types import Err
from wit_world.imports import connections as hub

from .. import driver, pem
from . import certificate, ciphers, constants, errors
from .bio import MemoryBIO
from .connection import MemoryTransport, SocketTransport, _SSLSocket

#: Where the home's roots are: see docs/tls.md.
ROOTS_FILE = "/etc/ssl/certs/ca-certificates.crt"
ROOTS_DIRECTORY = "/etc/ssl/certs"

_OLD = (constants.PROTOCOL_TLSv1, constants.PROTOCOL_TLSv1_1)
_PROTOCOLS = (
    constants.PROTOCOL_TLS, constants.PROTOCOL_TLS_CLIENT, constants.PROTOCOL_TLS_SERVER, constants.PROTOCOL_TLSv1_2,
)  # fmt: skip
_VERSIONS = {
    constants.PROTO_SSLv3: "ssl3",
    constants.PROTO_TLSv1: "tls1.0",
    constants.PROTO_TLSv1_1: "tls1.1",
    constants.PROTO_TLSv1_2: "tls1.2",
    constants.PROTO_TLSv1_3: "tls1.3",
}
#: What the hub speaks, the oldest first, and the option that leaves it out.
_SPOKEN = (
    (constants.PROTO_TLSv1_2, constants.OP_NO_TLSv1_2),
    (constants.PROTO_TLSv1_3, constants.OP_NO_TLSv1_3),
)
_OPTIONS = (
    constants.OP_ALL | constants.OP_NO_SSLv3 | constants.OP_CIPHER_SERVER_PREFERENCE | constants.OP_NO_COMPRESSION
    | constants.OP_ENABLE_MIDDLEBOX_COMPAT | constants.OP_SINGLE_DH_USE | constants.OP_SINGLE_ECDH_USE
    | constants.OP_IGNORE_UNEXPECTED_EOF
)  # fmt: skip
_CURVES = ("prime256v1", "secp256r1", "P-256", "secp384r1", "P-384", "X25519", "x25519")


#: Contexts whose settings the hub keeps, each for both roles at most. It keeps 64; connections need them only to begin.
_CONFIGURED = 28
_configured: deque[weakref.ref[_SSLContext]] = deque()


def _unsupported(what: str) -> NotImplementedError:
    return NotImplementedError(
        f'{what}: the hub\'s TLS has no such thing. The process engine has it (`engine = "process"`).'
    )


def _contents(path: Any) -> bytes:
    with open(path, "rb") as file:
        return file.read()


class _SSLContext:
    """Settings, kept until a connection needs them."""

    _protocol: int
    _alpn: list[bytes]
    #: As DER, each once.
    _roots: dict[bytes, None]
    #: A chain and its key, as PEM.
    _identity: tuple[bytes, bytes] | None
    #: The names that a peer's certificate may be for are never looked for in its subject.
    _host_flags: int
    post_handshake_auth: bool
    num_tickets: int
    #: The hub's, by whether they are a server's; emptied when a setting changes.
    _made: dict[bool, hub.Configuration]

    def __new__(cls, protocol: int) -> Self:
        if protocol in _OLD:
            raise ValueError("unsupported protocol version: the hub speaks TLS 1.2 and 1.3, and nothing older")
        if protocol not in _PROTOCOLS:
            raise ValueError("invalid or unsupported protocol version")
        self = super().__new__(cls)
        self._protocol = int(protocol)
        client = protocol == constants.PROTOCOL_TLS_CLIENT
        self._verify_mode = constants.CERT_REQUIRED if client else constants.CERT_NONE
        self._check_hostname = client
        self._options = _OPTIONS & ~constants.OP_IGNORE_UNEXPECTED_EOF
        self._verify_flags = constants.VERIFY_X509_TRUSTED_FIRST
        only = protocol == constants.PROTOCOL_TLSv1_2
        self._minimum = constants.PROTO_TLSv1_2
        self._maximum = constants.PROTO_TLSv1_2 if only else constants.PROTO_MAXIMUM_SUPPORTED
        self._alpn = []
        self._ciphers = ciphers.SUITES
        self._home_roots = False
        self._roots = {}
        self._identity = None
        self._host_flags = constants.HOSTFLAG_NEVER_CHECK_SUBJECT | constants.HOSTFLAG_NO_PARTIAL_WILDCARDS
        self.post_handshake_auth = False
        self.num_tickets = 2
        self._made = {}
        return self

    # Settings.

    @property
    def protocol(self) -> int:
        return self._protocol

    @property
    def verify_mode(self) -> int:
        return self._verify_mode

    @verify_mode.setter
    def verify_mode(self, value: int) -> None:
        if value not in (constants.CERT_NONE, constants.CERT_OPTIONAL, constants.CERT_REQUIRED):
            raise ValueError("invalid value for verify_mode")
        if value == constants.CERT_NONE and self._check_hostname:
            raise ValueError("Cannot set verify_mode to CERT_NONE when check_hostname is enabled.")
        self._verify_mode = int(value)
        self._made.clear()

    @property
    def check_hostname(self) -> bool:
        return self._check_hostname

    @check_hostname.setter
    def check_hostname(self, value: Any) -> None:
        self._check_hostname = bool(value)
        if self._check_hostname and self._verify_mode == constants.CERT_NONE:
            self._verify_mode = constants.CERT_REQUIRED
        self._made.clear()

    @property
    def options(self) -> int:
        return self._options

    @options.setter
    def options(self, value: int) -> None:
        if value < 0:
            raise OverflowError("can't convert negative value to unsigned int")
        self._options = int(value)
        self._made.clear()

    @property
    def verify_flags(self) -> int:
        return self._verify_flags

    @verify_flags.setter
    def verify_flags(self, value: int) -> None:
        if value & constants.VERIFY_CRL_CHECK_CHAIN:
            raise _unsupported("revocation lists (VERIFY_CRL_CHECK_LEAF, VERIFY_CRL_CHECK_CHAIN)")
        self._verify_flags = int(value)

    @property
    def minimum_version(self) -> int:
        return self._minimum

    @minimum_version.setter
    def minimum_version(self, value: int) -> None:
        if value == constants.PROTO_MAXIMUM_SUPPORTED:
            value = constants.PROTO_TLSv1_3
        elif value != constants.PROTO_MINIMUM_SUPPORTED and value not in _VERSIONS:
            raise ValueError(f"Unsupported TLS/SSL version {value:#x}")
        self._minimum = int(value)
        self._made.clear()

    @property
    def maximum_version(self) -> int:
        return self._maximum

    @maximum_version.setter
    def maximum_version(self, value: int) -> None:
        if value == constants.PROTO_MINIMUM_SUPPORTED:
            value = constants.PROTO_TLSv1_2
        elif value != constants.PROTO_MAXIMUM_SUPPORTED and value not in _VERSIONS:
            raise ValueError(f"Unsupported TLS/SSL version {value:#x}")
        if 0 < value < constants.PROTO_TLSv1_2:
            raise errors.failed(
                "UNSUPPORTED_PROTOCOL", f"the hub speaks TLS 1.2 and 1.3, and nothing older ({_VERSIONS[value]})"
            )
        self._maximum = int(value)
        self._made.clear()

    @property
    def security_level(self) -> int:
        """What OpenSSL's level 2 asks for is what the hub does at least."""
        return 2

    @property
    def sni_callback(self) -> None:
        return None

    @sni_callback.setter
    def sni_callback(self, value: Callable[..., Any] | None) -> None:
        if value is not None:
            raise _unsupported("a callback for the name that a client asks for (sni_callback)")

    @property
    def keylog_filename(self) -> None:
        return None

    @keylog_filename.setter
    def keylog_filename(self, value: Any) -> None:
        if value is not None:
            raise _unsupported("writing a connection's keys to a file (keylog_filename)")

    @property
    def _msg_callback(self) -> None:
        return None

    @_msg_callback.setter
    def _msg_callback(self, value: Any) -> None:
        if value is not None:
            raise _unsupported("a callback for each message (_msg_callback)")

    def set_ciphers(self, text: str, /) -> None:
        """Which of the hub's suites are meant. SSLError if it is none of them; see `ciphers`."""
        self._ciphers = ciphers.selected(text)

    def get_ciphers(self) -> list[dict[str, Any]]:
        return [suite.described() for suite in self._ciphers]

    def _set_alpn_protocols(self, protocols: bytes, /) -> None:
        at, found = 0, []
        while at < len(protocols):
            end = at + 1 + protocols[at]
            found.append(bytes(protocols[at + 1 : end]))
            at = end
        self._alpn = found
        self._made.clear()

    def set_ecdh_curve(self, name: str, /) -> None:
        """The hub's groups are X25519, P-256 and P-384, and it chooses."""
        if (name if isinstance(name, str) else bytes(name).decode("ascii", "replace")) not in _CURVES:
            raise ValueError(f"unknown elliptic curve name {name!r}")

    def load_dh_params(self, path: Any, /) -> None:
        raise _unsupported("finite-field Diffie-Hellman")

    def set_psk_client_callback(self, callback: Any) -> None:
        raise _unsupported("pre-shared keys")

    def set_psk_server_callback(self, callback: Any, identity_hint: Any = None) -> None:
        raise _unsupported("pre-shared keys")

    def session_stats(self) -> dict[str, int]:
        """The hub keeps no sessions."""
        return dict.fromkeys(
            ("number", "connect", "connect_good", "connect_renegotiate", "accept", "accept_good", "accept_renegotiate",
             "hits", "misses", "timeouts", "cache_full"), 0,
        )  # fmt: skip

    # Certificates.

    def set_default_verify_paths(self) -> None:
        """Trusts what this home trusts."""
        self._home_roots = True
        self._made.clear()

    def load_verify_locations(self, cafile: Any = None, capath: Any = None, cadata: Any = None) -> None:
        """Trusts what is in a PEM file, in the files of a directory, or is given: PEM as text, DER as bytes."""
        if cafile is None and capath is None and cadata is None:
            raise TypeError("cafile, capath and cadata cannot be all omitted")
        if cadata is not None:
            self._trust(*self._given(cadata))
        if cafile is not None:
            if os.fspath(cafile) in (ROOTS_FILE, ROOTS_FILE.encode()):
                self._home_roots = True
            else:
                found = certificate.from_pem(_contents(cafile))
                if not found:
                    raise _no_certificate("NO_CERTIFICATE_OR_CRL_FOUND", "no certificate or crl found")
                self._trust(*found)
        if capath is not None:
            if os.fspath(capath) in (ROOTS_DIRECTORY, ROOTS_DIRECTORY.encode()):
                self._home_roots = True
            else:
                self._trust_directory(capath)
        self._made.clear()

    @staticmethod
    def _given(cadata: Any) -> list[bytes]:
        try:
            if isinstance(cadata, str):
                if not (found := certificate.from_pem(cadata.encode("ascii"))):
                    raise _no_certificate("NO_START_LINE", "no start line: cadata does not contain a certificate")
            elif not (found := certificate.from_der(bytes(cadata))):
                raise _no_certificate("NOT_ENOUGH_DATA", "not enough data: cadata does not contain a certificate")
        except UnicodeEncodeError:
            raise TypeError("cadata should be an ASCII string or a bytes-like object") from None
        except ValueError as error:
            if isinstance(error, errors.SSLError):
                raise
            raise _no_certificate("BAD_DATA", str(error)) from None
        return found

    def _trust(self, *found: bytes) -> None:
        for one in found:
            try:
                certificate.Parsed(one)
            except ValueError as error:
                raise _no_certificate("BAD_CERTIFICATE", str(error)) from None
        self._roots.update(dict.fromkeys(found))

    def _trust_directory(self, path: Any) -> None:
        """OpenSSL would look for a file when it needs it, and say nothing of what it cannot read."""
        try:
            entries = sorted(os.listdir(path))
        except OSError:
            return
        for entry in entries:
            try:
                self._trust(*certificate.from_pem(_contents(os.path.join(path, entry))))
            except (OSError, ValueError):
                continue

    def load_cert_chain(self, certfile: Any, keyfile: Any = None, password: Any = None) -> None:
        """Shows this certificate. Both files are PEM; the key may stand in the certificate's."""
        chain = _contents(certfile)
        key = chain if keyfile is None else _contents(keyfile)
        if not certificate.from_pem(chain):
            raise _no_certificate("NO_START_LINE", "no start line: the file has no certificate")
        self._identity = chain, _private_key(key, password)
        self._made.clear()
        if driver.is_live():
            # So that a key that is not the certificate's is told about here.
            self._configure(hub.Configuration(), server=False)

    def get_ca_certs(self, binary_form: bool = False) -> list[Any]:
        """The authorities that are trusted, as `getpeercert()` shows them or as DER."""
        roots = dict(self._roots)
        if self._home_roots:
            with contextlib.suppress(OSError):
                roots.update(dict.fromkeys(certificate.from_pem(_contents(ROOTS_FILE))))
        found: list[Any] = []
        for root in roots:
            try:
                parsed = certificate.Parsed(root)
            except ValueError:
                continue
            if parsed.is_authority() or parsed.version == 1:
                found.append(root if binary_form else parsed.shown())
        return found

    def cert_store_stats(self) -> dict[str, int]:
        """How many are trusted."""
        authorities = len(self.get_ca_certs(binary_form=True))
        return {"x509": max(authorities, len(self._roots)), "crl": 0, "x509_ca": authorities}

    # Connections.

    def _configure(self, made: hub.Configuration, server: bool) -> hub.Configuration:
        try:
            if self._home_roots:
                made.add_home_roots()
            if self._roots:
                made.add_roots(b"".join(pem.block("CERTIFICATE", root) for root in self._roots))
            made.set_verification(self._verification(server))
            if self._identity is not None:
                made.set_certificate(*self._identity)
            if self._alpn:
                made.set_alpn(self._alpn)
            made.set_versions(*self._range())
        except Err as error:
            raise errors.of(error.value) from None
        return made

    def _verification(self, server: bool) -> str:
        if self._verify_mode == constants.CERT_NONE:
            return "none"
        if server:
            return "optional" if self._verify_mode == constants.CERT_OPTIONAL else "full"
        return "full" if self._check_hostname else "chain"

    def _range(self) -> tuple[str, str]:
        maximum = self._maximum if self._maximum > 0 else constants.PROTO_TLSv1_3
        spoken = [
            version
            for version, left_out in _SPOKEN
            if self._minimum <= version <= maximum and not self._options & left_out
        ]
        if not spoken:
            raise errors.failed("NO_PROTOCOLS_AVAILABLE", "no protocols available: the hub speaks TLS 1.2 and 1.3")
        return _VERSIONS[spoken[0]], _VERSIONS[spoken[-1]]

    def _configuration(self, server: bool) -> hub.Configuration:
        if not driver.is_live():
            raise RuntimeError("a TLS connection cannot be made while the component is: there is no hub yet")
        made = self._made.get(server)
        if made is None:
            _configured.append(weakref.ref(self))
            while len(_configured) > _CONFIGURED:
                oldest = _configured.popleft()()
                if oldest is not None:
                    oldest._made.clear()
            made = self._made[server] = self._configure(hub.Configuration(), server)
        return made

    def _connect(self, server: bool, hostname: str | None) -> hub.Connection:
        if not server and self._check_hostname and hostname is None:
            raise ValueError("check_hostname requires server_hostname")
        if hostname is not None and (not hostname or hostname.startswith(".")):
            raise ValueError("server_hostname cannot be an empty string or start with a leading dot.")
        if server and self._protocol == constants.PROTOCOL_TLS_CLIENT:
            raise errors.failed("CALLED_A_FUNCTION_YOU_SHOULD_NOT_CALL", "Cannot create a server socket with a "
                                "PROTOCOL_TLS_CLIENT context")  # fmt: skip
        if not server and self._protocol == constants.PROTOCOL_TLS_SERVER:
            raise errors.failed("CALLED_A_FUNCTION_YOU_SHOULD_NOT_CALL", "Cannot create a client socket with a "
                                "PROTOCOL_TLS_SERVER context")  # fmt: skip
        if server and self._identity is None:
            raise errors.failed("NO_CERTIFICATE_SET", "a server needs a certificate: `load_cert_chain`")
        configuration = self._configuration(server)
        try:
            return hub.Connection.server(configuration) if server else hub.Connection.client(configuration, hostname)
        except Err as error:
            raise errors.of(error.value, hostname) from None

    def _wrap_bio(
        self, incoming: MemoryBIO, outgoing: MemoryBIO, server_side: bool = False,
        server_hostname: str | None = None, owner: Any = None, session: Any = None,
    ) -> _SSLSocket:  # fmt: skip
        if not isinstance(incoming, MemoryBIO) or not isinstance(outgoing, MemoryBIO):
            raise TypeError("incoming and outgoing must be MemoryBIO")
        transport = MemoryTransport(incoming, outgoing)
        connection = self._connect(server_side, server_hostname)
        return _SSLSocket(self, connection, transport, server_side, server_hostname, owner)

    def _wrap_socket(
        self, sock: Any, server_side: bool, server_hostname: str | None = None, owner: Any = None, session: Any = None
    ) -> _SSLSocket:
        connection = self._connect(server_side, server_hostname)
        return _SSLSocket(self, connection, SocketTransport(sock), server_side, server_hostname, owner)


def _no_certificate(reason: str, text: str) -> errors.SSLError:
    error = errors.SSLError(constants.SSL_ERROR_SSL, f"[X509: {reason}] {text}")
    error.library = "X509"
    error.reason = reason
    return error


def _private_key(data: bytes, password: Any) -> bytes:
    """The private key's own block of a PEM text."""
    for label, content, headers in pem.blocks(data):
        if not label.endswith("PRIVATE KEY"):
            continue
        if label == "ENCRYPTED PRIVATE KEY":
            from ..crypto import keys

            word = password() if callable(password) else password
            if word is None:
                raise errors.failed("BAD_PASSWORD_READ", "the private key is encrypted, and there is no password")
            try:
                return pem.block("PRIVATE KEY", keys.decrypt_pkcs8(content, _encoded(word)))
            except ValueError as error:
                raise errors.failed("BAD_DECRYPT", str(error)) from None
        if "ENCRYPTED" in headers.get("Proc-Type", ""):
            raise errors.failed(
                "UNSUPPORTED", "the private key is encrypted in OpenSSL's old way; `openssl pkcs8 -topk8` makes PKCS#8"
            )
        return pem.block(label, content)
    raise _no_certificate("NO_START_LINE", "no start line: there is no private key")


def _encoded(word: Any) -> bytes:
    return word.encode() if isinstance(word, str) else bytes(word)
