"""`ssl.MemoryBIO`: bytes between a protocol and whoever moves them."""

from __future__ import annotations

from typing import Any

from .errors import SSLError


class MemoryBIO:
    """A buffer that is written at one end and read at the other.

    What it holds is bounded by who writes to it: asyncio's protocol writes what a socket's read brought, and the hub
    makes no more than 64 KiB of ciphertext before it is asked to wait.
    """

    def __init__(self) -> None:
        self._data = bytearray()
        self._ended = False

    @property
    def pending(self) -> int:
        """The number of bytes that can be read."""
        return len(self._data)

    @property
    def eof(self) -> bool:
        """Whether it is at its end: `write_eof()` was called, and everything is read."""
        return self._ended and not self._data

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes, or all of them."""
        data = self._data
        if size is None or size < 0 or size >= len(data):
            taken = bytes(data)
            data.clear()
        else:
            taken = bytes(data[:size])
            del data[:size]
        return taken

    def write(self, data: Any, /) -> int:
        """Appends, and answers how many bytes."""
        view = memoryview(data).cast("B")
        if self._ended:
            raise SSLError("cannot write() after write_eof()")
        self._data += view
        return len(view)

    def write_eof(self, /) -> None:
        """There will be no more."""
        self._ended = True
