"""Scrypt: not there. In Python alone it would take minutes."""

from __future__ import annotations

from typing import Any, NoReturn

from cryptography import utils
from cryptography.hazmat.primitives.kdf import KeyDerivationFunction


class Scrypt(KeyDerivationFunction):
    def __init__(self, salt: utils.Buffer, length: int, n: int, r: int, p: int, backend: Any = None) -> None:
        raise utils.unsupported("scrypt")

    def derive(self, key_material: utils.Buffer) -> NoReturn:
        raise utils.unsupported("scrypt")

    def verify(self, key_material: bytes, expected_key: bytes) -> NoReturn:
        raise utils.unsupported("scrypt")
