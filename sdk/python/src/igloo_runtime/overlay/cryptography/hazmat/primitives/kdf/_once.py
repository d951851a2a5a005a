"""A derivation that is used once, as all of them are."""

from __future__ import annotations

import hmac

from cryptography import utils
from cryptography.exceptions import AlreadyFinalized, InvalidKey
from cryptography.hazmat.primitives.kdf import KeyDerivationFunction


class Once(KeyDerivationFunction):
    _used = False

    def _use(self) -> None:
        if self._used:
            raise AlreadyFinalized(f"{type(self).__name__} instances can only be used once.")
        self._used = True

    def _derived(self, key_material: bytes) -> bytes:
        raise NotImplementedError

    def derive(self, key_material: utils.Buffer) -> bytes:
        self._use()
        return self._derived(bytes(memoryview(key_material)))

    def derive_into(self, key_material: utils.Buffer, buffer: utils.Buffer) -> int:
        """As `derive`, into a buffer of the key's length."""
        view = memoryview(buffer).cast("B")
        key = self.derive(key_material)
        if len(view) != len(key):
            raise ValueError(f"buffer must be {len(key)} bytes")
        view[:] = key
        return len(key)

    def verify(self, key_material: utils.Buffer, expected_key: bytes) -> None:
        if not hmac.compare_digest(self.derive(key_material), expected_key):
            raise InvalidKey("Keys do not match.")
