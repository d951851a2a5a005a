"""PBKDF2 with HMAC (RFC 8018)."""

from __future__ import annotations

from typing import Any

from cryptography import utils
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf._once import Once
from igloo_runtime.crypto import kdf


class PBKDF2HMAC(Once):
    """A key from a password. A hundred thousand rounds take most of a second in a component."""

    def __init__(
        self, algorithm: hashes.HashAlgorithm, length: int, salt: utils.Buffer, iterations: int, backend: Any = None
    ) -> None:
        self._name = hashes.name_of(algorithm)
        self._length = length
        self._salt = bytes(memoryview(salt))
        self._iterations = iterations

    def _derived(self, key_material: bytes) -> bytes:
        return kdf.pbkdf2_hmac(self._name, key_material, self._salt, self._iterations, self._length)
