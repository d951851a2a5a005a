"""`igloo:crypto` with Python's exceptions. The one module that knows the generated bindings of it.

What is over 1 MiB is cut where that changes nothing, and refused where it would.
"""

from __future__ import annotations

from typing import Any

from componentize_py_types import Err
from wit_world.imports import aead as _aead
from wit_world.imports import agreement as _agreement
from wit_world.imports import cipher as _cipher
from wit_world.imports import mac as _mac
from wit_world.imports import signature as _signature

from .. import driver

#: Bytes of a message, plaintext or ciphertext in one call (wit/deps/igloo-crypto.wit).
LARGEST = 1 << 20


class Unsupported(Exception):
    """The hub has no such algorithm."""


class Refused(Exception):
    """A tag, a signature or a point is wrong. Deliberately without a reason."""


def _of(error: Err[Any], what: str) -> Exception:
    code = error.value
    case = type(code).__name__.removeprefix("ErrorCode_")
    if case == "Unsupported":
        return Unsupported(f'the hub has no {what}; the process engine has OpenSSL (`engine = "process"`)')
    if case in ("InvalidKey", "InvalidArgument"):
        return ValueError(code.value)
    if case == "Refused":
        return Refused(what)
    if case == "Limit":
        return OverflowError(f"{what}: over a limit of the hub's (a message 1 MiB, keys 1024)")
    return RuntimeError(f"{what}: {getattr(code, 'value', code)!r}")


def _serving(what: str) -> None:
    if not driver.is_live():
        raise RuntimeError(f"{what}: while the component is made there is no hub to compute it")


class Aead:
    """A key for authenticated encryption."""

    __slots__ = ("_key", "_name")

    def __init__(self, algorithm: str, raw: Any) -> None:
        _serving(algorithm)
        self._name = algorithm
        try:
            self._key = _aead.Key.import_raw(algorithm, bytes(raw))
        except Err as error:
            raise _of(error, algorithm) from None

    def seal(self, nonce: Any, additional: Any, plaintext: Any) -> bytes:
        """The ciphertext, and the tag after it."""
        try:
            return bytes(self._key.seal(bytes(nonce), bytes(additional), bytes(plaintext)))
        except Err as error:
            raise _of(error, self._name) from None

    def open(self, nonce: Any, additional: Any, ciphertext: Any) -> bytes:
        """The plaintext; `Refused` if it was tampered with."""
        try:
            return bytes(self._key.open(bytes(nonce), bytes(additional), bytes(ciphertext)))
        except Err as error:
            raise _of(error, self._name) from None


class Running:
    """A message being encrypted or decrypted, without authentication."""

    __slots__ = ("_name", "_running")

    def __init__(self, algorithm: str, key: Any, iv: Any, encrypt: bool) -> None:
        _serving(algorithm)
        self._name = algorithm
        make = _cipher.Running.encrypt if encrypt else _cipher.Running.decrypt
        try:
            self._running = make(algorithm, bytes(key), bytes(iv))
        except Err as error:
            raise _of(error, algorithm) from None

    def update(self, piece: bytes) -> bytes:
        """The next piece; whole blocks for ECB and CBC."""
        try:
            if len(piece) <= LARGEST:
                return bytes(self._running.update(piece))
            pieces = (piece[at : at + LARGEST] for at in range(0, len(piece), LARGEST))
            return b"".join(self._running.update(one) for one in pieces)
        except Err as error:
            raise _of(error, self._name) from None

    def close(self) -> None:
        """The hub forgets it. Nothing can be done with it any more."""
        self._running.__exit__(None, None, None)


def once(algorithm: str, key: Any, iv: Any, message: bytes, encrypt: bool) -> bytes:
    """A whole message of whole blocks."""
    running = Running(algorithm, key, iv, encrypt)
    try:
        return running.update(message)
    finally:
        running.close()


class Agreement:
    """A private key for Diffie-Hellman: `x25519`, `p256`, `p384`. Generated without `raw`."""

    __slots__ = ("_key", "_name")

    def __init__(self, algorithm: str, raw: Any = None) -> None:
        _serving(algorithm)
        self._name = algorithm
        try:
            if raw is None:
                self._key = _agreement.StaticKey.generate(algorithm)
            else:
                self._key = _agreement.StaticKey.import_raw(algorithm, bytes(raw))
        except Err as error:
            raise _of(error, algorithm) from None

    def raw(self) -> bytes:
        return bytes(self._key.export_raw())

    def public_key(self) -> bytes:
        return bytes(self._key.public_key())

    def agree(self, peer: Any) -> bytes:
        """The shared secret; `Refused` if the peer's key is none."""
        try:
            return bytes(self._key.agree(bytes(peer)))
        except Err as error:
            raise _of(error, self._name) from None


class Signing:
    """A private key that signs."""

    __slots__ = ("_key",)

    def __init__(self, kind: str, secret: Any) -> None:
        """`kind` is `pkcs8`, `pkcs1`, or the algorithm of a bare secret."""
        _serving(kind)
        try:
            if kind in ("pkcs8", "pkcs1"):
                self._key = _signature.SigningKey.import_der(kind, bytes(secret))
            else:
                self._key = _signature.SigningKey.import_raw(kind, bytes(secret))
        except Err as error:
            raise _of(error, kind) from None

    def public_key(self) -> bytes:
        return bytes(self._key.public_key())

    def sign(self, algorithm: str, message: Any) -> bytes:
        try:
            return bytes(self._key.sign(algorithm, bytes(message)))
        except Err as error:
            raise _of(error, algorithm) from None


def verify(algorithm: str, public_key: bytes, message: Any, signature: Any) -> None:
    """`Refused` if this is not the key's signature of the message."""
    _serving(algorithm)
    try:
        _signature.verify(algorithm, public_key, bytes(message), bytes(signature))
    except Err as error:
        raise _of(error, algorithm) from None


def authenticate(algorithm: str, key: Any, message: bytes) -> bytes:
    """A message's code, by an algorithm that is not made of digests."""
    _serving(algorithm)
    try:
        return bytes(_mac.authenticate(algorithm, bytes(key), message))
    except Err as error:
        raise _of(error, algorithm) from None
