"""Digests, by CPython's `hashlib`."""

from __future__ import annotations

import abc
import hashlib
from typing import Any

from cryptography import utils
from cryptography.exceptions import AlreadyFinalized, _Reasons


class HashAlgorithm(metaclass=abc.ABCMeta):
    name: str
    digest_size: int
    block_size: int | None

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.digest_size == self.digest_size

    def __hash__(self) -> int:
        return hash((type(self), self.digest_size))


class HashContext:
    """A message under way."""


class ExtendableOutputFunction:
    """A digest of any length."""


class SHA1(HashAlgorithm):
    name = "sha1"
    digest_size = 20
    block_size = 64


class SHA512_224(HashAlgorithm):
    name = "sha512-224"
    digest_size = 28
    block_size = 128


class SHA512_256(HashAlgorithm):
    name = "sha512-256"
    digest_size = 32
    block_size = 128


class SHA224(HashAlgorithm):
    name = "sha224"
    digest_size = 28
    block_size = 64


class SHA256(HashAlgorithm):
    name = "sha256"
    digest_size = 32
    block_size = 64


class SHA384(HashAlgorithm):
    name = "sha384"
    digest_size = 48
    block_size = 128


class SHA512(HashAlgorithm):
    name = "sha512"
    digest_size = 64
    block_size = 128


class SHA3_224(HashAlgorithm):
    name = "sha3-224"
    digest_size = 28
    block_size = None


class SHA3_256(HashAlgorithm):
    name = "sha3-256"
    digest_size = 32
    block_size = None


class SHA3_384(HashAlgorithm):
    name = "sha3-384"
    digest_size = 48
    block_size = None


class SHA3_512(HashAlgorithm):
    name = "sha3-512"
    digest_size = 64
    block_size = None


class _Extendable(HashAlgorithm, ExtendableOutputFunction):
    block_size = None

    def __init__(self, digest_size: int) -> None:
        if not isinstance(digest_size, int):
            raise TypeError("digest_size must be an integer")
        if digest_size < 1:
            raise ValueError("digest_size must be a positive integer")
        self.digest_size = digest_size


class SHAKE128(_Extendable):
    name = "shake128"


class SHAKE256(_Extendable):
    name = "shake256"


class MD5(HashAlgorithm):
    name = "md5"
    digest_size = 16
    block_size = 64


class SM3(HashAlgorithm):
    name = "sm3"
    digest_size = 32
    block_size = 64


class BLAKE2b(HashAlgorithm):
    name = "blake2b"
    block_size = 128

    def __init__(self, digest_size: int) -> None:
        if digest_size != 64:
            raise ValueError("Digest size must be 64")
        self.digest_size = digest_size


class BLAKE2s(HashAlgorithm):
    name = "blake2s"
    block_size = 64

    def __init__(self, digest_size: int) -> None:
        if digest_size != 32:
            raise ValueError("Digest size must be 32")
        self.digest_size = digest_size


def name_of(algorithm: Any) -> str:
    """`hashlib`'s name for an algorithm."""
    if not isinstance(algorithm, HashAlgorithm):
        raise TypeError("Expected instance of hashes.HashAlgorithm.")
    name = algorithm.name.replace("-", "_")
    name = {"shake128": "shake_128", "shake256": "shake_256"}.get(name, name)
    if name not in hashlib.algorithms_available:
        raise utils.unsupported(f"the digest {algorithm.name}", _Reasons.UNSUPPORTED_HASH)
    return name


class Hash(HashContext):
    """A digest being computed."""

    def __init__(self, algorithm: HashAlgorithm, backend: Any = None) -> None:
        self._algorithm = algorithm
        self._running: Any = hashlib.new(name_of(algorithm))

    @property
    def algorithm(self) -> HashAlgorithm:
        return self._algorithm

    def _open(self) -> Any:
        if self._running is None:
            raise AlreadyFinalized("Context was already finalized.")
        return self._running

    def update(self, data: utils.Buffer) -> None:
        self._open().update(data)

    def copy(self) -> Hash:
        other = object.__new__(Hash)
        other._algorithm = self._algorithm
        other._running = self._open().copy()
        return other

    def finalize(self) -> bytes:
        running, self._running = self._open(), None
        if isinstance(self._algorithm, ExtendableOutputFunction):
            return bytes(running.digest(self._algorithm.digest_size))
        return bytes(running.digest())

    @classmethod
    def hash(cls, algorithm: HashAlgorithm, data: utils.Buffer) -> bytes:
        """The digest of a whole message."""
        context = cls(algorithm)
        context.update(data)
        return context.finalize()


class XOFHash:
    def __init__(self, algorithm: ExtendableOutputFunction) -> None:
        raise utils.unsupported("squeezing a digest piece by piece", _Reasons.UNSUPPORTED_HASH)
