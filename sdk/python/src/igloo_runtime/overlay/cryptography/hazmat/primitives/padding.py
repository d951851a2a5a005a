"""Padding of whole blocks: PKCS#7 (RFC 5652, section 6.3) and ANSI X9.23."""

from __future__ import annotations

import abc
import hmac

from cryptography import utils
from cryptography.exceptions import AlreadyFinalized


class PaddingContext(metaclass=abc.ABCMeta):
    @abc.abstractmethod
    def update(self, data: utils.Buffer) -> bytes: ...

    @abc.abstractmethod
    def finalize(self) -> bytes: ...


class _Context(PaddingContext):
    def __init__(self, block: int, last_only: bool) -> None:
        self._block = block
        self._last_only = last_only
        self._rest: bytes | None = b""

    def _append(self, data: utils.Buffer) -> bytes:
        if self._rest is None:
            raise AlreadyFinalized("Context was already finalized.")
        return self._rest + bytes(memoryview(data))

    def _filler(self, count: int) -> bytes:
        return bytes(count - 1) + bytes((count,)) if self._last_only else bytes((count,)) * count


class _Padder(_Context):
    def update(self, data: utils.Buffer) -> bytes:
        whole = self._append(data)
        end = len(whole) - len(whole) % self._block
        self._rest = whole[end:]
        return whole[:end]

    def finalize(self) -> bytes:
        rest = self._append(b"")
        self._rest = None
        return rest + self._filler(self._block - len(rest))


class _Unpadder(_Context):
    def update(self, data: utils.Buffer) -> bytes:
        whole = self._append(data)
        # The last block may be padding, and stays.
        end = max(len(whole) - 1, 0) // self._block * self._block
        self._rest = whole[end:]
        return whole[:end]

    def finalize(self) -> bytes:
        rest = self._append(b"")
        self._rest = None
        count = rest[-1] if len(rest) == self._block else 0
        good = 1 <= count <= self._block and hmac.compare_digest(rest[-count:], self._filler(count))
        if not good:
            raise ValueError("Invalid padding bytes.")
        return rest[:-count]


class _Padding:
    _last_only = False

    def __init__(self, block_size: int) -> None:
        if not 0 <= block_size <= 2040:
            raise ValueError("block_size must be in range(0, 2041).")
        if block_size % 8:
            raise ValueError("block_size must be a multiple of 8.")
        self.block_size = block_size

    def padder(self) -> PaddingContext:
        return _Padder(self.block_size // 8, self._last_only)

    def unpadder(self) -> PaddingContext:
        return _Unpadder(self.block_size // 8, self._last_only)


class PKCS7(_Padding):
    """Every byte of the padding says how many they are."""


class ANSIX923(_Padding):
    """The last byte of the padding says how many they are; the others are zero."""

    _last_only = True
