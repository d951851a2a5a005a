"""Signatures taken apart, and digests computed elsewhere."""

from __future__ import annotations

from cryptography.hazmat.primitives import hashes
from igloo_runtime import der

__all__ = ["Prehashed", "decode_dss_signature", "encode_dss_signature"]


def decode_dss_signature(signature: bytes) -> tuple[int, int]:
    """The two numbers of an ASN.1 signature (RFC 3279, section 2.2.3)."""
    outer = der.Reader(bytes(signature))
    pair = outer.enter()
    outer.end()
    r, s = pair.integer(), pair.integer()
    pair.end()
    return r, s


def encode_dss_signature(r: int, s: int) -> bytes:
    """An ASN.1 signature of two numbers."""
    return der.sequence(der.integer(r), der.integer(s))


class Prehashed:
    """A digest in a message's stead. It can be named; nothing here signs one."""

    def __init__(self, algorithm: hashes.HashAlgorithm) -> None:
        if not isinstance(algorithm, hashes.HashAlgorithm):
            raise TypeError("Expected instance of HashAlgorithm.")
        self._algorithm = algorithm
        self._digest_size = algorithm.digest_size

    @property
    def digest_size(self) -> int:
        return self._digest_size
