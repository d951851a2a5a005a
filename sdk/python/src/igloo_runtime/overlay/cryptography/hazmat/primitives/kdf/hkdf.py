"""HKDF (RFC 5869), on CPython's HMAC."""

from __future__ import annotations

import hmac
from typing import Any

from cryptography import utils
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf._once import Once

__all__ = ["HKDF", "HKDFExpand"]


class HKDFExpand(Once):
    """The second half: a key of any length from a key."""

    def __init__(
        self, algorithm: hashes.HashAlgorithm, length: int, info: utils.Buffer | None, backend: Any = None
    ) -> None:
        self._name = hashes.name_of(algorithm)
        self._algorithm = algorithm
        if length > 255 * algorithm.digest_size:
            raise ValueError(f"Cannot derive keys larger than {255 * algorithm.digest_size} octets.")
        if length < 0:
            raise ValueError("length must be positive")
        self._length = length
        self._info = b"" if info is None else bytes(memoryview(info))

    def _derived(self, key_material: bytes) -> bytes:
        block = key = b""
        number = 1
        while len(key) < self._length:
            block = hmac.digest(key_material, block + self._info + bytes((number,)), self._name)
            key += block
            number += 1
        return key[: self._length]


class HKDF(HKDFExpand):
    """A key of any length from any secret."""

    def __init__(
        self, algorithm: hashes.HashAlgorithm, length: int, salt: utils.Buffer | None, info: utils.Buffer | None,
        backend: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(algorithm, length, info)
        self._salt = bytes(algorithm.digest_size) if salt is None else bytes(memoryview(salt))

    @staticmethod
    def extract(algorithm: hashes.HashAlgorithm, salt: utils.Buffer | None, key_material: utils.Buffer) -> bytes:
        """The first half: a key of the digest's length."""
        salt = bytes(algorithm.digest_size) if salt is None else bytes(memoryview(salt))
        return hmac.digest(salt, bytes(memoryview(key_material)), hashes.name_of(algorithm))

    def _extract(self, key_material: utils.Buffer) -> bytes:
        return self.extract(self._algorithm, self._salt, key_material)

    def _derived(self, key_material: bytes) -> bytes:
        return super()._derived(self._extract(key_material))
