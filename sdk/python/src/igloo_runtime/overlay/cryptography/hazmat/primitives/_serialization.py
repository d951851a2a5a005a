"""Names of the forms that keys are written in."""

from __future__ import annotations

import enum
from typing import Any, NoReturn

from cryptography import utils
from cryptography.exceptions import _Reasons


class Encoding(enum.Enum):
    PEM = "PEM"
    DER = "DER"
    OpenSSH = "OpenSSH"
    Raw = "Raw"
    X962 = "ANSI X9.62"
    SMIME = "S/MIME"


class PrivateFormat(enum.Enum):
    PKCS8 = "PKCS8"
    TraditionalOpenSSL = "TraditionalOpenSSL"
    Raw = "Raw"
    OpenSSH = "OpenSSH"
    PKCS12 = "PKCS12"

    def encryption_builder(self) -> NoReturn:
        raise utils.unsupported("choosing how a private key is encrypted", _Reasons.UNSUPPORTED_SERIALIZATION)


class PublicFormat(enum.Enum):
    SubjectPublicKeyInfo = "X.509 subjectPublicKeyInfo with PKCS#1"
    PKCS1 = "Raw PKCS#1"
    OpenSSH = "OpenSSH"
    Raw = "Raw"
    CompressedPoint = "X9.62 Compressed Point"
    UncompressedPoint = "X9.62 Uncompressed Point"


class ParameterFormat(enum.Enum):
    PKCS3 = "PKCS3"


class KeySerializationEncryption:
    """How a private key is hidden."""


class BestAvailableEncryption(KeySerializationEncryption):
    """PBES2 with PBKDF2, HMAC-SHA-256 and AES-256-CBC."""

    def __init__(self, password: bytes) -> None:
        if not isinstance(password, bytes) or len(password) == 0:
            raise ValueError("Password must be 1 or more bytes.")
        self.password = password


class NoEncryption(KeySerializationEncryption):
    pass


def check(encoding: Any, format: Any, kind: type[Any]) -> None:
    """Both arguments must be what they are called."""
    if not isinstance(encoding, Encoding):
        raise TypeError("encoding must be an item from the Encoding enum")
    if not isinstance(format, kind):
        raise TypeError(f"format must be an item from the {kind.__name__} enum")
