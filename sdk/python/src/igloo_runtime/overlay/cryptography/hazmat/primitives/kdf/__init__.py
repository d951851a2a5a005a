"""Keys derived from secrets."""

from __future__ import annotations

import abc

from cryptography import utils


class KeyDerivationFunction(metaclass=abc.ABCMeta):
    @abc.abstractmethod
    def derive(self, key_material: utils.Buffer) -> bytes: ...

    @abc.abstractmethod
    def verify(self, key_material: bytes, expected_key: bytes) -> None: ...
