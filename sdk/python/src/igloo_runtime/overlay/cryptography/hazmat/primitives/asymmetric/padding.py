"""Paddings of RSA, by name."""

from __future__ import annotations

import abc

from cryptography.hazmat.primitives import hashes


class AsymmetricPadding(metaclass=abc.ABCMeta):
    name: str


class PKCS1v15(AsymmetricPadding):
    name = "EMSA-PKCS1-v1_5"


class _MaxLength:
    pass


class _Auto:
    pass


class _DigestLength:
    pass


class MGF(metaclass=abc.ABCMeta):
    _algorithm: hashes.HashAlgorithm


class MGF1(MGF):
    MAX_LENGTH = _MaxLength()

    def __init__(self, algorithm: hashes.HashAlgorithm) -> None:
        if not isinstance(algorithm, hashes.HashAlgorithm):
            raise TypeError("Expected instance of hashes.HashAlgorithm.")
        self._algorithm = algorithm


class PSS(AsymmetricPadding):
    MAX_LENGTH = _MaxLength()
    AUTO = _Auto()
    DIGEST_LENGTH = _DigestLength()
    name = "EMSA-PSS"

    def __init__(self, mgf: MGF, salt_length: int | _MaxLength | _Auto | _DigestLength) -> None:
        if isinstance(salt_length, int) and salt_length < 0:
            raise ValueError("salt_length must be zero or greater.")
        self._mgf = mgf
        self._salt_length = salt_length

    @property
    def mgf(self) -> MGF:
        return self._mgf


class OAEP(AsymmetricPadding):
    name = "EME-OAEP"

    def __init__(self, mgf: MGF, algorithm: hashes.HashAlgorithm, label: bytes | None) -> None:
        if not isinstance(algorithm, hashes.HashAlgorithm):
            raise TypeError("Expected instance of hashes.HashAlgorithm.")
        self._mgf, self._algorithm, self._label = mgf, algorithm, label

    @property
    def algorithm(self) -> hashes.HashAlgorithm:
        return self._algorithm

    @property
    def mgf(self) -> MGF:
        return self._mgf
