"""X448: not there. It can be named, because libraries name it beside X25519."""

from __future__ import annotations

from typing import NoReturn

from cryptography import utils
from cryptography.exceptions import _Reasons


class X448PublicKey:
    @classmethod
    def from_public_bytes(cls, data: bytes) -> NoReturn:
        raise utils.unsupported("X448", _Reasons.UNSUPPORTED_EXCHANGE_ALGORITHM)


class X448PrivateKey:
    @classmethod
    def generate(cls) -> NoReturn:
        raise utils.unsupported("X448", _Reasons.UNSUPPORTED_EXCHANGE_ALGORITHM)

    @classmethod
    def from_private_bytes(cls, data: utils.Buffer) -> NoReturn:
        raise utils.unsupported("X448", _Reasons.UNSUPPORTED_EXCHANGE_ALGORITHM)
