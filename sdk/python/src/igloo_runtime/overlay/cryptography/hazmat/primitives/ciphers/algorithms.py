"""Ciphers with their keys."""

from __future__ import annotations

from cryptography import utils
from cryptography.exceptions import _Reasons
from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4, TripleDES
from cryptography.hazmat.primitives._modes import BlockCipherAlgorithm, CipherAlgorithm

__all__ = ["AES", "AES128", "AES256", "ARC4", "SM4", "Camellia", "ChaCha20", "TripleDES"]


def _checked(algorithm: CipherAlgorithm, key: utils.Buffer) -> bytes:
    utils._check_byteslike("key", key)
    raw = bytes(memoryview(key))
    if len(raw) * 8 not in algorithm.key_sizes:
        raise ValueError(f"Invalid key size ({len(raw) * 8}) for {algorithm.name}.")
    return raw


class AES(BlockCipherAlgorithm):
    name = "AES"
    block_size = 128
    #: 512 is for a mode that is not there.
    key_sizes = frozenset([128, 192, 256, 512])

    def __init__(self, key: utils.Buffer) -> None:
        self.key = _checked(self, key)


class AES128(BlockCipherAlgorithm):
    name = "AES"
    block_size = 128
    key_sizes = frozenset([128])

    def __init__(self, key: utils.Buffer) -> None:
        self.key = _checked(self, key)


class AES256(BlockCipherAlgorithm):
    name = "AES"
    block_size = 128
    key_sizes = frozenset([256])

    def __init__(self, key: utils.Buffer) -> None:
        self.key = _checked(self, key)


class ChaCha20(CipherAlgorithm):
    name = "ChaCha20"
    key_sizes = frozenset([256])

    def __init__(self, key: utils.Buffer, nonce: utils.Buffer) -> None:
        self.key = _checked(self, key)
        utils._check_byteslike("nonce", nonce)
        if len(memoryview(nonce)) != 16:
            raise ValueError("nonce must be 128-bits (16 bytes)")
        self.nonce = bytes(nonce)


class Camellia(BlockCipherAlgorithm):
    name = "camellia"

    def __init__(self, key: utils.Buffer) -> None:
        raise utils.unsupported("Camellia", _Reasons.UNSUPPORTED_CIPHER)


class SM4(BlockCipherAlgorithm):
    name = "SM4"

    def __init__(self, key: utils.Buffer) -> None:
        raise utils.unsupported("SM4", _Reasons.UNSUPPORTED_CIPHER)
