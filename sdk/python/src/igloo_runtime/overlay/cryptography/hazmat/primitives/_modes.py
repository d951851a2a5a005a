"""What ciphers and modes are made of: they hold keys and vectors, check lengths, and compute nothing."""

from __future__ import annotations

import abc
from typing import Any

from cryptography import utils
from cryptography.exceptions import UnsupportedAlgorithm, _Reasons


class CipherAlgorithm(metaclass=abc.ABCMeta):
    name: str
    key_sizes: frozenset[int]
    key: bytes

    @property
    def key_size(self) -> int:
        return len(self.key) * 8


class BlockCipherAlgorithm(CipherAlgorithm):
    block_size: int


class Mode(metaclass=abc.ABCMeta):
    name: str

    def validate_for_algorithm(self, algorithm: CipherAlgorithm) -> None:
        if not isinstance(algorithm, BlockCipherAlgorithm):
            raise UnsupportedAlgorithm(f"{self.name} requires a block cipher algorithm", _Reasons.UNSUPPORTED_CIPHER)
        if algorithm.key_size > 256 and algorithm.name == "AES":
            raise ValueError("Only 128, 192, and 256 bit keys are allowed for this AES mode")


class ModeWithInitializationVector(Mode):
    def __init__(self, initialization_vector: utils.Buffer) -> None:
        utils._check_byteslike("initialization_vector", initialization_vector)
        self._vector = bytes(initialization_vector)

    @property
    def initialization_vector(self) -> bytes:
        return self._vector

    def validate_for_algorithm(self, algorithm: CipherAlgorithm) -> None:
        super().validate_for_algorithm(algorithm)
        assert isinstance(algorithm, BlockCipherAlgorithm)
        if len(self._vector) * 8 != algorithm.block_size:
            raise ValueError(f"Invalid IV size ({len(self._vector)}) for {self.name}.")


class ModeWithTweak(Mode):
    tweak: bytes


class ModeWithNonce(Mode):
    nonce: bytes


class ModeWithAuthenticationTag(Mode):
    tag: Any


class CBC(ModeWithInitializationVector):
    name = "CBC"


class CFB(ModeWithInitializationVector):
    name = "CFB"


class CFB8(ModeWithInitializationVector):
    name = "CFB8"


class OFB(ModeWithInitializationVector):
    name = "OFB"


class ECB(Mode):
    name = "ECB"


class CTR(ModeWithNonce):
    name = "CTR"

    def __init__(self, nonce: utils.Buffer) -> None:
        utils._check_byteslike("nonce", nonce)
        self.nonce = bytes(nonce)

    def validate_for_algorithm(self, algorithm: CipherAlgorithm) -> None:
        super().validate_for_algorithm(algorithm)
        assert isinstance(algorithm, BlockCipherAlgorithm)
        if len(self.nonce) * 8 != algorithm.block_size:
            raise ValueError(f"Invalid nonce size ({len(self.nonce)}) for CTR.")


class GCM(ModeWithInitializationVector, ModeWithAuthenticationTag):
    name = "GCM"
    _MAX_ENCRYPTED_BYTES = (2**39 - 256) // 8
    _MAX_AAD_BYTES = (2**64 - 1) // 8

    def __init__(self, initialization_vector: utils.Buffer, tag: bytes | None = None, min_tag_length: int = 16) -> None:
        super().__init__(initialization_vector)
        if not 8 <= len(self._vector) <= 128:
            raise ValueError("initialization_vector must be between 8 and 128 bytes (64 and 1024 bits).")
        if min_tag_length < 4:
            raise ValueError("min_tag_length must be >= 4")
        if tag is not None:
            utils._check_bytes("tag", tag)
            if len(tag) < min_tag_length:
                raise ValueError(f"Authentication tag must be {min_tag_length} bytes or longer.")
            if len(tag) > 16:
                raise ValueError("Authentication tag cannot be more than 16 bytes.")
        self._tag = tag
        self._min_tag_length = min_tag_length

    @property
    def tag(self) -> bytes | None:
        return self._tag

    def validate_for_algorithm(self, algorithm: CipherAlgorithm) -> None:
        Mode.validate_for_algorithm(self, algorithm)


class XTS(ModeWithTweak):
    name = "XTS"

    def __init__(self, tweak: utils.Buffer) -> None:
        raise utils.unsupported("AES-XTS", _Reasons.UNSUPPORTED_CIPHER)
