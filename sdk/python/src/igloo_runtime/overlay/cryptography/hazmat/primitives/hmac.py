"""HMAC (RFC 2104), by CPython's `hmac`."""

from __future__ import annotations

import hmac
from typing import Any

from cryptography import utils
from cryptography.exceptions import AlreadyFinalized, InvalidSignature
from cryptography.hazmat.primitives import hashes

__all__ = ["HMAC"]


class HMAC(hashes.HashContext):
    """A code being computed."""

    def __init__(self, key: utils.Buffer, algorithm: hashes.HashAlgorithm, backend: Any = None) -> None:
        self._algorithm = algorithm
        self._running: Any = hmac.new(bytes(key), digestmod=hashes.name_of(algorithm))

    @property
    def algorithm(self) -> hashes.HashAlgorithm:
        return self._algorithm

    def _open(self) -> Any:
        if self._running is None:
            raise AlreadyFinalized("Context was already finalized.")
        return self._running

    def update(self, data: utils.Buffer) -> None:
        self._open().update(data)

    def copy(self) -> HMAC:
        other = object.__new__(HMAC)
        other._algorithm = self._algorithm
        other._running = self._open().copy()
        return other

    def finalize(self) -> bytes:
        running, self._running = self._open(), None
        return bytes(running.digest())

    def verify(self, signature: bytes) -> None:
        utils._check_bytes("signature", signature)
        if not hmac.compare_digest(self.finalize(), signature):
            raise InvalidSignature("Signature did not match digest.")
