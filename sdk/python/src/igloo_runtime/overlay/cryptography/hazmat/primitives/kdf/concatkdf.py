"""Concatenation KDF (NIST SP 800-56C), on CPython's digests."""

from __future__ import annotations

import hashlib
from typing import Any

from cryptography import utils
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf._once import Once


class ConcatKDFHash(Once):
    """A key of any length from a shared secret."""

    def __init__(
        self, algorithm: hashes.HashAlgorithm, length: int, otherinfo: utils.Buffer | None, backend: Any = None
    ) -> None:
        self._name = hashes.name_of(algorithm)
        self._length = length
        self._info = b"" if otherinfo is None else bytes(memoryview(otherinfo))

    def _derived(self, key_material: bytes) -> bytes:
        key = b""
        number = 1
        while len(key) < self._length:
            key += hashlib.new(self._name, number.to_bytes(4, "big") + key_material + self._info).digest()
            number += 1
        return key[: self._length]
