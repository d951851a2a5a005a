"""CMAC with AES (RFC 4493), by the hub."""

from __future__ import annotations

import hmac
from typing import Any

from cryptography import utils
from cryptography.exceptions import AlreadyFinalized, InvalidSignature, _Reasons
from cryptography.hazmat.primitives._modes import BlockCipherAlgorithm
from igloo_runtime.crypto import host


class CMAC:
    """A code being computed. The message is kept until it is whole."""

    def __init__(self, algorithm: BlockCipherAlgorithm, backend: Any = None) -> None:
        if not isinstance(algorithm, BlockCipherAlgorithm):
            raise TypeError("Expected instance of BlockCipherAlgorithm.")
        if algorithm.name != "AES":
            raise utils.unsupported(f"CMAC with {algorithm.name}", _Reasons.UNSUPPORTED_CIPHER)
        self._key = bytes(algorithm.key)
        self._message: bytearray | None = bytearray()

    def _open(self) -> bytearray:
        if self._message is None:
            raise AlreadyFinalized("Context was already finalized.")
        return self._message

    def update(self, data: utils.Buffer) -> None:
        self._open().extend(memoryview(data))

    def copy(self) -> CMAC:
        other = object.__new__(CMAC)
        other._key = self._key
        other._message = bytearray(self._open())
        return other

    def finalize(self) -> bytes:
        message, self._message = bytes(self._open()), None
        return host.authenticate("aes-cmac", self._key, message)

    def verify(self, signature: bytes) -> None:
        utils._check_bytes("signature", signature)
        if not hmac.compare_digest(self.finalize(), signature):
            raise InvalidSignature("Signature did not match digest.")
